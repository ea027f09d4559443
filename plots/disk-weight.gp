# The thesis's figure of the disk weight: bandwidth follows the weights while the disk is scarce.

panel_column = 'disk_read_mib_per_s disk_write_mib_per_s'; panel_label = 'read and written [MiB/s]'
panel_top = ll_capacity
panel_capacity = sprintf('disk: %g MiB/s', ll_capacity)
load 'panel.gp'

load 'draw.gp'
