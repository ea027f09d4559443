/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest/archive.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/fsio.h"
#include "base/spawn.h"

#define KERNEL_PREFIX "linux-image-"
#define KERNEL_SUFFIX "-cloud-" ARCHIVE_ARCH

/* ---- pure parts ---- */

/* The value of KEY=value or KEY="value" in an os-release text; "" when absent.  The caller frees. */
static char *os_release_value(const char *text, const char *key)
{
	size_t length = strlen(key);

	for (const char *line = text; line && *line; line = strchr(line, '\n')) {
		if (*line == '\n')
			line++;
		if (strncmp(line, key, length) != 0 || line[length] != '=')
			continue;
		line += length + 1;
		if (*line == '"' || *line == '\'')
			line++;
		return xstrndup(line, strcspn(line, "\"'\n"));
	}
	return xstrdup("");
}

char *archive_suite_of(const char *os_release)
{
	AUTO(free_ptr) char *id = os_release_value(os_release, "ID");
	AUTO(free_ptr) char *version = os_release_value(os_release, "VERSION_ID");
	AUTO(free_ptr) char *codename = os_release_value(os_release, "VERSION_CODENAME");

	/* Debian testing has a code name and no number. */
	if (strcmp(id, "debian") == 0 && *codename && (!*version || atoi(version) >= 12))
		return STEAL(codename);
	return xstrdup(ARCHIVE_SUITE);
}

static bool is_pocket_of(const char *release, const char *suite)
{
	size_t length = strlen(suite);

	if (strncmp(release, suite, length) != 0)
		return false;
	release += length;
	return !*release || strcmp(release, "-updates") == 0 || strcmp(release, "-security") == 0;
}

/* Whether the last part of its path is one of Debian's archives: "http://mirror/debian/". */
static bool is_named_debian(const char *uri)
{
	size_t length = strlen(uri);

	while (length && uri[length - 1] == '/')
		length--;
	AUTO(free_ptr) char *path = xstrndup(uri, length);
	const char *host = strstr(path, "://"), *last = strrchr(host ? host + 3 : path, '/');
	return last && (strcmp(last, "/debian") == 0 || strcmp(last, "/debian-security") == 0);
}

/* apt takes packages of a file: mirror where they are, which the root that mmdebstrap makes does not see; copy: is the same. */
static void add_source(struct buf *sources, const char *uri, const char *release)
{
	AUTO(buf) struct buf line = BUF_INIT;
	bool is_file = strncmp(uri, "file:", 5) == 0;

	buf_addf(&line, "deb [signed-by=" ARCHIVE_KEYRING "] %s%s %s main\n", is_file ? "copy:" : "",
		is_file ? uri + 5 : uri, release);
	if (!sources->data || !strstr(sources->data, line.data))
		buf_adds(sources, line.data);
}

char *archive_sources_of(const char *targets, const char *suite)
{
	AUTO(buf) struct buf sources = BUF_INIT;
	AUTO(free_ptr) char *text = xstrdup(targets);
	char *rest = text, *line;
	bool complete = false;

	while ((line = strsep(&rest, "\n"))) {
		enum { URI, RELEASE, CODENAME, COMPONENT, ORIGIN, ARCHITECTURE, FIELDS };
		char *field[FIELDS];
		size_t count = 0;
		for (char *value; count < FIELDS && (value = strsep(&line, "\t"));)
			/* apt leaves a field that it does not know as it is. */
			field[count++] = strncmp(value, "$(", 2) == 0 ? value + strlen(value) : value;
		if (count < FIELDS || strcmp(field[COMPONENT], "main") != 0 ||
			strcmp(field[ARCHITECTURE], ARCHIVE_ARCH) != 0 ||
			strncmp(field[URI], "cdrom:", 6) == 0)
			continue;
		/* The origin is unknown before the first apt-get update, and others have a suite bookworm, too. */
		if (*field[ORIGIN] ? strcmp(field[ORIGIN], "Debian") != 0 : !is_named_debian(field[URI]))
			continue;
		/* A host may say "stable" and mean its code name. */
		if (!is_pocket_of(field[RELEASE], suite) && !is_pocket_of(field[CODENAME], suite))
			continue;
		add_source(&sources, field[URI], field[RELEASE]);
		complete =
			complete || strcmp(field[RELEASE], suite) == 0 || strcmp(field[CODENAME], suite) == 0;
	}
	if (!complete) {
		buf_reset(&sources);
		AUTO(free_ptr) char *updates = xasprintf("%s-updates", suite);
		AUTO(free_ptr) char *security = xasprintf("%s-security", suite);
		add_source(&sources, "http://deb.debian.org/debian", suite);
		add_source(&sources, "http://deb.debian.org/debian", updates);
		add_source(&sources, "http://deb.debian.org/debian-security", security);
	}
	return buf_steal(&sources);
}

