/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "judge/judge.h"

#include <math.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "glue/xml.h"
#include "series/rundir.h"

/*
 * The format that Jenkins (xUnit plugin, junit-10.xsd), GitLab and Surefire's readers share; tests/data/junit.xsd says which.
 * libxml2's writer escapes, but it passes on what XML 1.0 has no way to say: control characters and bytes that are no UTF-8.
 */

static char *cleaned(const char *text)
{
	char *clean = xstrdup(text ? text : "");
	bool utf8 = xmlCheckUTF8((const unsigned char *)clean);

	for (char *p = clean; *p; p++) {
		unsigned char c = (unsigned char)*p;
		/* U+FFFE and U+FFFF are no XML characters either. */
		bool noncharacter = c == 0xef && (unsigned char)p[1] == 0xbf &&
				    ((unsigned char)p[2] == 0xbe || (unsigned char)p[2] == 0xbf);
		if ((c < 0x20 && !strchr("\t\n\r", c)) || c == 0x7f || (c >= 0x80 && !utf8))
			*p = '?';
		else if (noncharacter)
			p[0] = p[1] = p[2] = '?';
	}
	return clean;
}

static void attribute(xmlTextWriterPtr writer, const char *name, const char *text)
{
	AUTO(free_ptr) char *clean = cleaned(text);

	if (xmlTextWriterWriteAttribute(writer, BAD_CAST name, BAD_CAST clean) < 0)
		BUG("cannot write attribute '%s'", name);
}

static void start(xmlTextWriterPtr writer, const char *name)
{
	if (xmlTextWriterStartElement(writer, BAD_CAST name) < 0)
		BUG("cannot write <%s>", name);
}

static void end(xmlTextWriterPtr writer)
{
	if (xmlTextWriterEndElement(writer) < 0)
		BUG("cannot end an element");
}

static void property(xmlTextWriterPtr writer, const char *name, const char *value)
{
	start(writer, "property");
	attribute(writer, "name", name);
	attribute(writer, "value", value);
	end(writer);
}

static void number(xmlTextWriterPtr writer, const char *name, size_t value)
{
	AUTO(free_ptr) char *text = xasprintf("%zu", value);

	attribute(writer, name, text);
}

static void seconds(xmlTextWriterPtr writer, double value)
{
	AUTO(free_ptr) char *text = xasprintf("%.3f", isfinite(value) && value > 0 ? value : 0);

	attribute(writer, "time", text);
}

struct tally {
	size_t tests, failures, errors, skipped;
	double seconds;
};

static void count(const struct junit_suite *suite, struct tally *tally)
{
	tally->seconds += isfinite(suite->seconds) && suite->seconds > 0 ? suite->seconds : 0;
	if (!suite->judgement) {
		tally->tests++;
		tally->errors++;
		return;
	}
	tally->tests += suite->judgement->count;
	for (size_t i = 0; i < suite->judgement->count; i++) {
		tally->failures += suite->judgement->findings[i].verdict == VERDICT_FAIL;
		tally->errors += suite->judgement->findings[i].verdict == VERDICT_INCONCLUSIVE;
		tally->skipped += suite->judgement->findings[i].verdict == VERDICT_NOT_APPLICABLE;
	}
}

static void write_tally(xmlTextWriterPtr writer, const struct tally *tally)
{
	number(writer, "tests", tally->tests);
	number(writer, "failures", tally->failures);
	number(writer, "errors", tally->errors);
	seconds(writer, tally->seconds);
}

/* Jenkins' JUnit Attachments plugin and GitLab show files that are named so. */
static void write_where(xmlTextWriterPtr writer, const struct junit_suite *suite)
{
	AUTO(free_ptr)
	char *text = suite->judgement ? xasprintf("limitlab explain %s\n[[ATTACHMENT|%s/" RUNDIR_PNG "]]\n",
						suite->run, suite->run)
				      : xasprintf("%s/" RUNDIR_LOG "\n", suite->run);
	AUTO(free_ptr) char *clean = cleaned(text);

	if (xmlTextWriterWriteElement(writer, BAD_CAST "system-out", BAD_CAST clean) < 0)
		BUG("cannot write <system-out>");
}

