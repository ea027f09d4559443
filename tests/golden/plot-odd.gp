# Made by limitlab: what plots/*.gp draw besides series.csv.
ll_series = 'series.csv'
ll_width = 840
ll_left_px = 80
ll_right_px = 820
ll_verdict = ''
ll_verdict_color = 0x000000
ll_title = 'it''s a title @x that goes on for so long that no canvas of any width whatsoever could…'
ll_title_px = 14.0
ll_subtitle = 'kernel 6.18.5, cgroup v1, TCG, 2 tenants, 2026-11-23, run interrupted'
ll_y_column = 'vcpu_pct'
ll_y_label = 'CPU time [% of one core]'
ll_duration_s = 60
ll_sample_s = 0.2
ll_tenants = 2
array ll_key[3]
array ll_color[3]
array ll_light[3]
array ll_dark[3]
array ll_legend_text[3]
ll_color[1] = 0x0072b2; ll_light[1] = 0x9ec9e2; ll_dark[1] = 0x003f62; ll_key[1] = 'o''neil <&> '
ll_color[2] = 0xe69f00; ll_light[2] = 0xf6db9e; ll_dark[2] = 0x7f5700; ll_key[2] = '@b `id` {_^} 红'
# per tenant: from, to, expected share in percent
$expected << EOD
-1 -1 -1


-1 -1 -1


EOD
# tenant, from, to, lowest and highest share in percent that passes
$bands << EOD
3 2 20 31.33 35.33
EOD
ll_has_expected = 0
ll_legend_text[1] = 'o''neil <&> "x" (a)'
ll_legend_text[2] = '@b `id` {_^} � (b)'
ll_legend_rows = 1
# x in pixels, row, 0 for a tenant and 1 for the model, number
$legend << EOD
80 0 0 1
250 0 0 2
EOD
ll_events = 1
ll_event_levels = 1
array ll_event_s[2]
array ll_event_text[2]
ll_event_s[1] = 20; ll_event_text[1] = 'red x4; blue x2'
# time, number, level above the panel, label to the left of its line
$events << EOD
20 1 0 0
EOD