char *archive_options_of(const char *dump)
{
	static const char *const wanted[] = {
		"http", "ftp", "Check-", "Retries", "ForceIP", "Proxy", "Queue-", "Max-", "By-Hash"};
	AUTO(buf) struct buf options = BUF_INIT;
	AUTO(free_ptr) char *text = xstrdup(dump);
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n"))) {
		if (strncasecmp(line, "Acquire::", 9) != 0 || strstr(line, " \"\";"))
			continue;
		for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
			if (strncasecmp(line + 9, wanted[i], strlen(wanted[i])) == 0) {
				buf_addf(&options, "%s\n", line);
				break;
			}
	}
	return buf_steal(&options);
}

bool archive_kernel_matches(const char *package, const char *wish)
{
	size_t length = strlen(wish);
	const char *release = package;

	if (strncmp(package, KERNEL_PREFIX, strlen(KERNEL_PREFIX)) == 0)
		release += strlen(KERNEL_PREFIX);
	if (strcmp(package, wish) == 0 || strcmp(release, wish) == 0)
		return true;
	return strncmp(release, wish, length) == 0 && length && strchr(".-+", release[length]);
}

char *archive_choose_kernel(const char *list, const char *wish)
{
	AUTO(free_ptr) char *text = xstrdup(list);
	char *rest = text, *line, *best = NULL;
	size_t prefix = strlen(KERNEL_PREFIX), suffix = strlen(KERNEL_SUFFIX);

	while ((line = strsep(&rest, "\n"))) {
		line[strcspn(line, " ")] = '\0';
		size_t length = strlen(line);
		if (length <= prefix + suffix || strncmp(line, KERNEL_PREFIX, prefix) != 0 ||
			strcmp(line + length - suffix, KERNEL_SUFFIX) != 0 || line[prefix] < '0' ||
			line[prefix] > '9')
			continue;
		/* A meta package ("linux-image-6.12-cloud-amd64") holds no kernel: a real one has three numbers. */
		const char *dot = strchr(line + prefix, '.');
		if (!dot || !strchr(dot + 1, '.') || !archive_kernel_matches(line, wish))
			continue;
		if (!best || strverscmp(line, best) > 0)
			best = line;
	}
	return best ? xstrdup(best) : NULL;
}

/* " linux-image-6.1.0-56-amd64 | 6.1.192-2 | http://..." */
char *archive_kernels_of(const char *madison)
{
	AUTO(buf) struct buf list = BUF_INIT;
	AUTO(free_ptr) char *text = xstrdup(madison);
	char *rest = text, *line;

	while ((line = strsep(&rest, "\n"))) {
		char package[128], version[128];
		if (sscanf(line, " %127[^ |] | %127[^ |] |", package, version) != 2 ||
			strncmp(package, KERNEL_PREFIX, strlen(KERNEL_PREFIX)) != 0 ||
			strstr(package, "-dbg") || strstr(package, "-unsigned"))
			continue;
		/* "linux-image-6.12-cloud-amd64" holds no kernel: a real one has three numbers. */
		const char *release = package + strlen(KERNEL_PREFIX), *dot = strchr(release, '.');
		if (release[0] < '0' || release[0] > '9' || !dot || !strchr(dot + 1, '.'))
			continue;
		buf_addf(&list, "%s %s\n", package, version);
	}
	return buf_steal(&list);
}

/* ---- with the host's apt ---- */

char *archive_suite(void)
{
	AUTO(buf) struct buf text = BUF_INIT;

	if (fsio_read_file("/etc/os-release", 64 << 10, &text, NULL))
		return xstrdup(ARCHIVE_SUITE);
	return archive_suite_of(text.data ? text.data : "");
}

