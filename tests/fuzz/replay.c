// SPDX-License-Identifier: Apache-2.0
// The targets without libFuzzer, in every test run: replay TARGET FOLDER [SECONDS]. All inputs of the kept
// corpus, then seeded mutations of them for so many seconds, the same ones in the same order each time. The
// corpus is run again until a round takes no memory that it does not give back: one that leaks always does.
#include "fuzz.h"

#include <dirent.h>
#include <malloc.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define MOST_MUTATIONS 20000
#define MOST_SIZE 65536
// The allocator keeps some of what is freed; by then it keeps no more.
#define MOST_ROUNDS 200

struct input {
    char *name;
    uint8_t *bytes;
    size_t size;
};

static struct input *inputs;
static size_t input_count;

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct input *)a)->name, ((const struct input *)b)->name);
}

static void load(const char *folder)
{
    DIR *directory = opendir(folder);
    if (!directory) {
        fprintf(stderr, "%s: cannot be read\n", folder);
        exit(2);
    }
    for (struct dirent *entry; (entry = readdir(directory));) {
        char path[4096];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        FILE *file = fopen(path, "re");
        struct input *grown = realloc(inputs, (input_count + 1) * sizeof *grown);
        uint8_t *bytes = malloc(MOST_SIZE);
        if (!file || !grown || !bytes)
            exit(2);
        inputs = grown;
        size_t size = fread(bytes, 1, MOST_SIZE, file);
        inputs[input_count++] = (struct input){strdup(entry->d_name), bytes, size};
        fclose(file);
    }
    closedir(directory);
    qsort(inputs, input_count, sizeof *inputs, by_name);
}

// The input in memory of exactly its size, so that a sanitizer sees a read behind it.
static void run_copy(const struct fuzz_target *target, const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy)
        exit(2);
    memcpy(copy, bytes, size);
    fuzz_run(target, copy, size);
    free(copy);
}

static void run_all(const struct fuzz_target *target)
{
    for (size_t i = 0; i < input_count; i++)
        run_copy(target, inputs[i].bytes, inputs[i].size);
}

// ---- Mutations ------------------------------------------------------------------------------------

static uint64_t state = 0x9e3779b97f4a7c15U;

// xorshift64* (Vigna 2016).
static uint64_t draw(uint64_t below)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (state * 0x2545f4914f6cdd1dU >> 33) % below;
}

// One change: a bit, a byte, a number at an edge, a part taken out, doubled, or of another input.
static size_t mutate(uint8_t *bytes, size_t size)
{
    static const uint8_t edges[] = {0, 1, 0x7f, 0x80, 0xff, '"', '\n', '[', '=', ','};
    size_t at = size ? (size_t)draw(size) : 0;
    size_t part = size ? (size_t)draw(size - at < 64 ? size - at : 64) + 1 : 0;
    const struct input *other = &inputs[draw(input_count)];
    size_t from = other->size ? (size_t)draw(other->size) : 0;
    switch (size ? draw(6) : 5) {
    case 0:
        bytes[at] ^= (uint8_t)(1u << draw(8));
        return size;
    case 1:
        bytes[at] = (uint8_t)draw(256);
        return size;
    case 2:
        bytes[at] = edges[draw(sizeof edges)];
        return size;
    case 3:
        memmove(bytes + at, bytes + at + part, size - at - part);
        return size - part;
    case 4:
        if (size + part > MOST_SIZE)
            return size;
        memmove(bytes + at + part, bytes + at, size - at);
        return size + part;
    default:
        part = other->size - from < 64 ? other->size - from : 64;
        if (at + part > MOST_SIZE)
            return size;
        memcpy(bytes + at, other->bytes + from, part);
        return at + part > size ? at + part : size;
    }
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static size_t run_mutations(const struct fuzz_target *target, double seconds)
{
    static uint8_t bytes[MOST_SIZE];
    size_t done = 0;
    for (double end = now() + seconds; done < MOST_MUTATIONS && now() < end; done++) {
        const struct input *input = &inputs[draw(input_count)];
        size_t size = input->size;
        memcpy(bytes, input->bytes, size);
        for (uint64_t i = 0, count = draw(4) + 1; i < count; i++)
            size = mutate(bytes, size);
        run_copy(target, bytes, size);
    }
    return done;
}

int main(int count, char **words)
{
    const struct fuzz_target *target = count > 2 ? fuzz_find(words[1]) : NULL;
    if (!target) {
        fprintf(stderr, "usage: %s TARGET FOLDER [SECONDS]\n", words[0]);
        return 2;
    }
    load(words[2]);
    if (input_count == 0) {
        fprintf(stderr, "%s: the corpus is empty\n", words[2]);
        return 2;
    }
    if (target->begin)
        target->begin();
    bool level = false;
    long long grown = 0;
    for (int round = 0; round < MOST_ROUNDS && !level; round++) {
        size_t before =
            mallinfo2().uordblks; // with a sanitizer, which has its own allocator, always 0
        run_all(target);
        grown = (long long)mallinfo2().uordblks - (long long)before;
        level = round > 0 && grown <= 0;
    }
    FUZZ_LAW(level, "%lld bytes more after each round", grown);
    size_t mutations = run_mutations(target, count > 3 ? strtod(words[3], NULL) : 0.5);
    printf("%s: %zu inputs, %zu mutations\n", target->name, input_count, mutations);
    for (size_t i = 0; i < input_count; i++) {
        free(inputs[i].name);
        free(inputs[i].bytes);
    }
    free(inputs);
    return 0;
}
