// SPDX-License-Identifier: Apache-2.0
// CIFAR-10: the official folder, single files, the real records where they are, and every way in
// which a file is not what it should be.
#include "record_file.h"
#include "support/dataset.h"
#include "support/dataset_run.h"
#include "support/folder.h"
#include "support/idx_write.h"
#include "support/leak.h"

#include <espalier/plugin.h>

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const void *esp_plugin_entry(uint32_t kind, const char *id);

#define REAL ESPALIER_SOURCE_DIR "/../shared/data/cifar10/"
#define REAL_TRAIN REAL "cifar10_train4000_lossless.bin.gz"
#define REAL_TEST REAL "cifar10_test2000_jpegdecoded.bin.gz"

static struct component component;
static char *folder;

static void begin(void)
{
    folder = folder_temporary();
    component = dataset_component("cifar10", esp_plugin_entry(ESP_KIND_DATASET, "cifar10"));
}

static void end(void)
{
    folder_delete(folder);
}

TestSuite(cifar10, .init = begin, .fini = end);

static const esp_dataset_info *info_of(const struct instance *dataset)
{
    return ((const esp_dataset_type *)component.type)->describe(dataset->self);
}

static const char *filled(const char *pattern)
{
    return folder_fill(folder, pattern);
}

// Record i has label (start + i) % 10, and value (start + i + j) % 251 at place j.
static void write_records(const char *name, bool gzipped, int start, int count)
{
    char path[512];
    unsigned char record[RECORD_SIZE];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    gzFile file = gzopen(path, gzipped ? "wb" : "wbT");
    cr_assert_not_null(file);
    for (int i = start; i < start + count; i++) {
        record[0] = (unsigned char)(i % 10);
        for (int j = 0; j < RECORD_IMAGE; j++)
            record[1 + j] = (unsigned char)((i + j) % 251);
        cr_assert_eq(gzwrite(file, record, sizeof record), RECORD_SIZE);
    }
    cr_assert_eq(gzclose(file), Z_OK);
}

// Files of 3, 4, 5, 6, 7 training records and 2 of test, numbered through.
static void write_folder(const char *between, bool gzipped)
{
    char name[128];
    int start = 0;
    for (int i = 1; i <= 5; i++) {
        snprintf(name, sizeof name, "%sdata_batch_%d.bin%s", between, i, gzipped ? ".gz" : "");
        write_records(name, gzipped, start, 2 + i);
        start += 2 + i;
    }
    snprintf(name, sizeof name, "%stest_batch.bin%s", between, gzipped ? ".gz" : "");
    write_records(name, gzipped, 100, 2);
}

static void expect_records(const struct instance *dataset, uint32_t split, int start,
                           uint64_t first, uint64_t count)
{
    unsigned char *samples = malloc(count * RECORD_IMAGE + 1);
    uint32_t labels[32];
    struct error error = {0};
    cr_assert_eq(dataset_read(dataset, split, first, count, samples, labels, &error), ESP_OK, "%s",
                 error.message);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t record = (uint64_t)start + first + i;
        cr_assert_eq(labels[i], record % 10);
        for (uint64_t j = 0; j < RECORD_IMAGE; j += 511)
            cr_assert_eq(samples[i * RECORD_IMAGE + j], (record + j) % 251);
    }
    free(samples);
}

// ---- What is right ------------------------------------------------------------------------------

TestLeak(cifar10, the_folder_plain_gzipped_and_below_the_archives)
{
    static const uint64_t ranges[][2] = {{0, 25}, {24, 1}, {2, 2}, {0, 3}, {3, 9}, {3, 9}, {0, 0}};
    for (int form = 0; form < 3; form++) {
        char path[512];
        snprintf(path, sizeof path, "%s/cifar-10-batches-bin", folder);
        if (form == 2)
            cr_assert_eq(mkdir(path, 0777), 0);
        write_folder(form == 2 ? "cifar-10-batches-bin/" : "", form == 1);
        struct instance *dataset = dataset_expect(&component, filled("path = %\n"));
        const esp_dataset_info *info = info_of(dataset);
        cr_assert_eq(info->task.kind, ESP_TASK_IMAGES);
        cr_assert(info->task.channels == 3 && info->task.height == 32 && info->task.width == 32);
        cr_assert_eq(info->task.classes, 10);
        cr_assert_eq(info->element, ESP_ELEMENT_U8);
        cr_assert_eq(info->split_sizes[ESP_SPLIT_TRAIN], 25);
        cr_assert_eq(info->split_sizes[ESP_SPLIT_VALID], 0);
        cr_assert_eq(info->split_sizes[ESP_SPLIT_TEST], 2);
        cr_assert_eq(info->file_count, 6);
        for (size_t r = 0; r < ESP_COUNT(ranges); r++)
            expect_records(dataset, ESP_SPLIT_TRAIN, 0, ranges[r][0], ranges[r][1]);
        expect_records(dataset, ESP_SPLIT_TEST, 100, 0, 2);
        instance_destroy(dataset);
        folder_delete(folder);
        folder = folder_temporary();
    }
}

