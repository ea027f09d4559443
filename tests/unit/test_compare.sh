#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# limitlab compare on copies of a kept run of real VMs whose samples were changed: a little in every copy, as runs differ, and in
# one set by a tenth more for red after the event.  Exit codes, files, and what is refused.
set -u
cd "$(dirname "$0")/../.." || exit 1
limitlab=${LIMITLAB:-$PWD/build/limitlab}
kept=results/reference/smoke-cpu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
. tests/tap.sh

if [[ ! -e $kept/manifest.json ]]; then
	skip_all "there is no kept run $kept"
fi

# copy TO RED_TIMES RED_TIMES_AFTER: red gets so many times its time, blue what is left; waiting is what is left of that
copy() {
	cp -r "$kept" "$1"
	awk -F, -v OFS=, -v all="$2" -v after="$3" '
		NR == 1 {for (i = 1; i <= NF; i++) at[$i] = i; print; next}
		$2 == "host" {print; next}
		{
			cpu = at["cpu_usage_ns"]; vcpu = at["vcpu_usage_ns"]; wait = at["run_delay_ns"]
			grown = seen[$2] ? $vcpu - before[$2] : 0
			seen[$2] = 1; before[$2] = $vcpu
			if ($2 == "red") {taken = grown * (all * ($1 > 6 ? after : 1) - 1); more["red"] += taken; more["blue"] -= taken}
			for (c in at) if (at[c] == cpu || at[c] == vcpu) $at[c] = sprintf("%.0f", $at[c] + more[$2])
			$wait = sprintf("%.0f", $wait - more[$2])
			print
		}' "$kept/samples.csv" >"$1/samples.csv"
	rm -f "$1/series.csv" "$1/verdict.json" "$1/junit.xml"
}

# check NAME STATUS WANTED COMMAND...: the exit code, and a part of what is said
check() {
	local name=$1 status=$2 wanted=$3 got
	shift 3
	"$@" >"$folder/out" 2>&1
	got=$?
	if [[ $got == "$status" ]] && grep -qF -- "$wanted" "$folder/out"; then
		pass "$name"
	else
		fail "$name" "exit code $got, wanted $status and: $wanted" "$(<"$folder/out")"
	fi
}

mkdir -p "$folder"/{a,b,c,d,few-a,few-b}
i=0
for noise in 1.000 1.004 0.997 1.002 0.995; do
	i=$((i + 1))
	copy "$folder/a/$i" "$noise" 1
	copy "$folder/b/$i" "$(awk -v x="$noise" 'BEGIN {print 1 + (1 - x) * 0.9 + 0.0005}')" 1
	copy "$folder/c/$i" "$(awk -v x="$noise" 'BEGIN {print 1 + (1 - x) * 0.8}')" 1.1
	copy "$folder/d/$i" "$(awk -v x="$noise" 'BEGIN {print 1 + (1 - x) * 0.8}')" 1.04
	sed -i 's/"host_kernel": "[^"]*"/"host_kernel": "6.99"/' "$folder/c/$i/manifest.json"
done
cp -r "$folder"/a/[123] "$folder/few-a"
cp -r "$folder"/c/[123] "$folder/few-b"

