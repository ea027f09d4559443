#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# make bench: the smoke set as one batch, from start to summary; what a batch adds to each scenario beside its boot, fixtures,
# timeline and figure; how fast tenants wake.  Ends with 1 when a bound is missed.  Root, and two minutes.
#
#	BENCH_LOCK=FILE		the batch holds this flock(1) lock
set -uo pipefail

limitlab=${LIMITLAB:?run make bench}
out=$(mktemp -d /tmp/ll-bench-smoke-XXXXXX)
trap 'rm -rf "$out"' EXIT
broken() {
	printf 'bench: %s\n' "$1" >&2
	exit 1
}
alone() {
	if [[ -n ${BENCH_LOCK:-} ]]; then flock "$BENCH_LOCK" "$@"; else "$@"; fi
}
[[ $(id -u) == 0 ]] || broken 'needs root'

# The lines of --json, each with the time at which it came, from the moment of the start on.
stamped() {
	local line
	printf '%s start\n' "$EPOCHREALTIME"
	"$limitlab" run --json --allow-host-scarcity --out "$out" scenarios/smoke/*.yaml 2>"$out/err" |
		while IFS= read -r line; do printf '%s %s\n' "$EPOCHREALTIME" "$line"; done
}
export -f stamped
export out limitlab
cd "${LIMITLAB_ROOT:-.}" || broken 'there is no source tree'
alone bash -c stamped >"$out/lines"
grep -q '"type":"batch".*"done":true' "$out/lines" || { cat "$out/err" >&2; broken 'the batch did not end'; }

# Between the starts of successive runs: all but what the issue leaves out.  "end" takes VMs and fixtures down.
sed 's/ /\t/' "$out/lines" | jq -R -s '
	split("\n") | map(select(. != "") | split("\t") | {at: (.[0] | tonumber), line: (.[1] | fromjson? // {})}) as $lines |
	[$lines[] | select(.line.type == "phase" and .line.phase == "check") | .at] as $starts |
	[$lines[] | select(.line.type == "phase-end" and .at < $starts[-1] and
		(.line.phase | IN("check", "record", "undo", "judge", "figure") | not)) | .line.seconds] as $left_out |
	{seconds: ($lines[-1].at - $lines[0].at), runs: ($starts | length),
		beside_ms: (($starts[-1] - $starts[0] - ($left_out | add)) / (($starts | length) - 1) * 1000)}' >"$out/times" ||
	broken 'the lines could not be read'
woken_s=$(jq -s '[.[] | select(all(.tenants[]; .woken)) | select(.scenario_name == "smoke-net") | .boot_s] | first' "$out"/smoke-*/*/manifest.json)
verdicts=$(jq -r '.runs | map(.outcome) | join(", ")' "$out"/batch-*.json)

jq -r --arg woken "$woken_s" '[.seconds, .runs, .beside_ms, ($woken | tonumber)] | @tsv' "$out/times" |
	awk -F'\t' -v verdicts="$verdicts" 'BEGIN {
	f = "%-31s %12s  %-22s %7s %6s %5s  %s\n"
	printf f, "", "measured", "reference", "ratio", "bound", "aim", "verdict"
}
# A string from sprintf() would be compared as one.
function row(name, text, unit, reference, bound, aim,   value, missed) {
	value = text + 0
	missed = !(value > 0 && value < bound)
	printf f, name, text " " unit, reference, "-", bound, aim, (missed ? "MISSED" : (value > aim) ? "ok" : "ok, aim")
	if (missed) failed = 1
}
{
	row("smoke set, start to summary", sprintf("%.1f", $1), "s", $2 " runs", 120, 110)
	row("  a batch adds, per scenario", sprintf("%.1f", $3), "ms", "-", 100, 60)
	row("  three tenants awake", sprintf("%.2f", $4), "s", "-", 3, 2)
	printf "\nverdicts: %s\n", verdicts
	done = 1
}
END { exit failed || !done }'
