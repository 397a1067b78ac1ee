// SPDX-License-Identifier: Apache-2.0
// Fuzz targets: each calls a reader of the program with whatever bytes it is given, and states what must
// hold then. libfuzzer.c runs them under libFuzzer (`make fuzz`), replay.c in every test run: the kept
// corpus, and seeded mutations of it. docs/fuzzing.md is the manual.
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#include "error/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct fuzz_target {
    const char *name;
    void (*begin)(void); // once, before the first run; NULL: nothing to do
    // Ends the process by FUZZ_LAW where something does not hold. Leaves nothing behind.
    void (*run)(const uint8_t *bytes, size_t size);
};

// NULL: there is none of that name.
const struct fuzz_target *fuzz_find(const char *name);
const struct fuzz_target *fuzz_at(size_t i); // NULL behind the last
// One run, and the laws of all targets: as many descriptors are open behind it as before.
void fuzz_run(const struct fuzz_target *target, const uint8_t *bytes, size_t size);

// What must hold whatever the bytes are; else the process aborts, as libFuzzer wants it.
#define FUZZ_LAW(condition, ...)                                                                   \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: the law %s does not hold: ", __FILE__, __LINE__, #condition);  \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

// The law of refusals: a failing status has words, and they are of its kind.
void fuzz_refused(esp_status status, const struct error *error);

// The bytes up to the first zero, as a text. Owner: the caller (free).
char *fuzz_text(const uint8_t *bytes, size_t size);
// The folder of this process, and a file in it that holds the bytes; its path lives until the next call.
const char *fuzz_folder(void);
const char *fuzz_file(const char *name, const uint8_t *bytes, size_t size);

#endif
