// SPDX-License-Identifier: Apache-2.0
// Tables of the dataset csv. The first byte chooses the separator and the rules. Law: the rows of the table
// that the columns were found in are encoded, or refused in words.
#include "fuzz.h"

#include "plugins/datasets/csv/columns.h"

#include <math.h>

#define MOST_CHANNELS 4096

static void encode(const struct columns *columns, const struct table *table, struct error *error)
{
    static float values[MOST_CHANNELS];
    uint32_t label;
    if (columns->channels > MOST_CHANNELS)
        return;
    FUZZ_LAW(columns->label < table->columns, "%d", (int)columns->label);
    for (uint64_t row = 0; row < table->rows; row++) {
        esp_status status = columns_encode(columns, table, row, values, &label);
        fuzz_refused(status, error);
        if (status != ESP_OK)
            return;
        FUZZ_LAW(label < columns->classes, "label %u of %d", label, (int)columns->classes);
        for (uint64_t i = 0; i < columns->channels; i++)
            FUZZ_LAW(isfinite(values[i]), "row %d, channel %d", (int)row, (int)i);
    }
}

static void run(const uint8_t *bytes, size_t size)
{
    struct error error;
    esp_handle handle;
    struct table table = {0};
    struct columns columns = {0};
    uint8_t rules = size > 0 ? bytes[0] : 0;
    struct column_options options = {
        .label = rules & 1 ? "class" : "",
        .categorical = rules & 2 ? "colour" : "",
        .ignore = rules & 4 ? "id" : "",
        .missing_values = "?, NA",
        .missing = (enum missing_rule)(rules >> 3 & 1 ? MISSING_MEAN : MISSING_MEDIAN),
        .unknown = rules & 16 ? UNKNOWN_ZEROS : UNKNOWN_REFUSE,
        .most_categories = 100,
    };
    const char *path = fuzz_file("fuzz.csv", bytes + (size > 0), size - (size > 0));
    error_clear(&error);
    handle_init(&handle, sizeof handle, &error);
    esp_status status = table_read(&table, path, rules & 32 ? ';' : ',', &handle);
    fuzz_refused(status, &error);
    if (status == ESP_OK) {
        status = columns_find(&columns, &table, NULL, &options, &handle);
        fuzz_refused(status, &error);
        if (status == ESP_OK) {
            FUZZ_LAW(columns_check_header(&columns, &table) == ESP_OK, "its own header");
            encode(&columns, &table, &error);
        }
    }
    columns_free(&columns);
    table_free(&table);
}

const struct fuzz_target fuzz_csv = {"csv", NULL, run};
