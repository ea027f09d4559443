#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A module includes only modules below it; third-party headers stay in .c files and src/glue/; licences by module.
. "$(dirname "$0")/common.sh.inc"

modules="base glue applier series scenario guest vm fixture workload sample judge plot labhost run kernels cmd"

# above MODULE OTHER: whether OTHER stands above MODULE
above() {
	local rest=" ${modules#*"$1"} "
	[[ $1 != "$2" && $rest == *" $2 "* ]]
}

bad=''
for file in src/*/*.[ch]; do
	module=${file#src/}
	module=${module%%/*}
	[[ " $modules " == *" $module "* ]] || bad+="$file: module '$module' is not in the list"$'\n'
	while read -r included; do
		if above "$module" "${included%%/*}"; then
			bad+="$file includes \"$included\" of a module above it"$'\n'
		fi
	done < <(sed -n 's|^#include "\([a-z]*/[^"]*\)".*|\1|p' "$file")
done
result "modules include only what is below them" "$([[ -z $bad ]]; echo $?)" "$bad"

# A module's own internal.h may have them: nobody else may include it.
bad=$(grep -nE '#include <(libvirt|jansson|libxml|netlink|gsl|yaml|csv)' src/*/*.h |
	grep -v -e '^src/glue/' -e '^src/[a-z]*/internal\.h:' || true)
for file in src/*/*.[ch]; do
	module=${file#src/}
	bad+=$(sed -n "s|^#include \"\([a-z]*\)/internal\.h\".*|\1|p" "$file" | grep -vx "${module%%/*}" |
		sed "s|.*|$file includes the internal.h of another module: &|")
done
result "third-party headers stay in .c files and src/glue" "$([[ -z $bad ]]; echo $?)" "$bad"

bad=''
for file in src/*/*.[ch] src/guest/init tests/*/*.[ch] tests/*/*.sh tests/run-tap; do
	[[ -e $file ]] || continue
	case $file in
	src/base/* | src/glue/* | src/applier/*) licence=LGPL-2.1-or-later ;;
	*) licence=GPL-3.0-or-later ;;
	esac
	head -3 "$file" | grep -q "SPDX-License-Identifier: $licence" || bad+="$file: no SPDX line with $licence"$'\n'
done
result "each file names its licence" "$([[ -z $bad ]]; echo $?)" "$bad"

# spawn.c: the child's own working folder.
bad=$(grep -nE '\b(printf|puts|putchar|perror|exit) ?\(|\bchdir ?\(' src/{base,glue,applier,series,scenario,vm,fixture,workload,sample,judge,plot}/*.c \
	2>/dev/null | grep -v 'f\(printf\|puts\)\|sn\?printf\|_exit\|err_bug\|^src/base/spawn.c:.*chdir' || true)
result "library modules do not print or exit" "$([[ -z $bad ]]; echo $?)" "$bad"

# One header, one guard, named after its path.
bad=''
for file in src/*/*.h; do
	guard=LIMITLAB_$(tr 'a-z/.-' 'A-Z___' <<<"${file#src/}")
	[[ $(grep -c "^#\(ifndef\|define\) $guard\$" "$file") == 2 ]] || bad+="$file: its guard should be $guard"$'\n'
done
result "guards are named after paths" "$([[ -z $bad ]]; echo $?)" "$bad"
finish
