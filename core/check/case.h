// SPDX-License-Identifier: Apache-2.0
// The cases of the conformance suite, and what their functions may use. A case runs in a process of its
// own (runner.h), which ends with it: nothing is freed, and a verdict ends the process at once.
#ifndef CHECK_CASE_H
#define CHECK_CASE_H

#include "error/error.h"

#include <espalier/plugin.h>

// The component under test, in the process of a case.
struct check {
    const char *path;     // of the file, absolute
    const char *sha256;   // of the file, 64 hex digits
    uint32_t kind;        // ESP_KIND_*; 0 in a case of the file
    const char *id;       // "" in a case of the file
    const char *settings; // lines of the component's section that the user gave; ""
    const char
        *folder;   // that the command was given in: relative paths of settings begin there. A case
                   // works in an empty folder of its own, which is removed after it
    uint64_t seed; // of all that is random
    int verdict;   // descriptor that the verdict is written to
    bool
        made; // of a manifest: no code of its own in this process, and a program to start with each
              // instance
};

// Which components a case is for.
enum {
    CHECK_FILE = 1u, // the file itself, once
    CHECK_SPACE = 1u << ESP_KIND_SPACE,
    CHECK_STRATEGY = 1u << ESP_KIND_STRATEGY,
    CHECK_ESTIMATOR = 1u << ESP_KIND_ESTIMATOR,
    CHECK_DATASET = 1u << ESP_KIND_DATASET,
    CHECK_ENGINE = 1u << ESP_KIND_ENGINE,
    CHECK_EXECUTOR = 1u << ESP_KIND_EXECUTOR,
    CHECK_EVERY = CHECK_SPACE | CHECK_STRATEGY | CHECK_ESTIMATOR | CHECK_DATASET | CHECK_ENGINE |
                  CHECK_EXECUTOR
};

struct check_case {
    const char *name;     // "space/replay": what --only names
    const char *clause;   // of the contract: "abi 1.2", "space.h 3"
    const char *sentence; // what holds, with no full stop
    uint32_t kinds;       // CHECK_*
    double seconds;       // it may take; 0: the usual limit
    // Returns where the sentence holds; else it ends by check_fail, check_warn or check_skip.
    void (*run)(struct check *check);
};

// A family of cases: a file's table.
struct check_family {
    const struct check_case *cases;
    size_t count;
};

extern const struct check_family check_file_cases, check_parameter_cases, check_space_cases,
    check_strategy_cases, check_estimator_cases, check_dataset_cases, check_engine_cases,
    check_executor_cases;

// The sentence does not hold, and how that was seen. Ends the process.
ESP_PRINTF(2, 3)
_Noreturn void check_fail(const struct check *check, const char *format, ...);
// It cannot be tested of this component, and why. Ends the process.
ESP_PRINTF(2, 3)
_Noreturn void check_skip(const struct check *check, const char *format, ...);
// It holds, but an author would want to know this. Ends the process.
ESP_PRINTF(2, 3)
_Noreturn void check_warn(const struct check *check, const char *format, ...);
// check_fail with the error's words, where there is one. `doing`: "to create it".
void check_need(const struct check *check, esp_status status, const struct error *error,
                const char *doing);

// ---- Processes within a case --------------------------------------------------------------------

// What became of a function that ran in a process of its own.
struct check_child {
    int signal;           // that ended it, or 0
    int status;           // its exit status
    unsigned char *bytes; // what it wrote to its descriptor
    size_t size;
};

// Runs `body` in a child; what it writes to `descriptor` comes back. A body that returns ends its process
// with status 0. One that takes longer than the case may is ended with the case.
struct check_child check_fork(const struct check *check,
                              void (*body)(const struct check *check, void *self, int descriptor),
                              void *self);

// ---- The file, loaded ---------------------------------------------------------------------------

// The entry of the file, loaded as the host does it (RTLD_NOW | RTLD_LOCAL).
esp_plugin_entry_function check_entry(const struct check *check);

#endif
