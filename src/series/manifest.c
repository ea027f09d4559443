/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "series/rundir.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "glue/json.h"

#define MANIFEST_MAX_BYTES (4u * 1024 * 1024)
#define MAX_TENANTS        1024

enum member_type { MEMBER_TEXT, MEMBER_DOUBLE, MEMBER_UNSIGNED, MEMBER_U64, MEMBER_BOOL };

/* One table reads, writes, initialises and releases. */
struct member {
	const char *name;
	enum member_type type;
	size_t offset;
};

#define M(type, field)                                                                                       \
	{                                                                                                    \
#field, type, offsetof(struct manifest, field)                                               \
	}
static const struct member manifest_members[] = {
	M(MEMBER_TEXT, reason),
	M(MEMBER_TEXT, scenario_name),
	M(MEMBER_TEXT, started_utc),
	M(MEMBER_TEXT, limitlab_version),
	M(MEMBER_TEXT, libvirt_version),
	M(MEMBER_TEXT, qemu_version),
	M(MEMBER_TEXT, host_kernel),
	M(MEMBER_TEXT, guest_kernel),
	M(MEMBER_TEXT, cgroup_mode),
	M(MEMBER_TEXT, acceleration),
	M(MEMBER_TEXT, acceleration_reason),
	M(MEMBER_TEXT, cpu_model),
	M(MEMBER_TEXT, connection),
	M(MEMBER_UNSIGNED, cpu_count),
	M(MEMBER_TEXT, scarce_cpus),
	M(MEMBER_TEXT, harness_cpus),
	M(MEMBER_DOUBLE, duration_s),
	M(MEMBER_DOUBLE, sample_interval_s),
	M(MEMBER_DOUBLE, boot_s),
	M(MEMBER_DOUBLE, start_skew_ms),
	M(MEMBER_U64, ticks),
	M(MEMBER_U64, ticks_late),
	M(MEMBER_U64, ticks_missed),
	M(MEMBER_DOUBLE, tick_lateness_p99_ms),
	M(MEMBER_DOUBLE, event_lateness_p99_ms),
	M(MEMBER_DOUBLE, tick_cost_us),
	M(MEMBER_DOUBLE, overhead_cpu_pct),
	M(MEMBER_DOUBLE, overhead_rss_mib),
};
#undef M

#define M(type, field)                                                                                       \
	{                                                                                                    \
#field, type, offsetof(struct manifest_tenant, field)                                        \
	}
static const struct member tenant_members[] = {
	M(MEMBER_TEXT, name),
	M(MEMBER_TEXT, workload),
	M(MEMBER_TEXT, work_unit),
	M(MEMBER_TEXT, work_source),
	M(MEMBER_DOUBLE, ready_s),
	M(MEMBER_BOOL, woken),
	M(MEMBER_TEXT, boot),
	M(MEMBER_DOUBLE, start_latency_ms),
	M(MEMBER_BOOL, worked),
	M(MEMBER_TEXT, trouble),
};
#undef M

static void *at(const void *object, const struct member *member)
{
	return (char *)(uintptr_t)object + member->offset;
}

/* Texts become "", numbers that are not known NAN. */
static void init_members(void *object, const struct member *members, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (members[i].type == MEMBER_TEXT && !*(char **)at(object, &members[i]))
			*(char **)at(object, &members[i]) = xstrdup("");
		else if (members[i].type == MEMBER_DOUBLE)
			*(double *)at(object, &members[i]) = (double)NAN;
	}
}

static void release_members(void *object, const struct member *members, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (members[i].type == MEMBER_TEXT)
			free(*(char **)at(object, &members[i]));
}

static json_t *write_members(const void *object, const struct member *members, size_t count)
{
	json_t *json = json_object();

	for (size_t i = 0; i < count; i++) {
		const void *slot = at(object, &members[i]);
		json_t *value = NULL;
		switch (members[i].type) {
		case MEMBER_TEXT:
			value = json_text(*(char *const *)slot);
			break;
		case MEMBER_DOUBLE:
			value = json_number_or_null(*(const double *)slot);
			break;
		case MEMBER_UNSIGNED:
			value = json_integer(*(const unsigned *)slot);
			break;
		case MEMBER_U64:
			value = json_integer((json_int_t) * (const uint64_t *)slot);
			break;
		case MEMBER_BOOL:
			value = json_boolean(*(const bool *)slot);
			break;
		}
		if (json_object_set_new(json, members[i].name, value))
			BUG("cannot store '%s'", members[i].name);
	}
	return json;
}

