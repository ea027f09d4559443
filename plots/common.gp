# Settings and functions shared by all figures.  limitlab loads it once, after the variables and data blocks that it writes
# (ll_..., $expected, $bands, $limits, $spans, $events, $callouts) and before the script of the figure, which is then loaded
# once per format.  A script names its panels and draws them:
#
#	panel_column = 'net_class_mbit_per_s'; panel_label = 'rate [Mbit/s]'
#	load 'panel.gp'                # one panel below the other
#	load 'draw.gp'
#
# Lengths are pixels of a canvas ll_width wide, counted from the upper left corner.  A figure has one side or two, a run each.

ll_legend_row_px = 22
ll_times_row_px = 17                # between two rows of adaption times
ll_level_px = 19                    # distance between two rows of event labels
ll_font = 'DejaVu Sans'
set encoding utf8

# ---- what a script may say of a panel; panel.gp sets it back to this -------------------------------------------------
ll_panels_max = 6
ll_panels = 0
panel_defaults = "panel_column = ''; panel_label = ''; panel_label_2 = ''; panel_px = 290; panel_top = 0; panel_bottom = 0; \
	panel_log = 0; panel_level = 0; panel_raw = 1; panel_host = 0; panel_best = 0; panel_scale = 1.0; panel_optional = 0; \
	panel_limits = ''; panel_capacity = ''; panel_callouts = ''; panel_times = 0"
eval panel_defaults
# panel_column      column of series.csv; several, separated by blanks, are added up
# panel_scale       factor from the column's unit to the label's
# panel_label       of the y axis; panel_label_2 is its second row
# panel_px          height
# panel_top         where the y axis ends, unless a line goes above; 0: wherever the data end
# panel_bottom      where it begins, unless a line goes below
# panel_log         1: logarithmic
# panel_level       1: the value is a level at t_s (memory); 0: the mean of the interval that ends at t_s (a rate)
# panel_raw         1: each sample as a thin line behind the means
# panel_host        1: the host's values instead of the tenants'
# panel_best        1: in percent of each tenant's own best
# panel_optional    1: no panel where there are no values
# panel_limits      limits drawn as steps: 'memory.soft memory.hard'
# panel_capacity    text at the line that marks ll_capacity; '': no line
# panel_callouts    events to be called out: for 'starvation', the text is in callout_starvation
# panel_times       1: marks where a change had come 50 % and 90 % of the way
array ll_p_column[ll_panels_max]
array ll_p_label[ll_panels_max]
array ll_p_label_2[ll_panels_max]
array ll_p_px[ll_panels_max]
array ll_p_top[ll_panels_max]
array ll_p_bottom[ll_panels_max]
array ll_p_log[ll_panels_max]
array ll_p_level[ll_panels_max]
array ll_p_raw[ll_panels_max]
array ll_p_host[ll_panels_max]
array ll_p_best[ll_panels_max]
array ll_p_scale[ll_panels_max]
array ll_p_optional[ll_panels_max]
array ll_p_limits[ll_panels_max]
array ll_p_capacity[ll_panels_max]
array ll_p_callouts[ll_panels_max]
array ll_p_times[ll_panels_max]

# ---- curves, times, bins ---------------------------------------------------------------------------------------------
# A curve is a line in a panel.  All curves are in one data block, sorted: curve c is at x = c * ll_far + t.
ll_far = 1e6
ll_each = ll_lines + ll_sides       # the hosts follow the tenants
ll_curve(x) = floor(x / ll_far + 0.01)
ll_time(x) = x - ll_far * ll_curve(x)
ll_panel_of(c) = (c - 1) / ll_each + 1
ll_line_of(c) = c < 1 ? 0 : c - ll_each * (ll_panel_of(c) - 1)
ll_side_of(i) = i > ll_lines ? i - ll_lines : ll_sides > 1 && i >= ll_first[ll_sides] ? 2 : 1
ll_in(c, p, s) = c > 0 && ll_panel_of(c) == p && ll_side_of(ll_line_of(c)) == s
# The curve of a row; NaN where this panel does not draw it.
ll_number(p, s, name) = (ll_n = ll_p_host[p] ? (name eq 'host' ? ll_lines + s : 0) : \
	sum [ll_i = ll_first[s]:ll_last[s]] (name eq ll_key[ll_i] ? ll_i : 0), ll_n > 0 ? ll_each * (p - 1) + ll_n : NaN)