check 'runs that differ by noise alone are the same' 0 'no change of 5 % or more' "$limitlab" compare "$folder/a" "$folder/b"
check 'a tenth more for one tenant is found' 1 'changed    share cpu red 8s-14s' "$limitlab" compare "$folder/a" "$folder/c"
check 'with -- between the runs' 1 'changed    share cpu red 8s-14s' "$limitlab" compare "$folder"/a/* -- "$folder"/c/*
check 'grouped by a field' 1 'B = 6.99 (5 runs)' "$limitlab" compare --by kernel "$folder/a" "$folder/c"
check 'a change of 15 % is one above the usual floor' 1 'changed    share cpu blue 8s-14s' "$limitlab" compare "$folder/a" "$folder/d"
check 'and none below a higher one' 0 'no change of 30 % or more' "$limitlab" compare --floor 30% "$folder/a" "$folder/d"
check 'three against three can decide nothing' 3 'can give p = 0.1 at best; it takes at least 4 runs in each group' \
	"$limitlab" compare "$folder/few-a" "$folder/few-b"
check 'quiet says nothing' 1 'nothing: 0 bytes' bash -c "'$limitlab' compare --quiet '$folder/a' '$folder/c' >'$folder/quiet'; status=\$?
	echo \"nothing: \$(stat -c %s '$folder/quiet') bytes\"; exit \$status"
check 'all files' 1 'changed: ' "$limitlab" compare --csv "$folder/x.csv" --markdown "$folder/x.md" --figure "$folder/x.svg" \
	"$folder/a" "$folder/c"
check 'CSV has as many fields in every line' 0 'good' awk -F, 'NR == 1 {n = NF} NF != n {bad = 1} END {print bad || NR < 50 ? "bad" : "good"}' "$folder/x.csv"
check 'Markdown has the change' 0 '**changed** |' cat "$folder/x.md"
check 'the figure is whole' 0 '</svg>' tail -c 100 "$folder/x.svg"
"$limitlab" compare --json "$folder/a" "$folder/c" >"$folder/x.json"
check 'JSON says the same' 0 true jq '.verdict == "changed" and .seed == 1 and (.comparisons[0].scenarios[0].rows |
	map(select(.name == "share cpu red 8s-14s"))[0] | .verdict == "changed" and (.change > 0.09 and .change < 0.11))' "$folder/x.json"
check 'runs against themselves need eight' 3 'it takes at least 8 runs' "$limitlab" compare --self "$folder/a"
check 'ten runs against themselves' 0 '0 of 100 splits at random' "$limitlab" compare --self "$folder/a" "$folder/b"
check 'of them eight are a comparison of their own' 0 '0 of 1 comparison of disjoint runs, 4 against 4 in turn, raise an alarm: the rate is below 95 %' \
	"$limitlab" compare --self "$folder/a" "$folder/b"
check 'a scenario against itself needs runs' 2 'limitlab compare --self --repeat 10 scenarios/smoke/cpu.yaml' \
	"$limitlab" compare --self scenarios/smoke/cpu.yaml
check 'a scenario is read before anything is run' 2 'bad.yaml:1:' bash -c "echo 'name: 1x' >'$folder/bad.yaml'; '$limitlab' compare --self --repeat 8 '$folder/bad.yaml'"
check 'scenarios and runs at once' 2 'but not both at once' "$limitlab" compare --self scenarios/smoke/cpu.yaml "$folder/a"
check 'runs cannot be repeated' 2 'is no scenario file' "$limitlab" compare --self --repeat 8 "$folder/a"
check 'repetition without --self' 2 'it goes with --self' "$limitlab" compare --repeat 8 "$folder/a" "$folder/b"
check 'nothing to compare with' 2 "there are no runs after the '--'" "$limitlab" compare "$folder/a" --
check 'no groups' 2 "there is no '--' between them" "$limitlab" compare "$folder/a/1" "$folder/a/2" "$folder/a/3"
check 'a run twice' 2 'is there twice' "$limitlab" compare "$folder/a" -- "$folder/b" "$folder/a/2"
check 'unlike scenarios' 2 'unlike scenarios cannot be compared' "$limitlab" compare results/reference/cpu-shares "$folder/a"
check 'one kernel only' 2 'there is nothing to compare' "$limitlab" compare --by host_kernel "$folder/a" "$folder/b"
check 'no such field' 2 'fields are scenario_name' "$limitlab" compare --by colour "$folder/a" "$folder/b"
check 'a floor in words' 2 'floor' "$limitlab" compare --floor small "$folder/a" "$folder/b"
check 'a figure of no format' 2 'a figure ends in .svg, .png or .pdf' "$limitlab" compare --figure "$folder/x.jpg" "$folder/a" "$folder/b"
check 'a folder that cannot be written to' 5 '/nowhere/x.csv' "$limitlab" compare --csv /nowhere/x.csv "$folder/a" "$folder/b"
# What changes no run may change: words.
sed -i 's/^title: .*/title: another one/; s/at: 6s,  set:/at: 6s, name: red gains, set:/; s/window: \[8s, 14s\]/window: [red gains + 2s, 14s]/' \
	"$folder"/b/*/scenario.yaml
check 'other words and the same windows by name' 0 'no change of 5 % or more' "$limitlab" compare "$folder/a" "$folder/b"
sed -i 's/cpu.shares: 4096/cpu.shares: 4095/' "$folder"/d/*/scenario.yaml
sed -i 's/,4096,4096,/,4095,4095,/' "$folder"/d/*/events.csv
check 'another limit' 2 "that of the second '6 s  set red cpu.shares 4095'" "$limitlab" compare "$folder/a" "$folder/d"
check 'another limit on purpose' 1 "The scenarios are not the same: " "$limitlab" compare --unlike "$folder/a" "$folder/d"
check 'its rows are matched' 1 'changed    share cpu blue 8s-14s' "$limitlab" compare --unlike "$folder/a" "$folder/d"
check 'nothing is unlike itself' 2 '--self takes runs' "$limitlab" compare --self --unlike "$folder/a"
sed -i 's/"state": "complete"/"state": "running"/' "$folder"/b/[1234]/manifest.json
check 'runs that go on do not count, and are named' 3 'b/2: it is still running, or was killed' "$limitlab" compare "$folder/a" "$folder/b"
head -c 20000 "$folder/c/3/samples.csv" >"$folder/cut" && cp "$folder/cut" "$folder/c/3/samples.csv"
check 'a file cut off is named with its line' 2 '/c/3/samples.csv:' "$limitlab" compare "$folder/a" "$folder/c"
finish
