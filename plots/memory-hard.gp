# The thesis's figure of the memory hard limit: always active, an upper bound of the soft limit, fast adaption.

panel_column = 'mem_mib'; panel_label = 'memory of the VM [MiB]'
panel_level = 1; panel_times = 1; panel_limits = 'memory.hard memory.soft'
load 'panel.gp'

panel_column = 'mem_swap_mib'; panel_label = 'swapped out'; panel_label_2 = '[MiB]'
panel_px = 90; panel_level = 1; panel_optional = 1
load 'panel.gp'

load 'draw.gp'
