// SPDX-License-Identifier: Apache-2.0
// Cases of datasets: what is described is there, and reads the same each time.
#include "check/allocations.h"
#include "check/stage.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#define MOST_SAMPLES UINT64_C(4096) // of a split that a case looks at
#define CANARY 0xa5
#define CANARY_SIZE 256 // bytes on either side of what a read may write

struct data_set {
    struct stage stage;
    const esp_dataset_type *type;
    struct instance *instance;
    const esp_dataset_info *info;
    uint64_t bytes; // of one sample
};

static const char *const split_names[ESP_SPLIT_COUNT] = {"train", "valid", "test"};

static void open_set(struct data_set *set, const struct check *check)
{
    stage_open(&set->stage, check);
    set->type = stage_part(&set->stage, check)->component->type;
    check_need(check, stage_create(&set->stage, check, NULL, &set->instance, &set->stage.error),
               &set->stage.error, "to open it");
    set->info = set->type->describe(set->instance->self);
    if (!set->info)
        check_fail(check, "describe gives NULL");
    const esp_task *task = &set->info->task;
    set->bytes = task->channels * task->height * task->width *
                 (set->info->element == ESP_ELEMENT_F32 ? sizeof(float) : 1);
}

static uint64_t looked_at(const struct data_set *set, uint32_t split)
{
    uint64_t size = set->info->split_sizes[split];
    return size < MOST_SAMPLES ? size : MOST_SAMPLES;
}

// Reads, with canaries around what the read may write. Owner: the caller of both.
static void read_samples(struct data_set *set, const struct check *check, uint32_t split,
                         uint64_t first, uint64_t count, unsigned char **samples, uint32_t **labels)
{
    size_t size = count * set->bytes, label_size = count * sizeof **labels;
    unsigned char *room = malloc(size + 2 * CANARY_SIZE);
    unsigned char *label_room = malloc(label_size + 2 * CANARY_SIZE);
    struct error error;
    esp_read read = {0};
    if (!room || !label_room)
        check_skip(check, "out of memory");
    memset(room, CANARY, size + 2 * CANARY_SIZE);
    memset(label_room, CANARY, label_size + 2 * CANARY_SIZE);
    error_clear(&error);
    handle_init(&read.base, sizeof read, &error);
    *samples = malloc(size + 1);
    *labels = malloc(label_size + 1);
    if (!*samples || !*labels)
        check_skip(check, "out of memory");
    esp_status status =
        set->type->read(set->instance->self, &read, split, first, count, room + CANARY_SIZE,
                        (uint32_t *)(void *)(label_room + CANARY_SIZE));
    if (status == ESP_OK)
        status = error.status;
    check_need(check, status, &error, "a read");
    for (size_t i = 0; i < CANARY_SIZE; i++)
        if (room[i] != CANARY || room[CANARY_SIZE + size + i] != CANARY ||
            label_room[i] != CANARY || label_room[CANARY_SIZE + label_size + i] != CANARY)
            check_fail(check, "a read of %llu samples writes outside of what it was given",
                       (unsigned long long)count);
    memcpy(*samples, room + CANARY_SIZE, size);
    memcpy(*labels, label_room + CANARY_SIZE, label_size);
    free(room);
    free(label_room);
}

static uint64_t digest_of(struct data_set *set, const struct check *check, uint32_t split,
                          uint64_t first, uint64_t count, uint64_t seed)
{
    unsigned char *samples;
    uint32_t *labels;
    read_samples(set, check, split, first, count, &samples, &labels);
    seed = XXH3_64bits_withSeed(samples, count * set->bytes, seed);
    seed = XXH3_64bits_withSeed(labels, count * sizeof *labels, seed);
    free(samples);
    free(labels);
    return seed;
}

// ---- Cases --------------------------------------------------------------------------------------

