// SPDX-License-Identifier: Apache-2.0
// IDX files of every sort: what they hold is read, and what is wrong with them is said.
#include "support/dataset.h"
#include "support/folder.h"
#include "support/idx_write.h"
#include "support/leak.h"

#include <espalier/plugin.h>

#include <criterion/criterion.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const void *esp_plugin_entry(uint32_t kind, const char *id);

enum { U8 = 0x08, I32 = 0x0c, F32 = 0x0d };

static struct component component;
static char *folder;

static void begin(void)
{
    folder = folder_temporary();
    component = dataset_component("idx", esp_plugin_entry(ESP_KIND_DATASET, "idx"));
}

static void end(void)
{
    folder_delete(folder);
}

TestSuite(idx, .init = begin, .fini = end);

// "train_images = FOLDER/ti" and so on for the names given (NULL: not said), then `more`.
static const char *lines(const char *const names[6], const char *more)
{
    static const char *const keys[] = {"train_images", "train_labels", "test_images",
                                       "test_labels",  "valid_images", "valid_labels"};
    static char text[4096];
    int used = 0;
    for (int i = 0; i < 6; i++)
        if (names[i])
            used += snprintf(text + used, sizeof text - (size_t)used, "%s = %s/%s\n", keys[i],
                             folder, names[i]);
    snprintf(text + used, sizeof text - (size_t)used, "%s", more);
    return text;
}

static const char *const training[6] = {"ti", "tl"};
static const char *const with_test[6] = {"ti", "tl", "ei", "el"};

static const esp_dataset_info *info_of(const struct instance *dataset)
{
    return ((const esp_dataset_type *)component.type)->describe(dataset->self);
}

static void expect_task(const struct instance *dataset, uint32_t kind, uint64_t channels,
                        uint64_t height, uint64_t width, uint64_t classes)
{
    const esp_task *task = &info_of(dataset)->task;
    cr_assert_eq(task->kind, kind);
    cr_assert_eq(task->channels, channels);
    cr_assert_eq(task->height, height);
    cr_assert_eq(task->width, width);
    cr_assert_eq(task->classes, classes);
}

// ---- What is right ------------------------------------------------------------------------------

TestLeak(idx, images_plain_and_gzipped)
{
    for (int gzipped = 0; gzipped < 2; gzipped++) {
        unsigned char samples[24];
        uint32_t labels[4];
        struct error error = {0};
        idx_write(folder, "ti", gzipped,
                  &(struct idx_content){.type = U8, .dimensions = {4, 2, 3}});
        idx_write(folder, "tl", gzipped,
                  &(struct idx_content){.type = U8, .dimensions = {4}, "\0\2\1\2", 4});
        struct instance *dataset = dataset_expect(&component, lines(training, ""));
        expect_task(dataset, ESP_TASK_IMAGES, 1, 2, 3, 3);
        cr_assert_eq(info_of(dataset)->element, ESP_ELEMENT_U8);
        cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_TRAIN], 4);
        cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_VALID], 0);
        cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_TEST], 0);
        cr_assert_eq(info_of(dataset)->file_count, 2);
        cr_assert_eq(dataset_read(dataset, ESP_SPLIT_TRAIN, 0, 4, samples, labels, &error), ESP_OK,
                     "%s", error.message);
        for (int i = 0; i < 24; i++)
            cr_assert_eq(samples[i], i);
        cr_assert_arr_eq(labels, ((uint32_t[]){0, 2, 1, 2}), sizeof labels);
        instance_destroy(dataset);
    }
}

// Backwards, forwards, over again: each range is what it is.
TestLeak(idx, any_range_in_any_order)
{
    static const uint64_t ranges[][2] = {{3, 1}, {0, 2}, {2, 1}, {2, 2}, {0, 0}, {0, 4}, {1, 2}};
    for (int gzipped = 0; gzipped < 2; gzipped++) {
        idx_write(folder, "ti", gzipped,
                  &(struct idx_content){.type = U8, .dimensions = {4, 2, 3}});
        idx_write(folder, "tl", gzipped, &(struct idx_content){.type = U8, .dimensions = {4}});
        struct instance *dataset = dataset_expect(&component, lines(training, ""));
        for (size_t r = 0; r < ESP_COUNT(ranges); r++) {
            unsigned char samples[24];
            uint32_t labels[4];
            struct error error = {0};
            cr_assert_eq(dataset_read(dataset, ESP_SPLIT_TRAIN, ranges[r][0], ranges[r][1], samples,
                                      labels, &error),
                         ESP_OK, "%s", error.message);
            for (uint64_t i = 0; i < ranges[r][1]; i++) {
                cr_assert_eq(samples[i * 6], (ranges[r][0] + i) * 6);
                cr_assert_eq(labels[i], ranges[r][0] + i);
            }
        }
        instance_destroy(dataset);
    }
}

