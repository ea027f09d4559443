# The thesis's figure of the memory soft limit: best effort, slow adaption.  It acts only while the host is short of memory.

panel_column = 'mem_mib'; panel_label = 'memory of the VM [MiB]'
panel_level = 1; panel_times = 1; panel_limits = 'memory.soft'
load 'panel.gp'

panel_column = 'mem_available_mib'; panel_label = 'host has left'; panel_label_2 = '[GiB]'; panel_scale = 1 / 1024.0
panel_px = 90; panel_level = 1; panel_host = 1; panel_optional = 1; panel_log = 1
load 'panel.gp'

load 'draw.gp'
