// SPDX-License-Identifier: Apache-2.0
// Every space that was built and has a notation, a canonical form or a structure: what these say agrees
// for many members, whatever is fixed, and texts that are damaged at random are refused in words, or
// are members. That a notation is the right one is its plugin's test.
#include "builder/structure.h"
#include "support/leak.h"
#include "support/member_lab.h"
#include "text/printable.h"

#include <espalier/plugin.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MEMBERS 20
#define DAMAGED 600
#define LONGEST 8192

// The ids of the spaces that are there.
static uint64_t list_spaces(const char *ids[64])
{
    struct registry *registry = NULL;
    struct error error;
    uint64_t count = 0;
    error_clear(&error);
    cr_assert_eq(registry_create(&registry, NULL, &error), ESP_OK, "%s", error.message);
    for (uint64_t i = 0; i < registry_count(registry) && count < 64; i++) {
        const struct component *component = registry_get(registry, i);
        if (component->kind == ESP_KIND_SPACE && !component->refused && !component->shadowed_by)
            ids[count++] = strdup(component->id);
    }
    registry_destroy(registry);
    cr_assert_gt(count, 0);
    return count;
}

static void each_space(void (*check)(struct member_lab *lab, const char *id))
{
    const char *ids[64];
    uint64_t count = list_spaces(ids);
    for (uint64_t i = 0; i < count; i++) {
        char ini[128];
        struct member_lab lab;
        snprintf(ini, sizeof ini, "[space]\nplugin = %s\n", ids[i]);
        member_lab_open(&lab, ini);
        check(&lab, ids[i]);
        member_lab_close(&lab);
        free((char *)(uintptr_t)ids[i]);
    }
}

// The text of a member; false where the notation has no word for it.
static bool print(struct member_lab *lab, const char *id, const struct arch *arch,
                  char text[LONGEST])
{
    const char *printed = NULL;
    error_clear(&lab->error);
    esp_status status = builder_print(lab->builder, arch, &printed, &lab->error);
    cr_assert(status == ESP_OK || status == ESP_ERROR_UNSUPPORTED, "%s: %s", id,
              lab->error.message);
    if (status != ESP_OK)
        return false;
    cr_assert_lt(strlen(printed), LONGEST);
    strcpy(text, printed);
    return true;
}

// ---- What is said agrees ------------------------------------------------------------------------

// Reading again what was printed gives the same text, and the same network.
static void check_words(struct member_lab *lab, const char *id)
{
    char text[LONGEST], again[LONGEST];
    for (uint64_t seed = 0; builder_has_text(lab->builder) && seed < MEMBERS; seed++) {
        struct arch *arch = member_sample(lab, seed);
        if (print(lab, id, arch, text)) {
            struct arch *read = member_parse(lab, text);
            cr_expect(print(lab, id, read, again) && strcmp(text, again) == 0, "%s: %s\n%s", id,
                      text, again);
            uint64_t a = 0, b = 0;
            if (builder_has_canonical(lab->builder)) {
                cr_assert_eq(builder_canonical_hash(lab->builder, arch, &a, &lab->error), ESP_OK,
                             "%s: %s", id, lab->error.message);
                cr_assert_eq(builder_canonical_hash(lab->builder, read, &b, &lab->error), ESP_OK);
                cr_expect_eq(a, b, "%s: %s has two canonical forms", id, text);
            }
            arch_release(read);
        }
        arch_release(arch);
    }
}

TestLeak(notations, are_read_back)
{
    each_space(check_words);
}

// Every member has the same cells, each with a path, and the same ones after a replay.
static void check_structure(struct member_lab *lab, const char *id)
{
    uint64_t cells = 0;
    for (uint64_t seed = 0; builder_has_structure(lab->builder) && seed < MEMBERS; seed++) {
        struct arch *arch = member_sample(lab, seed);
        const esp_structure *structure = NULL;
        cr_assert_eq(builder_structure(lab->builder, arch, &structure, &lab->error), ESP_OK,
                     "%s: %s", id, lab->error.message);
        cr_expect(cells == 0 || structure->cell_count == cells, "%s: %llu cells and %llu", id,
                  (unsigned long long)cells, (unsigned long long)structure->cell_count);
        cells = structure->cell_count;
        char *dot = structure_dot(structure, id);
        cr_expect_not_null(dot);
        free(dot);
        structure_destroy(structure);
        arch_release(arch);
    }
}

TestLeak(notations, structures_of_every_member)
{
    each_space(check_structure);
}

// ---- [fix] --------------------------------------------------------------------------------------

