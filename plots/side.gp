# Panel p on side s; draw.gp loads it for each.

top_px = ll_p_y[p]
bottom_px = top_px + ll_p_px[p]
set lmargin at screen X(ll_left_px[s])
set rmargin at screen X(ll_right_px[s])
set tmargin at screen Y(top_px)
set bmargin at screen Y(bottom_px)
unset logscale
if (ll_p_log[p]) {
	set logscale y 10
	set ytics 10
	set format y '%g'
} else {
	set ytics ll_p_tics[p]
	set format y s == 1 ? '%g' : ''
}
set format y s == 1 ? '%g' : ''
set yrange [ll_p_from[p]:ll_p_to[p]]
if (is_last) {
	set format x
	set xlabel 'time [s]' offset 0, 0.3
} else {
	set format x ''
	unset xlabel
}
if (s == 1) {
	middle = (top_px + bottom_px) / 2.0
	size = ll_p_px[p] > 200 ? 14 : 12.5
	set label ll_p_label[p] at screen X(ll_p_label_2[p] eq '' ? 16 : 10), Y(middle) center rotate by 90 font ll_font_px(size)
	set label ll_p_label_2[p] at screen X(24), Y(middle) center rotate by 90 font ll_font_px(size)
}
if (ll_most[p] < ll_least[p]) {
	set label sprintf("no values of '%s' in series.csv", ll_p_column[p]) at graph 0.5, 0.5 center boxed front font ll_font_px(14) textcolor rgb 0x8a5a00
}

# ---- events: a line, in the first panel up to its label --------------------------------------------------------------
do for [k = 1:|$events|] {
	if (int(word($events[k], 5)) == s) {
		t = real(word($events[k], 1))
		y = ll_panel_top_px - 12 - word($events[k], 3) * ll_level_px
		caption = ll_event_text[int(word($events[k], 2))]
		set arrow from first t, graph 0 to first t, screen Y(!is_first || caption eq '' ? top_px : y - 7) nohead linewidth 1 linecolor rgb 0x909090
		if (is_first && int(word($events[k], 4))) {
			set label caption at first t, screen Y(y) right offset screen X(-4), 0 font ll_font_px(13) textcolor rgb 0x303030
		}
		if (is_first && !int(word($events[k], 4))) {
			set label caption at first t, screen Y(y) left offset screen X(4), 0 font ll_font_px(13) textcolor rgb 0x303030
		}
	}
}

# ---- what was scarce, what is expected, what limits there are --------------------------------------------------------
do for [k = 1:|$spans|] {
	if (int(word($spans[k], 1)) == s) {
		set object rectangle from first real(word($spans[k], 2)), graph 0 to first real(word($spans[k], 3)), graph 1 \
			fillcolor rgb 0xececec fillstyle solid noborder behind
	}
}
main = word(ll_p_column[p], 1)
do for [k = 1:|$bands|] {
	i = int(word($bands[k], 1))
	if (word($bands[k], 6) eq main && ll_side_of(i) == s && !ll_p_best[p]) {
		from = real(word($bands[k], 2))
		to = real(word($bands[k], 3))
		is_low = word($bands[k], 4) ne 'none'
		is_high = word($bands[k], 5) ne 'none'
		low = is_low ? ll_p_scale[p] * word($bands[k], 4) : 0
		high = is_high ? ll_p_scale[p] * word($bands[k], 5) : 0
		if (is_low && is_high) {
			set object rectangle from from, low to to, high fillcolor rgb 0xc0000000 + ll_color[i] fillstyle solid noborder behind clip
		} else {
			# One bound: a line, with an arrow to the side that passes.
			y = is_low ? low : high
			set arrow from from, y to to, y nohead linewidth 1 linecolor rgb ll_color[i]
			set arrow from (from + to) / 2, y rto 0, graph (is_low ? 14.0 : -14.0) / ll_p_px[p] head size screen X(5), 25 filled linewidth 1 linecolor rgb ll_color[i]
		}
	}
}
if (ll_p_capacity[p] ne '' && ll_side_capacity[s] > 0 && main eq ll_main_column) {
	set arrow from graph 0, first ll_side_capacity[s] to graph 1, first ll_side_capacity[s] nohead linewidth 1 dashtype (4, 5) linecolor rgb 0x707070
	if (ll_side_capacity[s] == ll_capacity && (s == ll_sides || ll_side_capacity[ll_sides] != ll_capacity)) {
		set label ll_p_capacity[p] at graph 1, first ll_capacity right front offset screen X(-8), screen (10.0 / ll_height) font ll_font_px(12) textcolor rgb 0x505050
	}
}

