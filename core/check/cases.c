// SPDX-License-Identifier: Apache-2.0
// The list of all cases, family by family.
#include "check/runner.h"

static const struct check_family *const families[] = {
    &check_file_cases,      &check_parameter_cases, &check_space_cases,  &check_strategy_cases,
    &check_estimator_cases, &check_dataset_cases,   &check_engine_cases, &check_executor_cases,
};

const struct check_case *check_case_at(uint64_t i)
{
    for (size_t f = 0; f < ESP_COUNT(families); f++) {
        if (i < families[f]->count)
            return &families[f]->cases[i];
        i -= families[f]->count;
    }
    return NULL;
}
