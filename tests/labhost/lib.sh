# SPDX-License-Identifier: GPL-3.0-or-later
# Sourced by the tests with lab hosts: TAP, their folder, the program, and one line per result.
# shellcheck shell=bash
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/tap.sh
limitlab=${LIMITLAB:-$PWD/build/limitlab}

need_root() {
	[[ $(id -u) == 0 ]] || skip_all "needs root"
}

need_image() {
	"$limitlab" image build >/dev/null || bail_out "the tenants' image cannot be built"
}

# report STATUS NAME [FILE]: one TAP line; of a failure, the end of FILE too
report() {
	local why=
	[[ ! -f ${3:-} ]] || why=$(tail -n 30 "$3")
	result "$2" "$1" ${why:+"$why"}
}
