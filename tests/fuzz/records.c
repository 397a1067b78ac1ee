// SPDX-License-Identifier: Apache-2.0
// Comma-separated values as `compare` reads them. Law: what was read, written and read again is the same.
#include "fuzz.h"

#include "text/records.h"

#include "report/study.h"

#include <string.h>

static void write_all(const struct records *records, const char *path)
{
    FILE *file = fopen(path, "we");
    if (!file)
        exit(2);
    for (uint64_t row = 0; row < records->rows; row++)
        for (uint64_t i = 0; i < records->columns; i++) {
            records_write(file, records_field(records, row, i));
            fputc(i + 1 < records->columns ? ',' : '\n', file);
        }
    fclose(file);
}

// One column of empty fields is a table of empty lines, which are passed over, as is a byte order mark at
// the beginning.
static bool is_lost(const struct records *records)
{
    if (records->rows > 0 && strncmp(records_field(records, 0, 0), "\xef\xbb\xbf", 3) == 0)
        return true;
    for (uint64_t row = 0; records->columns == 1 && row < records->rows; row++)
        if (!records_field(records, row, 0)[0])
            return true;
    return false;
}

static void run(const uint8_t *bytes, size_t size)
{
    struct error error;
    struct records records = {0}, again = {0};
    struct study study = {0};
    char path[4096];
    snprintf(path, sizeof path, "%s", fuzz_file("fuzz.csv", bytes, size));
    error_clear(&error);
    esp_status status = records_read(&records, path, &error);
    fuzz_refused(status, &error);
    if (status == ESP_OK && !is_lost(&records)) {
        char second[4096];
        snprintf(second, sizeof second, "%s/again.csv", fuzz_folder());
        write_all(&records, second);
        status = records_read(&again, second, &error);
        FUZZ_LAW(status == ESP_OK, "%s", error.message);
        FUZZ_LAW(records.rows == again.rows && records.columns == again.columns, "%d rows of %d",
                 (int)again.rows, (int)again.columns);
        for (uint64_t row = 0; row < records.rows; row++)
            for (uint64_t i = 0; i < records.columns; i++)
                FUZZ_LAW(!strcmp(records_field(&records, row, i), records_field(&again, row, i)),
                         "row %d, column %d", (int)row, (int)i);
    }
    records_destroy(&records);
    records_destroy(&again);
    error_clear(&error);
    status = study_add_csv(&study, path, &error);
    fuzz_refused(status, &error);
    study_destroy(&study);
}

const struct fuzz_target fuzz_records = {"records", NULL, run};
