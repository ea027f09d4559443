/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "run/drawing.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "run/prepare.h"

static _Noreturn void draw(const struct results *results, const char *scenario_dir, int reason_fd)
{
	struct results own = *results;
	struct err err = ERR_INIT;

	/* A process group of its own: Ctrl-C ends the batch, and this is done in a moment. */
	(void)setpgid(0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	own.scenario_dir = scenario_dir;
	int failed = results_draw(&own, &err);
	if (failed)
		(void)!write(reason_fd, err.text, strlen(err.text));
	prepare_give_away(own.run);
	_exit(failed ? 1 : 0);
}

void drawing_begin(struct drawing *drawing, const struct results *results, const char *scenario_dir)
{
	int reason[2];

	*drawing = (struct drawing){.reason_fd = -1};
	if (pipe2(reason, O_CLOEXEC))
		return;
	(void)fflush(NULL);
	pid_t pid = fork();
	if (pid == 0)
		draw(results, scenario_dir, reason[1]);
	(void)close(reason[1]);
	if (pid < 0) {
		(void)close(reason[0]);
		return;
	}
	*drawing = (struct drawing){.pid = pid, .reason_fd = reason[0]};
}

char *drawing_end(struct drawing *drawing)
{
	char text[512];
	int status;

	if (!drawing->pid)
		return NULL;
	ssize_t length = read(drawing->reason_fd, text, sizeof(text));
	while (waitpid(drawing->pid, &status, 0) < 0 && errno == EINTR)
		;
	(void)close(drawing->reason_fd);
	*drawing = (struct drawing){.reason_fd = -1};
	if (length > 0)
		return xstrndup(text, (size_t)length);
	return status ? xasprintf("the process that draws a figure ended with status %d", status) : NULL;
}
