/* SPDX-License-Identifier: GPL-3.0-or-later */
/* How a lab host ends, with a program in QEMU's place that ends in each of the ways. */
#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/fsio.h"
#include "base/spawn.h"
#include "labhost/internal.h"
#include "series/rundir.h"

static char folder[] = "/tmp/limitlab-test-labhost-run-XXXXXX";
static struct buf said;

/* Finds its console and its port among its arguments, then does what $FAKE says. */
static const char fake[] =
	"#!/bin/bash\n"
	"for word; do\n"
	"	case $word in file,id=console,path=*) console=${word#*path=} ;; socket,id=port,fd=*) fd=${word#*fd=} ;; esac\n"
	"done\n"
	"echo $$ >\"$FAKE_PID\"\n"
	"send() { printf \"$1\" >&\"$fd\"; }\n"
	"echo 'Linux version' >>\"$console\"\n"
	"case $FAKE in\n"
	"done)\n"
	"	send 'S\\3\\0\\0\\0007.5o\\6\\0\\0\\0hello\\ne\\5\\0\\0\\0oops\\n'\n"
	"	send 'p\\10\\0\\0\\0ra/b\\0bla'\n"
	"	send 'x\\1\\0\\0\\0003'; sleep 60 ;;\n"
	"manifest)\n"
	"	send 'S\\1\\0\\0\\0001'; send 'p'; printf \"$FAKE_LENGTH\" >&\"$fd\"\n"
	"	send 'rs/1/manifest.json\\0'; cat \"$FAKE_MANIFEST\" >&\"$fd\"\n"
	"	echo '[ 9.0] Kernel panic - not syncing: Fatal exception' >>\"$console\" ;;\n"
	"panic) echo '[ 9.0] Kernel panic - not syncing: Attempted to kill init!' >>\"$console\"; sleep 60 ;;\n"
	"silent) sleep 60 ;;\n"
	"beats) while sleep 0.1; do send 'b\\1\\0\\0\\0001'; done ;;\n"
	"dies-long) seq 2000 >&2; echo 'the last words' >&2; exit 1 ;;\n"
	"dies) echo 'qemu-system-x86_64: cannot set up guest memory' >&2; exit 1 ;;\n"
	"garbage) send '%%%%%%%%%%'; sleep 60 ;;\n"
	"obeys)\n"
	"	send 'S\\1\\0\\0\\0001'\n"
	"	order=$(dd bs=1 count=1 <&\"$fd\" 2>/dev/null); [ \"$order\" = i ] && send 'x\\3\\0\\0\\000130'; sleep 60 ;;\n"
	"esac\n";

static char *in_folder(const char *name)
{
	return xasprintf("%s/%s", folder, name);
}

static void write_text(const char *name, const char *text)
{
	AUTO(free_ptr) char *path = in_folder(name);
	AUTO(free_ptr) char *parent = fsio_dirname(path);

	assert_int_equal(fsio_make_dirs(parent, NULL), 0);
	assert_int_equal(fsio_write_atomic(path, text, strlen(text), NULL), 0);
}

static void on_line(const char *line, bool from_stderr, void *context)
{
	(void)context;
	buf_addf(&said, "%s:%s\n", from_stderr ? "err" : "out", line);
}

static void on_ran(const char *run_dir, void *context)
{
	(void)context;
	buf_addf(&said, "ran:%s\n", fsio_basename(run_dir));
}

static int run_still(const char *what, unsigned silence_s, unsigned deadline_s, unsigned still_s,
	struct labhost_end *ret_end, struct err *err)
{
	AUTO(free_ptr) char *state = in_folder("state");
	AUTO(free_ptr) char *kernel_folder = in_folder("state/kernel");
	AUTO(free_ptr) char *file = in_folder("state/file");
	AUTO(free_ptr) char *results = in_folder("results");
	AUTO(free_ptr) char *console = in_folder("console");
	const struct labhost_place place = {.dir = state};
	const struct labhost_kernel kernel = {.release = file,
		.folder = kernel_folder,
		.vmlinuz = file,
		.modules = file,
		.initrd = file,
		.origin = file};
	const char *const argv[] = {"version", NULL};
	const struct labhost_job job = {.argv = argv};
	const struct labhost_config config = {.place = &place,
		.kernel = &kernel,
		.accel = ACCEL_TCG,
		.memory_mib = 64,
		.silence_s = silence_s,
		.deadline_s = deadline_s,
		.still_s = still_s,
		.results = results,
		.console = console,
		.line = on_line,
		.ran = on_ran};

	buf_reset(&said);
	(void)setenv("FAKE", what, 1);
	return labhost_run(&config, &job, ret_end, err);
}

static int run(const char *what, struct labhost_end *ret_end, struct err *err)
{
	return run_still(what, 0, 0, 0, ret_end, err);
}

static pid_t fake_pid(void)
{
	AUTO(free_ptr) char *path = in_folder("pid");
	AUTO(buf) struct buf text = BUF_INIT;

	return fsio_read_file(path, 64, &text, NULL) || !text.data ? 0 : atoi(text.data);
}

