// SPDX-License-Identifier: Apache-2.0
// Functions of this program, called as foreign ones are.
#include "foreign/call.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct foreign_value integer(int64_t value)
{
    return (struct foreign_value){.kind = VALUE_INTEGER, .as.integer = value};
}

static struct foreign_value real(double value)
{
    return (struct foreign_value){.kind = VALUE_REAL, .as.real = value};
}

static struct foreign_value numbers(double *values, uint64_t count, bool writable)
{
    return (struct foreign_value){
        .kind = VALUE_NUMBERS, .writable = writable, .as.numbers = values, .count = count};
}

static void *address(void (*function)(void))
{
    void *code;
    memcpy(&code, &function, sizeof code);
    return code;
}
#define ADDRESS(function) address((void (*)(void))(function))

// Calls with fresh cif; `out` may be NULL.
static esp_status call(const char *text, void *function, struct foreign_value *values,
                       const bool *out, struct foreign_value *result, struct error *error)
{
    static const bool none[FOREIGN_MOST_ARGUMENTS];
    struct signature *signature;
    struct call prepared;
    error_clear(error);
    cr_assert_eq(signature_parse(&signature, text, error), ESP_OK, "%s", error->message);
    cr_assert_eq(call_prepare(&prepared, signature, error), ESP_OK, "%s", error->message);
    esp_status status = call_invoke(&prepared, function, values, out ? out : none, result, error);
    signature_destroy(signature);
    return status;
}

// ---- Every width goes in and comes out ----------------------------------------------------------

#define WIDTH(name, type)                                                                          \
    static type name(type a, type b)                                                               \
    {                                                                                              \
        return (type)(a - b);                                                                      \
    }
WIDTH(minus_i8, int8_t)
WIDTH(minus_i16, int16_t)
WIDTH(minus_i32, int32_t)
WIDTH(minus_i64, int64_t)
WIDTH(minus_u8, uint8_t)
WIDTH(minus_u16, uint16_t)
WIDTH(minus_u32, uint32_t)
WIDTH(minus_u64, uint64_t)

Test(foreign_call, integers_of_all_widths)
{
    const struct {
        const char *text;
        void *function;
        int64_t a, b, expected;
    } rows[] = {
        {"i8 (i8, i8)", ADDRESS(minus_i8), -100, 28, -128},
        {"i16 (i16, i16)", ADDRESS(minus_i16), -32000, 768, -32768},
        {"i32 (i32, i32)", ADDRESS(minus_i32), INT32_MIN, -1, INT32_MIN + 1},
        {"i64 (i64, i64)", ADDRESS(minus_i64), INT64_MIN, -1, INT64_MIN + 1},
        {"u8 (u8, u8)", ADDRESS(minus_u8), 255, 1, 254},
        {"u16 (u16, u16)", ADDRESS(minus_u16), 65535, 1, 65534},
        {"u32 (u32, u32)", ADDRESS(minus_u32), UINT32_MAX, 1, UINT32_MAX - 1},
        {"u64 (u64, u64)", ADDRESS(minus_u64), INT64_MAX, 1, INT64_MAX - 1},
        {"u8 (u8, u8)", ADDRESS(minus_u8), 0, 1, 255},
        {"i8 (i8, i8)", ADDRESS(minus_i8), 0, 1, -1},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        struct foreign_value values[] = {integer(rows[i].a), integer(rows[i].b)}, result;
        struct error error;
        cr_assert_eq(call(rows[i].text, rows[i].function, values, NULL, &result, &error), ESP_OK);
        cr_expect_eq(result.kind, VALUE_INTEGER);
        cr_expect_eq(result.as.integer, rows[i].expected, "%s: %lld", rows[i].text,
                     (long long)result.as.integer);
    }
}

Test(foreign_call, what_does_not_fit_its_width_is_refused_before_the_call)
{
    const struct {
        const char *text;
        int64_t value;
    } rows[] = {{"void (i8)", 128},        {"void (i16)", -32769}, {"void (i32)", 1ll << 31},
                {"void (u8)", -1},         {"void (u8)", 256},     {"void (u16)", 65536},
                {"void (u32)", 1ll << 32}, {"void (u64)", -1},     {"void (ptr<const u8>)", 256}};
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        struct foreign_value value = integer(rows[i].value), result;
        struct error error;
        // abort would end the test.
        cr_expect_eq(call(rows[i].text, ADDRESS(abort), &value, NULL, &result, &error),
                     ESP_ERROR_INVALID, "%s", rows[i].text);
        cr_expect(strstr(error.message, "argument 1"), "%s", error.message);
    }
}

static float half(float a)
{
    return a / 2;
}

