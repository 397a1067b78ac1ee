// SPDX-License-Identifier: Apache-2.0
// The safetensors format: every byte of a small file, a round trip, files of other writers, and what is
// malformed.
#include "evaluate/safetensors.h"

#include "support/folder.h"
#include "support/leak.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct error error;

static char *join(const char *folder, const char *name)
{
    char *path = NULL;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        abort();
    return path;
}

// Two tensors and a note.
static esp_status write_small(const char *path)
{
    static const int64_t weight_dims[] = {2, 1}, bias_dims[] = {1};
    static const float weight[] = {1.0f, -2.5f}, bias[] = {0.25f};
    const struct safetensors_entry entries[] = {{"a/weight", 2, weight_dims, weight},
                                                {"a/bias", 1, bias_dims, bias}};
    const struct safetensors_note notes[] = {{"epoch", "0x1.8p+1"}};
    return safetensors_write(path, entries, 2, notes, 1, &error);
}

// What Python reads with struct.unpack("<Q", f.read(8)), json.loads(f.read(n)) and
// struct.unpack("<3f", f.read()).
Test(safetensors, the_bytes_of_a_file_are_those_of_the_format)
{
    static const char header[] =
        "{\"__metadata__\":{\"epoch\":\"0x1.8p+1\"},"
        "\"a/weight\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]},"
        "\"a/bias\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[8,12]}}";
    static const unsigned char data[] = {0, 0, 0x80, 0x3f, 0, 0, 0x20, 0xc0, 0, 0, 0x80, 0x3e};
    char *folder = folder_temporary(), *path = join(folder, "small.safetensors");
    unsigned char bytes[512];
    cr_assert_eq(write_small(path), ESP_OK, "%s", error.message);
    FILE *file = fopen(path, "rb");
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    size_t length = (strlen(header) + 7) / 8 * 8;
    cr_assert_eq(size, 8 + length + sizeof data);
    cr_assert_eq(bytes[0], length, "the length stands first, the lowest byte before the others");
    for (int i = 1; i < 8; i++)
        cr_assert_eq(bytes[i], 0);
    cr_assert_eq(memcmp(bytes + 8, header, strlen(header)), 0, "%.*s", (int)length, bytes + 8);
    for (size_t i = strlen(header); i < length; i++)
        cr_assert_eq(bytes[8 + i], ' ', "the header is padded with blanks");
    cr_assert_eq(memcmp(bytes + 8 + length, data, sizeof data), 0);
    char *aside = join(folder, "small.safetensors.new");
    cr_assert_eq(access(aside, F_OK), -1, "nothing is left aside");
    free(aside);
    free(path);
    folder_delete(folder);
}

TestLeak(safetensors, what_is_written_is_read)
{
    char *folder = folder_temporary(), *path = join(folder, "small.safetensors");
    struct safetensors *file = NULL;
    struct safetensors_entry entry;
    cr_assert_eq(write_small(path), ESP_OK);
    cr_assert_eq(safetensors_open(&file, path, &error), ESP_OK, "%s", error.message);
    cr_assert_eq(safetensors_count(file), 2);
    cr_assert_str_eq(safetensors_get(file, 1).name, "a/bias");
    cr_assert(safetensors_find(file, "", "a/weight", &entry));
    cr_assert_eq(entry.rank, 2);
    cr_assert_eq(entry.dims[0], 2);
    cr_assert_eq(entry.dims[1], 1);
    cr_assert_eq(entry.data[0], 1.0f);
    cr_assert_eq(entry.data[1], -2.5f);
    cr_assert(safetensors_find(file, "a/", "bias", &entry));
    cr_assert_eq(entry.data[0], 0.25f);
    cr_assert(safetensors_find(file, "", "a/weight", &entry), "found again, from behind it");
    cr_assert_not(safetensors_find(file, "", "a/weigh", &entry));
    cr_assert_not(safetensors_find(file, "a/weight", "weight", &entry));
    cr_assert_str_eq(safetensors_note(file, "epoch"), "0x1.8p+1");
    cr_assert_null(safetensors_note(file, "step"));
    safetensors_close(file);
    free(path);
    folder_delete(folder);
}

