# The thesis's second network figure: 20 to 100 Mbit/s over 100 s.  The axis begins at 0 where a tenant gets less than that.

panel_column = 'net_class_mbit_per_s'; panel_label = 'rate on the link layer [Mbit/s]'
panel_bottom = 20; panel_top = ll_capacity > 0 && ll_capacity <= 95 ? 100 : 0
panel_capacity = sprintf('link: %g Mbit/s', ll_capacity)
panel_limits = 'net.rate'
load 'panel.gp'

load 'draw.gp'
