#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A full disk: exit 5, the run is marked broken, and no half-written file carries a final name.  The disk is a tmpfs in
# a mount namespace of this test alone.
# shellcheck source-path=SCRIPTDIR
if [[ -z ${DISKFULL_INSIDE:-} && $EUID == 0 ]]; then
	DISKFULL_INSIDE=1 exec unshare --mount --propagation private -- "$0"
fi
. "$(dirname "$0")/lib.sh"
need_image
trap 'umount "$scratch/out" 2>/dev/null; end' EXIT
remember_host

# disk SIZE: a new empty one
disk() {
	mountpoint -q "$scratch/out" && umount "$scratch/out"
	mount -t tmpfs -o "size=$1" limitlab-test "$scratch/out" || bail_out "cannot mount a tmpfs"
}

fill() {
	cat /dev/zero >"$scratch/out/ballast" 2>/dev/null
}

# whole NAME: every file with a final name is what its name says
whole() {
	local name=$1 file trouble=''
	no_half_files "$name: no half-written file" "$scratch/out"
	while IFS= read -r file; do
		case ${file##*/} in
		*.json) jq -e . "$file" >/dev/null 2>&1 || trouble+="$file " ;;
		*.xml | *.svg) xmllint --noout --nonet "$file" 2>/dev/null || trouble+="$file " ;;
		*.csv) [[ $(tail -c 1 "$file" | od -An -c) == *'\n'* ]] || trouble+="$file " ;;
		*.yaml) cmp -s "$file" "$scenarios/tiny.yaml" || trouble+="$file " ;;
		esac
	done < <(find "$scratch/out" -type f ! -name ballast)
	is "$name: no file is cut off" "$trouble" ""
}

disk 64k
fill
ll run --out "$scratch/out" "$scenarios/tiny.yaml"
is "full from the start: exit" "$status" 5
matches "full from the start: says why" "$(<"$scratch/stderr")" "No space left"
is "full from the start: nothing booted" "$(grep -c ' boot: ' "$scratch/stdout")" 0
whole "full from the start"
is "full from the start: no run directory" "$(find "$scratch/out" -mindepth 2 -printf '%P ')" ""
umount "$scratch/out"
host_is_as_before "full from the start: the host is as before"

# full_after NAME MOMENT
full_after() {
	local name=$1 moment=$2
	disk 4m
	start_run "$scenarios/tiny.yaml"
	if ! await "$moment"; then
		fail "$name: came that far" "$(<"$scratch/progress")" "$(<"$scratch/stderr")"
	fi
	fill
	end_run
	is "$name: exit" "$status" 5
	matches "$name: says why" "$(<"$scratch/stderr")" "No space left"
	run=$(newest_run)
	is "$name: the manifest says broken" "$(jq -r .state "$run/manifest.json")" broken
	matches "$name: the manifest says why" "$(jq -r .reason "$run/manifest.json")" "No space left"
	whole "$name"
	is "$name: the room put aside is given back" "$(ls -A "$run" | grep reserve)" ""
	is "$name: no journal is left" "$(ls "$LIMITLAB_STATE_DIR/journal")" ""
	umount "$scratch/out"
	host_is_as_before "$name: the host is as before"
}

full_after "full in the timeline" "start all"
full_after "full while booting" " boot: "

# The state directory: nothing is started that could not be undone.
mkdir -p "$scratch/full"
mount -t tmpfs -o size=64k limitlab-test "$scratch/full"
cat /dev/zero >"$scratch/full/ballast" 2>/dev/null
LIMITLAB_STATE_DIR=$scratch/full ll run --out "$scratch/out" "$scenarios/tiny.yaml"
is "no room for the undo journal: exit" "$status" 5
matches "no room for the undo journal: says why" "$(<"$scratch/stderr")" "No space left"
is "no room for the undo journal: nothing booted" "$(grep -c ' boot: ' "$scratch/stdout")" 0
umount "$scratch/full"
host_is_as_before "no room for the undo journal: the host is as before"
finish
