/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "scenario/when.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "scenario/reader.h"

#define PARTS        3
#define PART_BITS    20
#define PART_MAX     ((UINT64_C(1) << PART_BITS) - 1)
#define NO_END       UINT64_MAX
#define EXAMPLE      "when: {cgroup: v1}"
#define EXAMPLE_KERN "kernel: \">= 6.1, < 6.12\""

void when_release(struct when *when)
{
	free(when->kernel);
	*when = (struct when){0};
}

bool when_is_given(const struct when *when)
{
	return when->cgroup || when->kernel;
}

/* Up to three numbers with dots between them.  Returns how many there are, and what follows. */
static unsigned parse_version(const char *text, uint64_t *ret_number, const char **ret_end)
{
	uint64_t number = 0;
	unsigned parts = 0;
	const char *at = text;

	while (parts < PARTS && isdigit((unsigned char)*at)) {
		uint64_t part = 0;
		for (; isdigit((unsigned char)*at); at++) {
			part = part * 10 + (uint64_t)(*at - '0');
			if (part > PART_MAX)
				return 0;
		}
		number |= part << (PART_BITS * (PARTS - 1 - parts++));
		text = at;
		if (*at != '.')
			break;
		at++;
	}
	*ret_number = number;
	*ret_end = text;
	return parts;
}

bool kernel_number(const char *release, uint64_t *ret_number)
{
	const char *end;

	return parse_version(release, ret_number, &end) > 0;
}

/* One of ">= 6.12"; narrows the range. */
static int parse_term(struct when *when, const char *term, size_t length, struct err *err)
{
	static const struct {
		const char *word;
		bool from, below; /* which ends it moves; both: to this very version */
		bool past;        /* the end moved is behind the version, not before it */
	} operators[] = {
		{">=", true, false, false},
		{"<=", false, true, true},
		{">", true, false, true},
		{"<", false, true, false},
		{"=", true, true, false},
		{"", true, true, false},
	};
	AUTO(free_ptr) char *copy = xstrndup(term, length);
	const char *at = copy + strspn(copy, " "), *end = at;
	uint64_t number = 0;
	size_t i = 0;

	while (strncmp(at, operators[i].word, strlen(operators[i].word)) != 0)
		i++;
	at += strlen(operators[i].word);
	at += strspn(at, " ");
	unsigned parts = parse_version(at, &number, &end);
	if (!parts || end[strspn(end, " ")])
		return err_input(err, "'%.40s' is no range of kernels; write it as in " EXAMPLE_KERN, copy);
	uint64_t next = number + (UINT64_C(1) << (PART_BITS * (PARTS - parts)));
	uint64_t from = operators[i].past ? next : number;
	uint64_t below = operators[i].past || operators[i].from ? next : number;
	if (operators[i].from && from > when->kernel_from)
		when->kernel_from = from;
	if (operators[i].below && below < when->kernel_below)
		when->kernel_below = below;
	return 0;
}

int when_parse_kernel(struct when *when, const char *text, struct err *err)
{
	when->kernel_from = 0;
	when->kernel_below = NO_END;
	for (const char *at = text;; at++) {
		size_t length = strcspn(at, ",");
		if (parse_term(when, at, length, err))
			return -1;
		at += length;
		if (!*at)
			break;
	}
	if (when->kernel_from >= when->kernel_below)
		return err_input(
			err, "no kernel is in the range '%.60s'; write it as in " EXAMPLE_KERN, text);
	when->kernel = xstrdup(text);
	return 0;
}

char *when_text(const struct when *when)
{
	AUTO(buf) struct buf text = BUF_INIT;

	if (when->cgroup)
		buf_addf(&text, "cgroup %s", when->cgroup);
	if (when->kernel)
		buf_addf(&text, "%skernels %s", when->cgroup ? " and " : "", when->kernel);
	buf_adds(&text, "");
	return buf_steal(&text);
}

enum when_answer when_ask(const struct when *when, const char *mode, const char *release, char **ret_reason)
{
	uint64_t number = 0;

	*ret_reason = NULL;
	if (!when_is_given(when))
		return WHEN_HOLDS;
	AUTO(free_ptr) char *text = when_text(when);
	if ((when->cgroup && !*mode) || (when->kernel && !kernel_number(release, &number))) {
		*ret_reason = xasprintf("it holds for %s only, and which %s this host has is not known", text,
			when->cgroup && !*mode ? "control groups" : "kernel");
		return WHEN_UNKNOWN;
	}
	if (when->cgroup && strcmp(when->cgroup, strcmp(mode, "v2") != 0 ? "v1" : "v2") != 0) {
		*ret_reason = xasprintf("it holds for %s only, and this host has cgroup %s", text, mode);
		return WHEN_NOT;
	}
	if (when->kernel && (number < when->kernel_from || number >= when->kernel_below)) {
		*ret_reason = xasprintf("it holds for %s only, and this host has %s", text, release);
		return WHEN_NOT;
	}
	return WHEN_HOLDS;
}

bool when_exclude(const struct when *a, const struct when *b)
{
	if (a->cgroup && b->cgroup && strcmp(a->cgroup, b->cgroup) != 0)
		return true;
	return a->kernel && b->kernel &&
	       (a->kernel_from >= b->kernel_below || b->kernel_from >= a->kernel_below);
}

bool when_implies(const struct when *narrow, const struct when *wide)
{
	if (wide->cgroup && (!narrow->cgroup || strcmp(narrow->cgroup, wide->cgroup) != 0))
		return false;
	return !wide->kernel || (narrow->kernel && narrow->kernel_from >= wide->kernel_from &&
					narrow->kernel_below <= wide->kernel_below);
}

/* ---- the reader -------------------------------------------------------------------------------------------------- */

static int read_cgroup(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	static const char *const modes[] = {"v1", "v2"};
	struct reader *reader = context;
	struct when *when = object;
	size_t index;

	(void)key;
	if (doc_choice(reader->doc, node, "a cgroup version", modes, ARRAY_SIZE(modes), &index, err) < 0)
		return -1;
	when->cgroup = modes[index];
	return 0;
}

static int read_kernel(void *context, const struct doc_key *key, const struct yaml_node_s *node, void *object,
	struct err *err)
{
	struct reader *reader = context;
	const char *text;

	(void)key;
	if (doc_word(reader->doc, node, "a range of kernels", &text, err) < 0)
		return -1;
	return when_parse_kernel(object, text, err) ? doc_error_wrap(reader->doc, doc_mark(node), err) : 0;
}

int read_when(
	const struct reader *reader, const struct yaml_node_s *node, struct when *ret_when, struct err *err)
{
	static const struct doc_key keys[] = {
		{"cgroup", false, read_cgroup, 0}, {"kernel", false, read_kernel, 0}};

	if (doc_mapping(reader->doc, node, "when", EXAMPLE, keys, ARRAY_SIZE(keys), (void *)reader, ret_when,
		    err) < 0)
		return -1;
	if (!when_is_given(ret_when))
		return doc_error(reader->doc, doc_mark(node), err,
			"when says nothing; name a cgroup version or a range of kernels, as in when: {cgroup: v1, " EXAMPLE_KERN
			"}");
	return 0;
}
