// SPDX-License-Identifier: Apache-2.0
// Tables of every sort: what they hold is read, and what is wrong with them is said, by file, line
// and column.
#include "support/command.h"
#include "support/dataset.h"
#include "support/dataset_run.h"
#include "support/folder.h"
#include "support/leak.h"

#include <espalier/plugin.h>
#include <espalier/random.h>

#include <criterion/criterion.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const void *esp_plugin_entry(uint32_t kind, const char *id);

static struct component component;
static char *folder;

static void begin(void)
{
    folder = folder_temporary();
    component = dataset_component("csv", esp_plugin_entry(ESP_KIND_DATASET, "csv"));
}

static void end(void)
{
    folder_delete(folder);
}

TestSuite(csv, .init = begin, .fini = end);

static const esp_dataset_info *info_of(const struct instance *dataset)
{
    return ((const esp_dataset_type *)component.type)->describe(dataset->self);
}

static void write_text(const char *name, const char *text)
{
    free(folder_write(folder, name, text));
}

// Opens t.csv with the text and more lines of [dataset]; it must succeed.
static struct instance *open_text(const char *text, const char *lines)
{
    char all[2048];
    write_text("t.csv", text);
    snprintf(all, sizeof all, "path = %s/t.csv\n%s", folder, lines);
    return dataset_expect(&component, all);
}

struct row {
    float values[8];
    uint32_t label;
};

// The split holds exactly these rows, of as many columns as the task has.
static void expect_rows(const struct instance *dataset, uint32_t split, uint64_t count,
                        const struct row *rows)
{
    float values[64];
    uint32_t labels[16];
    struct error error = {0};
    uint64_t channels = info_of(dataset)->task.channels;
    cr_assert_eq(info_of(dataset)->split_sizes[split], count, "%llu rows",
                 (unsigned long long)info_of(dataset)->split_sizes[split]);
    cr_assert_eq(dataset_read(dataset, split, 0, count, values, labels, &error), ESP_OK, "%s",
                 error.message);
    for (uint64_t i = 0; i < count; i++) {
        cr_assert_eq(labels[i], rows[i].label, "row %d: label %u", (int)i, labels[i]);
        for (uint64_t c = 0; c < channels; c++)
            cr_assert_eq(values[i * channels + c], rows[i].values[c], "row %d, channel %d: %g",
                         (int)i, (int)c, (double)values[i * channels + c]);
    }
}

// ---- What is right ------------------------------------------------------------------------------

TestLeak(csv, numbers_categories_and_labels)
{
    static const struct row rows[] = {
        {{1.5f, 0, 1, 0, -2}, 1}, {{-2e3f, 1, 0, 0, 0}, 0}, {{0.25f, 0, 0, 1, 7}, 1}};
    struct instance *dataset = open_text("width,colour,label,depth\n"
                                         "1.5,green,dog,-2\n"
                                         "-2e3,blue,cat,+0\n"
                                         ".25,red,dog,7.\n",
                                         "");
    const esp_task *task = &info_of(dataset)->task;
    cr_assert_eq(task->kind, ESP_TASK_ROWS);
    cr_assert(task->channels == 5 && task->height == 1 && task->width == 1);
    cr_assert_eq(task->classes, 2);
    cr_assert_eq(info_of(dataset)->element, ESP_ELEMENT_F32);
    cr_assert_eq(info_of(dataset)->file_count, 1);
    cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_VALID], 0);
    expect_rows(dataset, ESP_SPLIT_TRAIN, 3, rows);
    instance_destroy(dataset);
}

