#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A run that passes: its directory, its output in every form, and its files judged and drawn again by somebody else.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
need_image
remember_host

smoke_run "a short scenario passes" cpu || finish
smoke=$run

# ---- what a run prints
ll run --out "$scratch/out" "$scenarios/tiny.yaml"
matches "the last line is the run directory" "$run" "^$scratch/out/tiny/[0-9]{8}T[0-9]{6}Z(-[0-9]+)?$"
is "standard error is empty" "$(<"$scratch/stderr")" ""
matches "the table has a verdict" "$(<"$scratch/stdout")" "(pass|inconclusive) +share cpu red 1.2s-3s"

# ---- its files
# libvirt.log is there only when libvirt had something to say, as after it probed QEMU anew.
find "$smoke" -type f ! -name libvirt.log -printf '%P\n' | sort >"$scratch/files"
is "the files" "$(tr '\n' ' ' <"$scratch/files")" "events.csv figure.png figure.svg junit.xml log/blue.console \
log/blue.qemu log/blue.stream log/red.console log/red.qemu log/red.stream manifest.json samples.csv scenario.yaml series.csv verdict.json "
no_half_files "no half-written file" "$smoke"
while read -r file; do
	[[ -s $smoke/$file ]] || fail "'$file' is not empty"
done <"$scratch/files"
is "the manifest says complete" "$(jq -r .state "$smoke/manifest.json")" complete
is "the manifest gives no reason" "$(jq -r .reason "$smoke/manifest.json")" ""
is "the manifest names the host's kernel" "$(jq -r .host_kernel "$smoke/manifest.json")" "$(uname -r)"
is "every tenant worked, without trouble" \
	"$(jq -c '[.tenants[] | [.name, .worked, .trouble]]' "$smoke/manifest.json")" '[["blue",true,""],["red",true,""]]'
at_least "ticks" "$(jq .ticks "$smoke/manifest.json")" 70
at_most "start skew in ms" "$(jq .start_skew_ms "$smoke/manifest.json")" 200
at_most "limitlab's own CPU, percent" "$(jq .overhead_cpu_pct "$smoke/manifest.json")" 2
is "the scenario is kept as it was" "$(cmp "$smoke/scenario.yaml" scenarios/smoke/cpu.yaml 2>&1)" ""
is "the verdict is a pass" "$(jq -r .verdict "$smoke/verdict.json")" pass
succeeds "junit.xml is XML" xmllint --noout "$smoke/junit.xml"
is "junit.xml counts the expectations" "$(xmllint --xpath 'count(//testcase)' "$smoke/junit.xml")" 5
is "junit.xml has no failure" "$(xmllint --xpath 'count(//failure | //error | //skipped)' "$smoke/junit.xml")" 0
succeeds "figure.svg is XML" xmllint --noout --nonet "$smoke/figure.svg"
is "figure.png is a PNG" "$(head -c 8 "$smoke/figure.png" | od -An -tx1 | tr -d ' \n')" 89504e470d0a1a0a
matches "samples.csv has a header" "$(head -n 1 "$smoke/samples.csv")" '^"?t_s"?,"?tenant"?,.*vcpu_usage_ns'
is "samples.csv has a row for each tenant and the host" \
	"$(tail -n +2 "$smoke/samples.csv" | cut -d , -f 2 | tr -d '"' | sort -u | tr '\n' ' ')" "blue host red "
is "events.csv: the shares were read back" "$(grep ,cpu.shares, "$smoke/events.csv" | cut -d , -f 4-8 | tr -d '"')" \
	"set,red,cpu.shares,4096,4096"
at_most "the shares were set in time (s)" "$(grep ,cpu.shares, "$smoke/events.csv" | cut -d , -f 2 | tr -d '"')" 6.1

# ---- judged and drawn again: a copy that belongs to nobody, who has no root
copy=$scratch/copy
cp -r "$smoke" "$copy"
rm "$copy"/verdict.json "$copy"/junit.xml "$copy"/series.csv "$copy"/figure.*
chown -R 65534:65534 "$copy"
verdicts='[.expectations[] | [.name, .verdict]]'
jq -e "$verdicts" "$smoke/verdict.json" >"$scratch/verdicts" || fail "verdict.json has expectations"
succeeds "judge without root" as_nobody "$limitlab" judge "$copy"
is "judge gives the same verdicts" "$(jq -c "$verdicts" "$copy/verdict.json")" "$(jq -c . "$scratch/verdicts")"
is "judge derives the same series" "$(cmp "$copy/series.csv" "$smoke/series.csv" 2>&1)" ""
succeeds "plot without root" as_nobody "$limitlab" plot "$copy"
is "plot draws the same figure" "$(cmp "$copy/figure.svg" "$smoke/figure.svg" 2>&1)" ""

# ---- machines
ll run --json --out "$scratch/out" "$scenarios/tiny.yaml"
matches "--json: exit" "$status" '^[03]$'
succeeds "--json: every line is an object" jq -e -s 'length > 5 and all(.[]; type == "object")' "$scratch/stdout"
is "--json: as many lines as objects" "$(jq -c . "$scratch/stdout" | wc -l)" "$(wc -l <"$scratch/stdout")"
matches "--json: the phases" "$(jq -r 'select(.type == "phase") | .phase' "$scratch/stdout" | tr '\n' ' ')" \
	"check .*boot barrier timeline stop record end undo judge figure "
matches "--json: has the verdict" "$(jq -r 'select(.type == "result") | .verdict' "$scratch/stdout")" '^(pass|inconclusive)$'
is "--json: the last line names the run directory" "$(tail -n 1 "$scratch/stdout" | jq -r .run)" "$(newest_run)"

ll run --quiet --out "$scratch/out" --junit "$scratch/all.xml" "$scenarios/tiny.yaml"
matches "--quiet: exit" "$status" '^[03]$'
is "--quiet: prints the path only" "$(<"$scratch/stdout")" "$(newest_run)"
is "--quiet: no error" "$(<"$scratch/stderr")" ""
is "--junit: one suite" "$(xmllint --xpath 'count(//testsuite)' "$scratch/all.xml")" 1

host_is_as_before "the host is as before"
finish
