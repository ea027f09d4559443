# Who got the disk, as the host counts it: reads and writes of each tenant together.  What panel_... mean: common.gp.

panel_column = 'disk_read_mib_per_s disk_write_mib_per_s'; panel_label = 'read and written [MiB/s]'
panel_top = ll_capacity
panel_capacity = sprintf('disk: %g MiB/s', ll_capacity)
panel_limits = 'disk.read_bytes_per_s disk.write_bytes_per_s disk.qemu_read_bytes_per_s disk.qemu_write_bytes_per_s'
load 'panel.gp'

panel_column = 'disk_p99_ms'; panel_label = '99 % of requests'; panel_label_2 = 'below [ms]'
panel_px = 100; panel_log = 1; panel_optional = 1; panel_raw = 0
load 'panel.gp'

load 'draw.gp'