// RFC 4180: quotes, separators and line ends inside fields; CRLF; no line end at the end. Besides: a
// byte order mark, LF, blanks around fields, empty lines at the end.
TestLeak(csv, the_format)
{
    static const struct row rows[] = {{{1, 0, 1}, 0}, {{2, 1, 0}, 1}, {{3, 0, 1}, 0}};
    static const char *const texts[] = {
        "x,name,label\r\n1,\"b, or \"\"c\"\"\",u\r\n2,a,v\r\n3,\"b, or \"\"c\"\"\",u\r\n",
        "x,name,label\r\n1,\"b\r\nc\",u\r\n2,a,v\r\n3,\"b\r\nc\",u",
        "\xef\xbb\xbfx,name,label\n1,b,u\n2,a,v\n3,b,u\n\n\n",
        " x , name,label \n 1 ,\tb ,u\n2, \"a\",\"v\"\n\"3\",b,u  \n",
        "\"x\",\"name\",\"label\"\n\"1\",\"b\",\"u\"\n\"2\",\"a\",\"v\"\n\"3\",\"b\",\"u\"\n",
    };
    for (size_t i = 0; i < ESP_COUNT(texts); i++) {
        struct instance *dataset = open_text(texts[i], "");
        expect_rows(dataset, ESP_SPLIT_TRAIN, 3, rows);
        instance_destroy(dataset);
    }
    struct instance *dataset =
        open_text("x;name;label\n1;b;u\n2;a;v\n3;b;u\n", "separator = semicolon\n");
    expect_rows(dataset, ESP_SPLIT_TRAIN, 3, rows);
    instance_destroy(dataset);
    dataset = open_text("x\tname\tlabel\n1\tb \tu\n2\ta\tv\n3\tb\tu\n", "separator = tab\n");
    expect_rows(dataset, ESP_SPLIT_TRAIN, 3, rows);
    instance_destroy(dataset);
}

// Labels that are numbers count in their order, others in that of their bytes.
TestLeak(csv, classes_in_order)
{
    static const struct row numbers[] = {{{1}, 2}, {{2}, 0}, {{3}, 1}, {{4}, 2}};
    static const struct row texts[] = {{{1}, 0}, {{2}, 1}, {{3}, 2}, {{4}, 0}};
    struct instance *dataset = open_text("x,class\n1,10\n2,-1\n3,9\n4,10\n", "label = class\n");
    cr_assert_eq(info_of(dataset)->task.classes, 3);
    expect_rows(dataset, ESP_SPLIT_TRAIN, 4, numbers);
    instance_destroy(dataset);
    dataset = open_text("x,class\n1,10\n2,9\n3,a9\n4,10\n", "label = class\n");
    expect_rows(dataset, ESP_SPLIT_TRAIN, 4, texts);
    instance_destroy(dataset);
}

TestLeak(csv, columns_that_the_configuration_names)
{
    static const struct row rows[] = {{{1, 0}, 0}, {{0, 1}, 1}, {{1, 0}, 1}};
    struct instance *dataset = open_text("id,zip,label,note\n1,10,a,x\n2,20,b,y\n3,10,b,z\n",
                                         "categorical = zip\nignore = id, note\n");
    expect_rows(dataset, ESP_SPLIT_TRAIN, 3, rows);
    instance_destroy(dataset);
}

// The mean and the median are those of the training rows; categories get one more.
TestLeak(csv, missing_values_filled_in)
{
    static const char text[] = "x,c,label\n1,u,a\n,?,b\n2,v,b\nNA,v,a\n9,u,b\n";
    for (int median = 0; median < 2; median++) {
        float fill = median ? 2 : 4;
        const struct row rows[] = {{{1, 1, 0, 0}, 0},
                                   {{fill, 0, 0, 1}, 1},
                                   {{2, 0, 1, 0}, 1},
                                   {{fill, 0, 1, 0}, 0},
                                   {{9, 1, 0, 0}, 1}};
        struct instance *dataset =
            open_text(text, median ? "missing = median\n" : "missing = mean\n");
        expect_rows(dataset, ESP_SPLIT_TRAIN, 5, rows);
        instance_destroy(dataset);
    }
    // Other words for missing, and a median between two.
    static const struct row rows[] = {{{1}, 0}, {{1.5f}, 1}, {{2}, 1}};
    struct instance *dataset =
        open_text("x,label\n1,a\n-,b\n2,b\n", "missing = median\nmissing_values = -, none\n");
    expect_rows(dataset, ESP_SPLIT_TRAIN, 3, rows);
    instance_destroy(dataset);
}

