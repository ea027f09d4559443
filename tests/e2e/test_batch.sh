#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The smoke set as one batch, as CI runs it: what is printed, what is written, which tenants woke instead of booting, and that nothing
# is left.  Its runs are looked at more closely by the tests of each resource (smoke_run in lib.sh), which come later.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
need_image
remember_host
names=(cpu disk net)
[[ ${LIMITLAB_ALLOW_HOST_SCARCITY:-} == 1 ]] && names+=(memory)
rm -rf "$smoked"
mkdir -p "$smoked"

files=()
for name in "${names[@]}"; do
	files+=("scenarios/smoke/$name.yaml")
done
begin=$EPOCHREALTIME
ll run --out "$smoked/out" --junit "$smoked/junit.xml" "${files[@]}"
echo "# from start to summary: $(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }') s"
batch=$(tail -n 1 "$scratch/stdout")

# of_run NAME MEMBER: of the run of this scenario, as the batch's file says
of_run() {
	jq -r --arg name "smoke-$1" --arg member "$2" '.scenarios as $s | .runs[] | select($s[.scenario].name == $name) | .[$member]' "$batch"
}

# ---- what it printed and wrote
matches "the last line is the batch's file" "$batch" "^$smoked/out/batch-[0-9]{8}T[0-9]{6}Z\\.json$"
is "standard error is empty" "$(<"$scratch/stderr")" ""
is "each run printed its directory" "$(grep -c "^$smoked/out/smoke-[a-z]*/[0-9TZ]*$" "$scratch/stdout")" ${#names[@]}
matches "the summary has a row for each scenario" "$(grep -A 99 '^  scenario  *verdict ' "$scratch/stdout" | tr '\n' ' ')" \
	"smoke-cpu .*smoke-disk .*smoke-net .* ${#names[@]} runs in [0-9]+ s"
is "the batch is done" "$(jq -c '[.done, .tenants_boot, (.runs | length)]' "$batch")" "[true,\"round\",${#names[@]}]"
succeeds "the JUnit file is one that CI servers read" xmllint --noout --nonet --schema tests/data/junit.xsd "$smoked/junit.xml"
is "the JUnit file has a suite for each scenario" "$(xmllint --xpath 'count(//testsuite)' "$smoked/junit.xml")" ${#names[@]}
is "the JUnit file's figures are there" \
	"$(xmllint --xpath '//property[@name="figure"]/@value' "$smoked/junit.xml" | cut -d '"' -f 2 | xargs ls 2>&1 | grep -c /figure.svg)" ${#names[@]}
for run in $(jq -r '.runs[].run' "$batch"); do
	succeeds "${run#"$smoked/out/"}: its own JUnit file is such a one" xmllint --noout --nonet --schema tests/data/junit.xsd "$run/junit.xml"
	is "${run#"$smoked/out/"}: its figure" "$(head -c 8 "$run/figure.png" | od -An -tx1 | tr -d ' \n')" 89504e470d0a1a0a
done

# ---- who booted: blue and red for the CPU scenario, green for the disk, nobody for the link; all where memory is scarce
# boots NAME: "TENANT WOKEN BOOT" of each, with the first run that boots it called by its scenario
boots() {
	local manifest
	manifest=$(of_run "$1" run)/manifest.json
	jq -r '.tenants[] | "\(.name) \(.woken) \(.boot | split("/")[0])"' "$manifest" | tr '\n' ';'
}
is "CPU: two boot, and wake from what was kept of them" "$(boots cpu)" "blue true smoke-cpu;red true smoke-cpu;"
is "disk: two wake, one boots" "$(boots disk)" "blue true smoke-cpu;green true smoke-disk;red true smoke-cpu;"
is "network: all wake" "$(boots net)" "blue true smoke-cpu;green true smoke-disk;red true smoke-cpu;"
if [[ ${#names[@]} == 4 ]]; then
	is "memory: all boot" "$(boots memory)" "blue false smoke-memory;green false smoke-memory;red false smoke-memory;"
fi
is "nothing of what was kept is left" "$(ls "$LIMITLAB_STATE_DIR/kept")" ""
host_is_as_before "the host is as before"

# ---- all pass; a run that was disturbed is made again, alone
for name in "${names[@]}"; do
	run=$(of_run "$name" run)
	if [[ $(of_run "$name" outcome) == inconclusive ]]; then
		echo "# smoke-$name was inconclusive: $(why_inconclusive)"
		measured "smoke-$name passes, alone" --allow-host-scarcity "scenarios/smoke/$name.yaml" || continue
		cp -a "$run" "$smoked/$name"
		run=$smoked/$name
	else
		is "smoke-$name passes" "$(of_run "$name" outcome)" pass
		[[ $(of_run "$name" outcome) == pass ]] || continue
	fi
	echo "$run" >"$smoked/passed-$name"
done
finish
