# Who got the CPU: the host's accounting above, the guests' own view below.  What panel_... mean: common.gp.

panel_column = ll_cpu_column; panel_label = ll_cpu_label
panel_top = ll_cpu_column eq 'cpu_share_pct' ? 100 : 0
load 'panel.gp'

panel_column = 'work_per_s'; panel_label = 'work in guest'; panel_label_2 = '[% of its best]'
panel_px = 120; panel_best = 1; panel_optional = 1
load 'panel.gp'

load 'draw.gp'
