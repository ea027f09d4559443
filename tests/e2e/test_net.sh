#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# A scarce link with real VMs: a short scenario passes, what the host's own network looks like is the same before, meanwhile,
# after, and after SIGKILL and `limitlab clean`; tenants and servers that die; what is refused.  ip and tc are the readers.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lib.sh"
need_image
remember_host

# The host's network as independent programs see it.
picture() {
	ip -d link
	ip netns
	tc qdisc
}
picture >"$scratch/picture"

network_is_as_before() {
	is "$1: ip -d link, ip netns and tc qdisc show what they showed" "$(picture | diff "$scratch/picture" -)" ""
}

# qemu_of TENANT: the pid of its QEMU in the run at hand
qemu_of() {
	local pid name
	while read -r pid name; do
		[[ $name == qemu* ]] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q "guest=limitlab-$1," && echo "$pid"
	done < <(family "$supervisor") 2>/dev/null
}

# ---- refused before anything is begun: no far end, no name for an interface
mkdir "$scratch/bin"
for program in bash cat; do
	ln -s "$(command -v $program)" "$scratch/bin/"
done
PATH=$scratch/bin "$limitlab" run --out "$scratch/out" "$scenarios/net-tiny.yaml" >"$scratch/stdout" 2>"$scratch/stderr"
is "no iperf3: exit" "$?" 4
matches "no iperf3: says so" "$(<"$scratch/stderr")" "no program 'iperf3'"
matches "no iperf3: and how to get it" "$(<"$scratch/stderr")" "apt install iperf3"
sed 's/name: red,/name: thirteen-char,/; s/tenant: red/tenant: thirteen-char/; s|\.\./\.\./\.\./workloads|'"$PWD"'/workloads|' \
	"$scenarios/net-tiny.yaml" >"$scratch/long.yaml"
ll run --out "$scratch/out" "$scratch/long.yaml"
is "a name too long for an interface: exit" "$status" 2
matches "a name too long for an interface: says so" "$(<"$scratch/stderr")" "'thirteen-char'"
sed 's/rate: 20Mbit/rate: 0Mbit/; s|\.\./\.\./\.\./workloads|'"$PWD"'/workloads|' "$scenarios/net-tiny.yaml" >"$scratch/zero.yaml"
ll run --out "$scratch/out" "$scratch/zero.yaml"
is "a link of 0: exit" "$status" 2
is "no run directory was made" "$(find "$scratch/out" -mindepth 1 -printf '%P ')" ""

# ---- a run that passes
smoke_run "a short network scenario passes" net
is "logs of the far ends" "$(cd "$run/log" && grep -l 'Accepted connection' -- *.server | tr '\n' ' ')" \
	"blue.server green.server red.server "
# In any order: which limits there are beside these is not looked at.
is "reset of all limits: back to what was declared" \
	"$(grep ,reset,red,net\\. "$run/events.csv" | cut -d , -f 6-8 | tr -d '"' | sort | tr '\n' ' ')" \
	"net.ceil,20000000,20000000 net.priority,3,3 net.quantum,66000,66000 net.rate,2000000,2000000 "
for column in net_class_mbit_per_s payload_mbit_per_s payload_rx_mbit_per_s; do
	matches "series.csv has $column" "$(head -n 1 "$run/series.csv")" "$column"
done

# ---- SIGKILL of all of it, then clean
start_run "$scenarios/net-tiny.yaml"
await "red net.priority set" || fail "the timeline came that far" "$(<"$scratch/progress")" "$(<"$scratch/stderr")"
init=$(family "$supervisor" | pid_of limitlab-init)
is "meanwhile: the host sees nothing of the link" "$(picture | diff "$scratch/picture" -)" ""
# The taps in the order in which the tenants happened to start.
links=$(nsenter -t "$init" -n ip -o link | cut -d : -f 2 | cut -d @ -f 1 | sort | tr -d '\n')
is "meanwhile: the run's own namespace has it" "$links" " ll-blue ll-bridge ll-red ll-uplink lo"
matches "meanwhile: tc reads the new class" "$(nsenter -t "$init" -n tc class show dev ll-uplink classid 1:12)" \
	"class htb 1:12 parent 1:1 .*prio 5 rate 3Mbit ceil 4Mbit"
# shellcheck disable=SC2046 # one word per process
kill -KILL "$supervisor" $(family "$supervisor" | awk '{ print $1 }')
end_run
ll clean
is "SIGKILL: clean" "$status" 0
host_is_as_before "SIGKILL: the host is as before"
network_is_as_before "SIGKILL and clean"

# ---- a server that dies is noticed and named
start_run "$scenarios/net-tiny.yaml"
await "start all" || fail "the timeline begins" "$(<"$scratch/progress")" "$(<"$scratch/stderr")"
server=$(for pid in $(family "$supervisor" | awk '$2 == "iperf3" { print $1 }'); do
	tr '\0' ' ' <"/proc/$pid/cmdline" | grep -q -- '--port 5202 ' && echo "$pid"
done)
kill -KILL "$server" || fail "there is a server to kill"
end_run
is "a server that dies: exit" "$status" 5
matches "a server that dies: named" "$(<"$scratch/stderr")" "iperf3 server of tenant 'red' was ended by signal 9"

# ---- a tenant that dies while it sends: broken, unless the scenario allows it
start_run "$scenarios/net-tiny.yaml"
await "start all"
sleep 0.5
kill -KILL "$(qemu_of blue)" || fail "there is a QEMU to kill"
end_run
is "a tenant that dies: exit" "$status" 5
matches "a tenant that dies: named" "$(<"$scratch/stderr")" "tenant 'blue' died"
host_is_as_before "a tenant that dies: the host is as before"

start_run "$scenarios/net-dies.yaml"
await "start all"
sleep 2
kill -KILL "$(qemu_of red)" || fail "there is a QEMU to kill"
end_run
is "a tenant that may die: the run goes on and passes" "$status $(<"$scratch/stderr")" "0 "
is "a tenant that may die: its death is an event" "$(cut -d , -f 4-5 "$run/events.csv" | tr -d '"' | grep died)" "died,red"
is "a tenant that may die: nothing more is set for it" \
	"$(grep ,set, "$run/events.csv" | cut -d , -f 4-6 | tr -d '"')" "set,blue,net.priority"
host_is_as_before "a tenant that may die: the host is as before"
network_is_as_before "deaths"
finish
