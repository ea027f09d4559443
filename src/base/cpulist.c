/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "base/cpulist.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#include "base/buf.h"

static int bad(const char *text, struct err *err)
{
	return err_input(err, "'%s' is no list of CPUs; write it as in \"0-2,5\"", text);
}

static int parse_number(const char **at, unsigned *ret_number)
{
	char *end;

	if (!isdigit((unsigned char)**at))
		return -1;
	errno = 0;
	unsigned long number = strtoul(*at, &end, 10);
	if (errno || number >= CPU_SETSIZE)
		return -1;
	*at = end;
	*ret_number = (unsigned)number;
	return 0;
}

int cpulist_parse(const char *text, cpu_set_t *ret_set, struct err *err)
{
	const char *at = text;
	cpu_set_t set;

	CPU_ZERO(&set);
	while (*at) {
		unsigned first, last;

		if (parse_number(&at, &first))
			return bad(text, err);
		last = first;
		if (*at == '-') {
			at++;
			if (parse_number(&at, &last) || last < first)
				return bad(text, err);
		}
		for (unsigned cpu = first; cpu <= last; cpu++)
			CPU_SET(cpu, &set);
		if (*at == ',' && at[1])
			at++;
		else if (*at)
			return bad(text, err);
	}
	*ret_set = set;
	return 0;
}

char *cpulist_format(const cpu_set_t *set)
{
	struct buf text = BUF_INIT;

	for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		if (!CPU_ISSET(cpu, set))
			continue;
		size_t last = cpu;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET(last + 1, set))
			last++;
		buf_addf(&text, "%s%zu", text.length ? "," : "", cpu);
		if (last > cpu)
			buf_addf(&text, "-%zu", last);
		cpu = last;
	}
	return buf_steal(&text);
}

int cpulist_allowed(cpu_set_t *ret_set, struct err *err)
{
	if (sched_getaffinity(0, sizeof(*ret_set), ret_set))
		return err_sys(err, errno, "cannot read the CPUs that limitlab may run on");
	return 0;
}
