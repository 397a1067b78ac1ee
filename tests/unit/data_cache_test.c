// SPDX-License-Identifier: Apache-2.0
// The decoded cache: made once, found again, made again where it will not do.
#include "data/data.h"

#include "data/cache_file.h"
#include "support/dataset.h"
#include "support/folder.h"
#include "support/leak.h"
#include "support/made_dataset.h"

#include <criterion/criterion.h>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *folder; // of the cache
static struct component component;
static char logged[4096];

static void keep_log(void *self, uint32_t level, const char *message)
{
    (void)self;
    size_t used = strlen(logged);
    snprintf(logged + used, sizeof logged - used, "%u %s\n", (unsigned)level, message);
}

static void begin(void)
{
    folder = folder_temporary();
    setenv("ESPALIER_CACHE", folder, 1);
    component = dataset_component("made", made_dataset());
    log_set_sink(keep_log, NULL);
}

static void end(void)
{
    folder_delete(folder);
}

TestSuite(data_cache, .init = begin, .fini = end);

// Opens and closes; answers whether the dataset was decoded, and its SHA-256.
static bool opened(const char *lines, bool verify, char sha256[65])
{
    struct error error = {0};
    struct data *data = NULL;
    struct instance *dataset = dataset_expect(&component, lines);
    struct data_options options = {.valid_fraction = 0.1};
    cr_assert_eq(data_open(&data, dataset, &options, verify, &error), ESP_OK, "%s", error.message);
    bool decoded = data_decoded(data);
    if (sha256)
        strcpy(sha256, data_sha256(data));
    data_close(data);
    instance_destroy(dataset);
    return decoded;
}

// The files of the cache folder; `name` is one of them.
static int count_files(char name[256])
{
    int count = 0;
    DIR *stream = opendir(folder);
    for (struct dirent *entry; (entry = readdir(stream));)
        if (entry->d_name[0] != '.') {
            snprintf(name, 256, "%s", entry->d_name);
            count++;
        }
    closedir(stream);
    return count;
}

static char *cache_path(void)
{
    char name[256], *path = NULL;
    cr_assert_eq(count_files(name), 1);
    cr_assert(asprintf(&path, "%s/%s", folder, name) > 0);
    return path;
}

static void flip(const char *path, uint64_t offset)
{
    unsigned char byte;
    int descriptor = open(path, O_RDWR);
    cr_assert_eq(pread(descriptor, &byte, 1, (off_t)offset), 1);
    byte ^= 4;
    cr_assert_eq(pwrite(descriptor, &byte, 1, (off_t)offset), 1);
    close(descriptor);
}

TestLeak(data_cache, is_made_once)
{
    char name[256], first[65], second[65];
    cr_assert(opened("", true, first));
    int reads = made_dataset_reads;
    cr_assert(reads > 0);
    cr_assert(!opened("", true, second));
    cr_assert(!opened("", false, NULL));
    cr_assert_eq(made_dataset_reads, reads);
    cr_assert_eq(count_files(name), 1);
    cr_assert_str_eq(first, second);
    cr_assert_str_eq(logged, "");
}

// `verify` or not: what the header tells.
Test(data_cache, of_changed_files_is_replaced)
{
    char lines[512], before[65], after[65], name[256];
    char *elsewhere = folder_temporary();
    char *file = folder_write(elsewhere, "a.idx", "A");
    snprintf(lines, sizeof lines, "file = %s\n", file);
    cr_assert(opened(lines, true, before));
    cr_assert(!opened(lines, false, NULL));

    free(folder_write(elsewhere, "a.idx", "B")); // another time, and at last another content
    struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000, .tv_nsec = 1}};
    cr_assert_eq(utimensat(AT_FDCWD, file, times, 0), 0);
    cr_assert(opened(lines, false, after));
    cr_assert_str_neq(before, after);
    cr_assert_not_null(strstr(logged, "made again: the dataset's files or its plugin changed"),
                       "%s", logged);
    times[1].tv_nsec = 2;
    cr_assert_eq(utimensat(AT_FDCWD, file, times, 0), 0);
    cr_assert(opened(lines, false, after), "one nanosecond later is another time");

    free(folder_write(elsewhere, "a.idx", "BB")); // another size at the same time
    cr_assert_eq(utimensat(AT_FDCWD, file, times, 0), 0);
    cr_assert(opened(lines, false, NULL));
    cr_assert_eq(count_files(name), 1, "stale ones were left behind");
    folder_delete(elsewhere);
    free(file);
}

Test(data_cache, of_another_plugin_is_replaced)
{
    char name[256];
    cr_assert(opened("", true, NULL));
    component.version = "1.0.1";
    cr_assert(opened("", false, NULL));
    component.sha256 = "00";
    cr_assert(opened("", false, NULL));
    cr_assert(!opened("", false, NULL));
    cr_assert_eq(count_files(name), 1);
}

Test(data_cache, of_other_parameters_stands_beside)
{
    char name[256];
    cr_assert(opened("", true, NULL));
    cr_assert(opened("train = 99\n", true, NULL));
    cr_assert(!opened("", true, NULL));
    cr_assert_eq(count_files(name), 2);
}