static int read_member(void *slot, const struct member *member, const json_t *value)
{
	switch (member->type) {
	case MEMBER_TEXT:
		if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
			return -1;
		free(*(char **)slot);
		*(char **)slot = xstrdup(json_string_value(value));
		return 0;
	case MEMBER_DOUBLE:
		if (!json_is_number(value) && !json_is_null(value))
			return -1;
		*(double *)slot = json_is_null(value) ? (double)NAN : json_number_value(value);
		return 0;
	case MEMBER_UNSIGNED:
		if (!json_is_integer(value) || json_integer_value(value) < 0 ||
			json_integer_value(value) > INT32_MAX)
			return -1;
		*(unsigned *)slot = (unsigned)json_integer_value(value);
		return 0;
	case MEMBER_U64:
		if (!json_is_integer(value) || json_integer_value(value) < 0)
			return -1;
		*(uint64_t *)slot = (uint64_t)json_integer_value(value);
		return 0;
	case MEMBER_BOOL:
		if (!json_is_boolean(value))
			return -1;
		*(bool *)slot = json_is_true(value);
		return 0;
	}
	BUG("member type %d", (int)member->type);
}

static int read_members(void *object, const struct member *members, size_t count, const json_t *json,
	const char *path, struct err *err)
{
	static const char *const wanted[] = {
		[MEMBER_TEXT] = "a string",
		[MEMBER_DOUBLE] = "a number or null",
		[MEMBER_UNSIGNED] = "a whole number",
		[MEMBER_U64] = "a whole number",
		[MEMBER_BOOL] = "true or false",
	};

	for (size_t i = 0; i < count; i++) {
		const json_t *value = json_object_get(json, members[i].name);
		if (value && read_member(at(object, &members[i]), &members[i], value))
			return err_input(
				err, "%s: '%s' is not %s", path, members[i].name, wanted[members[i].type]);
	}
	return 0;
}

void manifest_init(struct manifest *manifest)
{
	*manifest = (struct manifest){.format_version = RUNDIR_FORMAT_VERSION, .state = RUN_RUNNING};
	init_members(manifest, manifest_members, ARRAY_SIZE(manifest_members));
}

void manifest_release(struct manifest *manifest)
{
	for (size_t i = 0; i < manifest->tenant_count; i++)
		release_members(&manifest->tenants[i], tenant_members, ARRAY_SIZE(tenant_members));
	free(manifest->tenants);
	release_members(manifest, manifest_members, ARRAY_SIZE(manifest_members));
	*manifest = (struct manifest){0};
}

static int read_tenants(struct manifest *manifest, const json_t *json, const char *path, struct err *err)
{
	const json_t *tenants = json_object_get(json, "tenants");

	if (!tenants)
		return 0;
	if (!json_is_array(tenants) || json_array_size(tenants) > MAX_TENANTS)
		return err_input(
			err, "%s: 'tenants' is not an array of at most %d tenants", path, MAX_TENANTS);
	size_t count = json_array_size(tenants);
	manifest->tenants = xcalloc(count, sizeof(*manifest->tenants));
	manifest->tenant_count = count;
	for (size_t i = 0; i < count; i++)
		init_members(&manifest->tenants[i], tenant_members, ARRAY_SIZE(tenant_members));
	for (size_t i = 0; i < count; i++) {
		const json_t *tenant = json_array_get(tenants, i);
		if (!json_is_object(tenant))
			return err_input(err, "%s: tenant %zu is not an object", path, i + 1);
		if (read_members(&manifest->tenants[i], tenant_members, ARRAY_SIZE(tenant_members), tenant,
			    path, err))
			return -1;
	}
	return 0;
}