TestLeak(cifar10, a_file_a_split)
{
    write_records("a", false, 0, 5);
    write_records("b", true, 50, 3);
    write_records("c.gz", true, 70, 4);
    struct instance *dataset = dataset_expect(
        &component, filled("train_path = %/a\nvalid_path = %/b\ntest_path = %/c.gz\n"));
    cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_VALID], 3);
    expect_records(dataset, ESP_SPLIT_TRAIN, 0, 0, 5);
    expect_records(dataset, ESP_SPLIT_VALID, 50, 1, 2);
    expect_records(dataset, ESP_SPLIT_TEST, 70, 0, 4);
    instance_destroy(dataset);

    // Without a folder no test split is looked for; with one, a file given stands in for its own.
    dataset = dataset_expect(&component, filled("train_path = %/a\n"));
    cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_TEST], 0);
    instance_destroy(dataset);
    write_folder("", false);
    dataset = dataset_expect(&component, filled("path = %\ntrain_path = %/a\n"));
    cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_TRAIN], 5);
    cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_TEST], 2);
    instance_destroy(dataset);
}

// The first records of data_batch_1, and a test file of equal classes.
TestLeak(cifar10, real_records)
{
    static const uint32_t first_labels[] = {6, 9, 9, 4, 1, 1, 2, 7, 8, 3};
    if (access(REAL_TRAIN, R_OK) != 0)
        cr_skip_test("there are no real records in " REAL);
    struct error error = {0};
    struct instance *dataset =
        dataset_expect(&component, "train_path = " REAL_TRAIN "\ntest_path = " REAL_TEST "\n");
    cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_TRAIN], 4000);
    cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_TEST], 2000);
    unsigned char *samples = malloc((size_t)4000 * RECORD_IMAGE);
    uint32_t labels[4000], counts[10] = {0};
    cr_assert_eq(dataset_read(dataset, ESP_SPLIT_TRAIN, 0, 4000, samples, labels, &error), ESP_OK,
                 "%s", error.message);
    cr_assert_arr_eq(labels, first_labels, sizeof first_labels);
    // The frog that data_batch_1 begins with: its first red, green and blue values.
    cr_assert_eq(samples[0], 59);
    cr_assert_eq(samples[1024], 62);
    cr_assert_eq(samples[2048], 63);
    cr_assert_eq(dataset_read(dataset, ESP_SPLIT_TEST, 0, 2000, samples, labels, &error), ESP_OK,
                 "%s", error.message);
    for (int i = 0; i < 2000; i++)
        counts[labels[i]]++;
    for (int c = 0; c < 10; c++)
        cr_assert_eq(counts[c], 200);
    free(samples);
    instance_destroy(dataset);
}

// Decoded once; then found. Channels are normalised by the training samples alone.
TestLeak(cifar10, through_the_cache)
{
    write_folder("", true);
    struct instance *dataset = dataset_expect(&component, filled("path = %\n"));
    for (int time = 0; time < 2; time++) {
        uint64_t count, indices[25];
        float *samples = malloc((size_t)25 * RECORD_IMAGE * sizeof *samples);
        uint32_t labels[25];
        struct error error = {0};
        struct data *data = dataset_data(dataset, 0.2, true, folder);
        cr_assert_eq(data_decoded(data), time == 0);
        cr_assert_eq(data_size(data, ESP_SPLIT_VALID, &count, &error), ESP_OK);
        cr_assert_eq(count, 5);
        cr_assert_eq(data_size(data, ESP_SPLIT_TRAIN, &count, &error), ESP_OK);
        cr_assert_eq(count, 20);
        for (uint64_t i = 0; i < count; i++)
            indices[i] = i;
        cr_assert_eq(data_read(data, ESP_SPLIT_TRAIN, indices, count, samples, labels, &error),
                     ESP_OK);
        for (uint64_t c = 0; c < 3; c++) {
            double sum = 0, square = 0;
            for (uint64_t i = 0; i < count; i++)
                for (uint64_t j = 0; j < 1024; j++) {
                    double x = samples[i * RECORD_IMAGE + c * 1024 + j];
                    sum += x / 20480;
                    square += x * x / 20480;
                }
            cr_assert_float_eq(sum, 0, 1e-4);
            cr_assert_float_eq(square, 1, 1e-4);
        }
        free(samples);
        data_close(data);
    }
    instance_destroy(dataset);
}

// ---- What is wrong ------------------------------------------------------------------------------

