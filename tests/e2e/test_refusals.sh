#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What limitlab must refuse, through the real program: the right exit code, the reason and the remedy, nothing booted
# and nothing left.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
need_image
remember_host
bad=$scratch/bad
mkdir "$bad"
cp workloads/cpu-matrix.stress "$bad/"

# A good scenario, of which each case below spoils one thing.
good='name: spoilt
title: One thing in it is wrong
scarce: {cpu: {cpus: [0]}}
tenants:
  - {name: blue, memory: 128MiB, workload: cpu-matrix, limits: {cpu.shares: 1024}}
  - {name: red, memory: 128MiB, workload: cpu-matrix, limits: {cpu.shares: 1024}}
timeline:
  - {at: 0s, start: all}
  - {at: 1s, set: {tenant: red, cpu.shares: 2048}}
  - {at: 2s, stop: all}
expect:
  - {share: cpu, tenant: red, window: [1s, 2s], is: model, within: 5%}'
printf '%s\n' "$good" >"$bad/good.yaml"
ll check "$bad/good.yaml"
is "the unspoilt scenario is good" "$status $(<"$scratch/stderr")" "0 "

# nothing_happened NAME: no boot was announced, no run directory was made
nothing_happened() {
	is "$1: nothing booted" "$(grep -cE '^[^ ]+ (boot|acceleration)' "$scratch/stdout")" 0
	is "$1: no run directory" "$(find "$scratch/out" -mindepth 1 -printf '%P ')" ""
}

# refused NAME STATUS REGEX ARGUMENT...: of standard error
refused() {
	local name=$1 wanted=$2 regex=$3
	shift 3
	ll "$@"
	if [[ $status == "$wanted" && $(<"$scratch/stderr") =~ $regex ]]; then
		pass "$name"
	else
		fail "$name" "got: exit $status, '$(<"$scratch/stderr")'" "wanted: exit $wanted and something like '$regex'"
	fi
	nothing_happened "$name"
}

# spoilt NAME REGEX SED: the good scenario after this edit
spoilt() {
	sed -E "$3" "$bad/good.yaml" >"$bad/case.yaml"
	cmp -s "$bad/good.yaml" "$bad/case.yaml" && fail "$1: the edit changed something"
	refused "$1" 2 "^limitlab: $bad/case.yaml:$2" run --out "$scratch/out" "$bad/case.yaml"
}

spoilt "unknown key" "4:.*'?tennants" 's/^tenants:/tennants:/'
spoilt "wrong unit" "5:[0-9]+: .*128Mbit" '5s/128MiB/128Mbit/'
spoilt "wrong type" "7:[0-9]+: " 's/^timeline:/about: [7]\n&/'
spoilt "limit out of range" "9:[0-9]+: .*cpu.shares.*262144" 's/2048/999999999/'
spoilt "unknown limit" "9:[0-9]+: .*cpu.sharse" '9s/cpu.shares/cpu.sharse/'
spoilt "duplicate tenant" "6:[0-9]+: .*blue" 's/name: red/name: blue/'
spoilt "unknown tenant" "9:[0-9]+: .*green" '9s/red/green/'
spoilt "event after the end" "[0-9]+:[0-9]+: " '9s/1s/9s/'
spoilt "window outside the run" "12:[0-9]+: .*window" 's/\[1s, 2s\]/[1s, 20s]/'
spoilt "workload missing" "5:[0-9]+: .*cpu-nothing" '5s/cpu-matrix/cpu-nothing/'
spoilt "tabs and garbage" "1:[0-9]+: " '1s/.*/\t{[}/'
: >"$bad/case.yaml"
refused "empty file" 2 "case.yaml:1" run --out "$scratch/out" "$bad/case.yaml"
head -c 10M /dev/zero | tr '\0' 'a' >"$bad/case.yaml"
refused "10 MB file" 2 "case.yaml.*" run --out "$scratch/out" "$bad/case.yaml"
head -c 4096 "$limitlab" >"$bad/case.yaml"
refused "binary file" 2 "case.yaml:[0-9]+:[0-9]+: " run --out "$scratch/out" "$bad/case.yaml"
head -c 50000 /dev/zero | tr '\0' '[' >"$bad/case.yaml"
refused "deep nesting" 2 "case.yaml:[0-9]+:[0-9]+: " run --out "$scratch/out" "$bad/case.yaml"
refused "no such file" 2 "nowhere.yaml" run --out "$scratch/out" "$bad/nowhere.yaml"
spoilt "one of two is bad: nothing runs" "4:" 's/^tenants:/tennants:/'
refused "a good one before a bad one" 2 "case.yaml:4" run --out "$scratch/out" "$bad/good.yaml" "$bad/case.yaml"

