# Made by limitlab: what plots/*.gp draw besides series.csv.
ll_width = 840
ll_note = ''
ll_end_s = 60
ll_resource = 'cpu'
ll_main_column = 'cpu_share_pct'
# what the tenants share, in the unit of the main column; 0: none is declared
ll_capacity = 100
ll_cpu_column = 'cpu_share_pct'
ll_cpu_label = 'CPU share of core 0 [%]'
# the sides: one run each
ll_sides = 1
ll_is_verdict_below = 0
array ll_left_px[1]
array ll_right_px[1]
array ll_title[1]
array ll_title_px[1]
array ll_subtitle[1]
array ll_verdict[1]
array ll_verdict_color[1]
array ll_series[1]
array ll_first[1]
array ll_last[1]
array ll_sample_s[1]
array ll_side_capacity[1]
ll_left_px[1] = 80; ll_right_px[1] = 820; ll_title_px[1] = 19.0
ll_title[1] = 'CPU shares move a contended core between tenants'
ll_subtitle[1] = 'kernel 6.18.5, cgroup v1, TCG, 3 tenants, 2026-11-23'
ll_verdict[1] = 'verdict: fail (2 of 3)'
ll_verdict_color[1] = 0xb3201a
ll_series[1] = 'series.csv'
ll_first[1] = 1; ll_last[1] = 3; ll_sample_s[1] = 0.2; ll_side_capacity[1] = 100
# the lines: tenants of all sides, then the hosts
ll_lines = 3
array ll_key[4]
array ll_color[4]
array ll_light[4]
array ll_dark[4]
ll_color[1] = 0x1f5fc4; ll_light[1] = 0xaac2e9; ll_dark[1] = 0x11346c; ll_key[1] = 'blue'
ll_color[2] = 0x2b8a3e; ll_light[2] = 0xaed3b6; ll_dark[2] = 0x184c22; ll_key[2] = 'green'
ll_color[3] = 0xd0302a; ll_light[3] = 0xedb0ae; ll_dark[3] = 0x721a17; ll_key[3] = 'red'
ll_color[4] = 0x606060; ll_light[4] = 0xc3c3c3; ll_dark[4] = 0x353535; ll_key[4] = 'host'
# per line: from, to, what the model expects
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
# line, from, to, lowest and highest value that passes (none: no such bound), column
$bands << EOD
3 2 20 31.33 35.33 cpu_share_pct
3 22 58 55.1429 59.1429 cpu_share_pct
EOD
ll_soft_limits = ' cpu.shares net.priority net.rate net.quantum memory.soft memory.protect disk.weight '
# limits as they were read back: line, from, to, value, limit
$limits << EOD
EOD
# while it is scarce: side, from, to
$spans << EOD
EOD
# legend; which kinds are shown depends on what the script draws.  Widths in pixels.
ll_entries = 4
array ll_entry_kind[4]
array ll_entry_line[4]
array ll_entry_px[4]
array ll_entry_text[4]
ll_entry_kind[1] = 'line'; ll_entry_line[1] = 1; ll_entry_px[1] = 125; ll_entry_text[1] = 'blue (cpu-matrix)'
ll_entry_kind[2] = 'line'; ll_entry_line[2] = 2; ll_entry_px[2] = 108; ll_entry_text[2] = 'green (cpu-int)'
ll_entry_kind[3] = 'line'; ll_entry_line[3] = 3; ll_entry_px[3] = 66; ll_entry_text[3] = 'red (idle)'
ll_entry_kind[4] = 'model'; ll_entry_line[4] = 0; ll_entry_px[4] = 128; ll_entry_text[4] = 'expected (model)'
ll_events = 4
ll_event_levels = 2
array ll_event_s[5]
array ll_event_text[5]
ll_event_s[1] = 0; ll_event_text[1] = 'start all'
ll_event_s[2] = 20; ll_event_text[2] = 'red x4; blue x2'
ll_event_s[3] = 58; ll_event_text[3] = 'reset'
ll_event_s[4] = 60; ll_event_text[4] = 'stop all'
array ll_event_first[1]
array ll_event_last[1]
ll_event_first[1] = 1
ll_event_last[1] = 4
# time, number, level above the panel, label to the left of its line, side
$events << EOD
0 1 0 0 1
20 2 0 0 1
58 3 0 1 1
60 4 1 1 1
EOD
# what may be called out: side, what, from, to, level of the line, level free for text, line
$callouts << EOD
EOD
# when a change had come half the way, and 90 % of it: line, time, level, column
$points << EOD
EOD
ll_times_rows = 0
array ll_times_text[1]
# the same in words: line, time of the event, number, row, to the left of the event, column
$times << EOD
EOD