TestLeak(safetensors, a_file_is_replaced_whole_or_not_at_all)
{
    char *folder = folder_temporary(), *path = join(folder, "small.safetensors");
    char *blocked = join(folder, "no/such/folder.safetensors");
    struct safetensors *file = NULL, *after = NULL;
    struct safetensors_entry entry;
    static const int64_t dims[] = {1};
    static const float value[] = {7.0f};
    const struct safetensors_entry entries[] = {{"x", 1, dims, value}};
    cr_assert_eq(write_small(path), ESP_OK);
    cr_assert_eq(safetensors_open(&file, path, &error), ESP_OK);
    cr_assert_eq(safetensors_write(path, entries, 1, NULL, 0, &error), ESP_OK);
    // An open file keeps what it had: it is another one that took its name.
    cr_assert(safetensors_find(file, "", "a/bias", &entry));
    cr_assert_eq(entry.data[0], 0.25f);
    cr_assert_eq(safetensors_open(&after, path, &error), ESP_OK);
    cr_assert(safetensors_find(after, "", "x", &entry));
    cr_assert_eq(entry.data[0], 7.0f);
    cr_assert_eq(safetensors_write(blocked, entries, 1, NULL, 0, &error), ESP_ERROR_IO);
    cr_assert(strstr(error.message, blocked), "%s", error.message);
    safetensors_close(file);
    safetensors_close(after);
    free(path);
    free(blocked);
    folder_delete(folder);
}

// Writes a file with this header (its length made to fit, unless `length` says otherwise) and `floats`
// numbers, and opens it.
static esp_status open_with(const char *folder, const char *header, uint64_t length, int floats,
                            struct safetensors **out)
{
    char *path = join(folder, "given.safetensors");
    size_t size = (strlen(header) + 7) / 8 * 8;
    FILE *file = fopen(path, "wb");
    for (int i = 0; i < 8; i++)
        fputc((int)((length ? length : size) >> (8 * i)) & 0xff, file);
    fprintf(file, "%-*s", (int)size, header);
    for (int i = 0; i < floats; i++)
        fwrite(&(float){(float)i}, sizeof(float), 1, file);
    fclose(file);
    error_clear(&error);
    esp_status status = safetensors_open(out, path, &error);
    cr_assert(status == ESP_OK || strstr(error.message, path), "the path is named: %s",
              error.message);
    free(path);
    return status;
}

#define ENTRY(shape, begin, end)                                                                   \
    "{\"dtype\":\"F32\",\"shape\":" shape ",\"data_offsets\":[" begin "," end "]}"

// Other writers put the tensors into the header in an order of their own, with keys in another.
TestLeak(safetensors, files_of_other_writers_are_read)
{
    char *folder = folder_temporary();
    struct safetensors *file = NULL;
    struct safetensors_entry entry;
    const char *header = "{\"b\":{\"shape\":[2],\"data_offsets\":[4,12],\"dtype\":\"F32\"},"
                         "\"a\":" ENTRY("[]", "0", "4") ",\"none\":" ENTRY("[0,3]", "12", "12") "}";
    cr_assert_eq(open_with(folder, header, 0, 3, &file), ESP_OK, "%s", error.message);
    cr_assert(safetensors_find(file, "", "b", &entry));
    cr_assert_eq(entry.data[0], 1.0f);
    cr_assert_eq(entry.data[1], 2.0f);
    cr_assert(safetensors_find(file, "", "a", &entry));
    cr_assert_eq(entry.rank, 0);
    cr_assert_eq(entry.data[0], 0.0f);
    cr_assert_null(safetensors_note(file, "epoch"));
    safetensors_close(file);
    folder_delete(folder);
}

