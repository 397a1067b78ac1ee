// SPDX-License-Identifier: Apache-2.0
// Splits and normalisation. The cache below them has data_cache_test.c.
#include "data/data.h"

#include "data/moments.h"
#include "support/dataset.h"
#include "support/folder.h"
#include "support/leak.h"
#include "support/made_dataset.h"

#include <espalier/random.h>

#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

// An open made dataset. The cache is in a folder of its own.
struct fixture {
    char *folder;
    struct instance *dataset;
    struct data *data;
    struct error error;
};

static struct component component;

static struct fixture open_made(const char *lines, struct data_options options)
{
    struct fixture fixture = {.folder = folder_temporary()};
    setenv("ESPALIER_CACHE", fixture.folder, 1);
    component = dataset_component("made", made_dataset());
    fixture.dataset = dataset_expect(&component, lines);
    data_open(&fixture.data, fixture.dataset, &options, true, &fixture.error);
    return fixture;
}

static struct data *reopen(struct fixture *fixture, struct data_options options)
{
    struct data *data = NULL;
    cr_assert_eq(data_open(&data, fixture->dataset, &options, true, &fixture->error), ESP_OK, "%s",
                 fixture->error.message);
    return data;
}

static void close_made(struct fixture *fixture)
{
    data_close(fixture->data);
    instance_destroy(fixture->dataset);
    folder_delete(fixture->folder);
}

struct content {
    uint64_t count, values; // of one sample
    float *samples;
    uint32_t *labels;
};

// A whole split.
static struct content read_all(const struct data *data, uint32_t split)
{
    struct error error = {0};
    struct content content = {0};
    const esp_task *task = data_task(data);
    content.values = task->channels * task->height * task->width;
    cr_assert_eq(data_size(data, split, &content.count, &error), ESP_OK, "%s", error.message);
    uint64_t *indices = malloc((content.count + 1) * sizeof *indices);
    content.samples = malloc((content.count * content.values + 1) * sizeof(float));
    content.labels = malloc((content.count + 1) * sizeof(uint32_t));
    for (uint64_t i = 0; i < content.count; i++)
        indices[i] = i;
    cr_assert_eq(
        data_read(data, split, indices, content.count, content.samples, content.labels, &error),
        ESP_OK, "%s", error.message);
    free(indices);
    return content;
}

static void content_free(struct content *content)
{
    free(content->samples);
    free(content->labels);
}

static bool same_labels(const struct content *a, const struct content *b, uint64_t count)
{
    return memcmp(a->labels, b->labels, count * sizeof(uint32_t)) == 0;
}

// ---- Splits -------------------------------------------------------------------------------------

// The definition: a permutation of stream ("split", split_seed); validation is its beginning.
TestLeak(data, cut_follows_the_permutation)
{
    struct fixture f =
        open_made("train = 50\n", (struct data_options){.valid_fraction = 0.3, .split_seed = 9});
    struct content train = read_all(f.data, ESP_SPLIT_TRAIN);
    struct content valid = read_all(f.data, ESP_SPLIT_VALID);
    uint64_t order[50];
    esp_random random = esp_random_stream(9, XXH3_64bits("split", 5), 0, 0, 0);
    esp_random_permutation(&random, order, 50);
    cr_assert_eq(valid.count, 15);
    cr_assert_eq(train.count, 35);
    for (uint64_t i = 0; i < 50; i++)
        cr_assert_eq(i < 15 ? valid.labels[i] : train.labels[i - 15], order[i], "place %d", (int)i);
    content_free(&train);
    content_free(&valid);
    close_made(&f);
}

Test(data, splits_are_disjoint_and_complete)
{
    struct fixture f = open_made("", (struct data_options){.valid_fraction = 0.25});
    struct content train = read_all(f.data, ESP_SPLIT_TRAIN);
    struct content valid = read_all(f.data, ESP_SPLIT_VALID);
    int seen[100] = {0};
    for (uint64_t i = 0; i < train.count; i++)
        seen[train.labels[i]]++;
    for (uint64_t i = 0; i < valid.count; i++)
        seen[valid.labels[i]]++;
    cr_assert_eq(train.count + valid.count, 100);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(seen[i], 1, "sample %d stands %d times", i, seen[i]);
    close_made(&f);
}

