# Who got the CPU: the host's accounting above, the guests' own view below.  Data and settings: see common.gp.

set multiplot
set border 3 linecolor rgb 0x606060
set tics nomirror out scale 0.5
set grid ytics linetype 1 linewidth 0.6 linecolor rgb 0xe4e4e4
set lmargin at screen X(ll_left_px)
set rmargin at screen X(ll_right_px)
set xrange [0:ll_duration_s]
unset key

# ---- head: title, subtitle, verdict, legend --------------------------------------------------------------------------
set label ll_title at screen X(ll_left_px), Y(22) left font ll_font_px(ll_title_px)
set label ll_verdict at screen X(ll_right_px), Y(22) right font ll_font_px(14) textcolor rgb ll_verdict_color
set label ll_subtitle at screen X(ll_left_px), Y(44) left font ll_font_px(13) textcolor rgb 0x505050
do for [k = 1:|$legend|] {
	x = real(word($legend[k], 1))
	y = ll_legend_top_px + (word($legend[k], 2) + 0.5) * ll_legend_row_px
	n = int(word($legend[k], 4))
	if (word($legend[k], 3) eq '0') {
		set arrow from screen X(x), Y(y) to screen X(x + 20), Y(y) nohead linewidth 3 linecolor rgb ll_color[n]
	} else {
		set arrow from screen X(x), Y(y) to screen X(x + 20), Y(y) nohead linewidth 1.5 dashtype (10, 6) linecolor rgb 0x303030
	}
	set label ll_legend_text[n] at screen X(x + 26), Y(y) left font ll_font_px(14)
}

# ---- events: a line up to the label ----------------------------------------------------------------------------------
do for [k = 1:|$events|] {
	t = real(word($events[k], 1))
	n = int(word($events[k], 2))
	y = ll_panel_top_px - 12 - word($events[k], 3) * ll_level_px
	is_left = int(word($events[k], 4))
	s = ll_event_text[n]
	set arrow from first t, graph 0 to first t, screen Y(s eq '' ? ll_panel_top_px : y - 7) nohead linewidth 1 linecolor rgb 0x909090
	if (is_left) {
		set label s at first t, screen Y(y) right offset screen X(-4), 0 font ll_font_px(13) textcolor rgb 0x303030
	} else {
		set label s at first t, screen Y(y) left offset screen X(4), 0 font ll_font_px(13) textcolor rgb 0x303030
	}
}

# ---- the host's accounting -------------------------------------------------------------------------------------------
set tmargin at screen Y(ll_panel_top_px)
set bmargin at screen Y(ll_panel_bottom_px)
set yrange [0:ll_top]
set ytics ll_top > 60 ? 20 : 10
set label ll_y_label at screen X(16), Y((ll_panel_top_px + ll_panel_bottom_px) / 2) center rotate by 90 font ll_font_px(14)
if (ll_has_work) {
	set format x ''
} else {
	set xlabel 'time [s]' offset 0, 0.3
}
do for [k = 1:|$bands|] {
	set object k rectangle from word($bands[k], 2), word($bands[k], 4) to word($bands[k], 3), word($bands[k], 5) \
		fillcolor rgb 0xc0000000 + ll_color[int(word($bands[k], 1))] fillstyle solid noborder behind
}
plot for [i = 1:ll_tenants] $share using 2:($1 == i ? $3 : NaN) with lines linewidth 0.8 linecolor rgb ll_light[i], \
	for [i = 1:ll_tenants] $share_steps using 2:($1 == i ? $3 : NaN):6:(0) with vectors nohead linewidth 2.6 linecolor rgb ll_color[i], \
	for [i = 1:ll_tenants] $share_steps using ($2 - $4):($1 == i ? $3 - $5 : NaN):4:(0) with vectors nohead linewidth 2.6 linecolor rgb ll_color[i], \
	for [i = 1:ll_tenants] $share_steps using 2:($1 == i ? $3 - $5 : NaN):(0):5 with vectors nohead linewidth 2.6 linecolor rgb ll_color[i], \
	for [i = 1:ll_tenants] $expected index i - 1 using 1:3:($2 - $1):(0) with vectors nohead linewidth 1.3 dashtype (10, 6) linecolor rgb ll_dark[i]

# ---- the guests' own view --------------------------------------------------------------------------------------------
if (ll_has_work) {
	unset label
	unset arrow
	unset object
	do for [k = 1:|$events|] {
		t = real(word($events[k], 1))
		set arrow from first t, graph 0 to first t, graph 1 nohead linewidth 1 linecolor rgb 0x909090
	}
	set tmargin at screen Y(ll_work_top_px)
	set bmargin at screen Y(ll_work_bottom_px)
	set format x
	set xlabel 'time [s]' offset 0, 0.3
	set label "work in guest" at screen X(14), Y((ll_work_top_px + ll_work_bottom_px) / 2) center rotate by 90 font ll_font_px(12.5)
	set label "[% of its best]" at screen X(30), Y((ll_work_top_px + ll_work_bottom_px) / 2) center rotate by 90 font ll_font_px(12.5)
	set yrange [0:110]
	set ytics 50
	percent(i) = ll_work_top[i + 1] > 0 ? 100 / ll_work_top[i + 1] : NaN
	plot for [i = 1:ll_tenants] $work_steps using 2:($1 == i ? $3 * percent(i) : NaN):6:(0) with vectors nohead linewidth 2.2 linecolor rgb ll_color[i], \
	     for [i = 1:ll_tenants] $work_steps using ($2 - $4):($1 == i ? ($3 - $5) * percent(i) : NaN):4:(0) with vectors nohead linewidth 2.2 linecolor rgb ll_color[i], \
	     for [i = 1:ll_tenants] $work_steps using 2:($1 == i ? ($3 - $5) * percent(i) : NaN):(0):($5 * percent(i)) with vectors nohead linewidth 2.2 linecolor rgb ll_color[i]
}
unset multiplot
