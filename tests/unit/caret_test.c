// SPDX-License-Identifier: Apache-2.0
#include "text/caret.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define A10 "aaaaaaaaaa"
#define A50 A10 A10 A10 A10 A10

static const struct row {
    const char *text;
    size_t offset;
    const char *picture, *place;
} rows[] = {
    {"conv-pol", 5, "  conv-pol\n       ^", ""},
    {"", 0, "  \n  ^", ""},
    {"ab", 2, "  ab\n    ^", ""},
    {"ab", 999, "  ab\n    ^", ""},
    {"a\tb", 2, "  a b\n    ^", ""},
    // Two bytes a letter, and an offset within one.
    {"\xc3\xa4\xc3\xb6x", 4, "  \xc3\xa4\xc3\xb6x\n    ^", ""},
    {"\xc3\xa4\xc3\xb6x", 3, "  \xc3\xa4\xc3\xb6x\n   ^", ""},
    {"a\xff\x01z", 3,
     "  a?"
     "?z\n     ^",
     ""},
    // Several lines: the one with the place.
    {"one\ntwo\nthree", 5, "  two\n   ^", " (line 2, character 2)"},
    {"one\ntwo\r\n", 8, "  two \n      ^", " (line 2, character 5)"},
    {"one\n", 4, "  \n  ^", " (line 2, character 1)"},
    // Long lines: a window of 72.
    {A50 A10 "aaaaaaaaaaB", 70, "  " A50 A10 "aaaaaaaaaaB\n  %70s^", ""},
    {"X" A50 A50, 0, "  X" A50 A10 A10 "a...\n  ^", " (character 1)"},
    {A50 A50 "X", 100, "  ..." A50 A10 A10 "aX\n     %71s^", " (character 101)"},
    {A50 A50 "X" A50 A50, 100, "  ..." A10 A10 A10 "aaaaaaX" A10 A10 A10 "aaaaa...\n     %36s^",
     " (character 101)"},
};

Test(caret, shows_the_place)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char out[CARET_SIZE], place[48], expected[CARET_SIZE];
        const char *blanks = strchr(rows[i].picture, '%');
        if (blanks)
            snprintf(expected, sizeof expected, "%.*s%*s^", (int)(blanks - rows[i].picture),
                     rows[i].picture, atoi(blanks + 1), "");
        else
            snprintf(expected, sizeof expected, "%s", rows[i].picture);
        text_caret(out, place, rows[i].text, rows[i].offset);
        cr_expect_str_eq(out, expected, "row %zu:\n%s\n%s", i, out, expected);
        cr_expect_str_eq(place, rows[i].place, "row %zu: %s", i, place);
    }
}

// The widest there is: characters of four bytes on both sides.
Test(caret, fits)
{
    char text[4 * 500 + 1], out[CARET_SIZE], place[48];
    for (size_t i = 0; i < 500; i++)
        memcpy(text + 4 * i, "\xf0\x9f\x8c\xb3", 4);
    text[4 * 500] = '\0';
    text_caret(out, place, text, 4 * 200);
    cr_assert_eq(out[strlen(out) - 1], '^');
    cr_assert_str_eq(place, " (character 201)");
}