// A decision that is fixed leaves the trace, and the text stays the same.
static void expect_fixed(const char *id, const char *path, const char *value, const char *text)
{
    char ini[1024], again[LONGEST];
    struct member_lab lab;
    snprintf(ini, sizeof ini, "[space]\nplugin = %s\n[fix]\n%s = %s\n", id, path, value);
    member_lab_open(&lab, ini);
    struct arch *arch = member_parse(&lab, text);
    cr_expect_lt(esp_arch_find(arch_handle(arch), path), 0, "%s: %s is fixed", id, path);
    cr_expect(print(&lab, id, arch, again) && strcmp(text, again) == 0, "%s: %s = %s:\n%s\n%s", id,
              path, value, text, again);
    arch_release(arch);
    member_lab_close(&lab);
}

static void check_fixes(struct member_lab *lab, const char *id)
{
    char text[LONGEST];
    for (uint64_t seed = 0; builder_has_text(lab->builder) && seed < 4; seed++) {
        struct arch *arch = member_sample(lab, seed), *read = NULL;
        // A genome has no decisions to fix.
        if (esp_arch_count(arch_handle(arch)) > 0 && print(lab, id, arch, text)) {
            read = member_parse(lab, text);
            const esp_arch *handle = arch_handle(read);
            uint64_t i = 7 * seed % esp_arch_count(handle);
            char value[256];
            value_text(value, sizeof value, esp_arch_domain(handle, i), esp_arch_value(handle, i));
            // Values of several options are written with blanks and commas.
            for (char *c = value; *c; c++)
                if (*c == '+' && esp_arch_domain(handle, i)->kind == ESP_DECISION_SUBSET)
                    *c = ',';
            expect_fixed(id, esp_arch_path(handle, i), value, text);
            arch_release(read);
        }
        arch_release(arch);
    }
}

TestLeak(notations, hold_what_is_fixed)
{
    each_space(check_fixes);
}

// ---- Damage -------------------------------------------------------------------------------------

// One to three edits: a byte left out, doubled, changed or moved, the end cut off, a part twice.
static void damage(char text[LONGEST], esp_random *random)
{
    static const char others[] = "|~+-[](){}'\",.:=0123456789abz \t\n\xc3\xa4\x01";
    uint64_t edits = 1 + esp_random_below(random, 3);
    for (uint64_t edit = 0; edit < edits; edit++) {
        size_t length = strlen(text), at = esp_random_below(random, length + 1);
        size_t other = esp_random_below(random, length + 1), part = length - at;
        char byte = others[esp_random_below(random, sizeof others - 1)];
        switch (esp_random_below(random, 5)) {
        case 0:
            if (at < length)
                memmove(text + at, text + at + 1, length - at);
            break;
        case 1:
            if (length + 1 < LONGEST) {
                memmove(text + at + 1, text + at, length - at + 1);
                text[at] = byte;
            }
            break;
        case 2:
            if (at < length)
                text[at] = byte;
            break;
        case 3:
            text[at] = '\0';
            break;
        default: // what stands from `at` on, once more at `other`
            if (length + part < LONGEST) {
                memmove(text + other + part, text + other, length - other + 1);
                memmove(text + other, text + (at < other ? at : at + part), part);
            }
        }
    }
}

static void expect_answer(struct member_lab *lab, const char *id, const char *text)
{
    struct arch *arch = NULL;
    char again[LONGEST];
    error_clear(&lab->error);
    esp_status status = builder_parse(lab->builder, text, NULL, 0, &arch, &lab->error);
    if (status == ESP_OK) {
        print(lab, id, arch, again);
        arch_release(arch);
        return;
    }
    cr_expect(status == ESP_ERROR_INVALID || status == ESP_ERROR_REJECTED,
              "%s: status %u for\n%s\n%s", id, (unsigned)status, text, lab->error.message);
    char words[ERROR_MESSAGE_SIZE];
    snprintf(words, sizeof words, "%s", lab->error.message);
    for (char *c = words; *c; c++)
        if (*c == '\n')
            *c = ' ';
    cr_expect(words[0] && text_printable(words), "%s: %s\n%s", id, text, words);
    cr_expect_null(strstr(words, "gave no reason"), "%s: %s", id, text);
}

static void check_damage(struct member_lab *lab, const char *id)
{
    static const char *const strange[] = {"",   " ",
                                          "\n", "\xff",
                                          "|",  "{",
                                          "[",  "null",
                                          "0",  "99999999999999999999",
                                          "-1", "((((((((((((((((((((((("};
    char text[LONGEST];
    esp_random random = esp_random_stream(11, 0, 0, 0, 0);
    if (!builder_has_text(lab->builder))
        return;
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        expect_answer(lab, id, strange[i]);
    for (uint64_t seed = 0; seed < DAMAGED; seed++) {
        struct arch *arch = member_sample(lab, seed);
        if (print(lab, id, arch, text)) {
            damage(text, &random);
            expect_answer(lab, id, text);
        }
        arch_release(arch);
    }
}

TestLeak(notations, damaged_texts_are_refused_in_words)
{
    each_space(check_damage);
}
