# SPDX-License-Identifier: GPL-3.0-or-later
# One scenario on several kernels.  Loaded after the variables and data blocks that limitlab writes (krn_...): first with
# cmp_pass = 1, which sets the size of the canvas, then, with the terminal set, with cmp_pass = 2.  Lengths are pixels from the
# upper left corner.

cmp_width = 840
krn_lines = (krn_places + krn_columns - 1) / krn_columns
krn_head_px = 74
krn_panel_px = krn_tenants > 0 ? 190 : 0
krn_line_px = krn_panel_px + 86
krn_row_px = 14 + 9 * krn_places
krn_forest_top_px = krn_head_px + krn_lines * krn_line_px + 40
krn_forest_bottom_px = krn_forest_top_px + (krn_rows > 0 ? krn_rows : 1) * krn_row_px + 8
cmp_height = krn_forest_bottom_px + 56

if (cmp_pass == 2) {
X(px) = px / (cmp_width + 0.0)
Y(px) = 1 - px / (cmp_height + 0.0)
set encoding utf8
set datafile separator whitespace
set multiplot
set border 3 linecolor rgb 0x606060
set tics nomirror out scale 0.5
set grid ytics linetype 1 linewidth 0.6 linecolor rgb 0xe4e4e4
unset key

# ---- head: what, legend ----------------------------------------------------------------------------------------------
set label krn_title at screen X(80), Y(22) left font 'DejaVu Sans,17'
do for [i = 1:krn_tenants] {
	x = 80 + (i - 1) * (krn_tenants > 5 ? 740.0 / krn_tenants : 148)
	set object rectangle from screen X(x), Y(56) to screen X(x + 14), Y(44) fillcolor rgb krn_color[i] fillstyle solid noborder
	set label krn_tenant[i] at screen X(x + 20), Y(50) left
}

# ---- over time, one panel per kernel: the median of its runs, and the band in which half of them are ------------------------
krn_step_px = 740.0 / krn_columns
set xrange [0:krn_duration_s]
set yrange [0:krn_top]
do for [p = 1:krn_places] {
	column = (p - 1) % krn_columns
	top_px = krn_head_px + (p - 1) / krn_columns * krn_line_px + 38
	left_px = 80 + column * krn_step_px
	set lmargin at screen X(left_px)
	set rmargin at screen X(left_px + krn_step_px - 26)
	set tmargin at screen Y(top_px)
	set bmargin at screen Y(top_px + krn_panel_px)
	set object rectangle from screen X(left_px), Y(top_px - 28) to screen X(left_px + 10), Y(top_px - 18) fillcolor rgb krn_place_color[p] fillstyle solid noborder
	set label krn_place[p] at screen X(left_px + 16), Y(top_px - 23) left font 'DejaVu Sans,13'
	set label krn_verdict[p] at screen X(left_px + 16), Y(top_px - 8) left font 'DejaVu Sans,12' textcolor rgb 0x505050
	if (krn_tenants > 0) {
		set format y (column == 0 ? '%g' : '')
		set xlabel 'time [s]' offset 0, 0.3
		if (column == 0) {
			set label krn_y_label at screen X(16), Y(top_px + krn_panel_px / 2) center rotate by 90
		}
		if (krn_drawn[p]) {
			plot for [i = 1:krn_tenants] sprintf('$curve_%d_%d', p, i) using 1:2:4 with filledcurves fillcolor rgb 0xa0000000 + krn_color[i] fillstyle solid noborder, \
			     for [i = 1:krn_tenants] sprintf('$curve_%d_%d', p, i) using 1:3 with lines linewidth 2.2 linecolor rgb krn_color[i]
		} else {
			set label 'nothing to show' at graph 0.5, graph 0.5 center textcolor rgb 0x808080
			plot NaN notitle
		}
	}
	unset label
	unset object
}

# ---- what was measured, against the first kernel -----------------------------------------------------------------------------
set format y
set lmargin at screen X(krn_label_px)
set rmargin at screen X(cmp_width - krn_words_px - 20)
set tmargin at screen Y(krn_forest_top_px)
set bmargin at screen Y(krn_forest_bottom_px)
set border 1 linecolor rgb 0x606060
unset ytics
unset grid
set grid xtics linetype 1 linewidth 0.6 linecolor rgb 0xe4e4e4
set xlabel 'change against ' . krn_reference . ' [%], with its 95 % interval' offset 0, 0.3
krn_reach = krn_widest * 1.15 > 5 ? krn_widest * 1.15 : 5
set xrange [-krn_reach:krn_reach]
set yrange [krn_rows + 0.5:0.5]
krn_y(k) = krn_forest_top_px + 4 + (k - 0.5) * krn_row_px
krn_mark_y(k, p) = krn_y(k) + (p - (krn_places + 1) / 2.0) * 9
set label 'measured, in the order above' at screen X(cmp_width - krn_words_px - 8), Y(krn_forest_top_px - 12) left font 'DejaVu Sans,12' textcolor rgb 0x505050
if (krn_rows > 0) {
	do for [k = 1:krn_rows] {
		if (k % 2 == 1) {
			set object rectangle from screen X(12), Y(krn_y(k) + krn_row_px / 2.0) to screen X(cmp_width - 8), Y(krn_y(k) - krn_row_px / 2.0) fillcolor rgb 0xf6f6f6 fillstyle solid noborder behind
		}
		set label krn_row[k] at screen X(krn_label_px - 8), Y(krn_y(k)) right font 'DejaVu Sans,13'
		set label krn_words[k] at screen X(cmp_width - krn_words_px - 8), Y(krn_y(k)) left font 'DejaVu Sans,13'
	}
	do for [m = 1:|$marks|] {
		k = int(word($marks[m], 1))
		p = int(word($marks[m], 2))
		set arrow from first real(word($marks[m], 4)), screen Y(krn_mark_y(k, p)) to first real(word($marks[m], 5)), screen Y(krn_mark_y(k, p)) nohead linewidth 2 linecolor rgb krn_place_color[p] front
		set object circle at first real(word($marks[m], 3)), screen Y(krn_mark_y(k, p)) size screen 0.0045 fillcolor rgb krn_place_color[p] fillstyle solid noborder front
	}
	set arrow from first 0, graph 0 to first 0, graph 1 nohead linewidth 1 linecolor rgb 0x606060
} else {
	set label 'no expectations' at graph 0.5, graph 0.5 center
}
plot NaN notitle
unset multiplot
}