Test(foreign_call, reals)
{
    struct foreign_value value = real(3), result;
    struct error error;
    cr_assert_eq(call("f32 (f32)", ADDRESS(half), &value, NULL, &result, &error), ESP_OK);
    cr_expect_eq(result.as.real, 1.5);
    value = integer(3); // a number is a number
    cr_assert_eq(call("f32 (f32)", ADDRESS(half), &value, NULL, &result, &error), ESP_OK);
    cr_expect_eq(result.as.real, 1.5);
    struct foreign_value two[] = {real(0x1p-1074), real(2)};
    cr_assert_eq(call("f64 (f64, f64)", ADDRESS(pow), two, NULL, &result, &error), ESP_OK);
    cr_expect_eq(result.as.real, 0.0);
}

// ---- Memory -------------------------------------------------------------------------------------

static double weigh(int32_t n, const double *x, const float *y, int16_t *z)
{
    double sum = 0;
    for (int32_t i = 0; i < n; i++) {
        sum += x[i] * (double)y[i];
        z[i] = (int16_t)(z[i] * 2);
    }
    return sum;
}

Test(foreign_call, lists_are_converted_and_come_back_where_they_may)
{
    double x[] = {1, 2, 3}, y[] = {0.5, 0.25, 4}, z[] = {1, -2, 3}, kept[] = {1, -2, 3};
    struct foreign_value result,
        values[] = {integer(3), numbers(x, 3, true), numbers(y, 3, true), numbers(z, 3, true)};
    struct error error;
    const char *text = "f64 (i32 n, ptr<const f64> x[n], ptr<const f32> y[n], ptr<i16> z[n])";
    cr_assert_eq(call(text, ADDRESS(weigh), values, NULL, &result, &error), ESP_OK, "%s",
                 error.message);
    cr_expect_eq(result.as.real, 13.0);
    cr_expect(z[0] == 2 && z[1] == -4 && z[2] == 6);
    values[3] = numbers(kept, 3, false);
    cr_assert_eq(call(text, ADDRESS(weigh), values, NULL, &result, &error), ESP_OK);
    cr_expect(kept[0] == 1 && kept[1] == -2, "what is not writable stays");
    values[0] = integer(4);
    cr_expect_eq(call(text, ADDRESS(abort), values, NULL, &result, &error), ESP_ERROR_INVALID);
    cr_expect(strstr(error.message, "says 4 numbers, and there are 3"), "%s", error.message);
    values[0] = integer(3);
    values[3] = numbers(z, 3, true);
    z[1] = 0.5;
    cr_expect_eq(call(text, ADDRESS(abort), values, NULL, &result, &error), ESP_ERROR_INVALID);
    cr_expect(strstr(error.message, "argument 4 (z): number 1: 0.5 is no i16"), "%s",
              error.message);
}

// As Fortran takes and gives: by reference.
static void fortran_like(const int32_t *n, const double *x, double *value, int64_t *count)
{
    *value = *x * *n;
    *count += 1;
}

Test(foreign_call, numbers_go_by_reference_and_come_back)
{
    struct foreign_value result = integer(9), values[] = {integer(-3), real(1.5), {0}, integer(41)};
    const bool out[] = {false, false, true, true};
    struct error error;
    cr_assert_eq(call("void (ptr<const i32> n, ptr<const f64> x, ptr<f64> value, ptr<i64> count)",
                      ADDRESS(fortran_like), values, out, &result, &error),
                 ESP_OK);
    cr_expect_eq(result.kind, VALUE_NONE);
    cr_expect(values[2].kind == VALUE_REAL && values[2].as.real == -4.5);
    cr_expect(values[3].kind == VALUE_INTEGER && values[3].as.integer == 42);
}

static int32_t make(void **out, const char *name)
{
    *out = (void *)(uintptr_t)name;
    return name ? (int32_t)strlen(name) : -1;
}

static const char *name_of(void *handle)
{
    return handle;
}

Test(foreign_call, handles_and_texts)
{
    const char *name = "direct";
    struct foreign_value result, values[] = {{0}, {.kind = VALUE_TEXT, .as.text = name}},
                                 null = {.kind = VALUE_NULL};
    const bool out[] = {true, false};
    struct error error;
    cr_assert_eq(call("i32 (ptr<ptr> handle, str)", ADDRESS(make), values, out, &result, &error),
                 ESP_OK);
    cr_expect_eq(result.as.integer, 6);
    cr_assert_eq(values[0].kind, VALUE_HANDLE);
    cr_assert_eq(call("str (ptr)", ADDRESS(name_of), values, NULL, &result, &error), ESP_OK);
    cr_expect(result.kind == VALUE_TEXT && result.as.text == name);
    cr_assert_eq(call("ptr (ptr)", ADDRESS(name_of), &null, NULL, &result, &error), ESP_OK);
    cr_expect(result.kind == VALUE_HANDLE && result.as.handle == NULL);
}

// ---- Callbacks ----------------------------------------------------------------------------------

typedef double (*objective)(unsigned n, const double *x, double *gradient, void *data);

static double twice(objective function, unsigned n, void *data)
{
    const double a[] = {1, 2}, b[] = {3, 4};
    return function(n, a, NULL, data) + function(n, b, NULL, data);
}

struct seen {
    int calls;
    void *data;
};