// One flipped bit, anywhere.
Test(data_cache, damage_is_noticed)
{
    struct cache_header header;
    cr_assert(opened("valid = 8\n", true, NULL));
    char *path = cache_path();
    int descriptor = open(path, O_RDONLY);
    cr_assert_eq(pread(descriptor, &header, sizeof header, 0), (ssize_t)sizeof header);
    close(descriptor);
    static const char *const names[] = {"training", "validation", "test"};
    for (uint32_t i = 0; i < ESP_SPLIT_COUNT * CACHE_PART_COUNT; i++) {
        uint32_t split = i / CACHE_PART_COUNT, part = i % CACHE_PART_COUNT;
        uint64_t size = header.sizes[split][part];
        char words[128];
        if (size == 0)
            continue;
        flip(path, header.offsets[split][part] + (i % 2 ? size - 1 : size / 2));
        logged[0] = '\0';
        cr_assert(!opened("valid = 8\n", false, NULL), "a worker looks at the header alone");
        cr_assert(opened("valid = 8\n", true, NULL), "part %d of split %d", (int)part, (int)split);
        snprintf(words, sizeof words, "%s: the decoded data is made again: its %s data is damaged",
                 path, names[split]);
        cr_assert_not_null(strstr(logged, words), "%s", logged);
        cr_assert(!opened("valid = 8\n", true, NULL));
    }
}

Test(data_cache, a_damaged_header_is_noticed_without_verifying)
{
    static const struct {
        uint64_t offset;
        const char *words;
    } cases[] = {
        {0, "it is no cache"},
        {offsetof(struct cache_header, version), "another version of the program wrote it"},
        {offsetof(struct cache_header, counts), "its header is damaged"},
        {offsetof(struct cache_header, sha256), "its header is damaged"},
    };
    cr_assert(opened("", true, NULL));
    char *path = cache_path();
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        logged[0] = '\0';
        flip(path, cases[i].offset);
        cr_assert(opened("", false, NULL), "%s", cases[i].words);
        cr_assert_not_null(strstr(logged, cases[i].words), "%s", logged);
    }
}

Test(data_cache, a_truncated_one_is_made_again)
{
    struct stat whole, now;
    cr_assert(opened("", true, NULL));
    char *path = cache_path();
    cr_assert_eq(stat(path, &whole), 0);
    off_t sizes[] = {0, 5, sizeof(struct cache_header), whole.st_size - 1};
    for (size_t i = 0; i < ESP_COUNT(sizes); i++) {
        cr_assert_eq(truncate(path, sizes[i]), 0);
        cr_assert(opened("", false, NULL), "%d bytes", (int)sizes[i]);
        cr_assert_eq(stat(path, &now), 0);
        cr_assert_eq(now.st_size, whole.st_size);
    }
    cr_assert_not_null(strstr(logged, "it has "), "%s", logged);
}

// What a process that died left behind is taken over.
Test(data_cache, a_part_left_behind_is_taken_over)
{
    char name[256];
    cr_assert(opened("", true, NULL));
    char *path = cache_path(), *part = NULL;
    cr_assert(asprintf(&part, "%s.part", path) > 0);
    cr_assert_eq(rename(path, part), 0);
    cr_assert_eq(truncate(part, 1000000), 0);
    cr_assert(opened("", true, NULL));
    cr_assert_eq(count_files(name), 1);
    cr_assert_null(strstr(name, ".part"));
    cr_assert(!opened("", true, NULL));
}

Test(data_cache, many_processes_make_one)
{
    enum { PROCESSES = 6 };
    pid_t children[PROCESSES];
    int made = 0, found = 0;
    char name[256];
    for (int i = 0; i < PROCESSES; i++)
        if ((children[i] = fork()) == 0)
            _exit(opened("slow = 50\n", i % 2, NULL) ? 10 : 20);
    for (int i = 0; i < PROCESSES; i++) {
        int status;
        cr_assert_eq(waitpid(children[i], &status, 0), children[i]);
        made += WIFEXITED(status) && WEXITSTATUS(status) == 10;
        found += WIFEXITED(status) && WEXITSTATUS(status) == 20;
    }
    cr_assert_eq(made, 1);
    cr_assert_eq(found, PROCESSES - 1);
    cr_assert_eq(count_files(name), 1);
}

// A process that fails while others wait: each of them tries for itself.
Test(data_cache, a_failing_process_does_not_block_others)
{
    pid_t children[3];
    char name[256];
    for (int i = 0; i < 3; i++)
        if ((children[i] = fork()) == 0) {
            struct error error = {0};
            struct data *data = NULL;
            struct instance *dataset = dataset_expect(&component, "slow = 30\nfault = read\n");
            _exit(data_open(&data, dataset, &(struct data_options){.valid_fraction = 0.1}, true,
                            &error) == ESP_ERROR_DATA
                      ? 0
                      : 1);
        }
    for (int i = 0; i < 3; i++) {
        int status;
        cr_assert_eq(waitpid(children[i], &status, 0), children[i]);
        cr_assert_eq(status, 0);
    }
    cr_assert_eq(count_files(name), 0);
}