Test(data, split_seed_alone_decides)
{
    struct data_options options = {.valid_fraction = 0.25, .split_seed = 1};
    struct fixture f = open_made("", options);
    struct content first = read_all(f.data, ESP_SPLIT_TRAIN);

    struct instance *other_run = NULL;
    cr_assert_eq(
        instance_create(&other_run, &component, &f.dataset->parameters, NULL, 4711, NULL, &f.error),
        ESP_OK);
    struct data *again = NULL;
    cr_assert_eq(data_open(&again, other_run, &options, true, &f.error), ESP_OK);
    struct content second = read_all(again, ESP_SPLIT_TRAIN);
    cr_assert(same_labels(&first, &second, 75), "the run's seed changed the split");

    options.split_seed = 2;
    struct data *another = reopen(&f, options);
    struct content third = read_all(another, ESP_SPLIT_TRAIN);
    cr_assert(!same_labels(&first, &third, 75), "split_seed changes nothing");
}

Test(data, train_limit_comes_after_the_cut)
{
    struct data_options options = {.valid_fraction = 0.2};
    struct fixture f = open_made("", options);
    struct content train = read_all(f.data, ESP_SPLIT_TRAIN);
    struct content valid = read_all(f.data, ESP_SPLIT_VALID);
    options.train_limit = 30;
    struct data *limited = reopen(&f, options);
    struct content fewer = read_all(limited, ESP_SPLIT_TRAIN);
    struct content same_valid = read_all(limited, ESP_SPLIT_VALID);
    cr_assert_eq(fewer.count, 30);
    cr_assert(same_labels(&train, &fewer, 30));
    cr_assert_eq(same_valid.count, 20);
    cr_assert(same_labels(&valid, &same_valid, 20));

    options.train_limit = 1000;
    uint64_t count;
    cr_assert_eq(data_size(reopen(&f, options), ESP_SPLIT_TRAIN, &count, &f.error), ESP_OK);
    cr_assert_eq(count, 80, "a limit above what there is means all");
}

Test(data, own_validation_is_not_cut)
{
    struct fixture f = open_made("valid = 10\n", (struct data_options){.valid_fraction = 0.5});
    struct content train = read_all(f.data, ESP_SPLIT_TRAIN);
    struct content valid = read_all(f.data, ESP_SPLIT_VALID);
    cr_assert_eq(train.count, 100);
    cr_assert_eq(valid.count, 10);
    for (uint32_t i = 0; i < 10; i++)
        cr_assert_eq(valid.labels[i], 1000 + i);
}

Test(data, whole_training_is_all_in_the_order_of_the_files)
{
    struct data_options options = {.valid_fraction = 0.5, .train_limit = 5, .whole_training = true};
    struct fixture f = open_made("train = 30\nvalid = 10\n", options);
    struct content train = read_all(f.data, ESP_SPLIT_TRAIN);
    uint64_t valid;
    cr_assert_eq(data_size(f.data, ESP_SPLIT_VALID, &valid, &f.error), ESP_OK);
    cr_assert_eq(valid, 0);
    cr_assert_eq(train.count, 40);
    for (uint32_t i = 0; i < 40; i++)
        cr_assert_eq(train.labels[i], i < 30 ? i : 1000 + i - 30);
}

Test(data, a_fraction_that_leaves_nothing_is_refused)
{
    static const double fractions[] = {1.0, -0.1, 2.0, NAN, 0.999};
    for (size_t i = 0; i < ESP_COUNT(fractions); i++) {
        struct fixture f =
            open_made("train = 10\n", (struct data_options){.valid_fraction = fractions[i]});
        cr_assert_null(f.data, "%g", fractions[i]);
        cr_assert_eq(f.error.status, ESP_ERROR_INVALID);
        cr_assert_not_null(strstr(f.error.message, "[dataset] valid_fraction"), "%s",
                           f.error.message);
        close_made(&f);
    }
}

