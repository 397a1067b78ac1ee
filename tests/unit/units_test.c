// SPDX-License-Identifier: Apache-2.0
// Numbers, switches, durations, sizes and lists as people write them.
#include "config/list.h"
#include "config/units.h"

#include "support/leak.h"

#include <criterion/criterion.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

Test(units, whole_numbers)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"-7", -7},
                {"+7", 7},
                {"007", 7},
                {"1e6", 1000000},
                {"2.5e1", 25},
                {"3.0", 3},
                {"9223372036854775807", INT64_MAX},
                {"-9223372036854775808", INT64_MIN},
                {"9007199254740992.0", INT64_C(9007199254740992)}};
    static const char *const bad[] = {"",
                                      " 1",
                                      "1 ",
                                      "1.5",
                                      "1e-1",
                                      "0x10",
                                      "one",
                                      "1e400",
                                      "nan",
                                      "inf",
                                      "1,2",
                                      "1e19",
                                      "--1",
                                      "1k",
                                      "e",
                                      "-",
                                      ".",
                                      "9223372036854775808",
                                      "-9223372036854775809",
                                      "9007199254740994.0"};
    for (size_t i = 0; i < COUNT(good); i++) {
        int64_t value = -1;
        cr_assert(read_int(good[i].text, &value), "'%s'", good[i].text);
        cr_assert_eq(value, good[i].value, "'%s' is %lld", good[i].text, (long long)value);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t value;
        cr_assert_not(read_int(bad[i], &value), "'%s'", bad[i]);
    }
}

Test(units, real_numbers)
{
    static const struct {
        const char *text;
        double value;
    } good[] = {{"0", 0},        {"-0.5", -0.5}, {".5", 0.5},      {"5.", 5},
                {"+1e-3", 1e-3}, {"1E3", 1000},  {"1e308", 1e308}, {"5e-324", 5e-324}};
    static const char *const bad[] = {"",     " 1",       "1 ",    "0x1p3", "nan", "NaN", "inf",
                                      "-inf", "infinity", "1e309", "1..2",  "1e",  "a",   "1 2"};
    for (size_t i = 0; i < COUNT(good); i++) {
        double value = -1;
        cr_assert(read_real(good[i].text, &value), "'%s'", good[i].text);
        cr_assert(value == good[i].value, "'%s' is %g", good[i].text, value);
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        double value;
        cr_assert_not(read_real(bad[i], &value), "'%s'", bad[i]);
    }
}

Test(units, switches)
{
    static const char *const on[] = {"yes", "true", "on", "Yes", "TRUE"};
    static const char *const off[] = {"no", "false", "off", "No", "OFF"};
    static const char *const bad[] = {"", "y", "yess", "1", "0", "maybe"};
    bool value;
    for (size_t i = 0; i < COUNT(on); i++)
        cr_assert(read_bool(on[i], &value) && value, "'%s'", on[i]);
    for (size_t i = 0; i < COUNT(off); i++)
        cr_assert(read_bool(off[i], &value) && !value, "'%s'", off[i]);
    for (size_t i = 0; i < COUNT(bad); i++)
        cr_assert_not(read_bool(bad[i], &value), "'%s'", bad[i]);
}

Test(units, durations)
{
    static const struct {
        const char *text;
        double seconds;
    } good[] = {{"90", 90},    {"90s", 90},    {"10m", 600}, {"2h", 7200},
                {"1d", 86400}, {"1.5h", 5400}, {"0", 0},     {"1e2s", 100}};
    static const char *const bad[] = {"",     "m",   "-1s", "10M",  "10 m",  "10min",
                                      "10sm", "nan", "inf", "0x10", "1e308d"};
    double seconds;
    for (size_t i = 0; i < COUNT(good); i++)
        cr_assert(read_duration(good[i].text, &seconds) && seconds == good[i].seconds, "'%s'",
                  good[i].text);
    for (size_t i = 0; i < COUNT(bad); i++)
        cr_assert_not(read_duration(bad[i], &seconds), "'%s'", bad[i]);
}

Test(units, sizes)
{
    static const struct {
        const char *text;
        uint64_t bytes;
    } good[] = {{"0", 0},
                {"4096", 4096},
                {"512K", 524288},
                {"300M", 314572800},
                {"4G", UINT64_C(4294967296)},
                {"1T", UINT64_C(1099511627776)},
                {"1.5K", 1536}};
    static const char *const bad[] = {"", "G", "4g", "4GB", "-1", "4 G", "1e19", "1e9T", "nan"};
    uint64_t bytes;
    for (size_t i = 0; i < COUNT(good); i++)
        cr_assert(read_size(good[i].text, &bytes) && bytes == good[i].bytes, "'%s'", good[i].text);
    for (size_t i = 0; i < COUNT(bad); i++)
        cr_assert_not(read_size(bad[i], &bytes), "'%s'", bad[i]);
}

Test(units, reals_are_written_short_and_read_back_the_same)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {{0.1, "0.1"},     {1e-4, "0.0001"},
                 {1e6, "1000000"}, {0.1 + 0.2, "0.30000000000000004"},
                 {-0.0, "-0"},     {1.0 / 3, "0.3333333333333333"},
                 {DBL_MAX, NULL},  {DBL_MIN, NULL},
                 {5e-324, NULL},   {0x1.fffffffffffffp52, NULL}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[REAL_TEXT_SIZE];
        write_real(text, cases[i].value);
        double back = strtod(text, NULL);
        cr_assert_eq(memcmp(&back, &cases[i].value, sizeof back), 0, "%s", text);
        if (cases[i].text)
            cr_assert_str_eq(text, cases[i].text);
    }
}

TestLeak(lists, parts_between_commas)
{
    static const struct {
        const char *text;
        uint64_t count;
        const char *parts[4];
    } cases[] = {{"a, b ,c", 3, {"a", "b", "c"}},
                 {"a", 1, {"a"}},
                 {"", 0, {NULL}},
                 {"  ", 0, {NULL}},
                 {"a,,b", 3, {"a", "", "b"}},
                 {"a,", 2, {"a", ""}},
                 {",", 2, {"", ""}},
                 {" x y , z", 2, {"x y", "z"}}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint64_t count = 99;
        char **parts = list_split(cases[i].text, &count);
        cr_assert_eq(count, cases[i].count, "'%s' has %d", cases[i].text, (int)count);
        for (uint64_t j = 0; j < count; j++)
            cr_assert_str_eq(parts[j], cases[i].parts[j]);
        free(parts);
    }
}

Test(lists, one_that_is_too_long_is_cut_at_a_part)
{
    static const char *const parts[] = {"alpha", "beta", "gamma"};
    char text[32];
    list_join(text, sizeof text, parts, 3);
    cr_assert_str_eq(text, "alpha, beta, gamma");
    list_join(text, sizeof text, parts, 0);
    cr_assert_str_eq(text, "");
    // Whatever the size: what is written is whole parts, an end that says so, and a zero.
    for (uint64_t size = 1; size < sizeof text; size++) {
        memset(text, '#', sizeof text);
        list_join(text, size, parts, 3);
        size_t length = strlen(text);
        cr_assert_lt(length, size);
        cr_assert_eq(text[size], '#', "%d bytes", (int)size);
        cr_assert(length == 0 || strcmp(text, "alpha, beta, gamma") == 0 ||
                      strcmp(text, "...") == 0 || strcmp(text, "alpha, ...") == 0 ||
                      strcmp(text, "alpha, beta, ...") == 0,
                  "'%s'", text);
    }
}
