# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# What the end-to-end tests share, beside TAP: a state directory of their own, the host's list of things that a run could leave
# behind, runs in the background that are followed line by line.  Sourced first; each test ends with `finish`.
#
#	scratch		a folder of this test; removed at the end
#	status		of the last `ll`; what it printed is in $scratch/stdout and $scratch/stderr
#	run		the run directory that the last `measured` or `ll run` printed
set -u -o pipefail
export LC_ALL=C
cd "${LIMITLAB_ROOT:-$(dirname "${BASH_SOURCE[0]}")/../..}" || exit 1
. tests/tap.sh
limitlab=${LIMITLAB:-$PWD/build/limitlab}
here=$PWD/tests/e2e
scenarios=$here/scenarios
# Answers that cost much and hold until the host reboots: whether KVM boots, and what QEMU can do.
kept=${LIMITLAB_BUILD:-$PWD/build}/e2e-cache
# The smoke set as test_batch.sh ran it, for the tests that look closer at one of its runs.
smoked=${LIMITLAB_BUILD:-$PWD/build}/e2e-smoke

# ---- beginning and end --------------------------------------------------------------------------------------------
children=() # of this test; they end with it

end() {
	local child
	for child in "${children[@]}"; do
		kill -KILL "$child" 2>/dev/null
	done
	if compgen -G "$LIMITLAB_STATE_DIR/journal/*" >/dev/null; then
		"$limitlab" clean >/dev/null 2>&1
	fi
	if [[ -e $LIMITLAB_STATE_DIR/accel.json ]]; then
		rm -rf "$kept"
		mkdir -p "$kept"
		cp -a "$LIMITLAB_STATE_DIR/accel.json" "$LIMITLAB_STATE_DIR/embed/cache" "$kept/" 2>/dev/null
	fi
	rm -rf --one-file-system "$scratch"
}

if ((EUID != 0)); then
	skip_all "real VMs need root"
fi
# Short: the path of a socket below it has room for 108 bytes.
scratch=$(mktemp -d /tmp/ll.XXXXXX) || exit 1
chmod 755 "$scratch"
export LIMITLAB_STATE_DIR=$scratch/s
trap end EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
mkdir -p "$LIMITLAB_STATE_DIR/embed" "$scratch/out"
if [[ -e $kept/accel.json ]]; then
	cp -a "$kept/accel.json" "$LIMITLAB_STATE_DIR/"
	cp -a "$kept/cache" "$LIMITLAB_STATE_DIR/embed/"
fi
unset SUDO_UID SUDO_GID

# need_image: the guest image; quick when it is there and up to date
need_image() {
	"$limitlab" image build >"$scratch/image.log" 2>&1 || bail_out "limitlab image build: $(tail -n 5 "$scratch/image.log")"
}

# ---- running ------------------------------------------------------------------------------------------------------
# ll ARGUMENT...
ll() {
	"$limitlab" "$@" >"$scratch/stdout" 2>"$scratch/stderr" </dev/null
	status=$?
	[[ $1 != run ]] || run=$(tail -n 1 "$scratch/stdout")
}

# as_nobody COMMAND...
as_nobody() {
	setpriv --reuid=65534 --regid=65534 --clear-groups "$@"
}

why_inconclusive() {
	jq -r '[.. | objects | select(.verdict? == "inconclusive") | .reason? // empty] | unique | join("; ")' \
		"$run/verdict.json" 2>/dev/null
}

# measured NAME ARGUMENT...: `limitlab run --out` with these; one that ends inconclusive is repeated at most twice.
measured() {
	local name=$1 attempt cause
	shift
	for attempt in 1 2 3; do
		ll run --out "$scratch/out" "$@"
		((status == 3)) || break
		cause=$(why_inconclusive)
		echo "# $name: attempt $attempt of 3 was inconclusive: $cause"
	done
	if ((status == 3)); then
		fail "$name" "three times inconclusive; the last cause: $cause"
	elif ((status != 0)); then
		fail "$name" "got: exit $status" "wanted: exit 0" "$(<"$scratch/stdout")" "$(<"$scratch/stderr")"
	else
		pass "$name"
	fi
	return "$status"
}

# smoke_run NAME SCENARIO ARGUMENT...: sets run to the one of this scenario in the smoke set's batch, if that passed with this
# program and this scenario; else it is run now.
smoke_run() {
	local name=$1 scenario=scenarios/smoke/$2.yaml passed=$smoked/passed-$2
	if [[ $passed -nt $limitlab && $passed -nt $scenario && -e $(<"$passed")/manifest.json ]]; then
		run=$(<"$passed")
		pass "$name (in the smoke set's batch)"
	else
		measured "$name" "${@:3}" "$scenario"
	fi
}