TestLeak(cifar10, what_open_refuses)
{
    static const struct {
        const char *lines;
        int64_t cut; // of test_batch.bin, from the end
        const char *message;
    } cases[] = {
        {"", 0,
         "neither path nor train_path is given; path = FOLDER of the binary version of CIFAR-10 "
         "was "
         "expected (https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz)"},
        {"path = %/none\n", 0,
         "CIFAR-10 is not in %/none: there is no data_batch_1.bin, nor data_batch_1.bin.gz; unpack "
         "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz there, or let path name the "
         "folder that holds its files"},
        {"train_path = %/none\n", 0, "%/none: cannot be opened: No such file or directory"},
        {"train_path = %\n", 0, "%: is a folder; a file of CIFAR-10 records was expected"},
        {"path = %\n", -1,
         "%/test_batch.bin: holds 6145 bytes, 1 CIFAR-10 records and 3072 bytes more; a multiple "
         "of 3073 bytes was expected"},
        {"path = %\n", -6146,
         "%/test_batch.bin: is empty; CIFAR-10 records of 3073 bytes were expected"},
        {"path = %\nvalid_path = %/packed\n", 0, "%/packed: the gzip stream breaks off"},
        {"path = %\ntrain_path = %/odd\n", 0,
         "%/odd: holds 1000 bytes, 0 CIFAR-10 records and 1000 bytes more; a multiple of 3073 "
         "bytes was expected"},
    };
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        struct error error = {0};
        write_folder("", false);
        if (cases[i].cut)
            idx_cut(folder, "test_batch.bin", cases[i].cut);
        write_records("packed", true, 0, 6);
        idx_cut(folder, "packed", -100);
        idx_write(folder, "odd", true,
                  &(struct idx_content){.type = 0x08, .dimensions = {1}, .size = 992});
        const char *expected = filled(cases[i].message);
        cr_assert_null(dataset_open(&component, filled(cases[i].lines), &error), "%s", expected);
        cr_assert_str_eq(error.message + strlen("dataset cifar10: "), expected);
        cr_assert_neq(error.status, ESP_ERROR_IO, "a wrong configuration is no fault of the disk");
    }
}

// What shows only when the records are read, on every split's file.
TestLeak(cifar10, what_read_refuses)
{
    enum { MANY = 100 }; // more than zlib unpacks for the first byte
    unsigned char *samples = malloc((size_t)MANY * RECORD_IMAGE);
    uint32_t labels[MANY];
    for (int i = 0; i < 5; i++) {
        static const char *const messages[] = {
            "%/t: record 2 (byte 6146) has label 253; one from 0 to 9 was expected",
            "%/t: the gzip stream is corrupt: incorrect data check",
            ("%/t: goes on after the 2 records that its end names; one gzip stream a file was "
             "expected"),
            "%/t: ends within record 5 of 6",
            "%/t: cannot be opened: No such file or directory",
        };
        struct error error = {0};
        char path[512], other[512];
        snprintf(path, sizeof path, "%s/t", folder);
        snprintf(other, sizeof other, "%s/u", folder);
        write_records("t", i == 1 || i == 2, 0, i == 1 ? MANY : i == 2 ? 4 : 6);
        if (i == 0)
            idx_damage(folder, "t", 2 * RECORD_SIZE); // 2 ^ 0xff
        if (i == 1)
            idx_damage(folder, "t", -8);
        if (i == 2) {
            char command[1200];
            write_records("u", true, 0, 2);
            snprintf(command, sizeof command, "cat %s >>%s", other, path);
            cr_assert_eq(system(command), 0);
        }
        struct instance *dataset = dataset_expect(&component, filled("train_path = %/t\n"));
        if (i == 3)
            idx_cut(folder, "t", -5);
        if (i == 4)
            cr_assert_eq(remove(path), 0);
        uint64_t count = info_of(dataset)->split_sizes[ESP_SPLIT_TRAIN];
        cr_assert_neq(dataset_read(dataset, ESP_SPLIT_TRAIN, 0, count, samples, labels, &error),
                      ESP_OK);
        cr_assert_str_eq(error.message, filled(messages[i]));
        instance_destroy(dataset);
    }
    free(samples);
}

// ---- The program --------------------------------------------------------------------------------

Test(cifar10, a_damaged_record_ends_the_search_before_it_begins)
{
    write_folder("", false);
    idx_damage(folder, "data_batch_3.bin", RECORD_SIZE);
    char *words = dataset_run(folder, filled("plugin = cifar10\npath = %\n"), NULL, NULL, 2);
    cr_assert(strstr(words, filled("%/data_batch_3.bin: record 1 (byte 3073) has label 247")), "%s",
              words);
    free(words);
}

Test(cifar10, trains_on_real_records)
{
    if (access(REAL_TRAIN, R_OK) != 0)
        cr_skip_test("there are no real records in " REAL);
    free(dataset_run(folder,
                     "plugin = cifar10\ntrain_path = " REAL_TRAIN "\ntest_path = " REAL_TEST
                     "\ntrain_limit = 320\nvalid_fraction = 0.02\n",
                     NULL, NULL, 0));
}
