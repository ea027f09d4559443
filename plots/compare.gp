# SPDX-License-Identifier: GPL-3.0-or-later
# Two groups of runs.  Loaded after the variables and data blocks that limitlab writes (cmp_...): first with cmp_pass = 1,
# which sets the size of the canvas, then, with the terminal set, with cmp_pass = 2.  Lengths are pixels from the upper
# left corner.

cmp_width = 840
cmp_row_px = 22
cmp_top_px = 96
cmp_panel_px = cmp_tenants > 0 ? 260 : 0
cmp_forest_top_px = cmp_top_px + cmp_panel_px + (cmp_tenants > 0 ? 84 : 0)
cmp_forest_bottom_px = cmp_forest_top_px + (cmp_rows > 0 ? cmp_rows : 1) * cmp_row_px + 8
cmp_height = cmp_forest_bottom_px + 56

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

# ---- head: what, who, legend -----------------------------------------------------------------------------------------
set label cmp_title at screen X(80), Y(22) left font 'DejaVu Sans,17'
set arrow from screen X(80), Y(48) to screen X(110), Y(48) nohead linewidth 3 linecolor rgb 0x505050
set label cmp_group_a at screen X(116), Y(48) left
set arrow from screen X(420), Y(48) to screen X(450), Y(48) nohead linewidth 2 dashtype (6, 4) linecolor rgb 0x101010
set label cmp_group_b at screen X(456), Y(48) left
do for [i = 1:cmp_tenants] {
	x = 80 + (i - 1) * (cmp_tenants > 5 ? 740.0 / cmp_tenants : 148)
	set object rectangle from screen X(x), Y(78) to screen X(x + 14), Y(66) fillcolor rgb cmp_color[i] fillstyle solid noborder
	set label cmp_tenant[i] at screen X(x + 20), Y(72) left
}

# ---- over time: the median of each group, and the band in which half of its runs are -----------------------------------
dark(c) = int(c / 65536) / 2 * 65536 + (int(c / 256) % 256) / 2 * 256 + (int(c) % 256) / 2
if (cmp_tenants > 0) {
	set lmargin at screen X(80)
	set rmargin at screen X(820)
	set tmargin at screen Y(cmp_top_px)
	set bmargin at screen Y(cmp_top_px + cmp_panel_px)
	set xrange [0:cmp_duration_s]
	set yrange [0:*]
	set xlabel 'time [s]' offset 0, 0.3
	set label cmp_y_label at screen X(16), Y(cmp_top_px + cmp_panel_px / 2) center rotate by 90
	plot for [i = 1:cmp_tenants] sprintf('$curve_1_%d', i) using 1:2:4 with filledcurves fillcolor rgb 0xa0000000 + cmp_color[i] fillstyle solid noborder, \
	     for [i = 1:cmp_tenants] sprintf('$curve_2_%d', i) using 1:2:4 with filledcurves fillcolor rgb 0xa0000000 + dark(cmp_color[i]) fillstyle solid noborder, \
	     for [i = 1:cmp_tenants] sprintf('$curve_1_%d', i) using 1:3 with lines linewidth 2.4 linecolor rgb cmp_color[i], \
	     for [i = 1:cmp_tenants] sprintf('$curve_2_%d', i) using 1:3 with lines linewidth 1.8 dashtype (6, 4) linecolor rgb dark(cmp_color[i])
	unset label
	unset arrow
	unset object
}

# ---- the changes, with their intervals; grey: below the floor ------------------------------------------------------------
set lmargin at screen X(cmp_label_px)
set rmargin at screen X(680)
set tmargin at screen Y(cmp_forest_top_px)
set bmargin at screen Y(cmp_forest_bottom_px)
set border 1 linecolor rgb 0x606060
unset ytics
unset grid
set grid xtics linetype 1 linewidth 0.6 linecolor rgb 0xe4e4e4
set xlabel 'change of B against A [%], with its 95 % interval' offset 0, 0.3
cmp_reach = cmp_widest * 1.1 > 10 ? cmp_widest * 1.1 : 10
set xrange [-cmp_reach:cmp_reach]
set yrange [cmp_rows + 0.5:0.5]
cmp_y(k) = cmp_forest_top_px + 4 + (k - 0.5) * cmp_row_px
if (cmp_rows > 0) {
	do for [k = 1:cmp_rows] {
		f = real(word($rows[k], 4))
		f = f > cmp_reach ? cmp_reach : f
		set object rectangle from first -f, screen Y(cmp_y(k) + cmp_row_px / 2.0) to first f, screen Y(cmp_y(k) - cmp_row_px / 2.0) \
			fillcolor rgb 0xf0f0f0 fillstyle solid noborder behind
		set label cmp_name[k] at screen X(cmp_label_px - 8), Y(cmp_y(k)) right font 'DejaVu Sans,13'
		set label cmp_words[k] at screen X(690), Y(cmp_y(k)) left font 'DejaVu Sans,13' textcolor rgb int(word($rows[k], 5))
		set arrow from first word($rows[k], 2), screen Y(cmp_y(k)) to first word($rows[k], 3), screen Y(cmp_y(k)) nohead linewidth 2.4 linecolor rgb int(word($rows[k], 5)) front
		set object circle at first word($rows[k], 1), screen Y(cmp_y(k)) size screen 0.006 fillcolor rgb int(word($rows[k], 5)) fillstyle solid noborder front
	}
	set arrow from first 0, graph 0 to first 0, graph 1 nohead linewidth 1 linecolor rgb 0x606060
} else {
	set label 'nothing to compare' at graph 0.5, graph 0.5 center
}
plot NaN notitle
unset multiplot
}