TestLeak(safetensors, malformed_files_are_refused)
{
    static const struct {
        const char *header, *words;
        uint64_t length; // 0: the header's
        int floats;
    } cases[] = {
        {"{}", "the length of its header", 4096, 0},
        {"{}", "the length of its header", UINT64_MAX, 0},
        {"{}", "the length of its header is 4096, and 8 bytes follow", 4096, 0},
        {"{} ", "the length of its header is 7: expected a multiple of 4", 7, 0},
        // The header breaks off within its length.
        {"{\"a\":{\"dtype\":\"F32\",", "its header is no JSON: ", 0, 0},
        {"", "the length of its header is 4, and 0 bytes follow", 4, 0},
        {"{\"\xff\":" ENTRY("[1]", "0", "4") "}", "unable to decode byte 0xff", 0, 1},
        {"{\"__metadata__\":{\"\xc3\x28\":\"x\"}}", "unable to decode byte", 0, 0},
        {"{", "no JSON", 0, 0},
        {"[]", "no JSON object", 0, 0},
        {"{\"__metadata__\":{\"n\":1}}", "notes that are no texts", 0, 0},
        {"{\"__metadata__\":[]}", "notes that are no texts", 0, 0},
        {"{\"a\":" ENTRY("[1]", "0", "4") ",\"a\":" ENTRY("[1]", "4", "8") "}",
         "duplicate object key", 0, 2},
        {"{\"a\":3}", "'a': expected the type F32", 0, 0},
        {"{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}",
         "expected the type F32, got F16", 0, 1},
        {"{\"a\":" ENTRY("2", "0", "8") "}", "a shape", 0, 2},
        {"{\"a\":" ENTRY("[\"2\"]", "0", "8") "}", "a shape", 0, 2},
        {"{\"a\":" ENTRY("[2.0]", "0", "8") "}", "a shape", 0, 2},
        {"{\"a\":" ENTRY("[-2]", "0", "8") "}", "a shape", 0, 2},
        {"{\"a\":" ENTRY("[1,1,1,1,1,1,1]", "0", "4") "}", "a shape", 0, 1},
        {"{\"a\":" ENTRY("[3]", "0", "12") "}", "a shape", 0, 2},
        // 4 * 2^62 is 0 in 64 bits.
        {"{\"a\":" ENTRY("[4611686018427387904]", "0", "0") "}", "a shape", 0, 0},
        {"{\"a\":" ENTRY("[1,4611686018427387904]", "0", "4") "}", "a shape", 0, 1},
        {"{\"a\":" ENTRY("[1]", "4", "8") "}", "offsets that do not lie in the file", 0, 1},
        {"{\"a\":" ENTRY("[1]", "-4", "0") "}", "offsets that do not lie in the file", 0, 1},
        {"{\"a\":" ENTRY("[1]", "8", "4") "}", "offsets that do not lie in the file", 0, 2},
        {"{\"a\":" ENTRY("[1]", "2", "6") "}", "offsets that do not lie in the file", 0, 2},
        {"{\"a\":" ENTRY("[1]", "\"0\"", "4") "}", "offsets that do not lie in the file", 0, 1},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}",
         "offsets that do not lie in the file", 0, 2},
        {"{\"a\":" ENTRY("[2]", "0", "4") "}", "offsets that do not fit its shape", 0, 2},
        {"{\"a\":" ENTRY("[1]", "0", "8") "}", "offsets that do not fit its shape", 0, 2},
        {"{\"a\":" ENTRY("[1]", "0", "4") ",\"b\":" ENTRY("[1]", "0", "4") "}",
         "its bytes overlap those of another, up to byte 4", 0, 1},
        {"{\"a\":" ENTRY("[1]", "0", "4") ",\"b\":" ENTRY("[1]", "8", "12") "}",
         "tensor 'b': the 4 bytes before it belong to no tensor", 0, 3},
        {"{\"a\":" ENTRY("[1]", "0", "4") "}", "the last 4 of its bytes belong to no tensor", 0, 2},
        {"{}", "the last 4 of its bytes belong to no tensor", 0, 1},
        {"{\"a\":" ENTRY("[2]", "0", "8") ",\"b\":" ENTRY("[2]", "4", "12") "}",
         "tensor 'b': its bytes overlap those of another, up to byte 8", 0, 3},
        {"{\"a\":" ENTRY("[1]", "0", "4") ",\"b\":" ENTRY("[0]", "2", "2") "}",
         "offsets that do not lie in the file", 0, 1},
        {"{\"a\":" ENTRY("[1]", "9223372036854775804", "9223372036854775807") "}",
         "offsets that do not lie in the file", 0, 1},
        {"{\"a\":" ENTRY("[1]", "0", "99999999999999999999") "}", "no JSON: too big integer", 0, 1},
        {"{\"a\":" ENTRY("[99999999999999999999]", "0", "4") "}", "no JSON: too big integer", 0, 1},
        {"{\"a\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}}",
         "expected the type F32", 0, 1},
        {"{\"a\":{\"dtype\":3,\"shape\":[1],\"data_offsets\":[0,4]}}", "expected the type F32", 0,
         1},
        {"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", "expected the type F32", 0, 1},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", "a shape", 0, 1},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", "offsets that do not lie in the file", 0, 1},
    };
    char *folder = folder_temporary();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct safetensors *file = NULL;
        cr_assert_eq(open_with(folder, cases[i].header, cases[i].length, cases[i].floats, &file),
                     ESP_ERROR_DATA, "case %zu: %s", i, cases[i].header);
        cr_assert(strstr(error.message, cases[i].words), "case %zu: %s", i, error.message);
        cr_assert_null(file);
    }
    folder_delete(folder);
}

