/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What `kernels` and `bisect` share: scenarios, kernels and places, all found and checked before anything boots.
 */
#ifndef LIMITLAB_CMD_KERNELS_SESSION_H
#define LIMITLAB_CMD_KERNELS_SESSION_H

#include "cmd/options.h"
#include "kernels/cell_labhost.h"
#include "kernels/drive.h"
#include "run/batch.h"

/* Control groups of lab hosts, in the order of the user. */
struct session_modes {
	const char *words[3]; /* static: "v1", "v2", "hybrid" */
	size_t count;
};

struct kernels_session {
	const struct options *options;
	const struct cell_ops *ops;
	void *ops_context;
	struct scenario **scenarios;
	size_t scenario_count;
	struct cell_kernel *kernels;
	size_t kernel_count;
	struct session_modes *modes; /* of each kernel */
	struct batch_place *places;  /* texts are the kernels' and static */
	const struct cell_kernel **place_kernels;
	size_t place_count;
	double *expected_s; /* per scenario of the batch */
	struct batch *batch;
	char *out; /* absolute */
	bool made_out;
	int lock; /* the state's, from session_prepare() on; 0: not held */
};

/* How often a scenario is tried whose lab host died, where the user does not say. */
#define SESSION_ATTEMPTS 3

int session_load(struct kernels_session *session, char *const *paths, size_t count, struct err *err);
/* What this machine lacks; after session_load(). */
int session_look(const struct kernels_session *session, struct err *err);
/* All is right: what lab hosts share is made, and OUT, and no other run goes on. */
int session_prepare(struct kernels_session *session, const char *out, struct err *err);
/* What is there of the batch is the user's, behind sudo too. */
void session_give_away(const struct kernels_session *session);
/* "v1,v2,hybrid", with this separator; NULL: v2 alone. */
int session_modes_parse(const char *list, char separator, struct session_modes *ret_modes, struct err *err);
/* Finds kernels, in this order; "6.12@v2", "6.1@v1+v2" has modes of its own, others have those given. */
int session_find(struct kernels_session *session, const char *const *wishes, size_t count,
	const struct session_modes *modes, struct err *err);
/* Comma lists, several times -> single words; the caller frees each and the array. */
char **session_words(const struct option_list *list, size_t *ret_count);
/* Each kernel in each of its modes. */
void session_places(struct kernels_session *session);
/*
 * Why each scenario cannot be run in a place: skipped by its `when` (ret_skipped, the caller frees each and the array), or
 * something that the kernel lacks: ERR_HOST with everything, unless ret_lacks takes it, per place.
 */
int session_check(struct kernels_session *session, char ***ret_skipped, char **ret_lacks, struct err *err);
/* What runs the session's batch, and tells `observer` of it. */
struct drive session_drive(const struct kernels_session *session, const struct drive_observer *observer);
/* The file that --resume means: a file, or the newest unfinished one in a folder.  The caller frees. */
char *session_resume_path(const char *path, struct err *err);
void session_release(struct kernels_session *session);

static inline void auto_kernels_session(struct kernels_session *session)
{
	session_release(session);
}

/* The operations that boot lab hosts, and what they need. */
const struct cell_ops *session_lab_hosts(
	const struct options *options, struct cell_labhost_options *ret_context);

#endif
