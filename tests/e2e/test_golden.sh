#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The shipped CPU scenarios in short: what they claim holds on this host.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
need_image
remember_host

# verdicts NAME: every expectation by name, of the last run
verdicts() {
	local name=$1 row
	while IFS=$'\t' read -r row verdict reason; do
		if [[ $verdict == pass ]]; then
			pass "$name: $row"
		else
			fail "$name: $row" "got:    $verdict: $reason" "wanted: pass"
		fi
	done < <(jq -r '.expectations[] | [.name, .verdict, .reason] | @tsv' "$run/verdict.json")
}

measured "a quota is a hard limit" "$scenarios/quota.yaml"
verdicts quota
is "quota: every value was read back" \
	"$(awk -F , 'NR > 1 && $4 == "set" && $7 != $8' "$run/events.csv")" ""
measured "an idle share goes to the others" "$scenarios/idle-share.yaml"
verdicts idle-share

# Sampling as fast as it goes.
measured "sampling every 10 ms" "$scenarios/fast.yaml"
manifest=$run/manifest.json
at_least "10 ms: ticks" "$(jq .ticks "$manifest")" 850
at_most "10 ms: late and missed ticks, percent" \
	"$(jq '100 * (.ticks_late + .ticks_missed) / (.ticks + .ticks_missed)' "$manifest")" 5
at_most "10 ms: late events (99th percentile), ms" "$(jq .event_lateness_p99_ms "$manifest")" 5
is "10 ms: the interval is recorded" "$(jq .sample_interval_s "$manifest")" 0.01

host_is_as_before "the host is as before"
finish
