#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# make bench: judging and comparing runs of 10 million rows in all, against Miller computing grouped means of four columns of the
# same files (which of what limitlab does is the smaller part).  Ends with 1 when a bound is missed.  No root; about two
# minutes and 100 MB in /tmp.
#
#	BENCH_LOCK=FILE		each measurement holds this flock(1) lock
#	BENCH_ROWS=N		rows in all, in millions (default 10)
set -uo pipefail

limitlab=${LIMITLAB:?run make bench}
bench=$LIMITLAB_BUILD/tests/bench/bench_compare
runs=$((${BENCH_ROWS:-10} * 10))
ticks=25000
out=$(mktemp -d /tmp/ll-bench-compare-XXXXXX)
trap 'rm -rf "$out"' EXIT
broken() {
	printf 'bench: %s\n' "$1" >&2
	exit 1
}
alone() {
	if [[ -n ${BENCH_LOCK:-} ]]; then flock "$BENCH_LOCK" "$@"; else "$@"; fi
}
value() { awk -v key="$1" '$1 == key {print $2}' "$2"; }
median() { sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

command -v mlr >/dev/null || broken 'there is no Miller: apt-get install miller'
"$bench" make "$out/runs" "$runs" "$ticks" || broken 'no runs were made'
for i in 1 2 3; do
	alone "$bench" time "$out/compare.txt" "$limitlab" compare "$out/runs/a" "$out/runs/b" >"$out/compare"
	# Exit code 0: two sets that are alike are found to be so.
	[[ $(value status "$out/compare") == 0 ]] || { cat "$out/compare.txt" >&2; broken 'the comparison failed'; }
	alone "$bench" time "$out/mlr.csv" mlr --icsv --ocsv \
		put '$run = FILENAME; $step = $t_s <= 83 ? 1 : $t_s <= 166 ? 2 : 3' then \
		stats1 -a mean -f cpu_usage_ns,vcpu_usage_ns,run_delay_ns,mem_usage_bytes -g run,tenant,step \
		"$out"/runs/[ab]/*/samples.csv >"$out/mlr"
	[[ $(value status "$out/mlr") == 0 ]] || broken 'Miller failed'
	value seconds "$out/compare" >>"$out/compare_s"
	value seconds "$out/mlr" >>"$out/mlr_s"
done
# Three steps, three tenants and the host, per run, below a header.
[[ $(wc -l <"$out/mlr.csv") == $((runs * 12 + 1)) ]] || broken "Miller wrote $(wc -l <"$out/mlr.csv") lines"
rows=$((runs * ticks * 4))
awk -v ours="$(median <"$out/compare_s")" -v theirs="$(median <"$out/mlr_s")" -v rows="$rows" -v rss="$(value rss_mib "$out/compare")" \
	-v rss_mlr="$(value rss_mib "$out/mlr")" 'BEGIN {
	f = "%-31s %12s  %-22s %7s %6s %5s  %s\n"
	printf f, "", "measured", "reference", "ratio", "bound", "aim", "verdict"
	ratio = ours / theirs
	slow = !(ratio < 1)
	printf f, sprintf("judge and compare %.0f M rows", rows / 1e6), ours " s", theirs " s of Miller", sprintf("%.3f", ratio), 1, 0.5, \
		(slow ? "MISSED" : (ratio > 0.5) ? "ok" : "ok, aim")
	# One run per CPU is in memory, whatever the number of runs: text, samples and series of 100 000 rows.
	big = !(rss < 400)
	printf f, "  its memory (RSS)", rss " MiB", rss_mlr " MiB of Miller", "-", 400, 250, (big ? "MISSED" : (rss > 250) ? "ok" : "ok, aim")
	exit slow || big
}'
