/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Shared by the files of this directory alone.  What is pure is here so that it can be tested.
 */
#ifndef LIMITLAB_LABHOST_INTERNAL_H
#define LIMITLAB_LABHOST_INTERNAL_H

#include "base/buf.h"
#include "labhost/labhost.h"

/* ---- wishes (wish.c) ---- */

enum wish_kind { WISH_ARCHIVE, WISH_DEB, WISH_FILES, WISH_FOLDER };

struct wish {
	enum wish_kind kind;
	char *text; /* WISH_ARCHIVE: the wish itself (NULL: the suite's); else the path, of the image for WISH_FILES */
	char *modules; /* WISH_FILES */
};

/* ERR_INPUT: a path that leads nowhere. */
int wish_parse(const char *text, struct wish *ret_wish, struct err *err);
void wish_release(struct wish *wish);
/* Whether the wish names this package alone: by its name, its release or its version. */
bool wish_is_exact(const char *package, const char *version, const char *wish);
/* Of lines "PACKAGE VERSION" the newest that satisfies the wish (for a short one: of the cloud flavour); NULL: none.  Caller frees. */
char *wish_choose(const char *list, const char *wish);
/* Of such lines those of the cloud flavour, oldest first, each package once, with its newest version; the caller frees them and the array. */
char **wish_each(const char *list, size_t *ret_count);
/* The release in the head of a bzImage (Documentation/arch/x86/boot.rst: kernel_version); NULL: that is none.  The caller frees. */
char *wish_release_of_image(const void *head, size_t length);

/* ---- kernels (kernel.c, kernel_make.c) ---- */

#define KERNEL_RECIPE "labhost kernel 1"
#define KERNEL_PART   "kernel-"