TestLeak(idx, channels_rows_and_floats)
{
    // 1.5, -2, 0.25, 3e38 as big-endian binary32.
    static const unsigned char floats[] = {0x3f, 0xc0, 0, 0, 0xc0, 0,    0,    0,
                                           0x3e, 0x80, 0, 0, 0x7f, 0x61, 0xb1, 0xe6};
    float samples[4];
    uint32_t labels[2];
    struct error error = {0};
    idx_write(folder, "tl", false, &(struct idx_content){.type = U8, .dimensions = {2}});
    idx_write(folder, "ti", false, &(struct idx_content){.type = U8, .dimensions = {2, 3, 4, 5}});
    struct instance *dataset = dataset_expect(&component, lines(training, ""));
    expect_task(dataset, ESP_TASK_IMAGES, 3, 4, 5, 2);
    instance_destroy(dataset);

    idx_write(folder, "ti", true,
              &(struct idx_content){.type = F32, .dimensions = {2, 2}, floats, sizeof floats});
    dataset = dataset_expect(&component, lines(training, ""));
    expect_task(dataset, ESP_TASK_ROWS, 2, 1, 1, 2);
    cr_assert_eq(info_of(dataset)->element, ESP_ELEMENT_F32);
    cr_assert_eq(dataset_read(dataset, ESP_SPLIT_TRAIN, 0, 2, samples, labels, &error), ESP_OK);
    cr_assert_eq(samples[0], 1.5f);
    cr_assert_eq(samples[1], -2.0f);
    cr_assert_eq(samples[2], 0.25f);
    cr_assert_eq(samples[3], 3e38f);
    instance_destroy(dataset);
}

TestLeak(idx, all_splits_and_wide_labels)
{
    static const char *const names[6] = {"ti", "tl", "ei", "el", "vi", "vl"};
    static const unsigned char wide[] = {0, 0, 1, 0x2b, 0, 0, 0, 0, 0, 0, 0, 7}; // 299, 0, 7
    uint32_t labels[3];
    unsigned char samples[12];
    struct error error = {0};
    idx_write(folder, "ti", false, &(struct idx_content){.type = U8, .dimensions = {3, 2, 2}});
    idx_write(folder, "tl", false,
              &(struct idx_content){.type = I32, .dimensions = {3}, wide, sizeof wide});
    idx_write(folder, "ei", false, &(struct idx_content){.type = U8, .dimensions = {2, 2, 2}});
    idx_write(folder, "el", false, &(struct idx_content){.type = U8, .dimensions = {2}, "\5\6", 2});
    idx_write(folder, "vi", false, &(struct idx_content){.type = U8, .dimensions = {1, 2, 2}});
    idx_write(folder, "vl", false, &(struct idx_content){.type = U8, .dimensions = {1}, "\7", 1});
    struct instance *dataset = dataset_expect(&component, lines(names, ""));
    expect_task(dataset, ESP_TASK_IMAGES, 1, 2, 2, 300);
    cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_TRAIN], 3);
    cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_VALID], 1);
    cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_TEST], 2);
    cr_assert_eq(info_of(dataset)->file_count, 6);
    dataset_read(dataset, ESP_SPLIT_TRAIN, 0, 3, samples, labels, &error);
    cr_assert_arr_eq(labels, ((uint32_t[]){299, 0, 7}), sizeof labels);
    dataset_read(dataset, ESP_SPLIT_TEST, 0, 2, samples, labels, &error);
    cr_assert_eq(labels[1], 6);
    dataset_read(dataset, ESP_SPLIT_VALID, 0, 1, samples, labels, &error);
    cr_assert_eq(labels[0], 7);
    cr_assert_eq(error.status, ESP_OK, "%s", error.message);
    instance_destroy(dataset);

    dataset = dataset_expect(&component, lines(names, "classes = 1000\n"));
    cr_assert_eq(info_of(dataset)->task.classes, 1000);
    instance_destroy(dataset);
}

// ---- What is wrong ------------------------------------------------------------------------------

// Both files of the training split, right until a case spoils them.
static void write_right(void)
{
    idx_write(folder, "ti", false, &(struct idx_content){.type = U8, .dimensions = {3, 2, 2}});
    idx_write(folder, "tl", false, &(struct idx_content){.type = U8, .dimensions = {3}});
    idx_write(folder, "ei", false, &(struct idx_content){.type = U8, .dimensions = {2, 2, 2}});
    idx_write(folder, "el", false, &(struct idx_content){.type = U8, .dimensions = {2}});
}