static int read_json(struct manifest *manifest, const json_t *json, const char *path, struct err *err)
{
	const json_t *version = json_object_get(json, "format_version");
	const char *state = json_string_value(json_object_get(json, "state"));

	if (!json_is_object(json))
		return err_input(err, "%s: not a JSON object", path);
	if (!json_is_integer(version))
		return err_input(err, "%s: no 'format_version'; this is not the manifest of a run", path);
	if (json_integer_value(version) != RUNDIR_FORMAT_VERSION)
		return err_input(err, "%s: format_version is %lld, this limitlab reads %d", path,
			(long long)json_integer_value(version), RUNDIR_FORMAT_VERSION);
	manifest->format_version = RUNDIR_FORMAT_VERSION;
	if (!state)
		return err_input(err, "%s: no 'state'", path);
	int known = -1;
	for (int i = RUN_RUNNING; i <= RUN_INTERRUPTED; i++)
		if (!strcmp(state, run_state_name((enum run_state)i)))
			known = i;
	if (known < 0)
		return err_input(err,
			"%s: state is '%s'; known are running, complete, broken and interrupted", path,
			state);
	manifest->state = (enum run_state)known;
	if (read_members(manifest, manifest_members, ARRAY_SIZE(manifest_members), json, path, err))
		return -1;
	return read_tenants(manifest, json, path, err);
}

int manifest_parse(
	struct manifest *ret_manifest, const char *path, const char *text, size_t length, struct err *err)
{
	AUTO(json) json_t *json = NULL;
	struct manifest manifest;

	if (json_parse(path, text, length, &json, err))
		return -1;
	manifest_init(&manifest);
	if (read_json(&manifest, json, path, err)) {
		manifest_release(&manifest);
		return -1;
	}
	*ret_manifest = manifest;
	return 0;
}

int manifest_read(struct manifest *ret_manifest, const char *path, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT;

	if (fsio_read_file(path, MANIFEST_MAX_BYTES, &text, err))
		return -1;
	return manifest_parse(ret_manifest, path, text.data ? text.data : "", text.length, err);
}

int manifest_write(const struct manifest *manifest, const char *path, struct err *err)
{
	AUTO(json)
	json_t *json = json_pack("{s:i, s:s}", "format_version", manifest->format_version, "state",
		run_state_name(manifest->state));
	AUTO(json) json_t *members = write_members(manifest, manifest_members, ARRAY_SIZE(manifest_members));
	json_t *tenants = json_array();

	for (size_t i = 0; i < manifest->tenant_count; i++)
		(void)json_array_append_new(tenants,
			write_members(&manifest->tenants[i], tenant_members, ARRAY_SIZE(tenant_members)));
	(void)json_object_set_new(members, "tenants", tenants);
	if (!json || json_object_update(json, members))
		BUG("cannot build the manifest");
	return json_write(json, path, err);
}

static const char *const short_names[][2] = {
	{"kernel", "host_kernel"},
	{"cgroup", "cgroup_mode"},
	{"accel", "acceleration"},
	{"version", "limitlab_version"},
	{"libvirt", "libvirt_version"},
	{"qemu", "qemu_version"},
	{"cpu", "cpu_model"},
};

/* Measured numbers and free text are no groups. */
static bool is_field(const struct member *member)
{
	static const char *const no_groups[] = {"reason", "started_utc", "acceleration_reason"};

	for (size_t i = 0; i < ARRAY_SIZE(no_groups); i++)
		if (!strcmp(member->name, no_groups[i]))
			return false;
	return member->type == MEMBER_TEXT || member->type == MEMBER_UNSIGNED;
}

char *manifest_field(const struct manifest *manifest, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(short_names); i++)
		if (!strcmp(name, short_names[i][0]))
			name = short_names[i][1];
	for (size_t i = 0; i < ARRAY_SIZE(manifest_members); i++) {
		const struct member *member = &manifest_members[i];
		const void *slot = at(manifest, member);
		if (strcmp(member->name, name) != 0 || !is_field(member))
			continue;
		return member->type == MEMBER_TEXT ? xstrdup(*(char *const *)slot)
						   : xasprintf("%u", *(const unsigned *)slot);
	}
	return NULL;
}

char *manifest_field_names(void)
{
	AUTO(buf) struct buf names = BUF_INIT;

	for (size_t i = 0; i < ARRAY_SIZE(manifest_members); i++)
		if (is_field(&manifest_members[i]))
			buf_addf(&names, "%s%s", names.length ? ", " : "", manifest_members[i].name);
	return buf_steal(&names);
}
