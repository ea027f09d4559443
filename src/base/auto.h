/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Owning locals: a variable declared with AUTO(type) is released when it goes out of scope.
 * Every such local is initialised on its own line; STEAL() hands the object over to somebody else.
 *
 *	AUTO(free_ptr) char *text = strdup("x");
 *	AUTO(close_fd) int fd = open(...);
 *	return STEAL(text);
 */
#ifndef LIMITLAB_BASE_AUTO_H
#define LIMITLAB_BASE_AUTO_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Defines auto_NAME(), the cleanup of a TYPE whose release function is RELEASE.  RELEASE is not called for NULL. */
#define DEFINE_AUTO(name, type, release)                                                                     \
	static inline void auto_##name(type *slot)                                                           \
	{                                                                                                    \
		if (*slot)                                                                                   \
			(void)release(*slot);                                                                \
	}                                                                                                    \
	struct auto_swallows_the_semicolon

#define AUTO(name) __attribute__((cleanup(auto_##name)))

/* The pointer's value; the variable is NULL afterwards. */
#define STEAL(pointer)                                                                                       \
	({                                                                                                   \
		__typeof__(pointer) *steal_slot_ = &(pointer);                                               \
		__typeof__(pointer) steal_value_ = *steal_slot_;                                             \
		*steal_slot_ = NULL;                                                                         \
		steal_value_;                                                                                \
	})

/* The descriptor's number; the variable is -1 afterwards. */
#define STEAL_FD(fd)                                                                                         \
	({                                                                                                   \
		int *steal_slot_ = &(fd);                                                                    \
		int steal_value_ = *steal_slot_;                                                             \
		*steal_slot_ = -1;                                                                           \
		steal_value_;                                                                                \
	})

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* Any pointer: read by memcpy(), because a char * must not be read as a void * (the compiler would drop "= NULL"). */
static inline void auto_free_ptr(void *slot)
{
	void *pointer;

	memcpy(&pointer, slot, sizeof(pointer));
	free(pointer);
}

/* close() is never retried: on Linux the descriptor is gone even after EINTR (close(2)). */
static inline void auto_close_fd(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

static inline void auto_close_file(FILE **file)
{
	if (*file)
		(void)fclose(*file);
}

#endif