static bool is_gone(pid_t pid)
{
	return pid > 0 && kill(pid, 0) < 0 && errno == ESRCH;
}

/* What a lab host leaves on this host: its console, its results, its lock. */
static void nothing_is_left(void)
{
	AUTO(free_ptr) char *learning = in_folder("state/kernel/learning");
	AUTO(free_ptr) char *state = in_folder("state");
	AUTO(close_dir) DIR *dir = opendir(state);
	const struct dirent *entry;
	unsigned count = 0;

	assert_true(is_gone(fake_pid()));
	assert_false(fsio_exists(learning));
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			count++;
	assert_int_equal(count, 5); /* root tenants kernel file running */
}

static void every_end_is_told(void **state)
{
	static const struct {
		const char *what;
		unsigned silence_s, deadline_s, still_s;
		enum labhost_how how;
		int status;
		const char *text;
	} cases[] = {
		{"done", 0, 0, 0, LABHOST_DONE, 3, "status 3"},
		{"panic", 0, 0, 1, LABHOST_PANIC, 0, "Kernel panic - not syncing: Attempted to kill init!"},
		{"silent", 1, 0, 0, LABHOST_HANG, 0, "no sign of life for 1 s"},
		{"beats", 1, 2, 0, LABHOST_DEADLINE, 0, "not done after 2 s"},
		{"beats", 2, 0, 1, LABHOST_HANG, 0, "said and wrote nothing for 1 s"},
		{"dies", 0, 0, 0, LABHOST_DIED, 0,
			"ended with status 1: qemu-system-x86_64: cannot set up guest memory"},
		{"dies-long", 0, 0, 0, LABHOST_DIED, 0, "ended with status 1: the last words"},
		{"garbage", 0, 0, 0, LABHOST_DIED, 0, "sent a frame of"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		print_message("case: %s\n", cases[i].what);
		struct labhost_end end;
		struct err err = ERR_INIT;
		if (run_still(cases[i].what, cases[i].silence_s, cases[i].deadline_s, cases[i].still_s, &end,
			    &err))
			fail_msg("%s", err.text);
		assert_string_equal(labhost_how_name(end.how), labhost_how_name(cases[i].how));
		assert_int_equal(end.status, cases[i].status);
		if (!strstr(end.text, cases[i].text))
			fail_msg("'%s' is not in '%s'", cases[i].text, end.text);
		nothing_is_left();
	}
}

static void lines_and_files_come_out(void **state)
{
	AUTO(free_ptr) char *path = in_folder("results/a/b");
	AUTO(buf) struct buf text = BUF_INIT;
	struct labhost_end end;

	(void)state;
	assert_int_equal(run("done", &end, NULL), 0);
	assert_string_equal(said.data, "out:hello\nerr:oops\n");
	assert_int_equal(fsio_read_file(path, 100, &text, NULL), 0);
	assert_string_equal(text.data, "bla");
	assert_true(end.up_s > 0);
}

/* The run that went on when the kernel died is not said to be running for ever. */
static void a_run_that_was_cut_is_broken(void **state)
{
	AUTO(free_ptr) char *path = in_folder("made/manifest.json");
	AUTO(free_ptr) char *copy = in_folder("results/s/1/manifest.json");
	AUTO(buf) struct buf text = BUF_INIT;
	struct manifest manifest = {0};
	struct labhost_end end;
	struct err err = ERR_INIT;
	char length[64];

	(void)state;
	write_text("made/x", "");
	manifest.format_version = RUNDIR_FORMAT_VERSION;
	char **const texts[] = {&manifest.reason, &manifest.scenario_name, &manifest.started_utc,
		&manifest.limitlab_version, &manifest.host_kernel, &manifest.cgroup_mode};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		*texts[i] = xstrdup("");
	if (manifest_write(&manifest, path, &err) || fsio_read_file(path, 1 << 20, &text, &err))
		fail_msg("%s", err.text);
	manifest_release(&manifest);
	unsigned rest = (unsigned)(text.length + strlen("rs/1/manifest.json") + 1);
	(void)snprintf(length, sizeof(length), "\\%o\\%o\\%o\\%o", rest & 255, rest >> 8 & 255,
		rest >> 16 & 255, 0U);
	(void)setenv("FAKE_LENGTH", length, 1);
	(void)setenv("FAKE_MANIFEST", path, 1);
	if (run("manifest", &end, &err))
		fail_msg("%s", err.text);
	assert_int_equal(end.how, LABHOST_PANIC);
	if (manifest_read(&manifest, copy, &err))
		fail_msg("%s", err.text);
	assert_int_equal(manifest.state, RUN_BROKEN);
	if (!strstr(manifest.reason,
		    "the lab host ended (panic): Kernel panic - not syncing: Fatal exception"))
		fail_msg("reason: %s", manifest.reason);
	assert_string_equal(said.data, "ran:1\n");
	manifest_release(&manifest);
}

static void an_interrupt_is_passed_on(void **state)
{
	struct labhost_end end;
	struct err err = ERR_INIT;
	pid_t parent = getpid();

	(void)state;
	pid_t child = fork();
	if (!child) {
		clock_sleep_until_ns(clock_now_ns() + NS_PER_S);
		(void)kill(parent, SIGINT);
		_exit(0);
	}
	uint64_t start_ns = clock_now_ns();
	assert_int_equal(run("obeys", &end, &err), -1);
	assert_int_equal(err.domain, ERR_INTERRUPTED);
	assert_int_equal(err.code, SIGINT);
	/* It did not wait for the end of its patience. */
	assert_true(clock_now_ns() - start_ns < 10 * NS_PER_S);
	(void)waitpid(child, NULL, 0);
	nothing_is_left();
}

static void qemu_dies_with_us(void **state)
{
	AUTO(free_ptr) char *pid_path = in_folder("pid");
	struct labhost_end end;

	(void)state;
	(void)unlink(pid_path);
	pid_t child = fork();
	if (!child)
		_exit(run("beats", &end, NULL) ? 1 : 0);
	for (unsigned i = 0; i < 100 && !fake_pid(); i++)
		clock_sleep_until_ns(clock_now_ns() + 100 * NS_PER_MS);
	pid_t qemu = fake_pid();
	assert_true(qemu > 0);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	for (unsigned i = 0; i < 100 && !is_gone(qemu); i++)
		clock_sleep_until_ns(clock_now_ns() + 20 * NS_PER_MS);
	nothing_is_left();
}

/* As src/labhost/start does it. */
static void what_comes_along_can_be_unpacked(void **state)
{
	AUTO(free_ptr) char *dir = in_folder("unpacked");
	AUTO(free_ptr) char *file = in_folder("state/file");
	AUTO(free_ptr) char *learned = in_folder("learned");
	const char *const argv[] = {"run", "it's", NULL};
	const char *const files[] = {file, file, NULL};
	const struct labhost_job job = {.argv = argv, .files = files};
	struct err err = ERR_INIT;
	int payload;

	(void)state;
	write_text("learned/embed/cache/x", "known");
	assert_int_equal(fsio_make_dirs(dir, NULL), 0);
	if (payload_make(&(struct payload_options){.job = &job, .results = "/it's here", .learned = learned},
		    &payload, &err))
		fail_msg("%s", err.text);
	AUTO(free_ptr)
	char *script = xasprintf(
		"busybox cpio -id run/labhost/environment </proc/%d/fd/%d && . ./run/labhost/environment && "
		"busybox cpio -idu </proc/%d/fd/%d && test -x \".$program\"; "
		"printf '%%s\\n' \"$results\"; cat \".$state_dir/embed/cache/x\" \".%s\"; "
		"jq -r '.program, .argv[1], .cwd' run/labhost/job.json",
		(int)getpid(), payload, (int)getpid(), payload, file);
	AUTO(buf) struct buf output = BUF_INIT;
	const char *const sh[] = {"sh", "-c", script, NULL};
	if (spawn_check(sh, &(struct spawn_options){.cwd = dir, .output = &output}, &err))
		fail_msg("%s", err.text);
	AUTO(free_ptr) char *exe = realpath("/proc/self/exe", NULL);
	AUTO(free_ptr) char *expected = xasprintf("/it's here\nknownx%s\nit's\n/\n", exe);
	const char *said_last = output.data ? strstr(output.data, "/it's here") : NULL;
	assert_string_equal(said_last ? said_last : output.data, expected);
	(void)close(payload);
}

static void what_the_host_lacks_is_said_before(void **state)
{
	AUTO(free_ptr) char *state_dir = in_folder("state");
	const struct labhost_place place = {.dir = state_dir};
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(labhost_host_check(&place, 64, ACCEL_AUTO, &err), 0);
	assert_int_equal(labhost_host_check(&place, 100000000, ACCEL_AUTO, &err), -1);
	assert_int_equal(err.domain, ERR_HOST);
	assert_non_null(strstr(err.text, "a lab host of 100000000 MiB needs"));
	assert_true(err.remedy[0]);
}

static int set_up(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	write_text("bin/qemu-system-x86_64", fake);
	write_text("state/root/manifest.json", "{}");
	write_text("state/root/root.squashfs", "x");
	write_text("state/tenants/manifest.json", "{}");
	write_text("state/tenants/tenants.squashfs", "x");
	write_text("state/kernel/x", "x");
	write_text("state/file", "x");
	AUTO(free_ptr) char *program = in_folder("bin/qemu-system-x86_64");
	AUTO(free_ptr) char *path = xasprintf("%s/bin:%s", folder, getenv("PATH"));
	AUTO(free_ptr) char *pid = in_folder("pid");
	(void)setenv("PATH", path, 1);
	(void)setenv("FAKE_PID", pid, 1);
	return chmod(program, 0755);
}

static int tear_down(void **state)
{
	(void)state;
	buf_release(&said);
	return fsio_remove_tree(folder, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_end_is_told),
		cmocka_unit_test(lines_and_files_come_out),
		cmocka_unit_test(a_run_that_was_cut_is_broken),
		cmocka_unit_test(an_interrupt_is_passed_on),
		cmocka_unit_test(qemu_dies_with_us),
		cmocka_unit_test(what_comes_along_can_be_unpacked),
		cmocka_unit_test(what_the_host_lacks_is_said_before),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