static void sum(void *self, void *const *arguments, void *result)
{
    struct seen *seen = self;
    const double *x;
    memcpy(&x, arguments[1], sizeof x);
    memcpy(&seen->data, arguments[3], sizeof seen->data);
    seen->calls++;
    cr_expect_eq(value_read_integer(arguments[0], FOREIGN_U32), 2);
    closure_answer(result, FOREIGN_F64, x[0] + x[1]);
}

Test(foreign_call, callbacks_with_a_context)
{
    struct signature *signature;
    struct closure *closure;
    struct seen seen = {0};
    struct error error;
    int mark;
    error_clear(&error);
    cr_assert_eq(signature_parse(&signature, "f64 (u32, ptr<const f64>, ptr<f64>, ptr)", &error),
                 ESP_OK);
    cr_assert_eq(closure_create(&closure, signature, sum, &seen, &error), ESP_OK, "%s",
                 error.message);
    struct foreign_value result,
        values[] = {{.kind = VALUE_CALLBACK, .as.handle = closure_code(closure)},
                    integer(2),
                    {.kind = VALUE_HANDLE, .as.handle = &mark}};
    cr_assert_eq(call("f64 (fn<f64 (u32, ptr<const f64>, ptr<f64>, ptr)>, u32, ptr)",
                      ADDRESS(twice), values, NULL, &result, &error),
                 ESP_OK, "%s", error.message);
    cr_expect_eq(result.as.real, 10.0);
    cr_expect(seen.calls == 2 && seen.data == &mark);
    closure_destroy(closure);
    signature_destroy(signature);
}

static int by_number(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static void compare(void *self, void *const *arguments, void *result)
{
    const double *a, *b;
    (void)self;
    memcpy(&a, arguments[0], sizeof a);
    memcpy(&b, arguments[1], sizeof b);
    closure_answer(result, FOREIGN_I32, by_number(a, b));
}

Test(foreign_call, libcs_own_sort_calls_back)
{
    double list[] = {3, -1, 2, 0}, expected[] = {-1, 0, 2, 3};
    struct signature *signature;
    struct closure *closure;
    struct error error;
    error_clear(&error);
    cr_assert_eq(signature_parse(&signature, "i32 (ptr, ptr)", &error), ESP_OK);
    cr_assert_eq(closure_create(&closure, signature, compare, NULL, &error), ESP_OK);
    struct foreign_value result,
        values[] = {numbers(list, 4, true),
                    integer(4),
                    integer(8),
                    {.kind = VALUE_CALLBACK, .as.handle = closure_code(closure)}};
    cr_assert_eq(call("void (ptr<f64> list[n], u64 n, u64 size, fn<i32 (ptr, ptr)>)",
                      ADDRESS(qsort), values, NULL, &result, &error),
                 ESP_OK, "%s", error.message);
    for (size_t i = 0; i < 4; i++)
        cr_expect_eq(list[i], expected[i]);
    closure_destroy(closure);
    signature_destroy(signature);
}

// ---- What fits what -----------------------------------------------------------------------------

Test(foreign_call, kinds_that_do_not_fit_are_named)
{
    const struct {
        const char *type;
        enum value_kind kind;
        bool out;
        const char *words; // NULL: it fits
    } rows[] = {
        {"i32", VALUE_INTEGER, false, NULL},
        {"i32", VALUE_REAL, false, "i32 takes an integer, not a real"},
        {"f64", VALUE_INTEGER, false, NULL},
        {"f64", VALUE_NUMBERS, false, "f64 takes a number, not numbers"},
        {"ptr", VALUE_HANDLE, false, NULL},
        {"ptr", VALUE_NULL, false, NULL},
        {"ptr", VALUE_INTEGER, false, "ptr takes a handle, not an integer"},
        {"str", VALUE_TEXT, false, NULL},
        {"str", VALUE_HANDLE, false, "str takes a text, not a handle"},
        {"ptr<f64>", VALUE_NUMBERS, false, NULL},
        {"ptr<f64>", VALUE_NONE, true, NULL},
        {"ptr<const f64>", VALUE_NONE, true, "ptr<const f64> brings nothing back"},
        {"ptr<const i32>", VALUE_REAL, false, "ptr<const i32> takes numbers"},
        {"i32", VALUE_NONE, true, "i32 brings nothing back"},
        {"fn<void ()>", VALUE_CALLBACK, false, NULL},
        {"fn<void ()>", VALUE_HANDLE, false, "fn takes a function, not a handle"},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        struct signature *signature;
        struct error error;
        char text[64];
        snprintf(text, sizeof text, "void (%s)", rows[i].type);
        error_clear(&error);
        cr_assert_eq(signature_parse(&signature, text, &error), ESP_OK);
        esp_status status =
            value_fits(rows[i].kind, rows[i].out, &signature->arguments[0].type, &error);
        cr_expect_eq(status == ESP_OK, rows[i].words == NULL, "%s: %s", rows[i].type,
                     error.message);
        if (rows[i].words)
            cr_expect(strstr(error.message, rows[i].words), "%s", error.message);
        signature_destroy(signature);
    }
}
