# The thesis's first network figure, and why it looks as it does: a better priority takes all that is to be had above the
# guaranteed rates (starvation), and a priority that is changed on a class that never runs empty changes nothing
# (unreliable).  limitlab says where: the windows of the expectations "starves" and "unchanged" that hold, else the events
# that are named starvation and unreliable.

panel_column = 'net_class_mbit_per_s'; panel_label = 'rate on the link layer [Mbit/s]'
panel_top = ll_capacity
panel_capacity = sprintf('link: %g Mbit/s', ll_capacity)
panel_callouts = 'starvation unreliable'
callout_starvation = "starvation of\nlow priorities"
callout_unreliable = "unreliable,\nunexpected\nbehaviour"
load 'panel.gp'

panel_column = 'retransmits_per_s'; panel_label = 'retransmits'; panel_label_2 = '[1/s]'
panel_px = 90; panel_optional = 1; panel_raw = 0
load 'panel.gp'

load 'draw.gp'
