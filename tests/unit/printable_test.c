// SPDX-License-Identifier: Apache-2.0
// Printable text: what UTF-8 is and what only looks like it.
#include "text/printable.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

Test(printable, what_is)
{
    const char *const texts[] = {
        "",
        "conv 3x3 ~",
        "\xc2\xa0", // U+00A0, the first behind the control characters of Latin-1
        ("Gr\xc3\xb6\xc3\x9f"
         "e"),
        "\xe0\xa0\x80",     // U+0800
        "\xed\x9f\xbf",     // U+D7FF, the last before the surrogates
        "\xee\x80\x80",     // U+E000
        "\xf0\x90\x80\x80", // U+10000
        "\xf4\x8f\xbf\xbf", // U+10FFFF
    };
    for (size_t i = 0; i < COUNT(texts); i++)
        cr_expect(text_printable(texts[i]), "text %zu", i);
}

static const struct {
    const char *text, *cleaned;
} broken[] = {
    {"a\tb", "a?b"},
    {"a\nb", "a?b"},
    {"\x1b[31m", "?[31m"},
    {"\x7f", "?"},
    {"\xc2\x9b", "??"},      // U+009B: begins a terminal's command, as ESC [ does
    {"\x80", "?"},           // a byte of continuation alone
    {"\xc0\xaf", "??"},      // overlong '/'
    {"\xc1\xbf", "??"},      // overlong
    {"\xe0\x9f\xbf", "???"}, // overlong
    {"\xf0\x8f\xbf\xbf", "????"},
    {"\xed\xa0\x80", "???"}, // a surrogate
    {"\xf4\x90\x80\x80", "????"},
    {"\xf5\x80\x80\x80", "????"},
    {"a\xe2\x82", "a??"}, // cut off
    {"\xc3", "?"},
    {"\xc3(", "?("},
    {"\xe2\x82\xac\xe2\x82\xe2\x82\xac", "\xe2\x82\xac??\xe2\x82\xac"},
};

Test(printable, what_is_not)
{
    for (size_t i = 0; i < COUNT(broken); i++)
        cr_expect_not(text_printable(broken[i].text), "text %zu", i);
}

// In a buffer of its own size: the sanitizer sees every byte too far.
Test(printable, made_so)
{
    for (size_t i = 0; i < COUNT(broken); i++) {
        char *text = strdup(broken[i].text);
        text_make_printable(text);
        cr_expect_str_eq(text, broken[i].cleaned, "text %zu", i);
        cr_expect(text_printable(text), "text %zu", i);
        free(text);
    }
}
