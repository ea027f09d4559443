# Who got the link.  Above: what each tenant's HTB class let through, in bytes of the link layer (iperf3's payload is about 5 %
# less).  Below: what waits in each class's queue; a class with nothing waiting got all that it wanted.
# What panel_... mean: common.gp.

panel_column = 'net_class_mbit_per_s'; panel_label = 'rate on the link layer [Mbit/s]'
panel_top = ll_capacity
panel_capacity = sprintf('link: %g Mbit/s', ll_capacity)
load 'panel.gp'

panel_column = 'net_backlog_bytes'; panel_label = 'queued'; panel_label_2 = '[KiB]'; panel_scale = 1 / 1024.0
panel_px = 90; panel_level = 1; panel_optional = 1
load 'panel.gp'

load 'draw.gp'
