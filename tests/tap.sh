# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# What tests in shell print: TAP (testanything.org), which tests/run-tap reads.  Each ends with `finish`.
tap_number=0 tap_failed=0

diagnose() {
	sed 's/^/# /' <<<"$1"
}

pass() {
	tap_number=$((tap_number + 1))
	echo "ok $tap_number - $1"
}

# fail NAME [TEXT...]
fail() {
	local text
	tap_number=$((tap_number + 1)) tap_failed=$((tap_failed + 1))
	echo "not ok $tap_number - $1"
	for text in "${@:2}"; do
		diagnose "$text"
	done
}

skip() {
	tap_number=$((tap_number + 1))
	echo "ok $tap_number - $1 # SKIP $2"
}

# skip_all REASON: the whole program
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# result NAME STATUS [TEXT]: TEXT tells why it failed
result() {
	if [[ $2 == 0 ]]; then
		pass "$1"
	else
		fail "$1" "status $2" "${@:3}"
	fi
}

# is NAME GOT WANTED
is() {
	if [[ $2 == "$3" ]]; then
		pass "$1"
	else
		fail "$1" "got:    '$2'" "wanted: '$3'"
	fi
}

# matches NAME TEXT REGEX (bash's)
matches() {
	if [[ $2 =~ $3 ]]; then
		pass "$1"
	else
		fail "$1" "got: '$2'" "wanted something like: '$3'"
	fi
}

# at_most NAME GOT BOUND; at_least NAME GOT BOUND: decimal numbers
at_most() {
	if awk -v got="$2" -v bound="$3" 'BEGIN { exit !(got != "" && got + 0 <= bound + 0) }'; then
		pass "$1 ($2 <= $3)"
	else
		fail "$1" "got:     '$2'" "at most: '$3'"
	fi
}

at_least() {
	if awk -v got="$2" -v bound="$3" 'BEGIN { exit !(got != "" && got + 0 >= bound + 0) }'; then
		pass "$1 ($2 >= $3)"
	else
		fail "$1" "got:      '$2'" "at least: '$3'"
	fi
}

# succeeds NAME COMMAND...
succeeds() {
	local name=$1 output code
	shift
	output=$("$@" 2>&1 </dev/null)
	code=$?
	if ((code == 0)); then
		pass "$name"
	else
		fail "$name" "'$*' ended with status $code:" "$output"
	fi
}

finish() {
	echo "1..$tap_number"
	exit $((tap_failed > 0))
}

bail_out() {
	echo "Bail out! $(tr "\n" " " <<<"$*")"
	exit 1
}
