// SPDX-License-Identifier: Apache-2.0
// The nearest name: each of the four edits is one, what is too far is no proposal.
#include "text/nearest.h"

#include <criterion/criterion.h>
#include <espalier/handle.h>
#include <string.h>

static const char *const names[] = {"population", "tournament", "repeat", "learning_rate", "batch"};

static const char *nearest(const char *word)
{
    const char *found = text_nearest(word, names, ESP_COUNT(names));
    return found ? found : "(none)";
}

Test(nearest, one_edit)
{
    cr_expect_str_eq(nearest("populaton"), "population", "a letter is missing");
    cr_expect_str_eq(nearest("populattion"), "population", "a letter too many");
    cr_expect_str_eq(nearest("populatiom"), "population", "another letter");
    cr_expect_str_eq(nearest("popualtion"), "population", "neighbours swapped");
    cr_expect_str_eq(nearest("batch"), "batch", "the name itself");
}

// "abcd" is two swaps from "badc", and four other edits: only as swaps is it near enough.
Test(nearest, a_swap_is_one_edit)
{
    const char *const swapped[] = {"badc"};
    cr_expect_not_null(text_nearest("abcd", swapped, 1));
    const char *const replaced[] = {"wxyd"};
    cr_expect_null(text_nearest("abcd", replaced, 1), "three of four letters");
}

Test(nearest, the_nearest_of_several)
{
    const char *const alike[] = {"conv_5x5_bn", "conv_3x3", "conv_3x1"};
    cr_expect_str_eq(text_nearest("conv_3x33", alike, ESP_COUNT(alike)), "conv_3x3");
    cr_expect_str_eq(text_nearest("conv_1x1", alike, ESP_COUNT(alike)), "conv_3x1");
}

Test(nearest, nothing_near)
{
    cr_expect_str_eq(nearest("xyzzy"), "(none)");
    cr_expect_str_eq(nearest("pop"), "(none)");
    cr_expect_str_eq(nearest("x"), "(none)", "of one letter nothing can be said");
    cr_expect_str_eq(nearest(""), "(none)");
    cr_expect_null(text_nearest("batch", NULL, 0), "no names at all");
}

// Words of any length are safe to ask for.
Test(nearest, long_words)
{
    char word[5000];
    memset(word, 'a', sizeof word - 1);
    word[sizeof word - 1] = '\0';
    cr_expect_str_eq(nearest(word), "(none)");
    const char *const same[] = {word};
    cr_expect_null(text_nearest("batch", same, 1));
}
