#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A workload that fails to start, or does no work: the run says so and never passes, whatever was expected.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
need_image
remember_host

# troubled NAME REGEX
troubled() {
	local name=$1 regex=$2
	ll run --out "$scratch/out" "$scenarios/$name.yaml"
	matches "$name: exit" "$status" '^[35]$'
	is "$name: the manifest says that red did not work" \
		"$(jq -c '[.tenants[] | [.name, .worked]]' "$run/manifest.json")" '[["blue",true],["red",false]]'
	matches "$name: the manifest says why" "$(jq -r '.tenants[1].trouble' "$run/manifest.json")" "$regex"
	matches "$name: the user is told" "$(cat "$scratch/stdout" "$scratch/stderr")" "workload of 'red'.*$regex"
	is "$name: no verdict is a pass" "$(jq -r '.expectations[].verdict' "$run/verdict.json")" inconclusive
}

troubled unknown-stressor "frobnicate|exit"
troubled no-work "no work|exit"
host_is_as_before "the host is as before"
finish
