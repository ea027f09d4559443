# Who holds how much memory.  Above: what is charged to each tenant's cgroup (guest RAM and QEMU's own), with its limits and the
# time while the host is short of memory.  Below: what the host has left.  What panel_... mean: common.gp.

panel_column = 'mem_mib'; panel_label = 'memory of the VM [MiB]'
panel_level = 1; panel_times = 1; panel_limits = 'memory.hard memory.soft memory.protect'
load 'panel.gp'

panel_column = 'mem_swap_mib'; panel_label = 'swapped out'; panel_label_2 = '[MiB]'
panel_px = 80; panel_level = 1; panel_optional = 1
load 'panel.gp'

panel_column = 'mem_available_mib'; panel_label = 'host has left'; panel_label_2 = '[GiB]'; panel_scale = 1 / 1024.0
panel_px = 80; panel_level = 1; panel_host = 1; panel_optional = 1; panel_log = 1
load 'panel.gp'

load 'draw.gp'