/* Runs a program for its output, which the caller frees.  config: the private apt configuration, NULL: the host's. */
static int run_apt(
	const char *const *argv, const char *config, const char *cwd, char **ret_output, struct err *err)
{
	AUTO(buf) struct buf output = BUF_INIT;
	AUTO(free_ptr) char *setting = config ? xasprintf("APT_CONFIG=%s", config) : NULL;
	const char *env[] = {"LC_ALL=C.UTF-8", setting, NULL};

	if (spawn_check(argv,
		    &(struct spawn_options){.env = env, .cwd = cwd, .output = &output, .timeout_ms = 600000},
		    err))
		return -1;
	if (ret_output)
		*ret_output = buf_steal(&output);
	return 0;
}

int archive_open(const char *dir, struct archive *ret_archive, struct err *err)
{
	const char *const list_targets[] = {"apt-get", "indextargets", "--format",
		"$(REPO_URI)\t$(RELEASE)\t$(CODENAME)\t$(COMPONENT)\t$(ORIGIN)\t$(ARCHITECTURE)",
		"Created-By: Packages", NULL};
	const char *const dump_options[] = {"apt-config", "dump", "Acquire", NULL};
	AUTO(free_ptr) char *suite = archive_suite();
	AUTO(free_ptr) char *targets = NULL;
	AUTO(free_ptr) char *dump = NULL;

	if (!fsio_exists(ARCHIVE_KEYRING)) {
		(void)err_host(err, "the keys of Debian's archive ('%s') are missing", ARCHIVE_KEYRING);
		return err_remedy(err, "apt install debian-archive-keyring");
	}
	if (run_apt(list_targets, NULL, NULL, &targets, err) || run_apt(dump_options, NULL, NULL, &dump, err))
		return -1;

	AUTO(free_ptr) char *sources = archive_sources_of(targets, suite);
	AUTO(free_ptr) char *options = archive_options_of(dump);
	AUTO(free_ptr) char *sources_path = xasprintf("%s/sources.list", dir);
	AUTO(free_ptr) char *options_path = xasprintf("%s/apt-options", dir);
	AUTO(free_ptr) char *config_path = xasprintf("%s/apt.conf", dir);
	AUTO(free_ptr) char *lists = xasprintf("%s/apt/lists/partial", dir);
	AUTO(free_ptr) char *cache = xasprintf("%s/apt/cache/archives/partial", dir);
	AUTO(free_ptr) char *status = xasprintf("%s/apt/status", dir);
	/* Read before every other file of apt's (apt.conf(5), APT_CONFIG), so it can turn the host's own files off. */
	AUTO(free_ptr)
	char *config = xasprintf("Dir::Etc::main \"/dev/null\";\nDir::Etc::parts \"/dev/null\";\n"
				 "Dir::Etc::sourcelist \"%s\";\nDir::Etc::sourceparts \"/dev/null\";\n"
				 "Dir::Etc::preferences \"/dev/null\";\n"
				 "Dir::Etc::preferencesparts \"/dev/null\";\n"
				 "Dir::State::lists \"%s/apt/lists\";\nDir::State::status \"%s\";\n"
				 "Dir::Cache \"%s/apt/cache\";\nAPT::Sandbox::User \"root\";\n"
				 "APT::Architecture \"" ARCHIVE_ARCH "\";\n"
				 "APT::Architectures { \"" ARCHIVE_ARCH "\"; };\n"
				 "Acquire::Languages \"none\";\n%s",
		sources_path, dir, status, dir, options);
	if (fsio_make_dirs(lists, err) || fsio_make_dirs(cache, err) ||
		fsio_write_atomic(status, "", 0, err) ||
		fsio_write_atomic(sources_path, sources, strlen(sources), err) ||
		fsio_write_atomic(options_path, options, strlen(options), err) ||
		fsio_write_atomic(config_path, config, strlen(config), err))
		return -1;
	*ret_archive = (struct archive){
		.suite = STEAL(suite),
		.dir = xstrdup(dir),
		.sources = STEAL(sources_path),
		.apt_options = STEAL(options_path),
		.apt_config = STEAL(config_path),
	};
	return 0;
}

void archive_release(struct archive *archive)
{
	free(archive->suite);
	free(archive->dir);
	free(archive->sources);
	free(archive->apt_options);
	free(archive->apt_config);
	*archive = (struct archive){0};
}