static void described_soundly(struct check *check)
{
    struct data_set set;
    open_set(&set, check);
    const esp_dataset_info *info = set.info;
    const esp_task *task = &info->task;
    if (task->kind != ESP_TASK_IMAGES && task->kind != ESP_TASK_ROWS)
        check_fail(check, "the task's kind %u is none", task->kind);
    if (task->kind == ESP_TASK_ROWS && (task->height != 1 || task->width != 1))
        check_fail(check, "rows have height and width 1, got %llux%llu",
                   (unsigned long long)task->height, (unsigned long long)task->width);
    if (task->channels < 1 || task->height < 1 || task->width < 1 || task->classes < 2)
        check_fail(check, "a sample of %llux%llux%llu with %llu classes",
                   (unsigned long long)task->channels, (unsigned long long)task->height,
                   (unsigned long long)task->width, (unsigned long long)task->classes);
    if (info->element != ESP_ELEMENT_U8 && info->element != ESP_ELEMENT_F32)
        check_fail(check, "the element type %u is none", info->element);
    if (info->split_sizes[ESP_SPLIT_TRAIN] < 1)
        check_fail(check, "there are no training samples");
    for (uint64_t i = 0; i < info->file_count; i++) {
        struct stat found;
        if (!info->files || !info->files[i] || info->files[i][0] != '/' ||
            stat(info->files[i], &found) != 0)
            check_fail(check, "its file %llu, '%s', is no absolute path of a file that is there",
                       (unsigned long long)i, info->files && info->files[i] ? info->files[i] : "");
    }
    if (set.type->describe(set.instance->self) != info)
        check_fail(check, "describe gives another address the second time");
}

static void values_are_in_range(struct check *check)
{
    struct data_set set;
    open_set(&set, check);
    for (uint32_t split = 0; split < ESP_SPLIT_COUNT; split++) {
        uint64_t count = looked_at(&set, split);
        unsigned char *samples;
        uint32_t *labels;
        if (count == 0)
            continue;
        // The last ones too: a file that is too short shows there.
        for (int end = 0; end < 2; end++) {
            uint64_t first = end ? set.info->split_sizes[split] - count : 0;
            read_samples(&set, check, split, first, count, &samples, &labels);
            for (uint64_t i = 0; i < count; i++)
                if (labels[i] >= set.info->task.classes)
                    check_fail(check, "sample %llu of %s has the label %u of %llu classes",
                               (unsigned long long)(first + i), split_names[split], labels[i],
                               (unsigned long long)set.info->task.classes);
            const float *values = (const float *)(const void *)samples;
            for (uint64_t i = 0;
                 set.info->element == ESP_ELEMENT_F32 && i < count * set.bytes / sizeof(float); i++)
                if (!isfinite(values[i]))
                    check_fail(check, "a value of %s is not finite", split_names[split]);
            free(samples);
            free(labels);
        }
    }
}

// Whole, one by one from the end, and in pieces of 7.
static void reads_the_same(struct check *check)
{
    struct data_set set;
    open_set(&set, check);
    for (uint32_t split = 0; split < ESP_SPLIT_COUNT; split++) {
        uint64_t count = looked_at(&set, split), digests[128];
        count = count < ESP_COUNT(digests) ? count : ESP_COUNT(digests);
        for (uint64_t i = 0; i < count; i++)
            digests[i] = digest_of(&set, check, split, i, 1, 0);
        for (uint64_t i = count; i-- > 0;)
            if (digest_of(&set, check, split, i, 1, 0) != digests[i])
                check_fail(check, "sample %llu of %s reads otherwise the second time",
                           (unsigned long long)i, split_names[split]);
        for (uint64_t first = 0; first < count; first += 7) {
            uint64_t piece = count - first < 7 ? count - first : 7;
            unsigned char *samples;
            uint32_t *labels;
            read_samples(&set, check, split, first, piece, &samples, &labels);
            for (uint64_t i = 0; i < piece; i++) {
                uint64_t digest = XXH3_64bits_withSeed(samples + i * set.bytes, set.bytes, 0);
                if (XXH3_64bits_withSeed(labels + i, sizeof *labels, digest) != digests[first + i])
                    check_fail(check, "sample %llu of %s reads otherwise among others than alone",
                               (unsigned long long)(first + i), split_names[split]);
            }
            free(samples);
            free(labels);
        }
    }
}

static uint64_t whole_digest(struct data_set *set, const struct check *check)
{
    uint64_t digest = check->seed;
    for (uint32_t split = 0; split < ESP_SPLIT_COUNT; split++)
        if (looked_at(set, split) > 0)
            digest = digest_of(set, check, split, 0, looked_at(set, split), digest);
    return digest;
}