refused "kernels without a scenario" 2 "'kernels' needs SCENARIO.*remedy: " kernels
refused "unknown mode of control groups" 2 "--cgroup takes v1, v2, hybrid .*not 'v3'" kernels --cgroup v2,v3 "$bad/good.yaml"
refused "a mode twice" 2 "--cgroup has v2 twice" kernels --cgroup v2,v2 "$bad/good.yaml"
refused "a scenario twice" 2 "are both scenario .*name it once" kernels "$bad/good.yaml" "$bad/good.yaml"
refused "kernels resumed from nowhere" 2 "there is no batch .*nowhere" kernels --resume "$scratch/nowhere.json"
refused "kernels resumed from a folder without any" 2 "no unfinished batch kernels-TIME.json in" kernels --resume "$bad"
refused "kernels resumed, and told otherwise" 2 "--resume goes on as the batch began" kernels --resume x --kernel 6.1
refused "bisect without ends" 2 "needs --good KERNEL and --bad KERNEL" bisect "$bad/good.yaml"
refused "bisect in two modes" 2 "takes one cgroup mode, not 'v1,v2'" bisect --good a --bad b --cgroup v1,v2 "$bad/good.yaml"
refused "too few runs to decide" 2 "--until-decided 3 can never decide" bisect --good a --bad b --until-decided 3 "$bad/good.yaml"

# batch PLACES: one run of one scenario, whose text was another
batch() {
	printf '{"format":1,"seed":1,"rounds":2,"until_decided":false,"done":false,%s"scenarios":[{"path":"%s","name":"spoilt","source":"x"}],
		"runs":[{"scenario":0,"round":0,"outcome":"broken","exit_code":5,"run":null,"seconds":1,"findings":[],"trouble":"x"}]}' \
		"$1" "$bad/good.yaml" >"$bad/batch.json"
}
batch ''
refused "a batch whose scenario has changed" 2 "has changed since" run --resume "$bad/batch.json"
batch '"places":[{"kernel":"6.1","release":"6.1.0-50","cgroup":"v2"}],"attempts":3,'
refused "a batch of kernels" 2 "is a batch of 'kernels'.*remedy: limitlab kernels --resume" run --resume "$bad/batch.json"

refused "unknown option" 2 "no option '--frobnicate'" run --frobnicate "$bad/good.yaml"
refused "unknown command" 2 "no command 'frobnicate'" frobnicate
refused "no scenario" 2 "SCENARIO" run
refused "remote URI" 2 "qemu\+ssh" run --out "$scratch/out" --connect qemu+ssh://other/system "$bad/good.yaml"
refused "remote host in the URI" 2 "other" run --out "$scratch/out" --connect qemu://other/system "$bad/good.yaml"
refused "session URI" 2 "session" run --out "$scratch/out" --connect qemu:///session "$bad/good.yaml"

# ---- what the host lacks: exit 4, and how to get it
mode=v2
[[ -e /sys/fs/cgroup/cgroup.controllers ]] || mode=v1
other=v1
[[ $mode == v1 ]] && other=v2
{ echo "when: {cgroup: $other}" && cat "$bad/good.yaml"; } >"$bad/when.yaml"
refused "the other cgroup mode" 4 "needs cgroup $other.*remedy: " run --out "$scratch/out" "$bad/when.yaml"
sed 's/cpus: \[0\]/cpus: [0, 1000]/' "$bad/good.yaml" >"$bad/case.yaml"
refused "a CPU that does not exist" 4 "1000.*remedy: " run --out "$scratch/out" "$bad/case.yaml"
all=$(awk '/^Cpus_allowed_list/ { print $2 }' /proc/self/status | tr ',' '\n' |
	awk -F - '{ for (i = $1; i <= ($2 == "" ? $1 : $2); i++) printf "%s%s", n++ ? ", " : "", i }')
