/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The error object.  A function that can fail takes a `struct err *` as its last argument, returns 0 or -1, and fills
 * the object before it returns -1.  There are no globals.  The first failure wins: a second err_set() on a filled
 * object is ignored, err_wrap() puts context in front.  Texts are lower case, without a full stop, and name the path
 * and the value.  A NULL `err` is allowed everywhere and means that the caller does not care why.
 */
#ifndef LIMITLAB_BASE_ERR_H
#define LIMITLAB_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum err_domain {
	ERR_NONE = 0,
	ERR_INPUT,       /* the user's words or files are wrong: exit code 2 */
	ERR_HOST,        /* the host lacks something; `remedy` says how to get it: exit code 4 */
	ERR_SYS,         /* a system call failed; code is its errno: exit code 5 */
	ERR_LIBVIRT,     /* libvirt said no; code is its virErrorNumber: exit code 5 */
	ERR_NETLINK,     /* netlink said no; code is libnl's NLE_*: exit code 5 */
	ERR_AGENT,       /* the guest agent, or the guest, did not do as asked: exit code 5 */
	ERR_READBACK,    /* the kernel holds another value than was asked for: exit code 5 */
	ERR_RUN,         /* anything else that broke a run: exit code 5 */
	ERR_INTERRUPTED, /* a signal ended it; code is the signal: exit code 128 + signal */
};

struct err {
	enum err_domain domain;
	int code;
	const char *origin; /* "src/file.c:123", static */
	char text[1024];
	char remedy[512]; /* what the user can do about it; empty: nothing to say */
};

#define ERR_INIT                                                                                             \
	{                                                                                                    \
		.domain = ERR_NONE                                                                           \
	}

#define ERR_STRING_(x) #x
#define ERR_STRING(x)  ERR_STRING_(x)
#define ERR_HERE       __FILE__ ":" ERR_STRING(__LINE__)

/* All of these return -1, so that `return err_set(...)` reads as one step. */
int err_set_at(struct err *err, const char *origin, enum err_domain domain, int code, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* As err_set, with ": strerror(errno_value)" at the end. */
int err_sys_at(struct err *err, const char *origin, int errno_value, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* Puts "context: " in front of what is there. */
int err_wrap_text(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds what the user can do.  The first remedy wins. */
int err_remedy_text(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* So that compilers and analyzers see the -1 too, and know that outputs stay unset. */
static inline int err_failed(int ignored)
{
	(void)ignored;
	return -1;
}

#define err_set(err, domain, code, ...) err_failed(err_set_at(err, ERR_HERE, domain, code, __VA_ARGS__))
#define err_sys(err, errno_value, ...)  err_failed(err_sys_at(err, ERR_HERE, errno_value, __VA_ARGS__))
#define err_wrap(err, ...)              err_failed(err_wrap_text(err, __VA_ARGS__))
#define err_remedy(err, ...)            err_failed(err_remedy_text(err, __VA_ARGS__))
#define err_input(err, ...)             err_set(err, ERR_INPUT, 0, __VA_ARGS__)
#define err_host(err, ...)              err_set(err, ERR_HOST, 0, __VA_ARGS__)
#define err_run(err, ...)               err_set(err, ERR_RUN, 0, __VA_ARGS__)

bool err_is_set(const struct err *err);
void err_clear(struct err *err);
/* The exit code that stands for this error (table in the design and in the man page). */
int err_exit_code(const struct err *err);
/* Of two exit codes the one that counts over several runs: a signal's, then 5, 4, 2, 1, 3, 0. */
int err_worse_exit_code(int a, int b);

/* For our own mistakes: prints where and aborts.  Never for what the world does. */
#define BUG(...) err_bug(ERR_HERE, __VA_ARGS__)
void err_bug(const char *origin, const char *format, ...) __attribute__((noreturn, format(printf, 2, 3)));

#endif
