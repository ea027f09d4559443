# Reads what the panels draw from series.csv, once for all formats: $raw, the samples of all curves, and $steps, their means.
# draw.gp loads it.

array ll_best[ll_panels * ll_each]  # per curve: the greatest mean
array ll_most[ll_panels]            # per panel
array ll_least[ll_panels]
do for [k = 1:ll_panels * ll_each] { ll_best[k] = 0 }
do for [p = 1:ll_panels] {
	ll_most[p] = -1e300
	ll_least[p] = 1e300
}
# A row of no curve keeps a table without values from not being there at all.
$ll_nobody << EOD
0,0,0
EOD

# An empty field is no value.  Rows without one have to go before they are sorted: gnuplot sorts what is between two of them.
set datafile separator comma
set datafile missing ''
set table $ll_rows
plot $ll_nobody using 1:2:(0) with table, for [p = 1:ll_panels] for [s = 1:ll_sides] ll_series[s] \
	using (ll_c = ll_number(p, s, strcol('tenant'))):(ll_t = ll_at(p, s, column('t_s'))):(ll_v = ll_p_scale[p] * ll_sum(ll_p_column[p])) \
	with table if (ll_c > 0 && ll_t == ll_t && ll_v == ll_v)
unset table
set datafile separator whitespace
set format x '%.6f'
set format y '%.9g'
set table $ll_read
plot $ll_rows using (ll_far * $1 + $2):3 smooth unique
unset table
set table $ll_mean
plot $ll_read using (ll_c = ll_curve($1), ll_i = ll_line_of(ll_c), ll_p_level[ll_panel_of(ll_c)] ? $1 : \
		ll_far * ll_c + ll_bin(ll_side_of(ll_i), ll_time($1))):2 smooth unique
unset table
set format x
set format y

ll_keep(c, y) = c < 1 || y != y ? 0 : (ll_p = ll_panel_of(c), \
	ll_best[c] = y > ll_best[c] ? y : ll_best[c], \
	ll_most[ll_p] = y > ll_most[ll_p] ? y : ll_most[ll_p], \
	ll_least[ll_p] = y < ll_least[ll_p] ? y : ll_least[ll_p])
ll_unit(c) = c < 1 || !ll_p_best[ll_panel_of(c)] || ll_best[c] <= 0 ? 1 : 100 / ll_best[c]
set table $ll_scratch
plot $ll_mean using (ll_keep(ll_curve($1), $2)) with table
unset table

# Of each point: curve, time, value, how far back and how far below the one before is, length of its own step.
set table $raw
plot $ll_read using (ll_curve($1)):(ll_time($1)):2:(ll_back($1, ll_gap_s)):(ll_down($2)) with table
unset table
ll_x0 = 0
set table $steps
plot $ll_mean using (ll_curve($1)):(ll_time($1)):($2 * ll_unit(ll_curve($1))):(ll_back($1, ll_gap_s)):(ll_down($2 * ll_unit(ll_curve($1)))): \
	(ll_c = ll_curve($1), ll_length(ll_side_of(ll_line_of(ll_c)), ll_time($1))) with table
unset table
