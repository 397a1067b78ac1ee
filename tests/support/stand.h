// SPDX-License-Identifier: Apache-2.0
// An executor under test: the coordinator's side of it, with whatever worker command and limits a
// test wants.
#ifndef SUPPORT_STAND_H
#define SUPPORT_STAND_H

#include "error/error.h"

#include <espalier/executor.h>

struct stand {
    esp_jobs handle; // first: lent to the executor
    struct error error;
    const char *command[4]; // of a worker
    uint64_t capacity;
    double time_limit;
    uint64_t memory_limit;
    const esp_executor_type *type;
    void *self;
    const esp_job_event *events; // of the last poll
    uint64_t event_count, event_next, event_stride;
};

// Sets the command and a capacity of 1, no limits; the executor is made by stand_open.
void stand_init(struct stand *stand, const char *program, const char *how);
void stand_open(struct stand *stand, const esp_executor_type *type);
void stand_close(struct stand *stand);

esp_status stand_submit(struct stand *stand, uint64_t job, const char *specification);

// The next event, waited for on the executor's descriptor for ten seconds at most; NULL: the
// executor failed (its words are in `error`). Lives until the next call. No event fails the test.
const esp_job_event *stand_wait(struct stand *stand);
// The same without progress.
const esp_job_event *stand_wait_end(struct stand *stand);

#endif