sed "s/cpus: \[0\]/cpus: [$all]/" "$bad/good.yaml" >"$bad/case.yaml"
sed 's/name: red, memory: 128MiB,/& cpus: [1000],/; /^expect:/,$d' "$bad/good.yaml" >"$bad/cpus.yaml"
refused "a tenant's CPU that does not exist" 4 "tenant 'red'.* CPU 1000 .*remedy: " run --out "$scratch/out" "$bad/cpus.yaml"
refused "every CPU scarce" 4 "leaves none.*remedy: " run --out "$scratch/out" "$bad/case.yaml"
refused "no daemon behind the URI" 4 "nobody answers at .*/no-daemon.*remedy: start the daemon" run --out "$scratch/out" \
	--connect "qemu+unix:///system?socket=$scratch/no-daemon" "$bad/good.yaml"
LIMITLAB_IMAGE_DIR=$scratch/no-image refused "no guest image" 4 "remedy: .*limitlab image build" \
	run --out "$scratch/out" "$bad/good.yaml"

# holds the lock as a living run does: flock(2), which its children inherit, and a record lock of its own (src/run/state.c)
mkdir -p "$LIMITLAB_STATE_DIR/journal"
coproc perl -e '
	use Fcntl qw(:DEFAULT :flock :seek);
	open(my $lock, ">", shift) or die;
	flock($lock, LOCK_EX) or die;
	my $own = pack("s s x![q] q q i x![q]", F_WRLCK, SEEK_SET, 0, 0, 0);
	fcntl($lock, F_SETLK, $own) or die;
	$| = 1; print "held\n"; sleep 600' "$LIMITLAB_STATE_DIR/lock"
children+=("$COPROC_PID")
read -r _ <&"${COPROC[0]}"
refused "two runs at once" 4 "another limitlab run.*remedy: " run --out "$scratch/out" "$bad/good.yaml"
ll clean
is "clean while a run goes on" "$status" 4
kill "$COPROC_PID"

# ---- without root
user_refused() {
	local name=$1 wanted=$2 regex=$3
	shift 3
	as_nobody "$@" >"$scratch/stdout" 2>"$scratch/stderr" </dev/null
	is "$name: exit" "$?" "$wanted"
	matches "$name: says why" "$(<"$scratch/stderr")" "$regex"
}
chmod 777 "$scratch/out"
user_refused "run without root" 4 "needs root.*remedy: sudo" "$limitlab" run --out "$scratch/out" "$bad/good.yaml"
nothing_happened "run without root"
user_refused "clean without root" 4 "needs root.*remedy: sudo" "$limitlab" clean

# ---- run directories that are none
reference=$(find results/reference -mindepth 2 -name manifest.json -printf '%h\n' 2>/dev/null | sort | head -n 1)
if [[ -z $reference ]]; then
	skip "damaged run directories" "there is no kept run below results/reference"
else
	# damaged NAME REGEX COMMAND...: in a copy of a kept run
	damaged() {
		local name=$1 regex=$2 command
		shift 2
		rm -rf "$scratch/run"
		cp -r "$reference" "$scratch/run"
		(cd "$scratch/run" && "$@")
		for command in judge plot; do
			ll "$command" "$scratch/run"
			is "$command, $name: exit" "$status" 2
			matches "$command, $name: says why" "$(<"$scratch/stderr")" "$regex"
		done
		no_half_files "$name: no half-written file" "$scratch/run"
	}
	damaged "no manifest" "manifest.json" rm manifest.json
	damaged "manifest cut off" "manifest.json:[0-9]+" truncate -s 100 manifest.json
	damaged "manifest of another format" "format" sed -i 's/"format_version": *1/"format_version": 99/' manifest.json
	damaged "events.csv is garbage" "events.csv" dd if=/dev/urandom of=events.csv bs=1k count=4 status=none
	damaged "no scenario" "scenario.yaml" rm scenario.yaml
	damaged "scenario spoilt" "scenario.yaml:[0-9]+" sed -i 's/^tenants:/tennants:/' scenario.yaml
	damaged "no samples and no series" "samples.csv|series.csv" rm -f samples.csv series.csv
	ll judge "$scratch/nowhere"
	is "judge of nothing" "$status" 2
	cp -r "$reference" "$scratch/whole"
	mkdir "$scratch/path"
	for program in sh env cat; do
		ln -s "$(command -v $program)" "$scratch/path/"
	done
	PATH=$scratch/path "$limitlab" plot "$scratch/whole" >"$scratch/stdout" 2>"$scratch/stderr"
	is "plot without gnuplot: exit" "$?" 4
	matches "plot without gnuplot: the remedy" "$(<"$scratch/stderr")" "gnuplot.*remedy: .*gnuplot"
fi

host_is_as_before "the host is as before"
finish
