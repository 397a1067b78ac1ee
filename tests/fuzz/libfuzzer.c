// SPDX-License-Identifier: Apache-2.0
// The targets under libFuzzer: fuzz TARGET [libFuzzer's options and folders].
#include "fuzz.h"

// Called by libFuzzer.
int LLVMFuzzerInitialize(int *count, char ***arguments);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static const struct fuzz_target *target;

// libFuzzer starts itself again for -merge and -jobs, with what is left of the words: the environment hands
// the target on.
int LLVMFuzzerInitialize(int *count, char ***arguments)
{
    char **words = *arguments;
    const char *name = getenv("ESPALIER_FUZZ_TARGET");
    if (*count > 1 && fuzz_find(words[1])) {
        name = words[1];
        setenv("ESPALIER_FUZZ_TARGET", name, 1);
        for (int i = 1; i < *count; i++)
            words[i] = words[i + 1];
        --*count;
    }
    target = name ? fuzz_find(name) : NULL;
    if (!target) {
        fprintf(stderr, "usage: %s TARGET [libFuzzer's options] [FOLDER ...]\ntargets:", words[0]);
        for (size_t i = 0; fuzz_at(i); i++)
            fprintf(stderr, " %s", fuzz_at(i)->name);
        fputc('\n', stderr);
        exit(2);
    }
    if (target->begin)
        target->begin();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_run(target, bytes, size);
    return 0;
}
