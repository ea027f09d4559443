/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "run/undo.h"

#define JOURNAL_SUFFIX    ".jsonl"
#define JOURNAL_MAX_BYTES (1024 * 1024)

DEFINE_AUTO(json, json_t *, json_decref);

struct journal {
	char *path;
	int fd;
};

static int sync_folder(const char *dir, struct err *err)
{
	AUTO(close_fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd))
		return err_sys(err, errno, "cannot sync the folder '%s'", dir);
	return 0;
}

int journal_create(const char *dir, const char *id, struct journal **ret_journal, struct err *err)
{
	AUTO(free_ptr) char *path = xasprintf("%s/%s" JOURNAL_SUFFIX, dir, id);
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0644);

	if (fd < 0)
		return err_sys(err, errno, "cannot make the undo journal '%s'", path);
	struct journal *journal = xcalloc(1, sizeof(*journal));
	journal->path = STEAL(path);
	journal->fd = fd;
	if (sync_folder(dir, err)) {
		journal_close(journal);
		return -1;
	}
	*ret_journal = journal;
	return 0;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	(void)close(journal->fd);
	free(journal->path);
	free(journal);
}

int journal_push(struct journal *journal, const char *kind, const char *argument, const char *argument2,
	struct err *err)
{
	if (!undo_find(kind))
		BUG("no undo of kind '%s'", kind);
	AUTO(json) json_t *entry = json_array();
	/* json_string() is NULL for what is no UTF-8, and appending that fails. */
	bool bad = json_array_append_new(entry, json_string(kind)) ||
		   json_array_append_new(entry, json_string(argument)) ||
		   (argument2 && json_array_append_new(entry, json_string(argument2)));
	AUTO(free_ptr) char *text = bad ? NULL : json_dumps(entry, JSON_COMPACT | JSON_ENSURE_ASCII);
	if (!text)
		return err_run(err, "cannot journal '%s' of '%s': no valid UTF-8", kind, argument);
	AUTO(free_ptr) char *line = xasprintf("%s\n", text);
	size_t length = strlen(line);
	ssize_t written = write(journal->fd, line, length);
	if (written < 0 || (size_t)written != length || fsync(journal->fd))
		return err_sys(err, written < 0 || (size_t)written == length ? errno : ENOSPC,
			"cannot write the undo journal '%s'", journal->path);
	return 0;
}

struct replay {
	void (*report)(void *context, const char *text);
	void *context;
};

static int undo_line(const char *line, const struct replay *replay, struct err *err)
{
	AUTO(json) json_t *entry = json_loads(line, 0, NULL);
	const char *name = json_string_value(json_array_get(entry, 0));
	const char *argument = json_string_value(json_array_get(entry, 1));
	const char *argument2 = json_string_value(json_array_get(entry, 2));
	struct err why = ERR_INIT;

	if (!name || !argument)
		return err_run(err, "the entry '%s' cannot be read", line);
	const struct undo_kind *kind = undo_find(name);
	if (!kind)
		return err_run(err, "an entry of the unknown kind '%s' (written by a newer limitlab?)", name);
	int result = kind->undo(argument, argument2, &why);
	if (replay->report) {
		AUTO(free_ptr)
		char *text = xasprintf("%s: %s%s%s%s%s", kind->summary, argument, argument2 ? " " : "",
			argument2 ? argument2 : "", result ? ": FAILED: " : "", result ? why.text : "");
		replay->report(replay->context, text);
	}
	if (result && err && !err_is_set(err)) {
		*err = why;
		err_wrap(err, "cannot undo %s", kind->summary);
	}
	return result;
}

/* Undoes a journal file, newest entry first, and removes it when everything worked. */
static int undo_file(const char *path, const struct replay *replay, struct err *err)
{
	AUTO(buf) struct buf text = BUF_INIT;
	AUTO(free_ptr) char **lines = NULL;
	size_t count = 0, capacity = 0;
	int result = 0;

	if (fsio_read_file(path, JOURNAL_MAX_BYTES, &text, err))
		return -1;
	/* Only whole lines: what comes after the last newline was never synced. */
	for (char *at = text.data, *end; (end = strchr(at, '\n')) != NULL; at = end + 1) {
		*end = '\0';
		lines = xgrow(lines, count, &capacity, sizeof(*lines));
		lines[count++] = at;
	}
	while (count)
		if (undo_line(lines[--count], replay, err))
			result = -1;
	if (result)
		return err_wrap(err, "undo journal '%s'", path);
	if (unlink(path) && errno != ENOENT)
		return err_sys(err, errno, "cannot remove the undo journal '%s'", path);
	return 0;
}

int journal_undo(struct journal *journal, struct err *err)
{
	return undo_file(journal->path, &(struct replay){0}, err);
}

int journal_replay_all(const char *dir, void (*report)(void *context, const char *text), void *context,
	size_t *ret_journals, struct err *err)
{
	struct replay replay = {.report = report, .context = context};
	size_t count = 0;
	int result = 0;

	AUTO(close_dir) DIR *folder = opendir(dir);
	if (!folder && errno != ENOENT)
		return err_sys(err, errno, "cannot open the folder '%s'", dir);
	for (struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
		const char *suffix = strrchr(entry->d_name, '.');
		if (!suffix || strcmp(suffix, JOURNAL_SUFFIX))
			continue;
		AUTO(free_ptr) char *path = xasprintf("%s/%s", dir, entry->d_name);
		struct err why = ERR_INIT;
		count++;
		if (!undo_file(path, &replay, &why))
			continue;
		result = -1;
		if (err && !err_is_set(err))
			*err = why;
	}
	*ret_journals = count;
	return result;
}