Test(data, the_test_split_is_for_final_trainings)
{
    struct data_options options = {.valid_fraction = 0.1};
    struct fixture f = open_made("", options);
    uint64_t count = 0, index = 0;
    float sample[40];
    cr_assert_eq(data_size(f.data, ESP_SPLIT_TEST, &count, &f.error), ESP_ERROR_UNSUPPORTED);
    cr_assert_not_null(strstr(f.error.message, "the test split cannot be opened in a search"));
    error_clear(&f.error);
    cr_assert_eq(data_read(f.data, ESP_SPLIT_TEST, &index, 1, sample, NULL, &f.error),
                 ESP_ERROR_UNSUPPORTED);
    error_clear(&f.error);
    cr_assert_eq(data_size(f.data, 3, &count, &f.error), ESP_ERROR_MISUSE);
    error_clear(&f.error);

    options.test = true;
    struct data *final = reopen(&f, options);
    struct content test = read_all(final, ESP_SPLIT_TEST);
    cr_assert_eq(test.count, 20);
    for (uint32_t i = 0; i < 20; i++)
        cr_assert_eq(test.labels[i], 2000 + i);
}

Test(data, an_index_past_the_end_is_misuse)
{
    struct fixture f = open_made("", (struct data_options){.valid_fraction = 0.1});
    uint64_t indices[] = {0, 90};
    float samples[80];
    cr_assert_eq(data_read(f.data, ESP_SPLIT_TRAIN, indices, 2, samples, NULL, &f.error),
                 ESP_ERROR_MISUSE);
    cr_assert_str_eq(f.error.message, "sample 90 was asked for; the split has 90");
}

// ---- Normalisation ------------------------------------------------------------------------------

// Mean and deviation of a channel over a split.
static void measure(const struct content *content, uint64_t channel, uint64_t plane, double *mean,
                    double *deviation)
{
    double sum = 0, square = 0, n = (double)(content->count * plane);
    for (uint64_t i = 0; i < content->count; i++)
        for (uint64_t j = 0; j < plane; j++) {
            double x = content->samples[i * content->values + channel * plane + j];
            sum += x;
            square += x * x;
        }
    *mean = sum / n;
    *deviation = sqrt(square / n - *mean * *mean);
}

Test(data, training_samples_in_use_have_mean_0_and_deviation_1)
{
    static const char *const cases[] = {
        "",
        "element = f32\n",
        "element = f32\noffset = 100000\n",
        "kind = rows\nchannels = 7\n",
        "kind = rows\nchannels = 7\nelement = f32\noffset = -100000\n",
        "height = 1\nwidth = 1\n",
        "valid = 40\n",
        "height = 300\nwidth = 301\ntrain = 10\n", // a plane of more than 65,536 values
    };
    static const struct data_options uses[] = {{.valid_fraction = 0.3},
                                               {.valid_fraction = 0.3, .train_limit = 5},
                                               {.whole_training = true}};
    for (size_t i = 0; i < ESP_COUNT(cases) * ESP_COUNT(uses); i++) {
        struct fixture f = open_made(cases[i / ESP_COUNT(uses)], uses[i % ESP_COUNT(uses)]);
        cr_assert_not_null(f.data, "%s", f.error.message);
        const esp_task *task = data_task(f.data);
        struct content train = read_all(f.data, ESP_SPLIT_TRAIN);
        for (uint64_t c = 0; c < task->channels; c++) {
            double mean, deviation;
            measure(&train, c, task->height * task->width, &mean, &deviation);
            cr_assert_float_eq(mean, 0, 1e-4, "case %d channel %d: mean %g", (int)i, (int)c, mean);
            cr_assert_float_eq(deviation, 1, 1e-4, "case %d channel %d: deviation %g", (int)i,
                               (int)c, deviation);
        }
        content_free(&train);
        close_made(&f);
    }
}

// Sums that 32 bits do not hold are exact.
Test(data, sums_of_u8_are_exact)
{
    enum { COUNT = 200001 };
    unsigned char *values = malloc(COUNT);
    double sums[2] = {0};
    memset(values, 255, COUNT);
    values[COUNT - 1] = 254;
    moments_add_u8(sums, values, COUNT);
    cr_assert_eq(sums[0], 200000.0 * 255 + 254);
    cr_assert_eq(sums[1], 200000.0 * 255 * 255 + 254 * 254);
    free(values);
}

