# Settings shared by all figures.  Loaded once, after the variables and data blocks that limitlab writes (ll_...,
# $expected, $bands, $legend, $events) and before the script of the figure, which is then loaded once per format.
# Lengths are pixels of a canvas ll_width wide, counted from the upper left corner.

ll_panel_px = 290                   # height of the upper panel
ll_work_px = 120                    # height of the lower panel, drawn when a tenant reported work
ll_legend_row_px = 22
ll_level_px = 19                    # distance between two rows of event labels
ll_font = 'DejaVu Sans'

# ---- data: series.csv is read once, by column name -----------------------------------------------------------------
set encoding utf8
set datafile missing ''

# A sample is the mean of the interval that ends at t_s: it belongs to the middle of it.
ll_middle(t) = t - ll_sample_s / 2
ll_is(i) = strcol('tenant') eq ll_key[i] && column('t_s') > ll_sample_s / 2 && column('t_s') <= ll_duration_s + ll_sample_s

# Columns: number of the tenant, time, value.  NaN is not equal to itself.  The row of tenant 0 keeps a table without
# values from not being there at all.
$ll_nobody << EOD
0,0,0
EOD
set datafile separator comma
set table $share
plot $ll_nobody using 1:2:3 with table, for [i = 1:ll_tenants] ll_series using (i):(ll_middle(column('t_s'))):(column(ll_y_column)) \
	with table if (ll_is(i) && column(ll_y_column) == column(ll_y_column))
unset table
set table $work
plot $ll_nobody using 1:2:3 with table, for [i = 1:ll_tenants] ll_series using (i):(ll_middle(column('t_s'))):(column('work_per_s')) \
	with table if (ll_is(i) && column('work_per_s') == column('work_per_s'))
unset table
set datafile separator whitespace
ll_has_work = |$work| > 1

# ---- means -----------------------------------------------------------------------------------------------------------
# The thick lines are means over ll_bin_s, drawn over the time that they stand for; none reaches across an event.
ll_bin_s = ll_duration_s <= 200 ? 1.0 : ceil(ll_duration_s / 200.0)
ll_bin_s = ll_bin_s < ll_sample_s ? ll_sample_s : ll_bin_s
ll_since(t) = (ll_t0 = 0, ll_events > 0 ? sum [ll_i = 1:ll_events] (t >= ll_event_s[ll_i] ? (ll_t0 = ll_event_s[ll_i], 0) : 0) : 0, ll_t0)
ll_until(t) = (ll_t1 = ll_duration_s, ll_events > 0 ? sum [ll_i = 1:ll_events] (ll_event_s[ll_i] > t + 1e-9 && ll_event_s[ll_i] < ll_t1 ? (ll_t1 = ll_event_s[ll_i], 0) : 0) : 0, ll_t1)
ll_bin(t) = (ll_a = ll_since(t), ll_a + floor((t - ll_a) / ll_bin_s + 1e-9) * ll_bin_s)
ll_length(t) = t + ll_bin_s < ll_until(t) ? ll_bin_s : ll_until(t) - t
# One pass for all tenants: their bins are kept apart by ll_far in x.
ll_far = 1e7
ll_whose(x) = floor(x / ll_far)
ll_when(x) = x - ll_far * ll_whose(x)
ll_top = 0.0
array ll_work_top[ll_tenants + 1]
do for [i = 1:ll_tenants + 1] { ll_work_top[i] = 0.0 }   # of tenant i at i + 1
set format x '%.6f'
set format y '%.6f'
set table $share_mean
plot $share using (ll_far * $1 + ll_bin($2)):3 smooth unique
unset table
set table $work_mean
plot $work using (ll_far * $1 + ll_bin($2)):3 smooth unique
unset table
set table $scratch
plot $share_mean using (ll_top = $2 > ll_top ? $2 : ll_top) with table, \
     $expected using (ll_top = $3 > ll_top ? $3 : ll_top) with table, \
     $work_mean using (ll_w = ll_whose($1) + 1, ll_work_top[ll_w] = $2 > ll_work_top[ll_w] ? $2 : ll_work_top[ll_w]) with table
unset table
# Steps: tenant, time, value, how far back and how far below the step before is, length of its own; NaN where it is so far back that there
# is a gap, which stays one.
ll_gap_s = 3.5 * ll_bin_s
ll_x0 = 0
ll_y0 = NaN
ll_back(x) = (ll_dx = x - ll_x0, ll_x0 = x, ll_dx <= ll_gap_s ? ll_dx : NaN)
ll_down(y) = (ll_dy = y - ll_y0, ll_y0 = y, ll_dx <= ll_gap_s ? ll_dy : NaN)
set table $share_steps
plot $share_mean using (ll_whose($1)):(ll_when($1)):2:(ll_back($1)):(ll_down($2)):(ll_length(ll_when($1))) with table
unset table
set table $work_steps
plot $work_mean using (ll_whose($1)):(ll_when($1)):2:(ll_back($1)):(ll_down($2)):(ll_length(ll_when($1))) with table
unset table
set format x
set format y
# Up to the next 20 %, which leaves room above the curves; a share ends at 100 %.
ll_top = 20 * ceil((ll_top + 4) / 20)
ll_top = ll_top > 100 && ll_y_column eq 'cpu_share_pct' ? 100 : ll_top

# ---- layout, from top to bottom --------------------------------------------------------------------------------------
ll_legend_top_px = 64
ll_events_top_px = ll_legend_top_px + ll_legend_rows * ll_legend_row_px
ll_panel_top_px = ll_events_top_px + ll_event_levels * ll_level_px + 8
ll_panel_bottom_px = ll_panel_top_px + ll_panel_px
ll_work_top_px = ll_panel_bottom_px + 22
ll_work_bottom_px = ll_work_top_px + ll_work_px
ll_bottom_px = ll_has_work ? ll_work_bottom_px : ll_panel_bottom_px
ll_height = ll_bottom_px + 60
X(px) = px / (ll_width + 0.0)
Y(px) = 1 - px / (ll_height + 0.0)

# The PNG has twice as many pixels, everything in it twice as large; its letters are in points of 4/3 pixels.
ll_terminal_svg = sprintf("set terminal svg size %d,%d font '%s,14' background rgb 'white' noenhanced rounded", \
	ll_width, ll_height, ll_font)
ll_terminal_png = sprintf("set terminal pngcairo size %d,%d font '%s,14' fontscale 1.5 linewidth 2 background rgb 'white' noenhanced rounded", \
	2 * ll_width, 2 * ll_height, ll_font)
ll_font_px(px) = sprintf('%s,%g', ll_font, px)
