// SPDX-License-Identifier: Apache-2.0
// worker.json, which tells a worker its plugins and configuration, and sweep.json, which a sweep is read
// back from. Law: refusals have words.
#include "fuzz.h"

#include "execute/worker_file.h"
#include "sweep/list.h"

static void run(const uint8_t *bytes, size_t size)
{
    struct error error;
    struct registry *registry = NULL;
    struct experiment *experiment = NULL;
    struct sweep_list list = {0};
    fuzz_file("worker.json", bytes, size);
    error_clear(&error);
    if (registry_create_empty(&registry, &error) != ESP_OK)
        abort();
    esp_status status = worker_file_read(&experiment, registry, fuzz_folder(), &error);
    fuzz_refused(status, &error);
    if (status == ESP_OK)
        experiment_destroy(experiment);
    registry_destroy(registry);
    fuzz_file("sweep.json", bytes, size);
    error_clear(&error);
    status = sweep_list_load(&list, fuzz_folder(), &error);
    fuzz_refused(status, &error);
    if (status == ESP_OK)
        sweep_list_destroy(&list);
}

const struct fuzz_target fuzz_worker_file = {"worker_file", NULL, run};