Test(data_cache, without_a_folder_a_nameless_file_stands_in)
{
    char path[512], usual[65], other[65], name[256];
    cr_assert(opened("", true, usual));
    char *file = folder_write(folder, "file", "");
    snprintf(path, sizeof path, "%s/below", file);
    setenv("ESPALIER_CACHE", path, 1);
    char *temporary = folder_temporary();
    setenv("TMPDIR", temporary, 1);
    cr_assert(opened("", true, other));
    cr_assert_str_eq(usual, other);
    cr_assert_not_null(strstr(logged, "2 "), "no warning: %s", logged);
    cr_assert_not_null(strstr(logged, path), "%s", logged);
    cr_assert_eq(rmdir(temporary), 0, "a file was left in TMPDIR");
    cr_assert_eq(count_files(name), 2);

    struct error error = {0};
    struct data *data = NULL;
    struct instance *dataset = dataset_expect(&component, "");
    cr_assert_eq(
        data_open(&data, dataset, &(struct data_options){.valid_fraction = 0.1}, true, &error),
        ESP_ERROR_IO);
    cr_assert_not_null(strstr(error.message, path), "%s", error.message);
    cr_assert_not_null(strstr(error.message, temporary), "%s", error.message);
    cr_assert_not_null(strstr(error.message, "ESPALIER_CACHE"), "%s", error.message);
}

Test(data_cache, lies_where_the_environment_says)
{
    char path[512];
    struct stat found;
    unsetenv("ESPALIER_CACHE");
    setenv("XDG_CACHE_HOME", folder, 1);
    snprintf(path, sizeof path, "%s/espalier", folder);
    cr_assert(opened("", true, NULL));
    cr_assert(stat(path, &found) == 0 && S_ISDIR(found.st_mode));

    setenv("XDG_CACHE_HOME", "", 1);
    setenv("HOME", folder, 1);
    snprintf(path, sizeof path, "%s/.cache/espalier", folder);
    cr_assert(opened("", true, NULL));
    cr_assert(stat(path, &found) == 0 && S_ISDIR(found.st_mode));
}

// A file that may not grow any further is as good as a full disk.
Test(data_cache, a_full_disk_is_an_error_that_names_the_file)
{
    char name[256];
    struct rlimit limit = {.rlim_cur = 2000, .rlim_max = RLIM_INFINITY};
    signal(SIGXFSZ, SIG_IGN);
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    struct error error = {0};
    struct data *data = NULL;
    struct instance *dataset = dataset_expect(&component, "");
    esp_status status =
        data_open(&data, dataset, &(struct data_options){.valid_fraction = 0.1}, true, &error);
    limit.rlim_cur = RLIM_INFINITY;
    setrlimit(RLIMIT_FSIZE, &limit);
    cr_assert_eq(status, ESP_ERROR_IO);
    cr_assert_not_null(strstr(error.message, folder), "%s", error.message);
    cr_assert_not_null(strstr(error.message, "cannot be written: File too large; make room"), "%s",
                       error.message);
    cr_assert_eq(count_files(name), 0, "%s", name);
}

// The data's identity: what was decoded, wherever it came from.
Test(data_cache, sha256_is_of_the_content)
{
    char lines[512], a[65], b[65], c[65];
    char *elsewhere = folder_temporary();
    char *first = folder_write(elsewhere, "a", "A"), *second = folder_write(elsewhere, "b", "A");
    snprintf(lines, sizeof lines, "file = %s\n", first);
    cr_assert(opened(lines, true, a));
    snprintf(lines, sizeof lines, "file = %s\n", second);
    cr_assert(opened(lines, true, b));
    cr_assert_str_eq(a, b);
    cr_assert_eq(strlen(a), 64);

    opened("channels = 2\nheight = 4\nwidth = 5\n", true, a);
    opened("channels = 2\nheight = 5\nwidth = 4\n", true, b);
    opened("channels = 2\nheight = 4\nwidth = 5\nclasses = 3999\n", true, c);
    cr_assert_str_neq(a, b, "the shape is no part of it");
    cr_assert_str_neq(a, c, "the number of classes is no part of it");
    folder_delete(elsewhere);
}

Test(data_cache, a_dataset_larger_than_any_file_is_refused)
{
    struct cache_header header;
    struct error error = {0};
    uint64_t key[2] = {0};
    esp_dataset_info info = {.struct_size = sizeof info,
                             .element = ESP_ELEMENT_F32,
                             .split_sizes = {UINT64_C(1) << 40, 0, 0},
                             .task = {.struct_size = sizeof info.task,
                                      .kind = ESP_TASK_IMAGES,
                                      .channels = 1,
                                      .height = 4096,
                                      .width = 4096,
                                      .classes = 2}};
    cr_assert_eq(cache_header_plan(&header, &info, key, &error), ESP_ERROR_DATA);
    cr_assert_str_eq(error.message, "the samples are more bytes than any file holds");
}
