// SPDX-License-Identifier: Apache-2.0
// A test split cut off the only samples there are, for the datasets that find all of them in one
// place. Which samples it holds is the data's own, decided by `test_seed`: never by the run's seed,
// nor by [dataset] split_seed, so that every search and every paper means the same test samples.
#ifndef ESPALIER_SUPPORT_HELD_OUT_H
#define ESPALIER_SUPPORT_HELD_OUT_H

#include <espalier/create.h>

#define ESP_HELD_OUT_PARAMS                                                                        \
    ESP_PARAM_REAL("test_fraction", 0, 0, 0.9, "", "share of the samples kept for testing alone"), \
        ESP_PARAM_INT("test_seed", 0, 0, INT64_MAX, "", "which samples test_fraction keeps")

// Draws round(test_fraction * count) samples of `count`; `held` [count] is 1 for each of them, else
// 0. `*drawn` is their number, 0 where test_fraction is 0. `unit`, a plural: "rows".
esp_status esp_held_out_draw(unsigned char *held, uint64_t *drawn, uint64_t count, const char *unit,
                             esp_create *create);

#endif