# A mean belongs to the middle of its interval.
ll_at(p, s, t) = t > ll_end_s + ll_sample_s[s] ? NaN : ll_p_level[p] ? (t >= 0 ? t : NaN) : t > ll_sample_s[s] / 2 ? t - ll_sample_s[s] / 2 : NaN
ll_sum(columns) = sum [ll_i = 1:words(columns)] column(word(columns, ll_i))

# The thick lines are means over ll_bin_s, drawn over the time that they stand for; none reaches across an event.
ll_bin_s = ll_end_s <= 200 ? 1.0 : ceil(ll_end_s / 200.0)
ll_bin_s = ll_bin_s < ll_sample_s[1] ? ll_sample_s[1] : ll_bin_s
ll_since(s, t) = (ll_t0 = 0, ll_event_last[s] >= ll_event_first[s] ? sum [ll_i = ll_event_first[s]:ll_event_last[s]] \
	(t >= ll_event_s[ll_i] ? (ll_t0 = ll_event_s[ll_i], 0) : 0) : 0, ll_t0)
ll_until(s, t) = (ll_t1 = ll_end_s, ll_event_last[s] >= ll_event_first[s] ? sum [ll_i = ll_event_first[s]:ll_event_last[s]] \
	(ll_event_s[ll_i] > t + 1e-9 && ll_event_s[ll_i] < ll_t1 ? (ll_t1 = ll_event_s[ll_i], 0) : 0) : 0, ll_t1)
ll_bin(s, t) = (ll_a = ll_since(s, t), ll_a + floor((t - ll_a) / ll_bin_s + 1e-9) * ll_bin_s)
ll_length(s, t) = t + ll_bin_s < ll_until(s, t) ? ll_bin_s : ll_until(s, t) - t
# How far back and how far below the point before is; NaN where it is another curve's or so far back that there is a gap.
ll_x0 = 0
ll_y0 = NaN
ll_back(x, longest) = (ll_dx = x - ll_x0, ll_x0 = x, ll_dx <= longest ? ll_dx : NaN)
ll_down(y) = (ll_dy = y - ll_y0, ll_y0 = y, ll_dx == ll_dx && ll_dx <= ll_gap_s ? ll_dy : NaN)
ll_gap_s = 3.5 * ll_bin_s

# ---- canvas ----------------------------------------------------------------------------------------------------------
X(px) = px / (ll_width + 0.0)
Y(px) = 1 - px / (ll_height + 0.0)
# A step of 1, 2 or 5 times a power of ten that is at least this long.
ll_step(least) = (ll_10 = 10.0 ** floor(log10(least)), ll_m = least / ll_10, (ll_m <= 1.0001 ? 1 : ll_m <= 2.0001 ? 2 : ll_m <= 5.0001 ? 5 : 10) * ll_10)
# Soft limits are dashed, hard ones dotted.
ll_dash(limit) = strstrt(ll_soft_limits, ' '.limit.' ') > 0 ? 11 : 12
ll_font_px(px) = sprintf('%s,%g', ll_font, px)
# The PNG has twice as many pixels, everything in it twice as large; its letters are in points of 4/3 pixels.  A PDF
# has 72 points per inch, and its letters too are a third too large.
ll_terminal(format, width, height) = \
	format eq 'svg' ? sprintf("set terminal svg size %d,%d font '%s,14' background rgb 'white' noenhanced rounded", width, height, ll_font) : \
	format eq 'png' ? sprintf("set terminal pngcairo size %d,%d font '%s,14' fontscale 1.5 linewidth 2 dashlength 2 pointscale 2 background rgb 'white' noenhanced rounded", 2 * width, 2 * height, ll_font) : \
	sprintf("set terminal pdfcairo size %gin,%gin font '%s,14' fontscale 0.5625 linewidth 1.5 dashlength 1.5 background rgb 'white' noenhanced rounded", width / 96.0, height / 96.0, ll_font)