// What is not training is brought to the same scale, not to its own.
Test(data, other_splits_are_normalised_by_training)
{
    struct fixture f =
        open_made("element = f32\nheight = 1\nwidth = 1\nchannels = 1\n",
                  (struct data_options){.valid_fraction = 0.1, .train_limit = 6, .test = true});
    struct content train = read_all(f.data, ESP_SPLIT_TRAIN);
    double sum = 0, square = 0;
    for (int i = 0; i < 6; i++) {
        double x = made_dataset_value(ESP_SPLIT_TRAIN, train.labels[i], 0);
        sum += x;
        square += x * x;
    }
    double mean = sum / 6, deviation = sqrt(square / 6 - mean * mean);
    for (uint32_t split = ESP_SPLIT_VALID; split <= ESP_SPLIT_TEST; split++) {
        struct content content = read_all(f.data, split);
        uint32_t from = split == ESP_SPLIT_TEST ? ESP_SPLIT_TEST : ESP_SPLIT_TRAIN;
        for (uint64_t i = 0; i < content.count; i++) {
            double x = made_dataset_value(from, content.labels[i] % 1000, 0);
            cr_assert_float_eq(content.samples[i], (x - mean) / deviation, 1e-5);
        }
    }
}

Test(data, a_channel_that_never_changes_is_centred)
{
    static const char *const cases[] = {
        "constant = yes\n", "constant = yes\nelement = f32\noffset = 0.1\n",
        "constant = yes\nkind = rows\n", "constant = yes\nkind = rows\nelement = f32\n"};
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        struct fixture f = open_made(cases[i], (struct data_options){.valid_fraction = 0.1});
        uint64_t plane = data_task(f.data)->height * data_task(f.data)->width;
        struct content train = read_all(f.data, ESP_SPLIT_TRAIN);
        for (uint64_t s = 0; s < train.count; s++)
            for (uint64_t j = 0; j < plane; j++)
                cr_assert_eq(train.samples[s * train.values + j], 0.0f, "case %d", (int)i);
        close_made(&f);
    }
}

// Every process has the same bits, whether it decoded or found the cache.
Test(data, another_process_reads_the_same_bytes)
{
    static const char *const elements[] = {"element = u8\n", "element = f32\noffset = 0.3\n"};
    struct data_options options = {.valid_fraction = 0.3, .train_limit = 50};
    for (size_t i = 0; i < ESP_COUNT(elements); i++) {
        struct fixture f = open_made(elements[i], options);
        struct content mine = read_all(f.data, ESP_SPLIT_TRAIN);
        uint64_t size = mine.count * mine.values * sizeof(float);
        pid_t child = fork();
        if (child == 0) {
            struct data *data = NULL;
            if (data_open(&data, f.dataset, &options, false, &f.error) != ESP_OK)
                _exit(2);
            struct content theirs = read_all(data, ESP_SPLIT_TRAIN);
            _exit(memcmp(mine.samples, theirs.samples, size) == 0 ? 0 : 1);
        }
        int status = -1;
        cr_assert_eq(waitpid(child, &status, 0), child);
        cr_assert_eq(status, 0, "status %d", status);
        close_made(&f);
    }
}

// ---- Wrong datasets -----------------------------------------------------------------------------

Test(data, what_the_plugin_delivers_is_tested)
{
    static const struct {
        const char *lines, *message;
        esp_status status;
    } cases[] = {
        {"fault = label\n",
         "dataset made: sample 19 of the test split has label 4000, outside the classes 0 to 3999",
         ESP_ERROR_DATA},
        {"fault = infinite\nelement = f32\n",
         "dataset made: sample 7 of the training split holds a value that is not finite",
         ESP_ERROR_DATA},
        {"fault = read\n", "dataset made: b.idx: is cut short", ESP_ERROR_DATA},
        {"fault = silent\n", "dataset made: read failed with status 1 and gave no reason",
         ESP_ERROR},
        {"fault = shape\n", "dataset made describes fewer than 2 classes", ESP_ERROR_MISUSE},
    };
    for (size_t i = 0; i < ESP_COUNT(cases); i++) {
        struct fixture f = open_made(cases[i].lines, (struct data_options){.valid_fraction = 0.1});
        cr_assert_null(f.data);
        cr_assert_eq(f.error.status, cases[i].status);
        cr_assert_str_eq(f.error.message, cases[i].message);
        cr_assert_eq(rmdir(f.folder), 0, "case %d left a file in the cache", (int)i);
        close_made(&f);
    }
}