// How one of those files is spoiled, and the message; % is the temporary folder.
struct wrong {
    const char *name, *message;
    enum { REPLACED, REMOVED, A_FOLDER, CUT, BYTES, GZIPPED_AND_CUT } how;
    struct idx_content content; // REPLACED and GZIPPED_AND_CUT
    int64_t size;               // CUT: of what is left, from the end where negative; BYTES
    const char *bytes;          // BYTES
};

static void spoil(const struct wrong *wrong)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, wrong->name);
    switch (wrong->how) {
    case REPLACED:
        idx_write(folder, wrong->name, false, &wrong->content);
        break;
    case REMOVED:
        cr_assert_eq(remove(path), 0);
        break;
    case A_FOLDER:
        cr_assert(remove(path) == 0 && mkdir(path, 0777) == 0);
        break;
    case CUT:
        idx_cut(folder, wrong->name, wrong->size);
        break;
    case BYTES:
        idx_write_bytes(folder, wrong->name, wrong->bytes, (uint64_t)wrong->size);
        break;
    case GZIPPED_AND_CUT:
        idx_write(folder, wrong->name, true, &wrong->content);
        idx_cut(folder, wrong->name, wrong->size);
        break;
    }
}

static const struct wrong wrong_at_open[] = {
    {"ti", "%/ti: cannot be opened: No such file or directory", .how = REMOVED},
    {"tl", "%/tl: is a folder; an IDX file was expected", .how = A_FOLDER},
    {"ti", "%/ti: ends after 0 bytes, within the IDX header of at least 8", .how = CUT, .size = 0},
    {"ti", "%/ti: ends after 6 bytes, within the IDX header of 16", .how = CUT, .size = 6},
    {"ti", "%/ti: is cut short: 11 bytes of values, but its header [3, 2, 2] names 12", .how = CUT,
     .size = -1},
    {"ti", "%/ti: bytes follow after the 12 that its header [3, 2, 2] names",
     .content = {U8, {3, 2, 2}, "0123456789abc", 13}},
    {"ti",
     "%/ti: is no IDX file: its magic number is 0x89504e47; 0x0000, a type and the number of "
     "dimensions were expected",
     .how = BYTES, .bytes = "\x89PNG\r\n\x1a\n", .size = 8},
    {"ti", "%/ti: holds values of IDX type 0x0b; 0x08 (u8), 0x0c (i32) or 0x0d (f32) was expected",
     .content = {.type = 0x0b, .dimensions = {3, 2, 2}}},
    {"ti", "%/ti: has 5 dimensions; 1 to 4 were expected",
     .content = {.type = U8, .dimensions = {3, 2, 2, 1, 1}}},
    {"ti", "%/ti: dimension 2 of 2 is 0; at least 1 was expected", .how = BYTES,
     .bytes = "\0\0\x08\2\0\0\0\3\0\0\0\0", .size = 12},
    {"ti", "%/ti: its header names more bytes than any file holds", .how = BYTES,
     .bytes = "\0\0\x0d\4\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\1", .size = 20},
    {"ti",
     "%/ti: has the dimensions [3]; images [N, H, W] or [N, C, H, W] or rows [N, F] were "
     "expected",
     .content = {.type = U8, .dimensions = {3}}},
    {"ti", "%/ti: holds i32; samples were expected as u8 or f32",
     .content = {.type = I32, .dimensions = {3, 2, 2}}},
    {"tl", "%/tl: holds 4 labels, but %/ti holds 3 samples",
     .content = {.type = U8, .dimensions = {4}}},
    {"tl", "%/tl: has the dimensions [3, 1]; labels [N] were expected",
     .content = {.type = U8, .dimensions = {3, 1}}},
    {"tl", "%/tl: holds f32; labels were expected as u8 or i32",
     .content = {.type = F32, .dimensions = {3}}},
    {"tl", "%/tl: every label is 0; at least 2 classes were expected",
     .content = {U8, {3}, "\0\0\0", 3}},
    {"tl", "%/tl: label -5 at index 2 is outside the classes 0 to 1",
     .content = {I32, {3}, "\0\0\0\1\0\0\0\0\xff\xff\xff\xfb", 12}},
    {"el", "%/el: label 3 at index 1 is outside the classes 0 to 2",
     .content = {U8, {2}, "\2\3", 2}},
    {"ei", "%/ei: holds u8 [2, 2, 3]; samples like those of %/ti were expected, u8 [3, 2, 2]",
     .content = {.type = U8, .dimensions = {2, 2, 3}}},
    {"ei", "%/ei: holds f32 [2, 2, 2]; samples like those of %/ti were expected, u8 [3, 2, 2]",
     .content = {.type = F32, .dimensions = {2, 2, 2}}},
    // Labels are read at open: so a stream that breaks off shows there.
    {"tl", "%/tl: the gzip stream breaks off", .how = GZIPPED_AND_CUT,
     .content = {.type = U8, .dimensions = {3}}, .size = -9},
};