static void write_digest(const struct check *check, void *self, int descriptor)
{
    struct data_set set;
    (void)self;
    open_set(&set, check);
    uint64_t digest = whole_digest(&set, check);
    if (write(descriptor, &digest, sizeof digest) != (ssize_t)sizeof digest)
        _exit(1);
}

static void same_in_every_process(struct check *check)
{
    struct data_set set, other;
    open_set(&set, check);
    uint64_t digest = whole_digest(&set, check);
    open_set(&other, check);
    if (whole_digest(&other, check) != digest)
        check_fail(check, "a second instance reads other bytes");
    struct check_child child = check_fork(check, write_digest, NULL);
    if (child.size != sizeof digest || memcmp(child.bytes, &digest, sizeof digest) != 0)
        check_fail(check, "another process reads other bytes");
}

static int compare_digests(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

// Digests of samples alone, sorted. Owner: the caller (free).
static uint64_t *sample_digests(struct data_set *set, const struct check *check, uint32_t split,
                                uint64_t count)
{
    uint64_t *digests = malloc((count + 1) * sizeof *digests);
    unsigned char *samples;
    uint32_t *labels;
    if (!digests)
        check_skip(check, "out of memory");
    read_samples(set, check, split, 0, count, &samples, &labels);
    for (uint64_t i = 0; i < count; i++)
        digests[i] = XXH3_64bits(samples + i * set->bytes, set->bytes);
    qsort(digests, count, sizeof *digests, compare_digests);
    free(samples);
    free(labels);
    return digests;
}

// Published data has some samples twice; a split that is for the most part another one is a mistake.
static void splits_are_apart(struct check *check)
{
    struct data_set set;
    open_set(&set, check);
    uint64_t train = looked_at(&set, ESP_SPLIT_TRAIN);
    uint64_t *known = sample_digests(&set, check, ESP_SPLIT_TRAIN, train);
    for (uint32_t split = ESP_SPLIT_VALID; split < ESP_SPLIT_COUNT; split++) {
        uint64_t count = looked_at(&set, split), again = 0;
        if (count == 0)
            continue;
        uint64_t *digests = sample_digests(&set, check, split, count);
        for (uint64_t i = 0; i < count; i++)
            again += bsearch(&digests[i], known, train, sizeof *known, compare_digests) != NULL;
        if (2 * again > count)
            check_fail(check, "%llu of %llu samples of %s stand in train",
                       (unsigned long long)again, (unsigned long long)count, split_names[split]);
        if (again > 0 && 100 * again > count)
            check_warn(check, "%llu of %llu samples of %s stand in train, too",
                       (unsigned long long)again, (unsigned long long)count, split_names[split]);
        free(digests);
    }
}

static void read_some(const struct check *check, void *self)
{
    struct data_set *set = self;
    unsigned char *samples;
    uint32_t *labels;
    read_samples(set, check, ESP_SPLIT_TRAIN, 0, looked_at(set, ESP_SPLIT_TRAIN) < 8 ? 1 : 8,
                 &samples, &labels);
    free(samples);
    free(labels);
}

static void read_survives_shortage(struct check *check)
{
    struct data_set set;
    open_set(&set, check);
    allocations_survive(check, read_some, &set, "a read");
}

static const struct check_case cases[] = {
    {"dataset/described", "dataset.h 1",
     "the task, the sizes and the files that it describes are sound", CHECK_DATASET, 60,
     described_soundly},
    {"dataset/values", "dataset.h 2", "labels lie below the classes, values are finite",
     CHECK_DATASET, 60, values_are_in_range},
    {"dataset/again", "dataset.h 3",
     "a sample reads the same bytes each time, alone and among others", CHECK_DATASET, 60,
     reads_the_same},
    {"dataset/processes", "dataset.h 3", "every instance in every process reads the same bytes",
     CHECK_DATASET, 60, same_in_every_process},
    {"dataset/apart", "dataset.h 4", "validation and test samples are not those of training",
     CHECK_DATASET, 60, splits_are_apart},
    {"dataset/memory", "dataset.h 5", "a read bears that any allocation fails", CHECK_DATASET, 60,
     read_survives_shortage},
};

const struct check_family check_dataset_cases = {cases, ESP_COUNT(cases)};
