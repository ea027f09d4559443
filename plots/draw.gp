# Draws the panels that the script has described, on every side: head, legend, events, curves.  See common.gp.

if (!exists('ll_has_data')) {
	load 'data.gp'
	ll_has_data = 1
}

# ---- which panels there are, and their axes --------------------------------------------------------------------------
array ll_p_there[ll_panels]
array ll_p_from[ll_panels]
array ll_p_to[ll_panels]
array ll_p_tics[ll_panels]
ll_all_limits = ''
ll_shows_model = 0
ll_there = 0
do for [p = 1:ll_panels] {
	has_data = ll_most[p] >= ll_least[p]
	ll_p_there[p] = has_data || !ll_p_optional[p]
	ll_there = ll_there + ll_p_there[p]
	ll_all_limits = ll_all_limits.' '.ll_p_limits[p]
	most = has_data ? ll_most[p] : 1
	least = has_data ? ll_least[p] : 0
	if (ll_p_best[p]) {
		most = 100
		least = 0
	}
	if (ll_p_limits[p] ne '') {
		do for [k = 1:|$limits|] {
			y = ll_p_scale[p] * word($limits[k], 4)
			most = strstrt(' '.ll_p_limits[p].' ', ' '.word($limits[k], 5).' ') > 0 && y > most && y < 1.5 * ll_most[p] ? y : most
		}
	}
	if (ll_p_log[p]) {
		ll_p_from[p] = 10.0 ** floor(log10(least > 0 ? least : 0.1))
		ll_p_to[p] = 10.0 ** ceil(log10(most > 0 ? most * 1.2 : 1))
		ll_p_tics[p] = 10
	}
	if (!ll_p_log[p]) {
		ll_p_from[p] = least < ll_p_bottom[p] ? 0 : ll_p_bottom[p]
		top = ll_p_top[p] > 0 ? ll_p_top[p] : most > 0 ? most * 1.04 : 1
		ll_p_tics[p] = ll_step((top - ll_p_from[p]) / (ll_p_px[p] > 200 ? 6.0 : 2.5))
		ll_p_to[p] = ll_p_top[p] > 0 ? top : ll_p_from[p] + ll_p_tics[p] * ceil((top - ll_p_from[p]) / ll_p_tics[p])
	}
	# Room for the words above the curves; room for the text above the line.
	if (ll_p_times[p] && !ll_p_log[p]) {
		room = ll_times_rows * ll_times_row_px / (ll_p_px[p] + 0.0)
		ll_p_to[p] = most > 0 && ll_p_from[p] + (most * 1.04 - ll_p_from[p]) / (1 - room) > ll_p_to[p] ? ll_p_from[p] + (most * 1.04 - ll_p_from[p]) / (1 - room) : ll_p_to[p]
	}
	least_to = ll_p_capacity[p] ne '' && word(ll_p_column[p], 1) eq ll_main_column ? 1.09 * ll_capacity : 0
	ll_p_to[p] = ll_p_to[p] < least_to ? least_to : ll_p_to[p]
	# More than there should be is shown, too: panel_top cuts no line off.
	if (!ll_p_log[p] && most > 1.02 * ll_p_to[p]) {
		ll_p_to[p] = most * 1.04
		ll_p_tics[p] = ll_step((ll_p_to[p] - ll_p_from[p]) / (ll_p_px[p] > 200 ? 6.0 : 2.5))
	}
	if (ll_p_best[p]) {
		ll_p_to[p] = 110
		ll_p_tics[p] = 50
	}
}

