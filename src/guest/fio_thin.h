/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * fio's status documents (--output-format=json+ --status-interval), thinned out in the guest: five hundred lines, 25 KiB,
 * of which a dozen lines are read.  Every document becomes
 *
 *	fio begin
 *	fio read-bins NS:COUNT NS:COUNT ...	histogram of completion latency; as many lines as it takes
 *	fio read RUNTIME_MS IO_BYTES TOTAL_IOS CLAT_MEAN_NS CLAT_N LAT_MEAN_NS LAT_N
 *	fio write-bins, fio write		the same, of what was written
 *	fio end LINES				how many lines stand between begin and end
 *
 * with fio's own numbers as they are (cumulative since the job's start); a direction that did nothing has no lines, and
 * each group of jobs has its own.  Read by src/workload/fio.c.  Part of the runner, which is linked statically and alone.
 *
 * The documents are as fio indents them (json.c of fio: two spaces a level, one key a line).
 */
#ifndef LIMITLAB_GUEST_FIO_THIN_H
#define LIMITLAB_GUEST_FIO_THIN_H

#include <stdbool.h>
#include <stddef.h>

struct fio_thin {
	void (*emit)(void *context, const char *text, size_t length);
	void *context;
	/* Zeroed: between two documents. */
	bool inside, in_bins;
	int direction, latency; /* which object we are in; 0: none of those we read */
	unsigned lines;
	char values[7][32];
	char bins[1024];
	size_t bins_length;
};

/* One line of output, without its newline.  True: it belongs to a document and is not to be forwarded as it is. */
bool fio_thin_line(struct fio_thin *thin, const char *text, size_t length);
/* The tool has ended: a document that was cut off is forgotten. */
void fio_thin_reset(struct fio_thin *thin);

#endif
