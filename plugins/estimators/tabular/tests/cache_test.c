// SPDX-License-Identifier: Apache-2.0
// The cache of a table: used where it is whole, made again where the CSV, the mapping or the space
// changed or the file is damaged, done without where there is no folder.
#include "bench_table.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINES "metrics = score = x\n"

static const char csv[] = "arch,x,y\n" CELL_A ",1,2\n" CELL_B ",3,4\n";

// The files of the cache; the last one's path into `path`.
static int cache_files(const struct bench_table *bench, char *path, size_t size)
{
    char folder[512];
    int count = 0;
    snprintf(folder, sizeof folder, "%s/cache", bench->folder);
    DIR *list = opendir(folder);
    for (struct dirent *entry; list && (entry = readdir(list));)
        if (entry->d_name[0] != '.') {
            snprintf(path, size, "%s/%s", folder, entry->d_name);
            count++;
        }
    if (list)
        closedir(list);
    return count;
}

static double value(struct bench_table *bench, const char *lines, const char *cell)
{
    double metric = NAN;
    bench_expect(bench, lines);
    cr_assert_eq(bench_text(bench, cell, 0, NULL, &metric), ESP_OK, "%s", bench->error.message);
    bench_close(bench);
    return metric;
}

static ino_t inode(const char *path)
{
    struct stat found;
    cr_assert_eq(stat(path, &found), 0);
    return found.st_ino;
}

TestLeak(cache, is_used)
{
    struct bench_table bench;
    char path[1024] = "";
    bench_begin(&bench);
    bench_write(&bench, csv);
    cr_assert_eq(value(&bench, LINES, CELL_B), 3.0);
    cr_assert_eq(cache_files(&bench, path, sizeof path), 1);
    ino_t first = inode(path);
    cr_assert_eq(value(&bench, LINES, CELL_B), 3.0);
    cr_assert_eq(cache_files(&bench, path, sizeof path), 1);
    cr_assert_eq(inode(path), first);
    bench_end(&bench);
}

TestLeak(cache, is_made_again_when_the_csv_changes)
{
    struct bench_table bench;
    char path[1024] = "";
    bench_begin(&bench);
    bench_write(&bench, csv);
    cr_assert_eq(value(&bench, LINES, CELL_B), 3.0);
    // Of the same size.
    bench_write(&bench, "arch,x,y\n" CELL_A ",1,2\n" CELL_B ",5,4\n");
    cr_assert_eq(value(&bench, LINES, CELL_B), 5.0);
    cr_assert_eq(cache_files(&bench, path, sizeof path), 1);
    bench_end(&bench);
}

TestLeak(cache, is_of_a_mapping_and_a_space)
{
    struct bench_table bench;
    char path[1024] = "";
    double metric = 0;
    bench_begin(&bench);
    bench_write(&bench, csv);
    cr_assert_eq(value(&bench, LINES, CELL_B), 3.0);
    cr_assert_eq(value(&bench, "metrics = score = y\n", CELL_B), 4.0);
    cr_assert_eq(value(&bench, "metrics = score = x percent\n", CELL_B), 0.03);
    cr_assert_eq(cache_files(&bench, path, sizeof path), 3);
    // A fixed decision is none: the same text has another hash.
    cr_assert_eq(bench_open(&bench, NULL,
                            LINES "outside = leave_out\n[fix]\ncell/edge/0-1 = skip_connect\n"),
                 ESP_OK, "%s", bench.error.message);
    cr_assert_eq(bench_text(&bench, CELL_B, 0, NULL, &metric), ESP_OK, "%s", bench.error.message);
    cr_assert_eq(metric, 3.0);
    bench_end(&bench);
}

// Any byte that changes is noticed, and any length.
TestLeak(cache, is_made_again_when_damaged)
{
    struct bench_table bench;
    struct stat found;
    char path[1024] = "";
    bench_begin(&bench);
    bench_write(&bench, csv);
    cr_assert_eq(value(&bench, LINES, CELL_B), 3.0);
    cr_assert_eq(cache_files(&bench, path, sizeof path), 1);
    cr_assert_eq(stat(path, &found), 0);
    for (off_t at = 0; at < found.st_size; at += at < 112 ? 5 : 13) {
        unsigned char byte;
        int file = open(path, O_RDWR);
        cr_assert_eq(pread(file, &byte, 1, at), 1);
        byte ^= 0x41;
        cr_assert_eq(pwrite(file, &byte, 1, at), 1);
        close(file);
        cr_assert_eq(value(&bench, LINES, CELL_B), 3.0, "byte %lld", (long long)at);
    }
    for (off_t size = 0; size < found.st_size; size += 1 + size / 3) {
        cr_assert_eq(truncate(path, size), 0);
        cr_assert_eq(value(&bench, LINES, CELL_B), 3.0, "%lld bytes", (long long)size);
    }
    cr_assert_eq(cache_files(&bench, path, sizeof path), 1);
    bench_end(&bench);
}

// A killed process left half a file behind.
TestLeak(cache, takes_over_what_was_left)
{
    struct bench_table bench;
    char path[1024] = "", part[1100];
    bench_begin(&bench);
    bench_write(&bench, csv);
    cr_assert_eq(value(&bench, LINES, CELL_B), 3.0);
    cr_assert_eq(cache_files(&bench, path, sizeof path), 1);
    snprintf(part, sizeof part, "%s.part", path);
    cr_assert_eq(rename(path, part), 0);
    cr_assert_eq(truncate(part, 50), 0);
    cr_assert_eq(value(&bench, LINES, CELL_B), 3.0);
    cr_assert_eq(cache_files(&bench, path, sizeof path), 1);
    cr_assert_null(strstr(path, ".part"));
    bench_end(&bench);
}

TestLeak(cache, is_done_without)
{
    struct bench_table bench;
    bench_begin(&bench);
    bench_write(&bench, csv);
    cr_assert_eq(setenv("ESPALIER_CACHE", "/proc/none", 1), 0);
    cr_assert_eq(value(&bench, LINES, CELL_B), 3.0);
    cr_assert_eq(unsetenv("ESPALIER_CACHE") | unsetenv("XDG_CACHE_HOME") | unsetenv("HOME"), 0);
    cr_assert_eq(value(&bench, LINES, CELL_B), 3.0);
    bench_end(&bench);
}

// The run's dictionary is the same whether the table was read or its cache was there.
TestLeak(cache, leaves_no_trace_in_the_run)
{
    struct bench_table bench;
    bench_begin(&bench);
    bench_write(&bench, csv);
    for (int i = 0; i < 2; i++) {
        bench_expect(&bench, LINES);
        cr_assert_eq(dictionary_decision_count(builder_dictionary(session_builder(bench.session))),
                     0);
        bench_close(&bench);
    }
    bench_end(&bench);
}
