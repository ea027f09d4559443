# What a weight buys a tenant that waits for each request: above, the latency that 99 % of its requests stay below, as fio in
# the guest sees it; below, who got the disk.

panel_column = 'disk_p99_ms'; panel_label = '99 % of requests below [ms]'
panel_px = 240; panel_log = 1; panel_raw = 0
load 'panel.gp'

panel_column = 'disk_read_mib_per_s disk_write_mib_per_s'; panel_label = 'read and written'; panel_label_2 = '[MiB/s]'
panel_px = 160; panel_top = ll_capacity
panel_capacity = sprintf('disk: %g MiB/s', ll_capacity)
load 'panel.gp'

load 'draw.gp'
