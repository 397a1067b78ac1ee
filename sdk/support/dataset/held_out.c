// SPDX-License-Identifier: Apache-2.0
// See held_out.h.
#include <espalier/support/held_out.h>

#include <espalier/random.h>

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HELD_OUT_STREAM UINT64_C(0x68656c646f757421) // names the stream of test_seed

esp_status esp_held_out_draw(unsigned char *held, uint64_t *drawn, uint64_t count, const char *unit,
                             esp_create *create)
{
    double fraction = esp_param_real(create, "test_fraction");
    memset(held, 0, count);
    *drawn = (uint64_t)llround(fraction * (double)count);
    if (fraction == 0)
        return ESP_OK;
    if (*drawn == 0 || *drawn >= count)
        return esp_fail(create, ESP_ERROR_INVALID,
                        "test_fraction = %g of %" PRIu64 " %s leaves no %s", fraction, count, unit,
                        *drawn == 0 ? "test split" : "training split");
    uint64_t *order = malloc(count * sizeof *order);
    if (!order)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    esp_random random =
        esp_random_stream((uint64_t)esp_param_int(create, "test_seed"), HELD_OUT_STREAM, 0, 0, 0);
    esp_random_permutation(&random, order, count);
    for (uint64_t i = 0; i < *drawn; i++)
        held[order[i]] = 1;
    free(order);
    return ESP_OK;
}
