# Made by limitlab: what plots/*.gp draw besides series.csv.
ll_width = 1220
ll_note = 'a note'
ll_end_s = 60
ll_resource = 'net'
ll_main_column = 'net_class_mbit_per_s'
# what the tenants share, in the unit of the main column; 0: none is declared
ll_capacity = 300
ll_cpu_column = 'vcpu_pct'
ll_cpu_label = 'CPU time [% of one core]'
# the sides: one run each
ll_sides = 2
ll_is_verdict_below = 1
array ll_left_px[2]
array ll_right_px[2]
array ll_title[2]
array ll_title_px[2]
array ll_subtitle[2]
array ll_verdict[2]
array ll_verdict_color[2]
array ll_series[2]
array ll_first[2]
array ll_last[2]
array ll_sample_s[2]
array ll_side_capacity[2]
ll_left_px[1] = 80; ll_right_px[1] = 620; ll_title_px[1] = 19.0
ll_title[1] = 'As tc does it'
ll_subtitle[1] = 'kernel 6.18.5, TCG, 2026-11-23'
ll_verdict[1] = 'verdict: pass (4 of 4)'
ll_verdict_color[1] = 0x20702f
ll_series[1] = 'series.csv'
ll_first[1] = 1; ll_last[1] = 2; ll_sample_s[1] = 0.2; ll_side_capacity[1] = 300
ll_left_px[2] = 660; ll_right_px[2] = 1200; ll_title_px[2] = 19.0
ll_title[2] = 'CPU shares move a contended core between tenants'
ll_subtitle[2] = 'kernel 6.18.5, TCG, 2026-11-23'
ll_verdict[2] = ''
ll_verdict_color[2] = 0x505050
ll_series[2] = '/results/other/x/series.csv'
ll_first[2] = 3; ll_last[2] = 5; ll_sample_s[2] = 0.2; ll_side_capacity[2] = 300
# the lines: tenants of all sides, then the hosts
ll_lines = 5
array ll_key[7]
array ll_color[7]
array ll_light[7]
array ll_dark[7]
ll_color[1] = 0x1f5fc4; ll_light[1] = 0xaac2e9; ll_dark[1] = 0x11346c; ll_key[1] = 'blue'
ll_color[2] = 0xd0302a; ll_light[2] = 0xedb0ae; ll_dark[2] = 0x721a17; ll_key[2] = 'red'
ll_color[3] = 0x1f5fc4; ll_light[3] = 0xaac2e9; ll_dark[3] = 0x11346c; ll_key[3] = 'blue'
ll_color[4] = 0x2b8a3e; ll_light[4] = 0xaed3b6; ll_dark[4] = 0x184c22; ll_key[4] = 'green'
ll_color[5] = 0xd0302a; ll_light[5] = 0xedb0ae; ll_dark[5] = 0x721a17; ll_key[5] = 'red'
ll_color[6] = 0x606060; ll_light[6] = 0xc3c3c3; ll_dark[6] = 0x353535; ll_key[6] = 'host'
ll_color[7] = 0x606060; ll_light[7] = 0xc3c3c3; ll_dark[7] = 0x353535; ll_key[7] = 'host'
# per line: from, to, what the model expects
$expected << EOD
0 20.004 100
-1 -1 -1


0 20.004 100
-1 -1 -1


-1 -1 -1


-1 -1 -1


-1 -1 -1


EOD
# line, from, to, lowest and highest value that passes (none: no such bound), column
$bands << EOD
2 22 58 266 294 payload_mbit_per_s
1 22 58 none 20 net_class_mbit_per_s
EOD
ll_soft_limits = ' cpu.shares net.priority net.rate net.quantum memory.soft memory.protect disk.weight '
# limits as they were read back: line, from, to, value, limit
$limits << EOD
2 0 20.004 10 net.rate
2 20.004 58.002 50 net.rate
2 58.002 60 10 net.rate
EOD
# while it is scarce: side, from, to
$spans << EOD
EOD
# legend; which kinds are shown depends on what the script draws.  Widths in pixels.
ll_entries = 7
array ll_entry_kind[7]
array ll_entry_line[7]
array ll_entry_px[7]
array ll_entry_text[7]
ll_entry_kind[1] = 'line'; ll_entry_line[1] = 1; ll_entry_px[1] = 99; ll_entry_text[1] = 'blue (net-tcp)'
ll_entry_kind[2] = 'line'; ll_entry_line[2] = 2; ll_entry_px[2] = 91; ll_entry_text[2] = 'red (net-tcp)'
ll_entry_kind[3] = 'line'; ll_entry_line[3] = 3; ll_entry_px[3] = 125; ll_entry_text[3] = 'blue (cpu-matrix)'
ll_entry_kind[4] = 'line'; ll_entry_line[4] = 4; ll_entry_px[4] = 108; ll_entry_text[4] = 'green (cpu-int)'
ll_entry_kind[5] = 'line'; ll_entry_line[5] = 5; ll_entry_px[5] = 66; ll_entry_text[5] = 'red (idle)'
ll_entry_kind[6] = 'model'; ll_entry_line[6] = 0; ll_entry_px[6] = 128; ll_entry_text[6] = 'expected (model)'
ll_entry_kind[7] = 'net.rate'; ll_entry_line[7] = 0; ll_entry_px[7] = 117; ll_entry_text[7] = 'guaranteed rate'
ll_events = 6
ll_event_levels = 2
array ll_event_s[7]
array ll_event_text[7]
ll_event_s[1] = 20; ll_event_text[1] = 'red x4; blue x2'
ll_event_s[2] = 58; ll_event_text[2] = 'reset'
ll_event_s[3] = 0; ll_event_text[3] = 'start all'
ll_event_s[4] = 20; ll_event_text[4] = 'red x4; blue x2'
ll_event_s[5] = 58; ll_event_text[5] = 'reset'
ll_event_s[6] = 60; ll_event_text[6] = 'stop all'
array ll_event_first[2]
array ll_event_last[2]
ll_event_first[1] = 1
ll_event_first[2] = 3
ll_event_last[1] = 2
ll_event_last[2] = 6
# time, number, level above the panel, label to the left of its line, side
$events << EOD
20 1 0 0 1
58 2 0 1 1
0 3 0 0 2
20 4 0 0 2
58 5 0 1 2
60 6 1 1 2
EOD
# what may be called out: side, what, from, to, level of the line, level free for text, line
$callouts << EOD
1 starvation 22 58 10 150 1
EOD
# when a change had come half the way, and 90 % of it: line, time, level, column
$points << EOD
2 20.2 290 net_class_mbit_per_s
EOD
ll_times_rows = 1
array ll_times_text[2]
ll_times_text[1] = 'red: 50 % in 0.2 s'
# the same in words: line, time of the event, number, row, to the left of the event, column
$times << EOD
2 20 1 0 0 net_class_mbit_per_s
EOD
