/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cmd/doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/spawn.h"
#include "cmd/command.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "glue/json.h"

const char *doctor_state_name(enum doctor_state state)
{
	switch (state) {
	case DOCTOR_OK:
		return "ok";
	case DOCTOR_NOTE:
		return "note";
	case DOCTOR_MISSING:
		return "missing";
	}
	BUG("state %d", (int)state);
}

static void package_remedy(const struct doctor_check *check, struct doctor_finding *finding)
{
	AUTO(free_ptr) char *apt = spawn_find("apt-get");
	AUTO(free_ptr) char *dnf = apt ? NULL : spawn_find("dnf");

	if (apt || !dnf)
		(void)snprintf(finding->remedy, sizeof(finding->remedy), "apt-get install %s", check->deb);
	else
		(void)snprintf(finding->remedy, sizeof(finding->remedy), "dnf install %s", check->rpm);
}

void doctor_run(const struct doctor_check *check, struct doctor_finding *ret_finding)
{
	*ret_finding = (struct doctor_finding){.state = DOCTOR_OK};
	check->probe(ret_finding);
	if (ret_finding->state == DOCTOR_OK || ret_finding->remedy[0])
		return;
	if (check->deb)
		package_remedy(check, ret_finding);
	else if (check->remedy)
		(void)snprintf(ret_finding->remedy, sizeof(ret_finding->remedy), "%s", check->remedy);
}

static void print(const struct doctor_check *check, const struct doctor_finding *finding)
{
	const char *no_colour = getenv("NO_COLOR");
	bool colour = isatty(STDOUT_FILENO) && !(no_colour && no_colour[0]);
	static const char *const codes[] = {"\033[32m", "\033[33m", "\033[1;31m"};

	printf("  %s%-8s%s %-12s %s\n", colour ? codes[finding->state] : "",
		doctor_state_name(finding->state), colour ? "\033[0m" : "", check->name, finding->detail);
	if (finding->state == DOCTOR_OK)
		return;
	printf("  %21s  needed for: %s\n", "", check->meaning);
	if (finding->remedy[0])
		printf("  %21s  remedy: %s\n", "", finding->remedy);
}

int cmd_doctor(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct options options;
	size_t missing = 0;

	if (options_parse(argc, argv, &options, &err))
		return command_fail(&err);
	AUTO(json) json_t *list = json_array();
	for (const struct doctor_check *check = doctor_checks; check->name; check++) {
		struct doctor_finding finding;

		doctor_run(check, &finding);
		missing += finding.state == DOCTOR_MISSING;
		if (options.json)
			(void)json_array_append_new(list,
				json_pack("{s:s, s:s, s:o, s:s, s:o}", "name", check->name, "state",
					doctor_state_name(finding.state), "detail", json_text(finding.detail),
					"meaning", check->meaning, "remedy", json_text(finding.remedy)));
		else if (!options.quiet || finding.state == DOCTOR_MISSING)
			print(check, &finding);
	}
	if (options.json) {
		AUTO(json) json_t *all = json_pack("{s:b, s:O}", "ready", missing == 0, "checks", list);
		AUTO(free_ptr) char *text = json_dumps(all, JSON_INDENT(2));
		printf("%s\n", text);
	} else if (missing) {
		printf("\n%zu %s missing.\n", missing, missing == 1 ? "thing is" : "things are");
	} else if (!options.quiet) {
		printf("\nThis host can run scenarios.\n");
	}
	return missing ? 4 : 0;
}