TestLeak(csv, other_tables_by_the_training_tables_columns)
{
    static const struct row train[] = {{{1, 1, 0}, 0}, {{3, 0, 1}, 1}, {{5, 0, 1}, 1}};
    static const struct row valid[] = {{{8, 0, 1}, 0}};
    static const struct row test[] = {{{3, 1, 0}, 1}, {{2, 0, 0}, 0}, {{1, 0, 0}, 1}};
    write_text("v.csv", "x,c,label\n8,v,a\n");
    // The missing number is the training mean; what the training table lacks is no category.
    write_text("e.csv", "x,c,label\n,u,b\n2,w,a\n1,,b\n");
    char lines[1024];
    snprintf(lines, sizeof lines,
             "valid_path = %s/v.csv\ntest_path = %s/e.csv\nmissing = mean\nunknown = zeros\n",
             folder, folder);
    struct instance *dataset = open_text("x,c,label\n1,u,a\n3,v,b\n5,v,b\n", lines);
    expect_rows(dataset, ESP_SPLIT_TRAIN, 3, train);
    expect_rows(dataset, ESP_SPLIT_VALID, 1, valid);
    expect_rows(dataset, ESP_SPLIT_TEST, 3, test);
    cr_assert_eq(info_of(dataset)->file_count, 3);
    instance_destroy(dataset);
}

// Test rows cut off by test_fraction: none is in both, none is lost, and test_seed alone decides.
TestLeak(csv, test_rows_cut_off)
{
    char text[2048];
    size_t used = (size_t)snprintf(text, sizeof text, "x,label\n");
    for (int i = 0; i < 40; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%d,%c\n", i, 'a' + i % 3);
    float first[10];
    for (int time = 0; time < 3; time++) {
        float train[30], test[10];
        uint32_t labels[30];
        int seen[40] = {0};
        struct error error = {0};
        struct instance *dataset = open_text(
            text, time < 2 ? "test_fraction = 0.25\n" : "test_fraction = 0.25\ntest_seed = 1\n");
        cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_TRAIN], 30);
        cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_TEST], 10);
        dataset_read(dataset, ESP_SPLIT_TRAIN, 0, 30, train, labels, &error);
        for (int i = 0; i < 30; i++) {
            seen[(int)train[i]]++;
            cr_assert_eq(labels[i], (uint32_t)train[i] % 3);
        }
        dataset_read(dataset, ESP_SPLIT_TEST, 0, 10, test, labels, &error);
        for (int i = 0; i < 10; i++) {
            seen[(int)test[i]]++;
            cr_assert_eq(labels[i], (uint32_t)test[i] % 3);
        }
        for (int i = 0; i < 40; i++)
            cr_assert_eq(seen[i], 1);
        if (time == 0)
            memcpy(first, test, sizeof first);
        cr_assert_eq(memcmp(first, test, sizeof first) == 0, time < 2);
        instance_destroy(dataset);
    }
}

// What is filled in knows nothing of the test rows.
TestLeak(csv, test_rows_do_not_fill_in)
{
    char text[1024];
    size_t used = (size_t)snprintf(text, sizeof text, "n,x,label\n");
    for (int i = 0; i < 20; i++)
        used += i == 5 ? (size_t)snprintf(text + used, sizeof text - used, "5,,a\n")
                       : (size_t)snprintf(text + used, sizeof text - used, "%d,%d,%c\n", i, i * i,
                                          'a' + i % 2);
    struct instance *dataset = open_text(text, "missing = mean\ntest_fraction = 0.5\n");
    for (uint32_t split = 0; split < ESP_SPLIT_COUNT; split += 2) {
        float values[20];
        uint32_t labels[10];
        struct error error = {0};
        double sum = 0, count = 0;
        dataset_read(dataset, ESP_SPLIT_TRAIN, 0, 10, values, labels, &error);
        for (int i = 0; i < 10; i++)
            if (values[2 * i] != 5) {
                sum += (double)values[2 * i + 1];
                count++;
            }
        dataset_read(dataset, split, 0, 10, values, labels, &error);
        for (int i = 0; i < 10; i++)
            if (values[2 * i] == 5)
                cr_assert_float_eq((double)values[2 * i + 1], sum / count, 1e-4);
    }
    instance_destroy(dataset);
}

