# Memory without swap: what the VMs keep, while the kernel reclaims all the time.

panel_column = 'mem_mib'; panel_label = 'memory of the VM [MiB]'
panel_level = 1; panel_times = 1; panel_limits = 'memory.soft'
load 'panel.gp'

panel_column = 'reclaim_mib_per_s'; panel_label = 'host reclaims'; panel_label_2 = '[MiB/s]'
panel_px = 90; panel_host = 1; panel_raw = 0
load 'panel.gp'

panel_column = 'swap_out_mib_per_s'; panel_label = 'swapped out'; panel_label_2 = '[MiB/s]'
panel_px = 90; panel_host = 1; panel_raw = 0; panel_optional = 1
load 'panel.gp'

load 'draw.gp'
