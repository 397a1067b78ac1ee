// SPDX-License-Identifier: Apache-2.0
// The processes of the cases; see runner.h.
#include "check/runner.h"

#include "loader/digest.h"
#include "loader/library.h"
#include "loader/note.h"
#include "loader/registry.h"
#include "manifest/manifest.h"
#include "run/artifacts.h"
#include "text/nearest.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define USUAL_SECONDS 20.0
#define MEMORY_LIMIT ((rlim_t)6 << 30) // bytes of address space
#define MOST_CASES 512

#if defined(__SANITIZE_ADDRESS__)
#define ADDRESS_SPACE_IS_LIMITED 0 // the sanitizer's shadow would not fit
#else
#define ADDRESS_SPACE_IS_LIMITED 1
#endif

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

// ---- The process of a case ----------------------------------------------------------------------

// What it prints goes nowhere: plugins that print are a case of their own.
static void be_quiet(void)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0)
        return;
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
}

static _Noreturn void be_case(const struct check_case *about, struct check *check,
                              const char *folder)
{
    struct rlimit none = {0, 0}, memory = {MEMORY_LIMIT, MEMORY_LIMIT};
    setpgid(0, 0);
    setrlimit(RLIMIT_CORE, &none);
    if (ADDRESS_SPACE_IS_LIMITED)
        setrlimit(RLIMIT_AS, &memory);
    be_quiet();
    setenv("ESPALIER_CACHE", folder, 1);
    setenv("TMPDIR", folder, 1);
    if (chdir(folder) != 0)
        check_skip(check, "%s: %s", folder, strerror(errno));
    about->run(check);
    _exit(0);
}

static bool make_folder(char folder[PATH_MAX])
{
    const char *where = getenv("TMPDIR");
    snprintf(folder, PATH_MAX, "%s/espalier-check-XXXXXX", where && where[0] ? where : "/tmp");
    return mkdtemp(folder) != NULL;
}

// Reads until the end of the pipe or the time is up; answers what was read. `words` ends in zero.
static bool listen_to(int descriptor, double seconds, char *words, size_t size)
{
    double end = now() + seconds;
    size_t used = 0;
    for (;;) {
        struct pollfd fd = {descriptor, POLLIN, 0};
        double left = end - now();
        int ready = left > 0 ? poll(&fd, 1, (int)(1000 * left) + 1) : 0;
        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0)
            return false;
        char buffer[512];
        ssize_t count = read(descriptor, buffer, sizeof buffer);
        if (count <= 0)
            return true;
        for (ssize_t i = 0; i < count && used + 1 < size; i++)
            words[used++] = buffer[i];
        words[used] = '\0';
    }
}

static void judge(struct finding *finding, const char *said, bool in_time, double seconds,
                  int status)
{
    if (said[0] != '\0') {
        finding->verdict = said[0] == 'F'   ? VERDICT_FAILS
                           : said[0] == 'W' ? VERDICT_WARNED
                                            : VERDICT_SKIPPED;
        snprintf(finding->words, sizeof finding->words, "%s", said + 1);
        return;
    }
    finding->verdict = VERDICT_FAILS;
    if (!in_time)
        snprintf(finding->words, sizeof finding->words, "no end after %g s", seconds);
    else if (WIFSIGNALED(status))
        snprintf(finding->words, sizeof finding->words, "the process was ended by signal %d (%s)",
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        snprintf(finding->words, sizeof finding->words,
                 "the process was ended with status %d: a plugin never exits", WEXITSTATUS(status));
    else
        finding->verdict = VERDICT_HOLDS;
}

static esp_status run_case(struct finding *finding, struct check *check, struct error *error)
{
    const struct check_case *about = finding->about;
    double seconds = about->seconds > 0 ? about->seconds : USUAL_SECONDS, begin = now();
    char said[ERROR_MESSAGE_SIZE] = "";
    char folder[PATH_MAX];
    int ends[2], status = 0;
    if (!make_folder(folder))
        return error_system(error, folder, "make a folder", errno);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_system(error, check->path, "make a pipe", errno);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        check->verdict = ends[1];
        be_case(about, check, folder);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return error_system(error, check->path, "start a process", errno);
    }
    setpgid(pid, pid);
    bool in_time = listen_to(ends[0], seconds, said, sizeof said);
    close(ends[0]);
    // What it started and left behind ends with it.
    kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    struct error ignored;
    error_clear(&ignored);
    folder_remove(folder, &ignored); // a plugin that took away its rights keeps its leavings
    finding->seconds = now() - begin;
    finding->words[0] = '\0';
    judge(finding, said, in_time, seconds, status);
    return ESP_OK;
}

// ---- Within a case ------------------------------------------------------------------------------

