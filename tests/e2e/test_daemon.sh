#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# `limitlab run --connect qemu:///system`: the tenants are the domains of a libvirtd that this test starts in PID, network and
# mount namespaces of its own.  (How that goes under systemd: tests/labhost.)
if [[ ${1:-} != inside ]]; then
	if ((EUID != 0)); then
		echo "1..0 # SKIP real VMs need root"
		exit 0
	fi
	# The image first: inside there is no network.
	# shellcheck source-path=SCRIPTDIR
	(. "$(dirname "$0")/lib.sh" && need_image) || exit 1
	# PID 1 must reap at once: libvirt waits until the PID of a QEMU it ended is gone; a bash in `read` does not.
	exec unshare --mount --propagation private --pid --net --fork --kill-child --mount-proc \
		bash -c '"$0" inside & wait $!' "$0"
fi
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
need_image
scenario=$scenarios/tiny.yaml
uri=qemu:///system

# Nothing of the host's libvirt is seen, and no bus: libvirtd makes the control groups itself.
ip link set lo up
for folder in /run /etc/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt; do
	[[ ! -d $folder ]] || mount -t tmpfs -o mode=755 tmpfs "$folder"
done
# A /dev/kvm as udev makes it.  One that QEMU may open when libvirt probes it, and not as the user that it runs as later, makes libvirt
# probe it again whenever it looks at what it knows of it: seconds in every run.
if [[ -c /dev/kvm ]] && getent group kvm >/dev/null; then
	mknod -m 660 /run/kvm c 10 232 && chown root:kvm /run/kvm && mount --bind /run/kvm /dev/kvm
fi

start_daemon() {
	libvirtd >>"$scratch/libvirtd.log" 2>&1 &
	libvirtd=$!
	children+=("$libvirtd")
	for ((tries = 0; tries < 300; tries++)); do
		virsh -c $uri list >/dev/null 2>&1 && return
		sleep 0.1
	done
	bail_out "libvirtd does not answer: $(tail -n 5 "$scratch/libvirtd.log")"
}

# domains [--all]: names, sorted, on one line
domains() {
	virsh -c $uri list --name "$@" | grep . | sort | tr '\n' ' '
}

virtlogd >"$scratch/virtlogd.log" 2>&1 &
children+=("$!")
start_daemon
remember_host
image_before=$(find "${LIMITLAB_IMAGE_DIR:-/var/lib/limitlab/image}" -ls)

measured "a scenario passes" --connect $uri scenarios/smoke/cpu.yaml
is "the manifest says which connection" "$(jq -r .connection "$run/manifest.json")" $uri
is "no domain is left" "$(domains --all)" ""
is "the image belongs to whom it belonged" "$(find "${LIMITLAB_IMAGE_DIR:-/var/lib/limitlab/image}" -ls)" "$image_before"
host_is_as_before "the host is as before"

# The daemon's QEMU is another user, and must still have its partition of the scarce disk.
ll run --out "$scratch/out" --connect $uri "$scenarios/tiny-disk.yaml"
matches "a scarce disk: exit" "$status" '^[03]$'
is "a scarce disk: red read from it" "$(awk -F, '
	NR == 1 { for (i = 1; i <= NF; i++) { gsub("\"", "", $i); column[$i] = i } next }
	{ gsub("\"", "") } $column["tenant"] == "red" { bytes = $column["blk_read_bytes"] }
	END { print (bytes > 1048576 ? "yes" : "no: " bytes) }' "$run/samples.csv")" yes
host_is_as_before "a scarce disk: the host is as before"

# The shared link is made in the daemon's namespace, beside what is there, and nothing of it stays.
ip link add br-theirs type bridge
ip link add ll-theirs type veth peer name theirs
tc qdisc add dev theirs root tbf rate 1mbit burst 10k latency 10ms
picture() {
	ip -d link
	ip netns
	tc qdisc
}
network=$(picture)
remember_host
start_run --connect $uri "$scenarios/net-tiny.yaml"
await "start all" || fail "the timeline begins" "$(<"$scratch/progress")" "$(<"$scratch/stderr")"
is "meanwhile the link is among the host's interfaces" "$(ip -o link show master ll-bridge | cut -d : -f 2 | cut -d @ -f 1 | sort | tr -d '\n')" \
	" ll-blue ll-red ll-uplink"
end_run
matches "a scenario with a link runs to its end" "$status $(<"$scratch/stderr")" '^[03] $'
is "the host's network is as before" "$(diff <(echo "$network") <(picture))" ""
host_is_as_before "a link: the host is as before"

# Somebody's own bridge has the name of ours.
ip link add ll-bridge type bridge
taken=$(picture)
ll run --out "$scratch/out" --connect $uri "$scenarios/net-tiny.yaml"
is "an interface of that name is there: exit 4" "$status" 4
matches "the message names it" "$(<"$scratch/stderr")" "an interface 'll-bridge' exists already, and it is not limitlab's"
is "it is still there, and so is the rest" "$(diff <(echo "$taken") <(picture))" ""
ip link delete ll-bridge

# Somebody's own domain has the name of a tenant.
virsh -c $uri define /dev/stdin >/dev/null <<-EOF
	<domain type='qemu'><name>limitlab-blue</name><memory unit='MiB'>16</memory><os><type>hvm</type></os></domain>
EOF
ll run --out "$scratch/out" --connect $uri "$scenario"
is "a domain of that name is there: exit 4" "$status" 4
matches "the message names it" "$(<"$scratch/stderr")" "there is a domain 'limitlab-blue' already"
is "it is still there" "$(domains --all)" "limitlab-blue "
virsh -c $uri undefine limitlab-blue >/dev/null

# libvirtd would destroy the domains of a client that dies; so it dies first.
start_run --connect $uri "$scenarios/net-tiny.yaml"
await timeline || fail "the timeline begins" "$(<"$scratch/progress")" "$(<"$scratch/stderr")"
members=$(family "$supervisor" | awk '{ print $1 }')
is "to be killed: two domains" "$(domains)" "limitlab-blue limitlab-red "
# shellcheck disable=SC2086 # one word per process
kill -KILL "$libvirtd" "$supervisor" $members
end_run
is "QEMU processes that outlive run, supervisor and libvirtd" "$(pgrep -c '^qemu-system')" 2
start_daemon
is "they are domains again" "$(domains)" "limitlab-blue limitlab-red "
ll clean
is "clean ends with 0" "$status" 0
is "clean destroyed the domains" "$(domains --all)" ""
is "clean removed the link, and nothing else" "$(diff <(echo "$network") <(picture))" ""
is "the run is marked as broken" "$(jq -r .state "$(newest_run)/manifest.json")" broken
host_is_as_before "the host is as before"
finish