// Decoded once, then found; each column has mean 0 and deviation 1 over the training rows.
TestLeak(csv, through_the_cache)
{
    struct instance *dataset = open_text("x,c,label\n1,u,a\n2,v,b\n3,u,a\n8,v,b\n6,u,b\n", "");
    for (int time = 0; time < 2; time++) {
        static const uint64_t indices[] = {0, 1, 2, 3, 4};
        float values[15];
        uint32_t labels[5];
        struct error error = {0};
        struct data *data = dataset_data(dataset, 0, false, folder);
        cr_assert_eq(data_decoded(data), time == 0);
        cr_assert_eq(data_read(data, ESP_SPLIT_TRAIN, indices, 5, values, labels, &error), ESP_OK);
        for (int c = 0; c < 3; c++) {
            double sum = 0, square = 0;
            for (int i = 0; i < 5; i++) {
                sum += (double)values[i * 3 + c];
                square += (double)values[i * 3 + c] * (double)values[i * 3 + c];
            }
            cr_assert_float_eq(sum, 0, 1e-5);
            cr_assert_float_eq(square / 5, 1, 1e-5);
        }
        data_close(data);
    }
    instance_destroy(dataset);
}

// ---- What is wrong ------------------------------------------------------------------------------

TestLeak(csv, what_open_refuses)
{
    static const struct {
        const char *text, *lines, *message;
    } cases[] = {
        // The text.
        {"", "", "%:1: is empty; a header with the columns' names was expected"},
        {"\n\n", "", "%:1: is empty; a header with the columns' names was expected"},
        {"x,label\n", "", "%: has a header, but no rows"},
        {"x,,label\n", "", "%:1: column 2 of the header has no name"},
        {"x,label,x\n", "", "%:1: columns 1 and 3 of the header are both 'x'"},
        {"x,label\n1,a\n2\n", "", "%:3: has 1 field; 2 were expected, as in the header"},
        {"x,label\n\"1\n\",a\n2,b,c\n", "", "%:4: has 3 fields; 2 were expected, as in the header"},
        {"x,label\n1,a\n\n2,b\n", "", "%:3: is empty, and lines follow"},
        {"x,label\n1,a\n\"2,b\n", "", "%:3: the quote that opens here is never closed"},
        {"x,label\n1,a\n\"2\" ,b\n", "",
         "%:3: ' ' follows a closing quote; the end of the field was expected (a quote inside one "
         "is written twice)"},
        {"x,label\n1,a\n2,b\"c\"\n", "",
         "%:3: a quote inside a field that does not begin with one; a field with quotes is quoted "
         "whole"},
        {"\x1f\x8b\x08", "", "%: is gzipped; a table as text was expected (gunzip it)"},
        // The label.
        {"x,lable\n1,a\n2,b\n", "",
         "%: has no column 'label', which label names; the nearest is 'lable'"},
        {"x,y\n1,a\n2,b\n", "",
         "%: has no column 'label', which label names; the last of its columns is 'y'"},
        {"x,label\n1,a\n2,a\n", "",
         "%: column 'label' is 'a' in every row; labels of at least 2 classes were expected"},
        {"x,label\n1,0.1\n2,0.2\n3,0.3\n", "",
         "%: column 'label' has another value in each of the 3 rows; labels of classes were "
         "expected"},
        {"x,label\n1,a\n2,b\n3,\n4,a\n", "missing = mean\n",
         "%:4: column 'label': the value is missing; each row was expected to have a label"},
        // Columns and cells.
        {"label\na\nb\n", "", "%: has no column but the label and those that are ignored"},
        {"x,label\n1,a\n2,b\n", "ignore = x\n",
         "%: has no column but the label and those that are ignored"},
        {"x,label\n1,a\n2,b\n", "ignore = X\n",
         "%: has no column 'X', which ignore names; the nearest is 'x'"},
        {"x,label\n1,a\n2,b\n", "ignore = label\n",
         "column 'label' is named by ignore and by label"},
        {"x,label\n1,a\n2,b\n", "ignore = x\ncategorical = x\n",
         "column 'x' is named by categorical and by ignore"},
        {"x,y,label\n,1,a\n,2,b\n", "missing = mean\n",
         "%: column 'x' has no value in any row; name it in ignore"},
        {"x,y,label\n1,1,a\n2,?,b\n3,3,b\n", "",
         "%:3: column 'y': the value is missing ('?'); missing = mean or median fills in what is "
         "missing"},
        {"x,y,label\n1,u,a\n2,,b\n3,v,b\n", "",
         "%:3: column 'y': the value is missing; missing = mean or median makes it a category of "
         "its own"},
        {"x,label\n1,a\n2 m,b\n3,b\n4,a\n", "",
         "%:3: column 'x': '2 m' is no number, and most of the column's values are; mend it, or "
         "name '2 m' in missing_values or the column in categorical or ignore"},
        {"x,label\n1,a\n0x10,b\n3,b\n4,a\n", "",
         "%:3: column 'x': '0x10' is no number, and most of the column's values are; mend it, or "
         "name '0x10' in missing_values or the column in categorical or ignore"},
        {"x,label\n1,a\n2e40,b\n3,b\n", "",
         "%:3: column 'x': 2e40 is beyond what a 32-bit float holds"},
        {"x,label\nu,a\nv,b\nw,b\n", "max_categories = 2\n",
         "%: column 'x' has 3 different values ('u', 'v', ...), and max_categories is 2; name it "
         "in ignore, or raise max_categories"},
        {"x,label\n1,a\n2,b\n", "test_fraction = 0.1\n",
         "test_fraction = 0.1 of 2 rows leaves no test split"},
        {"x,label\n1,a\n2,b\n", "test_fraction = 0.8\n",
         "test_fraction = 0.8 of 2 rows leaves no training split"},
    };
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        struct error error = {0};
        char path[512], lines[1024];
        snprintf(path, sizeof path, "%s/t.csv", folder);
        snprintf(lines, sizeof lines, "path = %s\n%s", path, cases[i].lines);
        write_text("t.csv", cases[i].text);
        const char *expected = folder_fill(path, cases[i].message);
        cr_assert_null(dataset_open(&component, lines, &error), "%s", expected);
        cr_assert_str_eq(error.message + strlen("dataset csv: "), expected);
        cr_assert_neq(error.status, ESP_ERROR_IO, "a wrong configuration is no fault of the disk");
    }
}