static void write_case(xmlTextWriterPtr writer, const struct junit_suite *suite, const char *name,
	double time_s, const char *outcome, const char *type, const char *message)
{
	AUTO(free_ptr)
	char *class_name = xasprintf("limitlab.%s", suite->label ? suite->label : suite->scenario->name);

	start(writer, "testcase");
	attribute(writer, "classname", class_name);
	attribute(writer, "name", name);
	seconds(writer, time_s);
	if (outcome) {
		start(writer, outcome);
		attribute(writer, "type", type);
		attribute(writer, "message", message);
		end(writer);
		if (suite->run && strcmp(outcome, "skipped") != 0)
			write_where(writer, suite);
	}
	end(writer);
}

/* The schemas want local time without a zone; ours is UTC, and is said without its "Z". */
static void write_timestamp(xmlTextWriterPtr writer, const char *started_utc)
{
	AUTO(free_ptr) char *text = xstrndup(started_utc, strcspn(started_utc, "Z"));

	attribute(writer, "timestamp", text);
}

static void write_suite(xmlTextWriterPtr writer, const struct junit_suite *suite)
{
	struct tally tally = {0};

	count(suite, &tally);
	start(writer, "testsuite");
	attribute(writer, "name", suite->label ? suite->label : suite->scenario->name);
	write_tally(writer, &tally);
	number(writer, "skipped", tally.skipped);
	if (suite->started_utc && *suite->started_utc)
		write_timestamp(writer, suite->started_utc);
	if (suite->run) {
		AUTO(free_ptr) char *figure = xasprintf("%s/" RUNDIR_SVG, suite->run);
		start(writer, "properties");
		property(writer, "run", suite->run);
		if (suite->judgement)
			property(writer, "figure", figure);
		end(writer);
	}
	if (!suite->judgement)
		write_case(writer, suite, "run", suite->seconds, "error", "broken",
			suite->trouble ? suite->trouble : "the run broke");
	for (size_t i = 0; suite->judgement && i < suite->judgement->count; i++) {
		const struct finding *finding = &suite->judgement->findings[i];
		const struct expect_spec *expect = finding->expect;
		static const char *const outcomes[VERDICT_COUNT] = {[VERDICT_FAIL] = "failure",
			[VERDICT_INCONCLUSIVE] = "error",
			[VERDICT_NOT_APPLICABLE] = "skipped"};
		write_case(writer, suite, expect->name, (double)(expect->to_ns - expect->from_ns) / 1e9,
			outcomes[finding->verdict], verdict_name(finding->verdict), finding->reason);
	}
	end(writer);
}

int junit_write(const struct junit_suite *suites, size_t suite_count, const char *path, struct err *err)
{
	AUTO(xml_buffer) xmlBufferPtr buffer = xmlBufferCreate();
	AUTO(xml_writer) xmlTextWriterPtr writer = buffer ? xmlNewTextWriterMemory(buffer, 0) : NULL;
	struct tally tally = {0};

	if (!writer)
		BUG("out of memory");
	for (size_t i = 0; i < suite_count; i++)
		count(&suites[i], &tally);
	(void)xmlTextWriterSetIndent(writer, 1);
	if (xmlTextWriterStartDocument(writer, NULL, "UTF-8", NULL) < 0)
		BUG("cannot begin an XML document");
	start(writer, "testsuites");
	attribute(writer, "name", "limitlab");
	write_tally(writer, &tally);
	for (size_t i = 0; i < suite_count; i++)
		write_suite(writer, &suites[i]);
	if (xmlTextWriterEndDocument(writer) < 0 || xmlTextWriterFlush(writer) < 0)
		BUG("cannot end an XML document");
	return fsio_write_atomic(path, xmlBufferContent(buffer), (size_t)xmlBufferLength(buffer), err);
}
