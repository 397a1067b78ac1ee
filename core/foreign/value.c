// SPDX-License-Identifier: Apache-2.0
// Values and the types of arguments; see value.h.
#include "foreign/value.h"

#include <math.h>
#include <string.h>

const char *value_kind_text(enum value_kind kind)
{
    static const char *const texts[] = {"nothing",  "an integer", "a real",  "a text",
                                        "a handle", "null",       "numbers", "a function"};
    return texts[kind];
}

enum value_kind value_of_result(const struct foreign_type *type)
{
    if (foreign_is_integer(type->kind))
        return VALUE_INTEGER;
    if (foreign_is_number(type->kind))
        return VALUE_REAL;
    if (type->kind == FOREIGN_TEXT)
        return VALUE_TEXT;
    return type->kind == FOREIGN_POINTER ? VALUE_HANDLE : VALUE_NONE;
}

enum value_kind value_of_out(const struct foreign_type *type)
{
    if (type->kind != FOREIGN_POINTER || type->constant || type->element == FOREIGN_VOID)
        return VALUE_NONE;
    return value_of_result(&(struct foreign_type){.kind = type->element});
}

// What an argument of the type takes, in words.
static const char *taken(const struct foreign_type *type)
{
    if (foreign_is_integer(type->kind))
        return "an integer";
    if (foreign_is_number(type->kind))
        return "a number";
    if (type->kind == FOREIGN_TEXT)
        return "a text";
    if (type->kind == FOREIGN_FUNCTION)
        return "a function";
    if (type->element == FOREIGN_VOID)
        return "a handle";
    return type->element == FOREIGN_POINTER ? "a handle or &name" : "numbers, a number or &name";
}

static bool fits(enum value_kind kind, const struct foreign_type *type)
{
    bool number = kind == VALUE_INTEGER || kind == VALUE_REAL;
    if (foreign_is_integer(type->kind))
        return kind == VALUE_INTEGER;
    if (foreign_is_number(type->kind))
        return number;
    if (kind == VALUE_NULL)
        return true;
    if (type->kind == FOREIGN_TEXT)
        return kind == VALUE_TEXT;
    if (type->kind == FOREIGN_FUNCTION)
        return kind == VALUE_CALLBACK;
    if (type->element == FOREIGN_VOID || type->element == FOREIGN_POINTER)
        return kind == VALUE_HANDLE;
    if (kind == VALUE_REAL) // by reference
        return !foreign_is_integer(type->element);
    return number || kind == VALUE_NUMBERS;
}

esp_status value_fits(enum value_kind kind, bool out, const struct foreign_type *type,
                      struct error *error)
{
    char words[32];
    foreign_type_text(words, type);
    if (out && value_of_out(type) == VALUE_NONE)
        return error_set(error, ESP_ERROR_INVALID, "%s brings nothing back: expected %s", words,
                         taken(type));
    if (out || fits(kind, type))
        return ESP_OK;
    return error_set(error, ESP_ERROR_INVALID, "%s takes %s, not %s", words, taken(type),
                     value_kind_text(kind));
}

// ---- Numbers in memory --------------------------------------------------------------------------

// clang-format off
#define EACH_INTEGER(row)                                                                          \
    row(FOREIGN_I8, int8_t, INT8_MIN, INT8_MAX) row(FOREIGN_I16, int16_t, INT16_MIN, INT16_MAX)    \
    row(FOREIGN_I32, int32_t, INT32_MIN, INT32_MAX) row(FOREIGN_I64, int64_t, INT64_MIN, INT64_MAX)\
    row(FOREIGN_U8, uint8_t, 0, UINT8_MAX) row(FOREIGN_U16, uint16_t, 0, UINT16_MAX)               \
    row(FOREIGN_U32, uint32_t, 0, UINT32_MAX) row(FOREIGN_U64, uint64_t, 0, INT64_MAX)
// clang-format on

esp_status value_write_integer(void *at, enum foreign_kind kind, int64_t number,
                               struct error *error)
{
    int64_t least = 0, most = 0;
    switch (kind) {
#define ROW(KIND, TYPE, LEAST, MOST)                                                               \
    case KIND: {                                                                                   \
        TYPE value = (TYPE)number;                                                                 \
        least = LEAST;                                                                             \
        most = MOST;                                                                               \
        memcpy(at, &value, sizeof value);                                                          \
        break;                                                                                     \
    }
        EACH_INTEGER(ROW)
#undef ROW
    default:
        return value_write_number(at, kind, (double)number, error);
    }
    return number >= least && number <= most
               ? ESP_OK
               : error_set(error, ESP_ERROR_INVALID, "%lld is no %s", (long long)number,
                           foreign_kind_name(kind));
}

esp_status value_write_number(void *at, enum foreign_kind kind, double number, struct error *error)
{
    float single = (float)number;
    if (kind == FOREIGN_F64)
        memcpy(at, &number, sizeof number);
    else if (kind == FOREIGN_F32)
        memcpy(at, &single, sizeof single);
    else if (number != floor(number) || fabs(number) > 0x1p53) // NaN is unequal to itself
        return error_set(error, ESP_ERROR_INVALID, "%.17g is no %s", number,
                         foreign_kind_name(kind));
    else
        return value_write_integer(at, kind, (int64_t)number, error);
    return ESP_OK;
}

int64_t value_read_integer(const void *at, enum foreign_kind kind)
{
    switch (kind) {
#define ROW(KIND, TYPE, LEAST, MOST)                                                               \
    case KIND: {                                                                                   \
        TYPE value;                                                                                \
        memcpy(&value, at, sizeof value);                                                          \
        return (int64_t)value;                                                                     \
    }
        EACH_INTEGER(ROW)
#undef ROW
    default:
        return 0;
    }
}

double value_read_number(const void *at, enum foreign_kind kind)
{
    double number;
    float single;
    uint64_t natural;
    switch (kind) {
    case FOREIGN_F64:
        memcpy(&number, at, sizeof number);
        return number;
    case FOREIGN_F32:
        memcpy(&single, at, sizeof single);
        return (double)single;
    case FOREIGN_U64:
        memcpy(&natural, at, sizeof natural);
        return (double)natural;
    default:
        return (double)value_read_integer(at, kind);
    }
}
