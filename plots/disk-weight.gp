# The thesis's figure of the disk weight: bandwidth follows the weights while the disk is scarce.

panel_column = 'disk_read_mib_per_s disk_write_mib_per_s'; panel_label = 'read and written [MiB/s]'
panel_top = ll_capacity
panel_capacity = sprintf('disk: %g MiB/s', ll_capacity)
panel_limits = 'disk.read_bytes_per_s disk.write_bytes_per_s disk.qemu_read_bytes_per_s disk.qemu_write_bytes_per_s'
load 'panel.gp'

load 'draw.gp'
