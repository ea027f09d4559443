/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "workload/workload.h"

#define BLANKS " \t\r\n"

/* The next word; comments go to the end of their line.  The caller frees; NULL: there is none. */
static char *next_word(const char **at)
{
	for (;;) {
		*at += strspn(*at, BLANKS);
		if (**at != '#')
			break;
		*at += strcspn(*at, "\n");
	}
	size_t length = strcspn(*at, BLANKS);
	if (!length)
		return NULL;
	char *word = xstrndup(*at, length);
	*at += length;
	return word;
}

static bool is_zero(const char *value)
{
	return value && strspn(value, "0") == strlen(value) && *value;
}

/* Options of iperf3(1) without a value; one that takes a value ends a cluster like "-uZb5M". */
static const char *after_flags(const char *word, bool *udp)
{
	for (word++; *word && strchr("uRZNVJd46", *word); word++)
		*udp = *udp || *word == 'u';
	return word;
}

static char *iperf3_limit(const char *text)
{
	bool udp = false, unlimited = false;
	const char *value = NULL;

	for (;;) {
		AUTO(free_ptr) char *word = next_word(&text);
		AUTO(free_ptr) char *own = NULL;
		if (!word)
			break;
		if (strncmp(word, "--", 2) == 0) {
			udp = udp || strcmp(word, "--udp") == 0;
			size_t length = strcspn(word, "=");
			bool is_rate = (length == 9 && strncmp(word, "--bitrate", length) == 0) ||
				       (length == 11 && strncmp(word, "--bandwidth", length) == 0) ||
				       (length == 9 && strncmp(word, "--fq-rate", length) == 0);
			if (!is_rate)
				continue;
			value = word[length] ? word + length + 1 : NULL;
		} else if (word[0] == '-') {
			value = after_flags(word, &udp);
			if (*value != 'b')
				continue;
			value = value[1] ? value + 1 : NULL;
		} else {
			continue;
		}
		if (!value)
			value = own = next_word(&text);
		if (!is_zero(value))
			return xasprintf("%s%s%s", word, own ? " " : "", own ? own : "");
		unlimited = true;
	}
	/* iperf3(1): "default 1 Mbit/sec for UDP, unlimited for TCP". */
	return udp && !unlimited ? xstrdup("UDP without -b is 1 Mbit/s") : NULL;
}

/* Lines of a job file: "key=value" of fio, "key value" of stress-ng. */
static char *line_limit(const char *text, const char *const *keys, const char *no_limit)
{
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		text += strspn(text, " \t\r");
		for (size_t i = 0; keys[i]; i++) {
			size_t length = strlen(keys[i]);
			if (strncmp(text, keys[i], length) != 0)
				continue;
			const char *value = text + length + strspn(text + length, "= \t");
			if (value == text + length)
				continue;
			AUTO(free_ptr) char *word = next_word(&value);
			if (word && strcmp(word, no_limit) != 0)
				return xasprintf("%s %s", keys[i], word);
		}
	}
	return NULL;
}

/* One word of a line; the next one begins at *at.  False: there is none. */
static bool line_word(const char **at, const char **ret_word, size_t *ret_length)
{
	*at += strspn(*at, " \t\r");
	*ret_word = *at;
	*ret_length = strcspn(*at, " \t\r\n#");
	*at += *ret_length;
	return *ret_length > 0;
}

/* Whether a line of the job starts with a stressor's name to which this option belongs: "matrix-size" to "matrix". */
static bool is_option_of(const char *text, const char *name, size_t length)
{
	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		const char *at = text, *word;
		size_t size;
		if (line_word(&at, &word, &size) && size < length && strncmp(name, word, size) == 0 &&
			name[size] == '-')
			return true;
	}
	return false;
}

static bool is_one_of(const char *const *names, const char *word, size_t length)
{
	for (size_t i = 0; names[i]; i++)
		if (strlen(names[i]) == length && strncmp(names[i], word, length) == 0)
			return true;
	return false;
}

/* stress-ng(1): "NAME N" starts N instances of a stressor, 0 one per CPU. */
unsigned workload_stressors(const char *path, const char *job_text)
{
	/* These start many at once; these are followed by a number of something else. */
	static const char *const many[] = {"all", "sequential", "parallel", "permute", "class", NULL};
	static const char *const other[] = {"seed", "backoff", "taskset", NULL};
	const char *suffix = strrchr(path, '.');
	unsigned count = 0;

	if (!suffix || strcmp(suffix, ".stress") != 0)
		return 0;
	for (const char *at = job_text; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		const char *name, *value;
		size_t length, value_length;
		if (!line_word(&at, &name, &length))
			continue;
		if (is_one_of(many, name, length))
			return 0;
		if (!line_word(&at, &value, &value_length) || strspn(value, "0123456789") != value_length ||
			is_one_of(other, name, length) || is_option_of(job_text, name, length))
			continue;
		unsigned long number = strtoul(value, NULL, 10);
		if (!number || number > 4096)
			return 0;
		count += (unsigned)number;
	}
	return count;
}

char *workload_self_limit(const char *path, const char *job_text)
{
	static const char *const fio[] = {"rate", "rate_iops", "thinktime", NULL};
	static const char *const stress[] = {"cpu-load", NULL};
	const char *suffix = strrchr(path, '.');

	if (!suffix)
		return NULL;
	if (strcmp(suffix, ".iperf3") == 0)
		return iperf3_limit(job_text);
	if (strcmp(suffix, ".fio") == 0)
		return line_limit(job_text, fio, "0");
	return strcmp(suffix, ".stress") == 0 ? line_limit(job_text, stress, "100") : NULL;
}