# ---- layout, from top to bottom --------------------------------------------------------------------------------------
ll_legend_top_px = ll_sides > 1 ? 68 : 64
array ll_entry_x[ll_entries + 1]
array ll_entry_row[ll_entries + 1]
x = ll_left_px[1]
row = 0
do for [k = 1:ll_entries] {
	kind = ll_entry_kind[k]
	is_shown = kind eq 'line' || kind eq 'model' || kind eq 'spans' || strstrt(' '.ll_all_limits.' ', ' '.kind.' ') > 0
	if (is_shown && x > ll_left_px[1] && x + 26 + ll_entry_px[k] > ll_right_px[ll_sides]) {
		x = ll_left_px[1]
		row = row + 1
	}
	ll_entry_x[k] = is_shown ? x : -1
	ll_entry_row[k] = row
	x = is_shown ? x + 26 + ll_entry_px[k] + 14 : x
}
ll_events_top_px = ll_legend_top_px + (row + 1) * ll_legend_row_px
ll_panel_top_px = ll_events_top_px + ll_event_levels * ll_level_px + 8
array ll_p_y[ll_panels]
y = ll_panel_top_px
last = 0
do for [p = 1:ll_panels] {
	ll_p_y[p] = y
	y = ll_p_there[p] ? y + ll_p_px[p] + 22 : y
	last = ll_p_there[p] ? p : last
}
ll_height = y - 22 + 60 + (ll_note eq '' ? 0 : 18)
eval ll_terminal(ll_format, ll_width, ll_height)
set output ll_output

# ---- head ------------------------------------------------------------------------------------------------------------
set multiplot
# Of soft limits, and of hard ones.
set dashtype 11 (9, 5)
set dashtype 12 (2.5, 3.5)
set border 3 linecolor rgb 0x606060
set tics nomirror out scale 0.5
set grid ytics linetype 1 linewidth 0.6 linecolor rgb 0xe4e4e4
set xrange [0:ll_end_s]
unset key
set style textbox opaque noborder fillcolor rgb 'white' margins 0.6, 0.3
do for [s = 1:ll_sides] {
	set label ll_title[s] at screen X(ll_left_px[s]), Y(22) left font ll_font_px(ll_title_px[s])
	set label ll_verdict[s] at screen X(ll_right_px[s]), Y(ll_is_verdict_below ? 44 : 22) right font ll_font_px(14) textcolor rgb ll_verdict_color[s]
	set label ll_subtitle[s] at screen X(ll_left_px[s]), Y(44) left font ll_font_px(13) textcolor rgb 0x505050
}
do for [k = 1:ll_entries] {
	x = ll_entry_x[k]
	y = ll_legend_top_px + (ll_entry_row[k] + 0.5) * ll_legend_row_px
	kind = ll_entry_kind[k]
	if (x >= 0) {
		set label ll_entry_text[k] at screen X(x + 26), Y(y) left font ll_font_px(14)
	}
	if (x >= 0 && kind eq 'line') {
		set arrow from screen X(x), Y(y) to screen X(x + 20), Y(y) nohead linewidth 3 linecolor rgb ll_color[ll_entry_line[k]]
	}
	if (x >= 0 && kind eq 'model') {
		set arrow from screen X(x), Y(y) to screen X(x + 20), Y(y) nohead linewidth 1.5 dashtype (10, 6) linecolor rgb 0x303030
	}
	if (x >= 0 && kind eq 'spans') {
		set object rectangle from screen X(x), Y(y - 6) to screen X(x + 20), Y(y + 6) fillcolor rgb 0xececec fillstyle solid noborder
	}
	# Of two lines of one colour gnuplot's SVG makes one path, which has the dashes of the first.
	if (x >= 0 && strstrt(kind, '.') > 0) {
		set arrow from screen X(x), Y(y) to screen X(x + 20), Y(y) nohead linewidth 1.7 dashtype ll_dash(kind) linecolor rgb 0x303030 + k % 2
	}
}
set label ll_note at screen X(ll_left_px[1]), Y(ll_height - 12) left font ll_font_px(12) textcolor rgb 0x505050

# ---- panels ----------------------------------------------------------------------------------------------------------
do for [p = 1:ll_panels] {
	if (ll_p_there[p]) {
		do for [s = 1:ll_sides] {
			is_first = p == 1
			is_last = p == last
			load 'side.gp'
		}
	}
}
unset multiplot
ll_panels = 0
