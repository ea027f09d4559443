# Made by limitlab: what plots/*.gp draw besides series.csv.
ll_width = 840
ll_note = ''
ll_end_s = 60
ll_resource = 'cpu'
ll_main_column = 'vcpu_pct'
# what the tenants share, in the unit of the main column; 0: none is declared
ll_capacity = 0
ll_cpu_column = 'vcpu_pct'
ll_cpu_label = 'CPU time [% of one core]'
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
ll_left_px[1] = 80; ll_right_px[1] = 820; ll_title_px[1] = 14.0
ll_title[1] = 'it''s a title @x that goes on for so long that no canvas of any width whatsoever could hold it in one line'
ll_subtitle[1] = 'kernel 6.18.5, cgroup v1, TCG, 2 tenants, 2026-11-23, run interrupted'
ll_verdict[1] = ''
ll_verdict_color[1] = 0x505050
ll_series[1] = 'series.csv'
ll_first[1] = 1; ll_last[1] = 2; ll_sample_s[1] = 0.2; ll_side_capacity[1] = 0
# the lines: tenants of all sides, then the hosts
ll_lines = 2
array ll_key[3]
array ll_color[3]
array ll_light[3]
array ll_dark[3]
ll_color[1] = 0x0072b2; ll_light[1] = 0x9ec9e2; ll_dark[1] = 0x003f62; ll_key[1] = 'o''neil <&> '
ll_color[2] = 0xe69f00; ll_light[2] = 0xf6db9e; ll_dark[2] = 0x7f5700; ll_key[2] = '@b `id` {_^} 红'
ll_color[3] = 0x606060; ll_light[3] = 0xc3c3c3; ll_dark[3] = 0x353535; ll_key[3] = 'host'
# per line: from, to, what the model expects
$expected << EOD
-1 -1 -1


-1 -1 -1


EOD
# line, from, to, lowest and highest value that passes (none: no such bound), column
$bands << EOD
EOD
ll_soft_limits = ' cpu.shares net.priority net.rate net.quantum memory.soft memory.protect disk.weight '
# limits as they were read back: line, from, to, value, limit
$limits << EOD
EOD
# while it is scarce: side, from, to
$spans << EOD
EOD
# legend; which kinds are shown depends on what the script draws.  Widths in pixels.
ll_entries = 2
array ll_entry_kind[2]
array ll_entry_line[2]
array ll_entry_px[2]
array ll_entry_text[2]
ll_entry_kind[1] = 'line'; ll_entry_line[1] = 1; ll_entry_px[1] = 130; ll_entry_text[1] = 'o''neil <&> "x" (a)'
ll_entry_kind[2] = 'line'; ll_entry_line[2] = 2; ll_entry_px[2] = 143; ll_entry_text[2] = '@b `id` {_^} � (b)'
ll_events = 1
ll_event_levels = 1
array ll_event_s[2]
array ll_event_text[2]
ll_event_s[1] = 20; ll_event_text[1] = 'red x4; blue x2'
array ll_event_first[1]
array ll_event_last[1]
ll_event_first[1] = 1
ll_event_last[1] = 1
# time, number, level above the panel, label to the left of its line, side
$events << EOD
20 1 0 0 1
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