// Any byte that is another: the file is refused, or read as what it says now; never more than it has.
TestLeak(safetensors, damaged_bytes_are_refused_or_read)
{
    char *folder = folder_temporary(), *path = join(folder, "small.safetensors");
    unsigned refused = 0;
    cr_assert_eq(write_small(path), ESP_OK);
    FILE *bytes = fopen(path, "r+b");
    cr_assert_not_null(bytes);
    setvbuf(bytes, NULL, _IONBF, 0);
    fseek(bytes, 0, SEEK_END);
    long size = ftell(bytes);
    for (long at = 0; at < size; at++)
        for (int bit = 0; bit < 8; bit++) {
            struct safetensors *file = NULL;
            fseek(bytes, at, SEEK_SET);
            int kept = fgetc(bytes);
            fseek(bytes, at, SEEK_SET);
            fputc(kept ^ 1 << bit, bytes);
            error_clear(&error);
            esp_status status = safetensors_open(&file, path, &error);
            cr_assert(status == ESP_OK || status == ESP_ERROR_DATA, "byte %ld, bit %d: %s", at, bit,
                      error.message);
            refused += status != ESP_OK;
            for (uint64_t i = 0; file && i < safetensors_count(file); i++) {
                struct safetensors_entry entry = safetensors_get(file, i);
                uint64_t count = 1;
                volatile float last = 0.0f;
                for (uint32_t d = 0; d < entry.rank; d++)
                    count *= (uint64_t)entry.dims[d];
                for (uint64_t k = 0; k < count; k++)
                    last = entry.data[k];
                (void)last;
            }
            safetensors_close(file);
            fseek(bytes, at, SEEK_SET);
            fputc(kept, bytes);
        }
    fclose(bytes);
    cr_expect_gt(refused, (unsigned)size, "few were noticed");
    free(path);
    folder_delete(folder);
}

TestLeak(safetensors, files_that_break_off_are_refused_at_every_length)
{
    char *folder = folder_temporary(), *path = join(folder, "small.safetensors");
    struct safetensors *file = NULL;
    cr_assert_eq(write_small(path), ESP_OK);
    cr_assert_eq(safetensors_open(&file, path, &error), ESP_OK);
    safetensors_close(file);
    FILE *whole = fopen(path, "rb");
    fseek(whole, 0, SEEK_END);
    long size = ftell(whole);
    fclose(whole);
    for (long length = size - 1; length >= 0; length--) {
        cr_assert_eq(truncate(path, length), 0);
        error_clear(&error);
        cr_assert_eq(safetensors_open(&file, path, &error), ESP_ERROR_DATA, "%ld bytes", length);
    }
    unlink(path);
    error_clear(&error);
    cr_assert_eq(safetensors_open(&file, path, &error), ESP_ERROR_IO);
    cr_assert(strstr(error.message, "No such file"), "%s", error.message);
    free(path);
    folder_delete(folder);
}