TestLeak(csv, what_open_refuses_of_other_tables)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"x,c\n1,u\n", "%/e.csv:1: has 2 columns; the 3 of %/t.csv were expected"},
        {"x,label,c\n1,a,u\n", "%/e.csv:1: column 2 is 'label'; 'c' was expected, as in %/t.csv"},
        {"x,c,label\n1,uu,a\n",
         "%/e.csv:2: column 'c': 'uu' does not stand in this column of %/t.csv; the nearest is "
         "'u'; unknown = zeros lets it be no category"},
        {"x,c,label\n1,u,a\n2,u,z\n",
         "%/e.csv:3: column 'label': 'z' does not stand in this column of %/t.csv; the nearest is "
         "'a'"},
        {"x,c,label\nmany,u,a\n",
         "%/e.csv:2: column 'x': 'many' is no number; one was expected, as in the training table"},
        {"x,c,label\n1,u,a\n1,u\n", "%/e.csv:3: has 2 fields; 3 were expected, as in the header"},
    };
    write_text("t.csv", "x,c,label\n1,u,a\n3,v,b\n5,v,b\n");
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        struct error error = {0};
        write_text("e.csv", cases[i].text);
        const char *lines = folder_fill(folder, "path = %/t.csv\ntest_path = %/e.csv\n");
        const char *expected = folder_fill(folder, cases[i].message);
        cr_assert_null(dataset_open(&component, lines, &error), "%s", expected);
        cr_assert_str_eq(error.message + strlen("dataset csv: "), expected);
    }
    static const struct {
        const char *lines, *message;
    } more[] = {
        {"path = %/none\n", "%/none: cannot be opened: No such file or directory"},
        {"path = %\n", "%: is a folder; a table was expected"},
        {"path = %/t.csv\nvalid_path = %/none\n",
         "%/none: cannot be opened: No such file or directory"},
        {"path = %/t.csv\ntest_path = %/t.csv\ntest_fraction = 0.2\n",
         "test_path and test_fraction are both given; one of them was expected"},
    };
    for (size_t i = 0; i < ESP_COUNT(more); i++) {
        struct error error = {0};
        const char *expected = folder_fill(folder, more[i].message);
        cr_assert_null(dataset_open(&component, folder_fill(folder, more[i].lines), &error));
        cr_assert_str_eq(error.message + strlen("dataset csv: "), expected);
        cr_assert_neq(error.status, ESP_ERROR_IO);
    }
}