/* A line to place->progress. */
void labhost_say(const struct labhost_place *place, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* Makes a kernel's folder.  source: what tells whether a file has changed; NULL: from the archive.  The caller frees the folder. */
int kernel_make(const struct labhost_place *place, const struct wish *wish, const char *source,
	char **ret_folder, struct err *err);
/* The folder of the newest kept kernel that is what is wished for; NULL: none.  source: kernel_source(). */
char *kernel_find_kept(const char *dir, const struct wish *wish, const char *source);
/* The folder of an archive's kernel that is kept; NULL: it is not.  The caller frees. */
char *kernel_kept(const char *dir, const char *package);
/* In its manifest: it is what the archive gave for this wish (NULL: for none), and whether it is the suite's own. */
int kernel_remember(const char *folder, const char *wish, bool is_default, struct err *err);
/* What tells that files are no longer the ones that were taken; NULL for the archive's kernels.  The caller frees. */
char *kernel_source(const struct wish *wish);

/* ---- the libraries of this program (libraries.c) ---- */

/* A path's two spellings where /lib is a link to /usr/lib, without and with /usr; the caller frees both. */
void libraries_spell(const char *path, char *ret_spellings[2]);
/*
 * Of what dpkg-query --search said about these paths the packages, ",a,b", sorted, each once; the caller frees.  NULL, ERR_HOST: some
 * library is of no package.
 */
char *libraries_packages(char *const *libraries, size_t count, const char *said, struct err *err);

/* ---- options of kernels (options.c) ---- */

/*
 * What the configuration lacks, "CONFIG_X, CONFIG_Y (why)": NULL when it lacks nothing; the caller frees.  config NULL: not known;
 * then `modules` (text of modules.dep and modules.builtin) tells what can be a module.
 */
char *options_missing(const char *config, const char *modules, enum labhost_cgroup mode, unsigned needs);

/* ---- what a console says (console.c) ---- */

/* The line that tells why the kernel died, without its time stamp; NULL: it did not.  The caller frees. */
char *console_panic(const char *text);

/* ---- what the agent in the lab host tells (frames.c) ---- */

/* Path of the agent's port in the lab host, and the byte that the host sends to interrupt the inner limitlab. */
#define AGENT_PORT      "org.limitlab.labhost"
#define AGENT_INTERRUPT 'i'

/*
 * A frame: kind (1 byte), length of the rest (4 bytes, of this machine's order), then the rest.  A path is relative to its tree, of
 * a letter in front of it: TREE_RESULTS or TREE_LEARNED.
 */
enum frame_kind {
	FRAME_BEAT = 'b',    /* text of seconds since power-on: a sign of life */
	FRAME_STAGE = 's',   /* text */
	FRAME_STARTED = 'S', /* the inner limitlab runs; text as of FRAME_BEAT */
	FRAME_OUT = 'o',     /* what it printed */
	FRAME_ERR = 'e',     /* on standard error */
	FRAME_PUT = 'p',     /* path, NUL, content: a file that is new, or another */
	FRAME_APPEND = 'a',  /* path, NUL, offset (8 bytes), what has been added there */
	FRAME_MOVE = 'm',    /* path, NUL, new path, NUL */
	FRAME_GONE = 'g',    /* path, NUL */
	FRAME_CHECK = 'c',   /* path, NUL, length (8 bytes), hash (8 bytes): at the end, of every file */
	FRAME_EXIT = 'x',    /* text of its exit code; the last */
};
enum { TREE_RESULTS = 'r', TREE_LEARNED = 'l' };
enum { FRAME_MAX_BYTES = 8 << 20 };

struct frame {
	enum frame_kind kind;
	const char *path; /* without the tree's letter; of those that have one, else NULL */
	char tree;
	const char *new_path; /* FRAME_MOVE */
	uint64_t offset;      /* FRAME_APPEND; FRAME_CHECK: length */
	uint64_t hash;
	const char *data; /* what is left; NUL terminated */
	size_t length;
};

/* Appends a frame; path may be NULL.  middle: what stands between path and data. */
void frame_add(struct buf *buf, enum frame_kind kind, const char *path, const void *middle,
	size_t middle_length, const void *data, size_t length);
/*
 * Takes the first frame out of what arrived: 1 and *ret_frame, which points into buf until frame_drop(); 0: it is not whole yet; -1:
 * that is no frame, or its path leads out of its tree.
 */
int frame_take(const struct buf *buf, struct frame *ret_frame, size_t *ret_size, struct err *err);

/* ---- in the lab host: folders that are told about (tree.c) ---- */

struct tree_file;

struct tree {
	const char *folder;
	char letter; /* TREE_RESULTS or TREE_LEARNED */
	struct tree_file *files;
	size_t count, capacity;
};

void tree_release(struct tree *tree);
/*
 * Appends frames for what has changed since the last look.  A file that grew is taken to be what it was, with something added: so
 * limitlab writes all that it does not replace; tree_check() finds the others.  Hidden files are left out.
 */
void tree_look(struct tree *tree, struct buf *out);
/* Appends a FRAME_CHECK for every file, after what it takes to make it true. */
void tree_check(struct tree *tree, struct buf *out);

/* ---- the copy on this host (mirror.c) ---- */

struct mirror {
	const char *results, *learned; /* folders */
	char **manifests;              /* of runs, absolute, as they came */
	size_t manifest_count, manifest_capacity;
};

void mirror_release(struct mirror *mirror);
/* FRAME_PUT, APPEND, MOVE, GONE, CHECK. */
int mirror_apply(struct mirror *mirror, const struct frame *frame, struct err *err);
/* Says in the manifests of runs that were going on that they are broken, and why. */
void mirror_close_runs(struct mirror *mirror, const char *why);

/* ---- QEMU's command line (machine.c) ---- */

struct machine {
	const char *kernel, *initrd;
	const char *root, *modules, *tenants, *payload, *scratch; /* disks, in the order of their letters */
	int port_fd;
	const char *console;
	bool kvm;
	enum labhost_cgroup cgroup;
	const char *append; /* NULL: nothing */
	unsigned memory_mib, cpus;
};

/* NULL terminated; the caller frees with machine_free_argv(). */
char **machine_argv(const struct machine *machine);
void machine_free_argv(char **argv);

/* ---- files that come along (payload.c) ---- */

struct payload_options {
	const struct labhost_job *job;
	const char *results; /* folder in the lab host */
	const char *learned; /* folder; NULL: nothing learned yet */
};

/* A cpio archive in an unlinked file, with limitlab itself, its data, the job's files and what the lab host must know. */
int payload_make(const struct payload_options *options, int *ret_fd, struct err *err);

#endif
