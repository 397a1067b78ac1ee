// SPDX-License-Identifier: Apache-2.0
// Runs the cases of the conformance suite over a plugin's file, each in a process of its own with limits
// of time and memory. The process that calls this loads nothing of the file.
#ifndef CHECK_RUNNER_H
#define CHECK_RUNNER_H

#include "check/case.h"

enum verdict { VERDICT_HOLDS, VERDICT_WARNED, VERDICT_SKIPPED, VERDICT_FAILS, VERDICT_COUNT };

// What a case said of a component.
struct finding {
    const struct check_case *about;
    uint32_t kind;  // of the component; 0: of the file
    const char *id; // "": of the file
    enum verdict verdict;
    double seconds;
    char words[ERROR_MESSAGE_SIZE]; // why; "" where it holds
};

struct check_options {
    const char *path; // of the file
    const char *const
        *only; // names of cases, or of families ("space/"); all where `only_count` is 0
    uint64_t only_count;
    const char *const *settings; // "key=value" of the component's section
    uint64_t settings_count;
    uint64_t seed;
};

// Called after each case, in the order of the table.
typedef void (*finding_visitor)(void *self, const struct finding *finding);

// ESP_ERROR_INVALID where the file is no plugin of this host, or `only` names no case (the nearest is in
// the message). The findings are counted in `counts`, by verdict.
esp_status check_plugin(const struct check_options *options, finding_visitor visit, void *self,
                        uint64_t counts[VERDICT_COUNT], struct error *error);

// Every case there is, in order; NULL behind the last.
const struct check_case *check_case_at(uint64_t i);

#endif