# ---- callouts --------------------------------------------------------------------------------------------------------
do for [k = 1:|$callouts|] {
	key = word($callouts[k], 2)
	if (int(word($callouts[k], 1)) == s && strstrt(' '.ll_p_callouts[p].' ', ' '.key.' ') > 0) {
		t = (word($callouts[k], 3) + word($callouts[k], 4)) / 2.0
		level = real(word($callouts[k], 5))
		y = real(word($callouts[k], 6))
		one_px = (ll_p_to[p] - ll_p_from[p]) / ll_p_px[p]
		caption = value('callout_'.key)
		lines = 1 + (sum [c = 1:strlen(caption)] (caption[c:c] eq "\n"))
		set label caption at t, y center boxed front font ll_font_px(13.5) textcolor rgb 0x202020 offset 0, 0.25 * (lines - 1)
		set arrow from t, y + (level > y ? 1 : -1) * (9 * lines + 7) * one_px to t, level + (level > y ? -3 : 3) * one_px head size screen X(7), 25 filled front linewidth 1.2 linecolor rgb 0x202020
	}
}

# ---- how long it took: points on the curves, words above them --------------------------------------------------------
if (ll_p_times[p]) {
	do for [k = 1:|$points|] {
		i = int(word($points[k], 1))
		if (word($points[k], 4) eq main && ll_side_of(i) == s) {
			set label '' at real(word($points[k], 2)), ll_p_scale[p] * word($points[k], 3) front point pointtype 7 pointsize 0.7 linecolor rgb ll_dark[i]
		}
	}
	do for [k = 1:|$times|] {
		i = int(word($times[k], 1))
		caption = ll_times_text[int(word($times[k], 3))]
		is_left = int(word($times[k], 5))
		if (word($times[k], 6) eq main && ll_side_of(i) == s) {
			y = 1 - (word($times[k], 4) + 0.6) * ll_times_row_px / ll_p_px[p]
			if (is_left) {
				set label caption at first real(word($times[k], 2)), graph y right front offset screen X(-4), 0 font ll_font_px(12.5) textcolor rgb ll_dark[i]
			} else {
				set label caption at first real(word($times[k], 2)), graph y left front offset screen X(4), 0 font ll_font_px(12.5) textcolor rgb ll_dark[i]
			}
		}
	}
}

# ---- curves ----------------------------------------------------------------------------------------------------------
ll_on(c, x) = ll_in(int(c), p, s) ? x : NaN
ll_rgb(c) = c > 0 ? ll_color[ll_line_of(int(c))] : 0
ll_thin(c) = c > 0 ? ll_light[ll_line_of(int(c))] : 0
is_rate = !ll_p_level[p]
is_thin = is_rate && ll_p_raw[p] && !ll_p_best[p]
plot NaN notitle, \
	for [q = 1:is_thin] $raw using (ll_on($1, $2 - $4)):($3 - $5):4:5:(ll_thin($1)) with vectors nohead linewidth 0.8 linecolor rgb variable, \
	for [q = is_rate:0] $raw using (ll_on($1, $2 - $4)):($3 - $5):4:5:(ll_rgb($1)) with vectors nohead linewidth (ll_p_px[p] > 200 ? 2.4 : 1.6) linecolor rgb variable, \
	for [q = 1:is_rate] $steps using (ll_on($1, $2)):3:6:(0):(ll_rgb($1)) with vectors nohead linewidth 2.6 linecolor rgb variable, \
	for [q = 1:is_rate] $steps using (ll_on($1, $2 - $4)):($3 - $5):4:(0):(ll_rgb($1)) with vectors nohead linewidth 2.6 linecolor rgb variable, \
	for [q = 1:is_rate] $steps using (ll_on($1, $2)):($3 - $5):(0):5:(ll_rgb($1)) with vectors nohead linewidth 2.6 linecolor rgb variable, \
	for [i = ll_first[s]:ll_last[s]] $expected index i - 1 using (main eq ll_main_column ? $1 : NaN):3:($2 - $1):(0) with vectors nohead linewidth 1.3 dashtype (10, 6) linecolor rgb ll_dark[i], \
	for [k = 1:words(ll_p_limits[p])] $limits using (strcol(5) eq word(ll_p_limits[p], k) && ll_side_of($1) == s ? $2 : NaN):(ll_p_scale[p] * $4):($3 - $2):(0):(ll_dark[int($1)]) \
		with vectors nohead linewidth 1.7 dashtype ll_dash(word(ll_p_limits[p], k)) linecolor rgb variable
unset label
unset arrow
unset object
