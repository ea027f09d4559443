# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the tests with lab hosts, which print TAP: their folder, the program, and one line per result.
# shellcheck shell=bash
set -u
cd "$(dirname "$0")/../.." || exit 1
limitlab=${LIMITLAB:-$PWD/build/limitlab}
number=0
failed=0

skip() {
	echo "1..0 # SKIP $1"
	exit 0
}

need_root() {
	[[ $(id -u) == 0 ]] || skip "needs root"
}

need_image() {
	"$limitlab" image build >/dev/null || {
		echo "Bail out! the tenants' image cannot be built"
		exit 1
	}
}

# report STATUS NAME [FILE]: one TAP line; of a failure, the end of FILE too
report() {
	number=$((number + 1))
	if [[ $1 == 0 ]]; then
		echo "ok $number - $2"
	else
		failed=1
		echo "not ok $number - $2 (status $1)"
		[[ ! -f ${3:-} ]] || tail -n 30 "$3" | sed 's/^/# /'
	fi
}