int archive_update(struct archive *archive, struct err *err)
{
	const char *const argv[] = {"apt-get", "-q", "-o", "APT::Update::Error-Mode=any", "update", NULL};

	if (run_apt(argv, archive->apt_config, NULL, NULL, err)) {
		(void)err_wrap(err, "cannot read the package lists of Debian %s", archive->suite);
		return err_remedy(
			err, "check the network and the proxy settings of apt (apt-config dump Acquire)");
	}
	return 0;
}

int archive_find_kernel(
	struct archive *archive, const char *wish, char **ret_package, bool *ret_is_default, struct err *err)
{
	const char *const depends[] = {"apt-cache", "depends", "--important", ARCHIVE_META_PACKAGE, NULL};
	const char *const search[] = {
		"apt-cache", "search", "--names-only", "^" KERNEL_PREFIX "[0-9].*" KERNEL_SUFFIX "$", NULL};
	AUTO(free_ptr) char *meta = NULL;
	AUTO(free_ptr) char *list = NULL;

	if (run_apt(depends, archive->apt_config, NULL, &meta, err) ||
		run_apt(search, archive->apt_config, NULL, &list, err))
		return -1;
	const char *at = strstr(meta, "Depends: ");
	AUTO(free_ptr) char *standard = at ? xstrndup(at + 9, strcspn(at + 9, " \n")) : NULL;
	AUTO(free_ptr) char *package = wish ? archive_choose_kernel(list, wish) : NULL;
	if (!wish)
		package = standard ? xstrdup(standard) : NULL;
	if (!package)
		return err_input(err,
			"Debian %s has no cloud kernel '%s' (for what it has: apt-cache search %s)",
			archive->suite, wish ? wish : ARCHIVE_META_PACKAGE, KERNEL_SUFFIX + 1);
	*ret_is_default = standard && strcmp(standard, package) == 0;
	*ret_package = STEAL(package);
	return 0;
}

int archive_kernels(struct archive *archive, char **ret_list, struct err *err)
{
	const char *const names[] = {"apt-cache", "pkgnames", KERNEL_PREFIX, NULL};
	AUTO(free_ptr) char *found = NULL;
	AUTO(free_ptr) char *madison = NULL;
	size_t count = 0, capacity = 0;

	if (run_apt(names, archive->apt_config, NULL, &found, err))
		return -1;
	AUTO(free_ptr) const char **argv = NULL;
	static const char *const ask[] = {"apt-cache", "madison"};
	for (size_t i = 0; i < ARRAY_SIZE(ask); i++) {
		argv = xgrow(argv, count, &capacity, sizeof(*argv));
		argv[count++] = ask[i];
	}
	for (char *rest = found, *name; (name = strsep(&rest, "\n"));) {
		if (!*name)
			continue;
		argv = xgrow(argv, count, &capacity, sizeof(*argv));
		argv[count++] = name;
	}
	argv = xgrow(argv, count, &capacity, sizeof(*argv));
	argv[count] = NULL;
	if (run_apt(argv, archive->apt_config, NULL, &madison, err))
		return -1;
	*ret_list = archive_kernels_of(madison);
	return 0;
}

int archive_unpack(
	struct archive *archive, const char *package, const char *into, char **ret_version, struct err *err)
{
	const char *const download[] = {"apt-get", "-q", "download", package, NULL};
	AUTO(free_ptr) char *folder = xasprintf("%s/apt/%s", archive->dir, package);
	struct dirent *entry;

	if (fsio_make_dirs(folder, err) || fsio_make_dirs(into, err))
		return -1;
	if (run_apt(download, archive->apt_config, folder, NULL, err))
		return err_wrap(err, "cannot download the package '%s'", package);
	AUTO(close_dir) DIR *dir = opendir(folder);
	if (!dir)
		return err_sys(err, errno, "cannot read '%s'", folder);
	while ((entry = readdir(dir)) && entry->d_name[0] == '.')
		;
	if (!entry)
		return err_run(err, "apt-get downloaded nothing for '%s'", package);
	AUTO(free_ptr) char *path = xasprintf("%s/%s", folder, entry->d_name);
	const char *const unpack[] = {"dpkg-deb", "-x", path, into, NULL};
	const char *const ask_version[] = {"dpkg-deb", "-f", path, "Version", NULL};
	AUTO(free_ptr) char *version = NULL;
	if (run_apt(unpack, NULL, NULL, NULL, err) || run_apt(ask_version, NULL, NULL, &version, err))
		return -1;
	version[strcspn(version, "\n")] = '\0';
	*ret_version = STEAL(version);
	return 0;
}
