# Made by limitlab: what plots/*.gp draw besides series.csv.
ll_series = 'series.csv'
ll_width = 840
ll_left_px = 80
ll_right_px = 820
ll_verdict = 'verdict: fail (2 of 3)'
ll_verdict_color = 0xb3201a
ll_title = 'CPU shares move a contended core between tenants'
ll_title_px = 18.0
ll_subtitle = 'kernel 6.18.5, cgroup v1, TCG, 3 tenants, 2026-11-23'
ll_y_column = 'cpu_share_pct'
ll_y_label = 'CPU share of core 0 [%]'
ll_duration_s = 60
ll_sample_s = 0.2
ll_tenants = 3
array ll_key[4]
array ll_color[4]
array ll_light[4]
array ll_dark[4]
array ll_legend_text[4]
ll_color[1] = 0x1f5fc4; ll_light[1] = 0xaac2e9; ll_dark[1] = 0x11346c; ll_key[1] = 'blue'
ll_color[2] = 0x2b8a3e; ll_light[2] = 0xaed3b6; ll_dark[2] = 0x184c22; ll_key[2] = 'green'
ll_color[3] = 0xd0302a; ll_light[3] = 0xedb0ae; ll_dark[3] = 0x721a17; ll_key[3] = 'red'
# per tenant: from, to, expected share in percent
$expected << EOD
0 20.004 33.3333
20.004 60 28.5714
-1 -1 -1


0 20.004 33.3333
-1 -1 -1


0 20.004 33.3333
20.004 60 57.1429
-1 -1 -1


EOD
# tenant, from, to, lowest and highest share in percent that passes
$bands << EOD
3 2 20 31.33 35.33
3 22 58 55.1429 59.1429
EOD
ll_has_expected = 1
ll_legend_text[1] = 'blue (cpu-matrix)'
ll_legend_text[2] = 'green (cpu-int)'
ll_legend_text[3] = 'red (idle)'
ll_legend_text[4] = 'expected (model)'
ll_legend_rows = 1
# x in pixels, row, 0 for a tenant and 1 for the model, number
$legend << EOD
80 0 0 1
245 0 0 2
393 0 0 3
499 0 1 4
EOD
ll_events = 4
ll_event_levels = 2
array ll_event_s[5]
array ll_event_text[5]
ll_event_s[1] = 0; ll_event_text[1] = 'start all'
ll_event_s[2] = 20; ll_event_text[2] = 'red x4; blue x2'
ll_event_s[3] = 58; ll_event_text[3] = 'reset'
ll_event_s[4] = 60; ll_event_text[4] = 'stop all'
# time, number, level above the panel, label to the left of its line
$events << EOD
0 1 0 0
20 2 0 0
58 3 0 1
60 4 1 1
EOD