static const char *filled(const char *pattern)
{
    static char text[2048];
    size_t used = 0;
    for (; *pattern; pattern++) {
        if (*pattern == '%')
            used += (size_t)snprintf(text + used, sizeof text - used, "%s", folder);
        else
            text[used++] = *pattern;
    }
    text[used] = '\0';
    return text;
}

TestLeak(idx, what_open_refuses)
{
    for (size_t i = 0; i < ESP_COUNT(wrong_at_open); i++) {
        const struct wrong *wrong = &wrong_at_open[i];
        struct error error = {0};
        char expected[2100];
        write_right();
        spoil(wrong);
        snprintf(expected, sizeof expected, "dataset idx: %s", filled(wrong->message));
        cr_assert_null(dataset_open(&component, lines(with_test, ""), &error), "%s", expected);
        cr_assert_str_eq(error.message, expected);
        cr_assert_neq(error.status, ESP_ERROR_IO, "a wrong configuration is no fault of the disk");
        folder_delete(folder);
        folder = folder_temporary();
    }
}

Test(idx, parameters_that_do_not_go_together)
{
    static const struct {
        const char *names[6], *more, *message;
    } cases[] = {
        {{"ti", "tl", "ei"}, "", "dataset idx: test_images is given, but test_labels is not"},
        {{"ti", "tl", NULL, NULL, NULL, "vl"},
         "",
         "dataset idx: valid_labels is given, but valid_images is not"},
        {{"ti", "tl"},
         "classes = 1\n",
         "dataset idx: classes = 1; at least 2, or 0 for those of the labels, was expected"},
        {{"ti", "tl"},
         "classes = 2\n",
         "dataset idx: %/tl: label 2 at index 2 is outside the classes 0 to 1"},
    };
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        struct error error = {0};
        write_right();
        cr_assert_null(dataset_open(&component, lines(cases[i].names, cases[i].more), &error));
        cr_assert_str_eq(error.message, filled(cases[i].message));
    }
    struct error error = {0};
    cr_assert_null(dataset_open(&component, "train_images = /a\n", &error));
    cr_assert_not_null(strstr(error.message, "train_labels"), "%s", error.message);
}

// What a gzipped file of samples holds shows when it is read to its end.
TestLeak(idx, what_read_refuses)
{
    enum { SIZE = 3 * 400 * 400 }; // more than is unpacked for the header
    static const struct {
        int64_t cut, damage;
        uint64_t size;
        const char *message;
    } cases[] = {
        {-900, 0, SIZE, "%/ti: the gzip stream breaks off"}, // within the data
        {-3, 0, SIZE, "%/ti: the gzip stream breaks off"},   // within the checksum
        {0, -8, SIZE, "%/ti: the gzip stream is corrupt: incorrect data check"},
        {0, 0, SIZE - 1,
         "%/ti: is cut short: 479999 bytes of values, but its header [3, 400, 400] names 480000"},
        {0, 0, SIZE + 1, "%/ti: bytes follow after the 480000 that its header [3, 400, 400] names"},
    };
    unsigned char *samples = malloc(SIZE);
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        uint32_t labels[3];
        struct error error = {0};
        write_right();
        idx_write(folder, "ti", true,
                  &(struct idx_content){U8, {3, 400, 400}, NULL, cases[i].size});
        if (cases[i].cut)
            idx_cut(folder, "ti", cases[i].cut);
        if (cases[i].damage)
            idx_damage(folder, "ti", cases[i].damage);
        struct instance *dataset = dataset_expect(&component, lines(training, ""));
        cr_assert_eq(dataset_read(dataset, ESP_SPLIT_TRAIN, 0, 3, samples, labels, &error),
                     ESP_ERROR_DATA);
        cr_assert_str_eq(error.message, filled(cases[i].message));
        instance_destroy(dataset);
    }
    free(samples);
}

// A file that goes away after it was opened.
Test(idx, a_file_that_vanishes)
{
    unsigned char samples[12];
    uint32_t labels[3];
    struct error error = {0};
    write_right();
    struct instance *dataset = dataset_expect(&component, lines(training, ""));
    spoil(&(struct wrong){"ti", "", .how = REMOVED});
    cr_assert_eq(dataset_read(dataset, ESP_SPLIT_TRAIN, 0, 3, samples, labels, &error),
                 ESP_ERROR_IO);
    cr_assert_str_eq(error.message, filled("%/ti: cannot be opened: No such file or directory"));
    instance_destroy(dataset);
}