struct check_child check_fork(const struct check *check,
                              void (*body)(const struct check *check, void *self, int descriptor),
                              void *self)
{
    struct check_child child = {0};
    int ends[2], status = 0;
    size_t capacity = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        check_skip(check, "no pipe: %s", strerror(errno));
    pid_t pid = fork();
    if (pid < 0)
        check_skip(check, "no process: %s", strerror(errno));
    if (pid == 0) {
        close(ends[0]);
        body(check, self, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    for (;;) {
        if (capacity - child.size < 4096) {
            capacity = capacity ? 2 * capacity : 8192;
            child.bytes = realloc(child.bytes, capacity);
            if (!child.bytes)
                check_skip(check, "out of memory");
        }
        ssize_t count = read(ends[0], child.bytes + child.size, capacity - child.size);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            break;
        child.size += (size_t)count;
    }
    close(ends[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    child.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    child.status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
    return child;
}

esp_plugin_entry_function check_entry(const struct check *check)
{
    esp_plugin_entry_function entry;
    void *library = dlopen(check->path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        check_fail(check, "it cannot be loaded: %s", dlerror());
    void *symbol = dlsym(library, "esp_plugin_entry");
    if (!symbol)
        check_fail(check, "it does not export esp_plugin_entry");
    memcpy(&entry, &symbol, sizeof entry);
    return entry;
}

// ---- The suite ----------------------------------------------------------------------------------

static bool is_family(const char *name)
{
    size_t length = strlen(name);
    return length > 0 && name[length - 1] == '/';
}

static bool meant(const struct check_options *options, const struct check_case *about)
{
    for (uint64_t i = 0; i < options->only_count; i++) {
        const char *name = options->only[i];
        if (is_family(name) ? strncmp(about->name, name, strlen(name)) == 0
                            : strcmp(about->name, name) == 0)
            return true;
    }
    return options->only_count == 0;
}

static esp_status test_names(const struct check_options *options, struct error *error)
{
    const char *names[MOST_CASES];
    uint64_t count = 0;
    while (count < MOST_CASES && check_case_at(count)) {
        names[count] = check_case_at(count)->name;
        count++;
    }
    for (uint64_t i = 0; i < options->only_count; i++) {
        const struct check_options one = {.only = &options->only[i], .only_count = 1};
        uint64_t j = 0;
        while (j < count && !meant(&one, check_case_at(j)))
            j++;
        if (j < count)
            continue;
        const char *nearest = text_nearest(options->only[i], names, count);
        return error_set(error, ESP_ERROR_INVALID, "--only: there is no case '%s'%s%s%s",
                         options->only[i], nearest ? "; did you mean '" : "",
                         nearest ? nearest : "", nearest ? "'?" : "");
    }
    return ESP_OK;
}

static esp_status run_component(const struct check_options *options, struct check *check,
                                finding_visitor visit, void *self, uint64_t counts[VERDICT_COUNT],
                                struct error *error)
{
    esp_status status = ESP_OK;
    uint32_t wanted = check->kind ? 1u << check->kind : CHECK_FILE;
    const struct check_case *about;
    for (uint64_t i = 0; status == ESP_OK && (about = check_case_at(i)); i++) {
        if (!(about->kinds & wanted) || !meant(options, about))
            continue;
        struct finding finding = {.about = about, .kind = check->kind, .id = check->id};
        status = run_case(&finding, check, error);
        if (status == ESP_OK) {
            counts[finding.verdict]++;
            visit(self, &finding);
        }
    }
    return status;
}

// The lines of a section. Owner: the caller (free).
static char *settings_text(const struct check_options *options)
{
    size_t size = 1;
    for (uint64_t i = 0; i < options->settings_count; i++)
        size += strlen(options->settings[i]) + 1;
    char *text = malloc(size), *end = text;
    for (uint64_t i = 0; text && i < options->settings_count; i++)
        end += sprintf(end, "%s\n", options->settings[i]);
    if (text)
        *end = '\0';
    return text;
}

// As the note of a shared object would say it.
static esp_status read_manifest(struct note *out, const char *path, struct error *error)
{
    struct manifest *manifest = NULL;
    esp_status status = manifest_read(&manifest, path, error);
    memset(out, 0, sizeof *out);
    if (status == ESP_OK) {
        out->count = 1;
        out->components[0].kind = manifest->kind;
        memcpy(out->components[0].id, manifest->id, strlen(manifest->id) + 1);
    }
    manifest_release(manifest);
    return status;
}

esp_status check_plugin(const struct check_options *options, finding_visitor visit, void *self,
                        uint64_t counts[VERDICT_COUNT], struct error *error)
{
    struct note note;
    struct check check = {.path = NULL, .id = "", .seed = options->seed};
    char sha256[SHA256_HEX_SIZE];
    bool made = manifest_is(options->path);
    esp_status status = test_names(options, error);
    memset(counts, 0, VERDICT_COUNT * sizeof counts[0]);
    if (status == ESP_OK && made)
        status = read_manifest(&note, options->path, error);
    else if (status == ESP_OK)
        status = note_read(&note, options->path, error);
    if (status == ESP_OK && !made)
        status = note_check(&note, error);
    if (status == ESP_OK)
        status = component_file_sha256(sha256, options->path, error);
    if (status != ESP_OK)
        return status;
    char *path = realpath(options->path, NULL), *settings = settings_text(options);
    char *folder = getcwd(NULL, 0);
    library_prepare_environment();
    check.path = path;
    check.sha256 = sha256;
    check.settings = settings;
    check.made = made;
    check.folder = folder;
    if (!path || !settings || !folder)
        status = error_memory(error);
    // The cases of the file are about shared objects; a manifest was read, and is whole.
    if (status == ESP_OK && !made)
        status = run_component(options, &check, visit, self, counts, error);
    for (uint32_t i = 0; status == ESP_OK && i < note.count; i++) {
        check.kind = note.components[i].kind;
        check.id = note.components[i].id;
        status = run_component(options, &check, visit, self, counts, error);
    }
    free(folder);
    free(settings);
    free(path);
    return status;
}
