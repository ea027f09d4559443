/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/judge.h"

#include <math.h>

#include "base/buf.h"

#define MIB (1024. * 1024)

bool judge_is_time(const struct expect_spec *expect)
{
	return expect->kind == EXPECT_SETTLES || expect->kind == EXPECT_STARVES ||
	       expect->kind == EXPECT_NEVER_STARVES;
}

const char *judge_unit(const struct expect_spec *expect)
{
	if (judge_is_time(expect))
		return "s";
	if (expect->kind == EXPECT_SHARE)
		return expect->measure == MEASURE_DISK_IOPS ? "fraction of all requests"
							    : "fraction of the capacity";
	return expect->kind == EXPECT_RATIO ? "ratio" : measure_spec(expect->measure)->unit;
}

char *judge_level_text(enum measure measure, double value)
{
	switch (measure) {
	case MEASURE_CPU_TIME:
		return xasprintf("%.3f CPUs", value);
	case MEASURE_NET_CLASS:
	case MEASURE_NET_PAYLOAD:
		return xasprintf("%.2f Mbit/s", value / 1e6);
	case MEASURE_MEM_USAGE:
	case MEASURE_MEM_ANON:
	case MEASURE_MEM_SWAP:
		return xasprintf("%.1f MiB", value / MIB);
	case MEASURE_DISK_BANDWIDTH:
		return xasprintf("%.2f MiB/s", value / MIB);
	case MEASURE_DISK_IOPS:
		return xasprintf("%.1f/s", value);
	case MEASURE_DISK_P99:
		return xasprintf("%.2f ms", 1e3 * value);
	case MEASURE_COUNT:
		break;
	}
	BUG("measure %d", (int)measure);
}

char *judge_value_text(const struct expect_spec *expect, double value)
{
	if (isnan(value))
		return xstrdup("-");
	if (judge_is_time(expect))
		return xasprintf("%.3f s", value);
	if (expect->kind == EXPECT_SHARE)
		return xasprintf("%.2f %%", 100 * value);
	if (expect->kind == EXPECT_RATIO)
		return xasprintf("%.3f", value);
	return judge_level_text(expect->measure, value);
}

char *judge_tolerance_text(const struct expect_spec *expect, double value)
{
	bool points = expect->kind == EXPECT_SHARE ||
		      (expect->kind == EXPECT_SETTLES && !judge_settles_to_level(expect));

	if (points)
		return xasprintf("%.2f points", 100 * value);
	return expect->kind == EXPECT_RATIO ? xasprintf("%.3f", value)
					    : judge_level_text(expect->measure, value);
}

bool judge_settles_to_level(const struct expect_spec *expect)
{
	return expect->kind == EXPECT_SETTLES && !expect->is_model;
}

bool judge_is_bounded(const struct expect_spec *expect)
{
	return (expect->kind == EXPECT_LEVEL || expect->kind == EXPECT_RATIO) && !expect->is_model &&
	       isnan(expect->value);
}

double judge_interval_s(const struct judge_input *input)
{
	double recorded_s = input->manifest->sample_interval_s;

	return recorded_s > 0 ? recorded_s : (double)input->scenario->sample_ns / 1e9;
}