# ---- a run in the background --------------------------------------------------------------------------------------
# start_run ARGUMENT...: sets supervisor; its progress is read with await
start_run() {
	rm -f "$scratch/lines" "$scratch/progress"
	mkfifo "$scratch/lines"
	: >"$scratch/progress"
	# A shell without job control starts background jobs with SIGINT ignored.
	env --default-signal=INT "$limitlab" run --out "$scratch/out" "$@" >"$scratch/lines" 2>"$scratch/stderr" </dev/null &
	supervisor=$!
	children+=("$supervisor")
	exec 7<"$scratch/lines"
}

# await REGEX: reads progress until a line matches; 1: the run ended before, or said nothing for a minute
await() {
	local line
	while IFS= read -r -t 60 -u 7 line; do
		echo "$line" >>"$scratch/progress"
		[[ $line =~ $1 ]] && return 0
	done
	return 1
}

# end_run: waits for the end of the run; sets status and run ("": none was printed)
end_run() {
	local line
	while IFS= read -r -t 60 -u 7 line; do
		echo "$line" >>"$scratch/progress"
	done
	exec 7<&-
	wait "$supervisor" 2>/dev/null
	status=$?
	run=$(grep "^$scratch/out/" "$scratch/progress" | tail -n 1)
}

# newest_run: the run directory made last
newest_run() {
	find "$scratch/out" -mindepth 2 -maxdepth 2 -type d -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-
}

# family PID: "PID NAME" of its descendants
family() {
	ps -e -o pid=,ppid=,comm= | awk -v top="$1" '
	{ parent[$1] = $2; name[$1] = $3 }
	END {
		for (pid in parent)
			for (up = parent[pid]; up > 1; up = parent[up])
				if (up == top) { print pid, name[pid]; break }
	}'
}

# pid_of NAME: of the family given on stdin
pid_of() {
	awk -v name="$1" '$2 == name { print $1; exit }'
}

# ---- the host -----------------------------------------------------------------------------------------------------
# Everything that a run could leave behind, one a line.  Other programs may run, mount and make control groups meanwhile:
# ours are known by the folder they work in (it is on the command line of every QEMU and of every limitlab) or by name.
host_list() {
	local file
	ps -e -ww -o pid=,comm=,args= | awk -v mark="$scratch" 'index($0, mark) && !/ awk / { print "process", $1, $2 }'
	ip -o link | awk '{ print "interface", $2 }'
	losetup -a | sed 's/^/loop /'
	for file in /sys/block/*/queue/scheduler; do
		echo "block $file $(<"$file")"
	done
	awk -v mark="$scratch" 'index($0, mark) || /limitlab|fuse/ { print "mount", $0 }' /proc/self/mounts
	find /sys/fs/cgroup -type d \( -path '*limitlab*' -o -path '*/machine*' -o -path '*qemu*' \) -printf 'cgroup %p\n' | sort
	for file in /sys/fs/cgroup/cgroup.subtree_control /sys/fs/cgroup/*/cgroup.subtree_control \
		/proc/sys/vm/nr_hugepages /proc/sys/vm/nr_overcommit_hugepages; do
		[[ -r $file ]] && echo "setting $file $(<"$file")"
	done
	sed 's/^/swap /' /proc/swaps
	# What is kept on purpose: answers that hold until the host reboots, the driver's settings, the empty lock.
	find "$LIMITLAB_STATE_DIR" -mindepth 1 ! -path '*/embed/cache/*' ! -name accel.json ! -name lock ! -path '*/embed/etc/qemu.conf' -type f \
		-printf 'state %P\n' | sort
}

# remember_host: what `host_is_as_before` compares with
remember_host() {
	host_list >"$scratch/host-before"
}

# The kernel takes its time to remove what a killed namespace held: up to 5 s.
host_is_as_before() {
	local name=$1 tries
	for ((tries = 0; tries < 50; tries++)); do
		host_list >"$scratch/host-after"
		if cmp -s "$scratch/host-before" "$scratch/host-after"; then
			pass "$name"
			return
		fi
		sleep 0.1
	done
	fail "$name" "'<' was there before, '>' is there now:" \
		"$(diff "$scratch/host-before" "$scratch/host-after" | grep '^[<>]')"
}

# no_half_files NAME DIR
no_half_files() {
	is "$1" "$(find "$2" -name '*.tmp' -printf '%P ')" ""
}
