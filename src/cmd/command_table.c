/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The sub-commands, from which dispatch, help, completion and the man page come. */
#include "cmd/command.h"

#include <stddef.h>

#include "cmd/commands.h"
#include "cmd/options.h"

/* In the order in which a user meets them. */
const struct command command_table[] = {
	{
		.name = "run",
		.synopsis = "SCENARIO... | --resume BATCH",
		.summary = "boot the tenants, run the timeline, judge, draw",
		.about = "Checks all scenario files, then runs one after the other and exits with the\n"
			 "worst outcome.  Each run leaves a directory OUT/NAME/TIME/, whose path is\n"
			 "printed last; with --quiet nothing else is.  Needs root.\n\n"
			 "The tenants run in private namespaces: whatever ends the run, nothing of it is\n"
			 "left on this host, except what 'limitlab clean' takes back after a SIGKILL.\n"
			 "Ctrl-C saves what there is and cleans up; a second one ends it at once.\n\n"
			 "A scenario that makes memory scarce takes it from the whole host, down to what\n"
			 "the scenario leaves free: other programs may be swapped out meanwhile.  That\n"
			 "needs --allow-host-scarcity, or LIMITLAB_ALLOW_HOST_SCARCITY=1.\n\n"
			 "A scenario whose scarce disk is a real device overwrites it, and runs only\n"
			 "with --use-device DEV naming the same one; never on one that is in use.\n\n"
			 "With --in-lab-host all of it happens in an outer VM, with a kernel (--kernel)\n"
			 "and control groups (--cgroup) of your choice: what is scarce there harms\n"
			 "nobody here.  The results come out while they are made.  Needs 4.5 GiB of\n"
			 "memory, and where KVM cannot be nested it is slow.\n\n"
			 "With --connect a libvirt daemon of this host keeps the tenants instead.\n\n"
			 "Several runs are a batch.  --repeat N runs each scenario N times, in rounds\n"
			 "of shuffled order.  --until-decided MAX repeats a scenario until a\n"
			 "sequential test tells, with 5 % of error, one whose runs fail in at most 1\n"
			 "of 20 (it holds) from one whose runs fail in at least 1 of 2 (it is broken);\n"
			 "five passes or two failures in a row decide.  OUT/batch-TIME.json is\n"
			 "rewritten after every run; --resume goes on from it.\n\n"
			 "Scenarios of one round share the boot of tenants of the same name, vCPUs and\n"
			 "memory: the state after it is kept, and the tenants of each run wake from it,\n"
			 "as if nothing had ever been done with them.  With --boot run every run boots\n"
			 "its own; with --boot batch rounds share boots, too, and repetitions do not\n"
			 "show what another boot would have changed.  Where memory is scarce, tenants\n"
			 "always boot; where QEMU emulates the host itself, every run does by default.\n"
			 "The manifest says which boot each tenant comes from.\n\n"
			 "--bisect-codes is for 'git bisect run': 0 and 1 stay, everything else becomes\n"
			 "125 (skip), but for a signal, which ends the bisection.",
		.max_args = COMMAND_ANY_COUNT,
		.args = COMMAND_ARGS_SCENARIOS,
		.options = OPTION(OUT) | OPTION(ACCEL) | OPTION(CONNECT) | OPTION(REPEAT) |
			   OPTION(UNTIL_DECIDED) | OPTION(SEED) | OPTION(RESUME) | OPTION(BOOT) |
			   OPTION(JUNIT) | OPTION(KERNEL) | OPTION(IN_LAB_HOST) | OPTION(CGROUP) |
			   OPTION(ALLOW_HOST_SCARCITY) | OPTION(USE_DEVICE) | OPTION(BISECT_CODES) |
			   OPTION(JSON) | OPTION(QUIET),
		.run = cmd_run,
	},
	{
		.name = "kernels",
		.synopsis = "SCENARIO... | --resume BATCH",
		.summary = "the same scenarios on several host kernels and cgroup modes",
		.about = "A VM's limits are enforced by the kernel of its host.  For each kernel and\n"
			 "each cgroup mode this boots a lab host, a VM in which limitlab runs the\n"
			 "scenarios with tenants nested in it; a scenario that makes the host short of\n"
			 "memory harms nobody there.  --kernel K, repeated or with commas between, is\n"
			 "the lab hosts' kernel: 6.1, 6.12, a Debian package's name or version, a .deb\n"
			 "file, BZIMAGE:MODULES, or a folder with vmlinuz or bzImage and lib/modules.\n"
			 "Default: the suite's.  K@v2 and K@v1+v2 give a kernel modes of its own.\n"
			 "\n"
			 "All is looked at before anything boots: kernels and what they lack,\n"
			 "scenarios, memory.  What a scenario's when: leaves out is skipped, with the\n"
			 "reason.\n"
			 "\n"
			 "Each of --repeat N rounds boots every lab host once, in an order that follows\n"
			 "from --seed, for all scenarios.  Results come out while they are made.  When\n"
			 "a lab host panics, falls silent or dies, the run at which it did is begun\n"
			 "again in another boot, --attempts times in all; then that is the result of\n"
			 "this combination.\n"
			 "\n"
			 "OUT/kernels-TIME.json is rewritten after every run (--resume goes on from it,\n"
			 "or from the newest in a folder); OUT/kernels-TIME/ gets the table as\n"
			 "Markdown, CSV and JSON and a figure per scenario; runs are\n"
			 "OUT/KERNEL-MODE/SCENARIO/TIME/.  Changes are against the first kernel and\n"
			 "mode, by limitlab compare's rules.  Exit code: the worst run's, and 1 when\n"
			 "something changed.\n"
			 "\n"
			 "For git bisect run in a kernel tree: a script that makes bzImage and modules,\n"
			 "or exits with 125, and then calls limitlab kernels --bisect-codes --kernel\n"
			 "arch/x86/boot/bzImage:MODULES scenario.yaml",
		.max_args = COMMAND_ANY_COUNT,
		.args = COMMAND_ARGS_SCENARIOS,
		.options = OPTION(KERNEL) | OPTION(CGROUP) | OPTION(REPEAT) | OPTION(SEED) | OPTION(OUT) |
			   OPTION(RESUME) | OPTION(ATTEMPTS) | OPTION(APPEND) | OPTION(ACCEL) |
			   OPTION(FLOOR) | OPTION(JUNIT) | OPTION(CSV) | OPTION(MARKDOWN) |
			   OPTION(BISECT_CODES) | OPTION(JSON) | OPTION(QUIET),
		.run = cmd_kernels,
	},
	{
		.name = "bisect",
		.synopsis = "SCENARIO",
		.summary = "the first of a list of host kernels on which a scenario fails",
		.about = "Tests --good and --bad first, then always the kernel in the middle of what is\n"
			 "left of --kernels, each in lab hosts as limitlab kernels boots them, until a\n"
			 "sequential test has decided it: five passes or two failures in a row, at most\n"
			 "--until-decided runs (default: 12).  What stays undecided, is inconclusive,\n"
			 "lacks something or kills the lab host is skipped.  --good may be the newer\n"
			 "one: then the one that mended it is found.\n"
			 "\n"
			 "Exit code 0: found.  2: an end is not what it was said to be.  3: only a\n"
			 "range, because what lies in it was skipped.",
		.min_args = 1,
		.max_args = 1,
		.args = COMMAND_ARGS_SCENARIOS,
		.options = OPTION(GOOD) | OPTION(BAD) | OPTION(KERNELS) | OPTION(CGROUP) |
			   OPTION(UNTIL_DECIDED) | OPTION(OUT) | OPTION(ATTEMPTS) | OPTION(APPEND) |
			   OPTION(ACCEL) | OPTION(JSON) | OPTION(QUIET),
		.run = cmd_bisect,
	},
	{
		.name = "check",
		.synopsis = "SCENARIO...",
		.summary = "validate scenarios and print their plans",
		.about = "Reads scenario files as run would, with their workloads, and prints tenants,\n"
			 "events, expectations and the expected duration.  Boots nothing and needs no\n"
			 "root.  Errors name file, line and column, and say what would be right.",
		.min_args = 1,
		.max_args = COMMAND_ANY_COUNT,
		.args = COMMAND_ARGS_SCENARIOS,
		.options = OPTION(JSON) | OPTION(QUIET),
		.run = cmd_check,
	},
	{
		.name = "list",
		.synopsis = "",
		.summary = "the shipped scenarios and those in ./scenarios",
		.about = "One line per scenario: its name, about how long a run takes, what it shows.",
		.options = OPTION(JSON),
		.run = cmd_list,
	},
	{
		.name = "judge",
		.synopsis = "RUN...",
		.summary = "judge finished runs again, from their files",
		.about = "Derives the series again from the raw samples, judges them against the\n"
			 "scenario kept in the run directory, and writes series.csv, verdict.json and\n"
			 "junit.xml there, if it may.  Needs neither root nor a hypervisor.",
		.min_args = 1,
		.max_args = COMMAND_ANY_COUNT,
		.args = COMMAND_ARGS_RUNS,
		.options = OPTION(JSON) | OPTION(JUNIT) | OPTION(QUIET),
		.run = cmd_judge,
	},
	{
		.name = "explain",
		.synopsis = "RUN...",
		.summary = "why a finished run was judged as it was, and what to look at",
		.about = "Judges a run again from its files and tells, for each expectation that did not\n"
			 "pass, what was expected and by which rule, what was seen, the likely cause\n"
			 "with its remedy and source, and commands to look further.  --all tells of\n"
			 "those that passed, too.  Writes nothing and needs no root.\n\n"
			 "Causes come from a table of symptoms: what the judge found, and what stands\n"
			 "in the scenario, the manifest, the log of events and the samples.  The\n"
			 "likeliest comes first, three at most.  The exit code is 0 whatever the\n"
			 "verdict is; limitlab judge tells that.",
		.min_args = 1,
		.max_args = COMMAND_ANY_COUNT,
		.args = COMMAND_ARGS_RUNS,
		.options = OPTION(ALL) | OPTION(JSON),
		.run = cmd_explain,
	},
	{
		.name = "plot",
		.synopsis = "RUN...",
		.summary = "draw the figure of a finished run again, from its files",
		.about = "Draws figure.svg and figure.png into each run directory, with gnuplot and the\n"
			 "script that the scenario names (figure: NAME).  NAME.gp and the scripts that\n"
			 "it loads are looked for in the run directory, in ./plots and where limitlab\n"
			 "is installed, so that a copy in ./plots may be edited.  Needs no root.\n\n"
			 "Where a scenario says beside: OTHER, the newest complete run of OTHER in the\n"
			 "same results is drawn in the same figure; --beside names any other run.",
		.min_args = 1,
		.max_args = COMMAND_ANY_COUNT,
		.args = COMMAND_ARGS_RUNS,
		.options = OPTION(BESIDE) | OPTION(FORMAT) | OPTION(INTO) | OPTION(QUIET),
		.run = cmd_plot,
	},
	{
		.name = "compare",
		.synopsis = "RUN... -- RUN... | --self SCENARIO...",
		.summary = "what is different between two sets of runs",
		.about = "Judges every run anew from its files and compares the two sets: what was\n"
			 "measured for each expectation, and the mean of each metric of each tenant in\n"
			 "each window.  RUN is a run directory, or a directory with runs in it; of just\n"
			 "two arguments each is a set: limitlab compare OLD NEW.  With --by FIELD the\n"
			 "runs are grouped by a field of their manifests, and each group is compared\n"
			 "with the first.  Needs no root.\n\n"
			 "The change is the Hodges-Lehmann estimate of the shift, with its 95 %\n"
			 "interval, relative to the median of the first set (where that is next to\n"
			 "nothing: to a tenth of the metric's highest).  Whether it is more than noise\n"
			 "is tested by permuting whole runs, corrected for all rows (Westfall, Young).\n"
			 "A row has changed when it is significant and its whole interval lies beyond\n"
			 "--floor; it is the same when its whole interval lies within.  Where there is\n"
			 "no difference, less than one comparison in 20 raises an alarm.\n\n"
			 "Exit code 1: something changed.  3: undecided, because there are too few\n"
			 "runs or an expectation varies too much; it says how many runs it would take.\n"
			 "Three against three can decide nothing, as p cannot get below 0.1; it takes\n"
			 "four of each for expectations and five for metrics.  Runs that broke or are\n"
			 "inconclusive do not count and are named.\n\n"
			 "Runs of one scenario are compared: tenants, timeline and expectations must be\n"
			 "the same.  With --unlike they may differ, which is said, and rows are matched\n"
			 "by name: what does a tenth more weight do?\n\n"
			 "With --self the runs are divided in two again and again, each scenario's by\n"
			 "themselves: how often is a change seen that is none, and from which size on\n"
			 "would a change be found on this machine?  Given scenarios instead of runs,\n"
			 "it makes the runs first: limitlab compare --self --repeat 10 SCENARIO..., as\n"
			 "limitlab run --repeat 10 would, which needs root.",
		.min_args = 1,
		.max_args = COMMAND_ANY_COUNT,
		.args = COMMAND_ARGS_RUNS,
		.options = OPTION(BY) | OPTION(SELF) | OPTION(UNLIKE) | OPTION(FLOOR) | OPTION(JSON) |
			   OPTION(CSV) | OPTION(MARKDOWN) | OPTION(FIGURE) | OPTION(REPEAT) | OPTION(OUT) |
			   OPTION(SEED) | OPTION(ACCEL) | OPTION(ALLOW_HOST_SCARCITY) | OPTION(QUIET),
		.run = cmd_compare,
	},
	{
		.name = "clean",
		.synopsis = "",
		.summary = "undo what killed runs left behind",
		.about = "Replays the undo journals of runs that were killed together with their\n"
			 "supervisor; the next run would do so too.  Does nothing when there is nothing\n"
			 "to do; refuses while a run goes on.  Needs root.",
		.options = OPTION(QUIET),
		.run = cmd_clean,
	},
	{
		.name = "doctor",
		.synopsis = "",
		.summary = "what this host has and lacks, with the exact remedies",
		.about = "Checks everything that a run needs and changes nothing.  Exit code 4 when\n"
			 "something is missing that every run needs; what only some need is a note.",
		.options = OPTION(JSON) | OPTION(QUIET),
		.run = cmd_doctor,
	},
	{
		.name = "image",
		.synopsis = "build|info",
		.summary = "the guest image: build what is missing, or say what is there",
		.about = "build makes the root file system, the kernel and the initrd that all tenants\n"
			 "share, from Debian's archive as the host's apt reaches it; it needs root, and\n"
			 "does nothing when nothing has changed.  Another kernel is added beside the\n"
			 "ones that are there.  info prints the versions of everything inside.",
		.min_args = 1,
		.max_args = 1,
		.args = COMMAND_ARGS_WORDS,
		.words = "build info",
		.options = OPTION(JSON) | OPTION(QUIET) | OPTION(FORCE) | OPTION(KERNEL),
		.run = cmd_image,
	},
	{
		.name = "version",
		.synopsis = "",
		.summary = "versions of limitlab, libvirt and the run format",
		.about = "Prints the version of limitlab, of the libvirt library it uses, and of the\n"
			 "format of its run directories.",
		.options = OPTION(JSON),
		.run = cmd_version,
	},
	{
		.name = "completion",
		.synopsis = "bash",
		.summary = "print a completion script for the shell",
		.about = "For this shell only:  source <(limitlab completion bash)\n\n"
			 "make install puts it where bash finds it.",
		.min_args = 1,
		.max_args = 1,
		.args = COMMAND_ARGS_WORDS,
		.words = "bash",
		.run = cmd_completion,
	},
	{
		.name = "help",
		.synopsis = "[COMMAND]",
		.summary = "what the commands are, or what one of them does",
		.about = "limitlab help COMMAND is the same as limitlab COMMAND --help.",
		.max_args = 1,
		.args = COMMAND_ARGS_COMMANDS,
		.run = cmd_help,
	},
	{
		.name = "lab-exec",
		.synopsis = "PROGRAM [ARGUMENT...]",
		.summary = "run a program in a lab host; for tests",
		.about = "Boots a lab host as 'run' can.  Arguments that name files are\n"
			 "taken along; what PROGRAM writes to $LABHOST_RESULTS appears in OUT.",
		.min_args = 1,
		.max_args = COMMAND_ANY_COUNT,
		.args = COMMAND_ARGS_NONE,
		.options = OPTION(KERNEL) | OPTION(CGROUP) | OPTION(OUT) | OPTION(QUIET),
		.hidden = true,
		.run = cmd_lab_exec,
	},
	{
		.name = "lab-agent",
		.synopsis = "",
		.summary = "in a lab host: run limitlab, tell the host",
		.about = "Started by the lab host's systemd; of no use elsewhere.",
		.hidden = true,
		.run = cmd_lab_agent,
	},
	{
		.name = "manpage",
		.synopsis = "",
		.summary = "print the man page (roff)",
		.about = "Made from the command table when limitlab is built.",
		.hidden = true,
		.run = cmd_manpage,
	},
	{0},
};

const struct exit_code exit_code_table[] = {
	{"0", "pass"},
	{"1", "an expectation failed, or something changed (compare)"},
	{"2", "wrong usage or scenario; nothing was booted"},
	{"3", "inconclusive: the run does not prove what a verdict needs, or too few runs"},
	{"4", "the host lacks something; limitlab doctor says what and how to get it"},
	{"5", "the run broke"},
	{"130, 143", "interrupted (SIGINT, SIGTERM)"},
	{"125", "with --bisect-codes: neither 0 nor 1"},
	{0},
};