TestLeak(csv, a_zero_byte)
{
    char path[512];
    struct error error = {0};
    snprintf(path, sizeof path, "%s/t.csv", folder);
    FILE *file = fopen(path, "w");
    cr_assert_eq(fwrite("x,label\n1\0,a\n", 1, 13, file), 13);
    fclose(file);
    cr_assert_null(dataset_open(&component, folder_fill(path, "path = %\n"), &error));
    cr_assert_str_eq(error.message,
                     folder_fill(path, "dataset csv: %: is no text: byte 9 is 0; a table in UTF-8 "
                                       "was expected"));
}

// Whatever a table holds, it is read or refused by its name, and what is read has finite values and
// classes that exist.
TestLeak(csv, any_bytes)
{
    static const char good[] =
        "x,\"a, b\",label\r\n1,u,p\n\"2\",\"v \"\"w\"\"\",q\n-3.5e2,?,p\n,u,q\n\n";
    static const char bytes[] = "\",\n\r\t 0?eE+-.x\xef\x1f";
    esp_random random = esp_random_stream(7, 0, 0, 0, 0);
    const char *lines = folder_fill(folder, "path = %/t.csv\nmissing = median\n");
    int opened = 0;
    for (int time = 0; time < 1000; time++) {
        char text[sizeof good + 8], path[512];
        size_t size = sizeof good - 1;
        memcpy(text, good, sizeof good);
        for (uint64_t i = esp_random_below(&random, 4); i > 0; i--)
            text[esp_random_below(&random, size)] = bytes[esp_random_below(&random, sizeof bytes)];
        if (esp_random_below(&random, 4) == 0)
            size = esp_random_below(&random, size + 1);
        snprintf(path, sizeof path, "%s/t.csv", folder);
        FILE *file = fopen(path, "w");
        cr_assert(file && fwrite(text, 1, size, file) == size && fclose(file) == 0);
        struct error error = {0};
        struct instance *dataset = dataset_open(&component, lines, &error);
        if (!dataset) {
            cr_assert(error.status == ESP_ERROR_DATA || error.status == ESP_ERROR_NOT_FOUND);
            cr_assert(strstr(error.message, "t.csv"), "%s", error.message);
            continue;
        }
        float values[64];
        uint32_t labels[8];
        const esp_dataset_info *info = info_of(dataset);
        uint64_t count = info->split_sizes[ESP_SPLIT_TRAIN], all = count * info->task.channels;
        cr_assert(count <= 8 && all <= 64);
        cr_assert_eq(dataset_read(dataset, ESP_SPLIT_TRAIN, 0, count, values, labels, &error),
                     ESP_OK);
        for (uint64_t i = 0; i < all; i++)
            cr_assert(isfinite(values[i]));
        for (uint64_t i = 0; i < count; i++)
            cr_assert_lt(labels[i], info->task.classes);
        instance_destroy(dataset);
        opened++;
    }
    cr_assert(opened > 100 && opened < 900, "%d of 1000 were opened", opened);
}

// ---- The program --------------------------------------------------------------------------------

