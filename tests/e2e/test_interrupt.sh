#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Ctrl-C and SIGTERM: the run saves what it has, says so, and leaves the host as it was.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
need_image
remember_host

# interrupted NAME SIGNAL STATUS MOMENT: of tiny.yaml, when a line like MOMENT comes
interrupted() {
	local name=$1 signal=$2 wanted=$3 moment=$4
	start_run "$scenarios/tiny.yaml"
	if ! await "$moment"; then
		fail "$name: came that far" "$(<"$scratch/progress")" "$(<"$scratch/stderr")"
		end_run
		return
	fi
	kill -s "$signal" "$supervisor"
	end_run
	is "$name: exit" "$status" "$wanted"
	run=${run:-$(newest_run)}
	is "$name: the manifest says so" "$(jq -r .state "$run/manifest.json")" interrupted
	matches "$name: the manifest says why" "$(jq -r .reason "$run/manifest.json")" "interrupted by"
	no_half_files "$name: no half-written file" "$run"
	is "$name: no journal is left" "$(ls "$LIMITLAB_STATE_DIR/journal")" ""
	host_is_as_before "$name: the host is as before"
}

interrupted "Ctrl-C while booting" INT 130 " boot: "
is "Ctrl-C while booting: there are no samples" "$(ls "$run"/*.csv 2>/dev/null)" ""
interrupted "Ctrl-C in the timeline" INT 130 "cpu.shares set"
at_least "Ctrl-C in the timeline: samples until then" "$(cut -d , -f 2 "$run/samples.csv" | grep -c red)" 5
is "Ctrl-C in the timeline: the event until then" "$(grep -c cpu.shares "$run/events.csv")" 1
matches "Ctrl-C in the timeline: the output until then" "$(<"$run/log/red.stream")" "@start"
ll judge "$run"
is "an interrupted run is judged inconclusive" "$status" 3
interrupted "SIGTERM while booting" TERM 143 "event at .*(blue|red) is ready"
interrupted "SIGTERM in the timeline" TERM 143 "start all"

# A batch ends with the signal too: here in its second run, where red woke from what the first one kept; blue's state is damaged.
start_run --repeat 2 --boot batch "$scenarios/tiny.yaml"
await "start all" && truncate -s 1M "$LIMITLAB_STATE_DIR"/kept/*/blue-*.state && await "start all" && kill -s INT "$supervisor"
end_run
is "a batch: exit" "$status" 130
is "a batch: nothing is started after the signal" "$(grep -c ' boot: ' "$scratch/progress")" 2
is "a batch: what was kept is gone" "$(ls "$LIMITLAB_STATE_DIR/kept")" ""
batch=$(compgen -G "$scratch/out/batch-*.json")
is "a batch: its file knows that it is not over" "$(jq -c '[.done, .tenants_boot, (.runs | length)]' "$batch")" '[false,"batch",1]'
woken() { jq -c '[.tenants[] | .woken]' "$1/manifest.json"; }
is "a batch: in the run that was interrupted one had woken" "$(woken "$(newest_run)")" "[false,true]"
matches "a batch: why the other booted" "$(<"$scratch/progress")" "tenant 'blue' boots: "
ll run --resume "$batch" --junit "$scratch/junit.xml"
matches "a resumed batch: exit" "$status" '^[013]$'
is "a resumed batch: only the run that was interrupted is made" "$(grep -c ' boot: ' "$scratch/stdout")" 1
is "a resumed batch: its tenants boot" "$(woken "$(jq -r '.runs[1].run' "$batch")")" "[false,false]"
is "a resumed batch: both runs are there" "$(jq -c '[.done, (.runs | length), .runs[0].round, .runs[1].round]' "$batch")" \
	'[true,2,0,1]'
is "a resumed batch: its last line is its file" "$run" "$batch"
is "a resumed batch: JUnit has both" "$(xmllint --xpath 'count(//testsuite)' "$scratch/junit.xml")" 2
before=$status
ll run --resume "$batch" --junit "$scratch/junit.xml"
is "a batch that is over: the same exit, nothing is run" "$status $(grep -c ' boot: ' "$scratch/stdout")" "$before 0"
is "a batch that is over: JUnit comes from the files" "$(xmllint --xpath 'count(//testsuite)' "$scratch/junit.xml")" 2

# While the figure is drawn the timeline is over: the run is whole, and the signal is not lost.
start_run "$scenarios/tiny.yaml"
await " figure" && kill -s INT "$supervisor"
end_run
is "Ctrl-C while drawing: exit" "$status" 130
is "Ctrl-C while drawing: the run is complete" "$(jq -r .state "$run/manifest.json")" complete
matches "Ctrl-C while drawing: its verdict is there" "$(jq -r .verdict "$run/verdict.json")" .
host_is_as_before "Ctrl-C while drawing: the host is as before"

# Twice: at once.
start_run "$scenarios/tiny.yaml"
await "start all" && kill -s INT "$supervisor" && await "interrupted" && kill -s INT "$supervisor"
end_run
is "Ctrl-C twice: exit" "$status" 130
host_is_as_before "Ctrl-C twice: the host is as before"
finish
