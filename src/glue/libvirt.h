/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libvirt's types as owning locals, and its errors as ours.  Every release function of libvirt resets the thread's
 * last error, so err_libvirt() belongs directly after the call that failed, before any local goes out of scope.
 */
#ifndef LIMITLAB_GLUE_LIBVIRT_H
#define LIMITLAB_GLUE_LIBVIRT_H

#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>

#include "base/auto.h"
#include "base/err.h"

/*	AUTO(vir_domain) virDomainPtr domain = virDomainLookupByName(connection, name); */
DEFINE_AUTO(vir_connect, virConnectPtr, virConnectClose);
DEFINE_AUTO(vir_domain, virDomainPtr, virDomainFree);
DEFINE_AUTO(vir_network, virNetworkPtr, virNetworkFree);
DEFINE_AUTO(vir_stream, virStreamPtr, virStreamFree);

/* Typed parameters, as virTypedParamsAdd*() grows them: &list.items, &list.count, &list.capacity. */
struct vir_params {
	virTypedParameterPtr items;
	int count;
	int capacity;
};

static inline void auto_vir_params(struct vir_params *list)
{
	virTypedParamsFree(list->items, list->count);
}

/*
 * Returns -1.  Fills err with "CONTEXT: libvirt's message", domain ERR_LIBVIRT, code the virErrorNumber.  When libvirt
 * holds no error the text says so: the call failed without a word.
 */
int err_libvirt_at(struct err *err, const char *origin, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
#define err_libvirt(err, ...) err_libvirt_at(err, ERR_HERE, __VA_ARGS__)

/*
 * libvirt prints errors to stderr unless told otherwise; after this they reach only err_libvirt().  Also keeps its
 * logger quiet, which must happen before the first other libvirt call of the process.  LIBVIRT_LOG_OUTPUTS set by the
 * user stays in force.  Not safe beside other threads (setenv(3)).
 */
void glue_libvirt_quiet(void);

#endif