Test(csv, a_damaged_table_ends_the_search_before_it_begins)
{
    write_text("t.csv", "x,label\n1,a\n2\n");
    char *words =
        dataset_run(folder, folder_fill(folder, "plugin = csv\npath = %/t.csv\n"), NULL, NULL, 2);
    cr_assert(strstr(words, "/t.csv:3: has 1 field; 2 were expected"), "%s", words);
    free(words);
}

// Rows are no images, and a space that builds for images alone says so.
Test(csv, a_space_of_images_is_refused)
{
    write_text("t.csv", "x,label\n1,a\n2,b\n3,a\n4,b\n");
    char *words =
        dataset_run(folder, folder_fill(folder, "plugin = csv\npath = %/t.csv\n"), NULL, NULL, 2);
    cr_assert(strstr(words, "images, and the dataset has rows"), "%s", words);
    free(words);
}

// Class yes where x is positive, but for one category, where it is the other way round: dense
// networks learn it from a table of both sorts of columns.
Test(csv, dense_networks_learn_a_table)
{
    static const char *const colours[] = {"red", "green", "blue, dark"};
    esp_random random = esp_random_stream(1, 2, 3, 4, 5);
    char *path = NULL;
    cr_assert_gt(asprintf(&path, "%s/t.csv", folder), 0);
    FILE *file = fopen(path, "w");
    fprintf(file, "id,colour,x,y,answer\n");
    for (int i = 0; i < 600; i++) {
        int colour = (int)esp_random_below(&random, 3);
        double x = esp_random_normal(&random), y = 1000 + esp_random_normal(&random);
        fprintf(file, "%d,\"%s\",%.4f,%.4f,%s\n", i, colours[colour], 50 * x, y,
                (x > 0) != (colour == 2) ? "yes" : "no");
    }
    fclose(file);
    free(path);
    free(dataset_run(folder,
                     folder_fill(folder,
                                 "plugin = csv\npath = %/t.csv\nlabel = answer\n"
                                 "ignore = id\ntest_fraction = 0.2\nvalid_fraction = 0.25\n"),
                     "[space]\nplugin = mlp\nshapes = free\nmin_depth = 2\nmax_depth = 2\n"
                     "widths = 16, 32\n",
                     "[estimator]\nplugin = train\nepochs = 30\nbatch = 32\n", 0));
    json_t *results = espalier_results(folder_fill(folder, "%/out")), *trial;
    double best = 0;
    size_t i;
    json_array_foreach (json_object_get(results, "trials"), i, trial)
        best = fmax(best, json_number_value(json_object_get(json_object_get(trial, "metrics"),
                                                            "valid_accuracy")));
    cr_assert_gt(best, 0.9, "%g", best);
    json_decref(results);
}

// configs/data/two_spirals.csv holds the points that its README's formula gives.
TestLeak(csv, the_two_spirals)
{
    enum { POINTS = 385 };
    struct error error = {0};
    struct instance *dataset =
        dataset_expect(&component, "path = " ESPALIER_SOURCE_DIR
                                   "/configs/data/two_spirals.csv\nlabel = spiral\n");
    float *values = malloc(2 * POINTS * 2 * sizeof *values);
    uint32_t labels[2 * POINTS];
    cr_assert_eq(info_of(dataset)->split_sizes[ESP_SPLIT_TRAIN], 2 * POINTS);
    cr_assert_eq(info_of(dataset)->task.channels, 2);
    cr_assert_eq(dataset_read(dataset, ESP_SPLIT_TRAIN, 0, 2 * POINTS, values, labels, &error),
                 ESP_OK);
    for (int i = 0; i < 2 * POINTS; i++) {
        double angle = i / 2 * acos(-1) / 64, radius = 6.5 * (416 - i / 2) / 416;
        double side = i % 2 ? -1 : 1;
        cr_assert_eq(labels[i], (uint32_t)i % 2);
        cr_assert_float_eq((double)values[2 * i], side * radius * sin(angle), 1e-5);
        cr_assert_float_eq((double)values[2 * i + 1], side * radius * cos(angle), 1e-5);
    }
    free(values);
    instance_destroy(dataset);
}
