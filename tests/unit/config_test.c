// SPDX-License-Identifier: Apache-2.0
// The INI as text: what is read, with its places; what is refused, in which words; includes, lines
// that go on, and what goes over what.
#include "config/config.h"

#include "support/folder.h"
#include "support/leak.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct error error;

static struct config *parse(const char *text)
{
    struct config *config = NULL;
    error_clear(&error);
    cr_assert_eq(config_parse(&config, text, "a.ini", ".", &error), ESP_OK, "%s", error.message);
    return config;
}

static struct config *load(const char *path)
{
    struct config *config = NULL;
    error_clear(&error);
    cr_assert_eq(config_load(&config, path, NULL, 0, &error), ESP_OK, "%s", error.message);
    return config;
}

static const char *value(const struct config *config, const char *section, const char *key)
{
    const struct config_entry *entry = config_find(config, section, key);
    return entry ? entry->value : "(none)";
}

static void repeat(char *text, char c, size_t count)
{
    memset(text, c, count);
    text[count] = '\0';
}

// ---- What is read -----------------------------------------------------------------------------

// All entries in their order, as "[section] key=value@line".
static void check_entries(const char *text, const char *expected)
{
    struct config *config = parse(text);
    char all[1024] = "";
    for (uint64_t i = 0; i < config_count(config); i++) {
        const struct config_entry *entry = config_get(config, i);
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "[%s] %s=%s@%d|", entry->section, entry->key,
                 entry->value, entry->line);
    }
    cr_assert_str_eq(all, expected, "of\n%s\nis %s", text, all);
    config_destroy(config);
}

TestLeak(config, each_text_is_read_with_its_lines)
{
    static const struct {
        const char *text, *entries;
    } cases[] = {
        {"", ""},
        {"\n\n[a]\nx = 1\n\n[b]\ny=2", "[a] x=1@4|[b] y=2@7|"},
        {"; first\n# second\n[a] ; behind\nx = 1\n", "[a] x=1@4|"},
        {"[a]\n  ; an indented comment\nx = 1 ; behind\ny = 2;3\nz = a # b\n",
         "[a] x=1@3|[a] y=2;3@4|[a] z=a # b@5|"},
        {"[a]\r\nx = 1\r\n\r\n", "[a] x=1@2|"},
        {"\xef\xbb\xbf[a]\nx = 1\n", "[a] x=1@2|"},
        {"[a]\nx =\ny = ;nothing\n", "[a] x=@2|[a] y=@3|"},
        {"[a]\nx = b = c : d\n", "[a] x=b = c : d@2|"},
        {"[a]\nx\t=\tone\ttwo\t\n", "[a] x=one two@2|"},
        {"[a]\nx = \xc3\xa9t\xc3\xa9\n", "[a] x=\xc3\xa9t\xc3\xa9@2|"},
        {"[a]\nx = 1\n[b]\nx = 2\n[a]\ny = 3\n", "[a] x=1@2|[b] x=2@4|[a] y=3@6|"},
        // Lines that go on.
        {"[a]\nx = one, \\\n    two, \\\n\tthree\ny = 2\n", "[a] x=one,two,three@2|[a] y=2@5|"},
        {"[a]\nx = \\\n  1 ; behind\n", "[a] x=1@2|"},
        {"[a]\nx = 1, ; the first \\\n  2 ; the second\n", "[a] x=1,2@2|"},
        {"[a]\nx = 1 \\\n  [b]\n", "[a] x=1[b]@2|"},
        {"[a]\nx = 1 \\ \\\n  2\n", "[a] x=1 \\2@2|"},
        {"[a] ; behind \\\nx = 1\n", "[a] x=1@2|"},
        {"; a comment \\\n[a]\nx = C:\\dir\n", "[a] x=C:\\dir@3|"},
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        check_entries(cases[i].text, cases[i].entries);
}

TestLeak(config, sections_stand_in_the_order_of_meeting_empty_ones_too)
{
    struct config *config = parse("[b]\n[a]\nx = 1\n[b]\n");
    cr_assert_eq(config_section_count(config), 2);
    cr_assert_str_eq(config_section(config, 0), "b");
    cr_assert_str_eq(config_section(config, 1), "a");
    cr_assert(config_has_section(config, "b"));
    cr_assert_not(config_has_section(config, "c"));
    cr_assert_null(config_find(config, "b", "x"));
    config_destroy(config);
}

// 198 bytes are read to the last one, 199 are refused; so with a section's name of 49 and 50.
TestLeak(config, the_longest_lines_and_names)
{
    char text[1400], long_value[300], name[50];
    repeat(long_value, 'v', 198 - strlen("key = "));
    snprintf(text, sizeof text, "[a]\nkey = %s\nnext = 1\n", long_value);
    struct config *config = parse(text);
    cr_assert_str_eq(value(config, "a", "key"), long_value);
    cr_assert_str_eq(value(config, "a", "next"), "1");
    config_destroy(config);

    repeat(name, 'n', 49);
    snprintf(text, sizeof text, "[%s]\n%s%s = 1\n", name, name, name); // keys are not cut
    config = parse(text);
    snprintf(long_value, sizeof long_value, "%s%s", name, name);
    cr_assert_str_eq(value(config, name, long_value), "1");
    config_destroy(config);

    // A comment may be as long as it likes; so may a value that goes on, with its long key.
    char comment[500], half[180];
    repeat(comment, 'c', 450);
    repeat(half, 'h', 170);
    snprintf(text, sizeof text, "[a]\n;%s\n%s%s = 0\\\n  %s\\\n  end\n", comment, name, name, half);
    config = parse(text);
    const char *joined = value(config, "a", long_value);
    cr_assert_eq(strlen(joined), 1 + 170 + 3);
    cr_assert_str_eq(joined + 1 + 170, "end");
    cr_assert_eq(config_count(config), 1);
    config_destroy(config);
}

// ---- What is refused --------------------------------------------------------------------------

Test(config, each_bad_text_is_refused_with_its_place)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"x = 1\n", "a.ini:1: the key stands before any [section]; only 'include = FILE' may"},
        {"[]\nx = 1\n", "a.ini:2: the key stands before any [section]"},
        {"[a]\nx\n", "a.ini:2: expected 'key = value' or '[section]'"},
        {"[a]\nx ;= 1\ny = 1\n", "a.ini:2: expected 'key = value' or '[section]'"},
        {"[a]\nx: 1\n", "a.ini:2: expected 'key = value'; a key holds no ':'"},
        {"[a]\nx:y = 1\n", "a.ini:2: expected 'key = value'; a key holds no ':'"},
        {"[a]\n= 1\n", "a.ini:2: expected a key before the '='"},
        {"[a]\nx =;1\n", "a.ini:2: a value cannot begin with ';'"},
        {"[a]\ny = 1\n x = 1\n", "a.ini:3: the line is indented, and would be joined"},
        {"[a]\n\tx = 1\n", "a.ini:2: the line is indented"},
        {"[a]\ny = 1\n\fx = 1\n", "a.ini:3: the line holds a control character"},
        {"[a]\ny = 1\n\rx = 1\n", "a.ini:3: the line holds a control character"},
        {"[a]\n\vx = 1\n", "a.ini:2: the line holds a control character"},
        {"[a]\nx = \x1b[31m\n", "a.ini:2: the line holds a control character, or is no UTF-8"},
        {"[a]\nx = \xe9t\xe9\n", "a.ini:2: the line holds a control character, or is no UTF-8"},
        {" [a]\n", "a.ini:1: the line is indented"},
        {"[a\n", "a.ini:1: expected ']' at the end of the section's name"},
        {"[a] x = 1\n", "a.ini:1: expected nothing behind the section's ']'"},
        {"[a ;]\n", "a.ini:1: a section's name holds no ';'"},
        {"[a]\nx = 1\nx = 2\n", "a.ini:3: [a] x: it stands twice; first at line 2"},
        {"[a]\nx = 1\n[b]\n[a]\nx = 2\n", "a.ini:5: [a] x: it stands twice; first at line 2"},
        {"[a]\nx = 1 \\\ny = 2\n", "a.ini:3: expected the rest of the value above"},
        {"[a]\nx = 1 \\\n\n", "a.ini:3: expected the rest of the value above"},
        {"[a]\nx = 1 \\\n  ; no\n", "a.ini:3: a value that goes on cannot be parted by a comment"},
        {"[a]\nx = 1 \\\n", "a.ini:2: the backslash at its end wants another line"},
        {"[a]\nx = 1 \\ ; no\ny = 2\n", "a.ini:2: a value cannot end in a backslash"},
        {"[a]\nx = 1 \\\n  2 \\ ; no\n", "a.ini:3: a value cannot end in a backslash"},
        {"include = \n", "a.ini:1: include: expected a file"},
        {"include = b.ini \\\n  c.ini\n",
         "a.ini:1: include: ./b.ini: cannot be read: No such file"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct config *config = NULL;
        error_clear(&error);
        cr_assert_eq(config_parse(&config, cases[i].text, "a.ini", ".", &error), ESP_ERROR_INVALID,
                     "%s", cases[i].text);
        cr_assert_null(config);
        cr_assert(strncmp(error.message, cases[i].message, strlen(cases[i].message)) == 0,
                  "\n%s\ngave   %s\nexpected %s", cases[i].text, error.message, cases[i].message);
        cr_assert_eq(SUPPORT_LEAKED(), 0, "%s", cases[i].text);
    }
}

TestLeak(config, what_inih_would_cut_is_refused)
{
    char text[400], run[300];
    struct config *config = NULL;
    repeat(run, 'v', 199 - strlen("key = "));
    snprintf(text, sizeof text, "[a]\nkey = %s\n", run);
    error_clear(&error);
    cr_assert_eq(config_parse(&config, text, "a.ini", ".", &error), ESP_ERROR_INVALID);
    cr_assert(strstr(error.message, "a.ini:2: the line has 199 bytes, and at most 198 are read"),
              "%s", error.message);
    repeat(run, 'n', 50);
    snprintf(text, sizeof text, "\n[%s]\n", run);
    error_clear(&error);
    cr_assert_eq(config_parse(&config, text, "a.ini", ".", &error), ESP_ERROR_INVALID);
    cr_assert_str_eq(error.message, "a.ini:2: the section's name is longer than 49 bytes");
}

TestLeak(config, files_that_are_no_texts_are_refused)
{
    char *folder = folder_temporary(), path[512];
    struct config *config = NULL;
    snprintf(path, sizeof path, "%s/none.ini", folder);
    error_clear(&error);
    cr_assert_eq(config_load(&config, path, NULL, 0, &error), ESP_ERROR_INVALID);
    cr_assert(strstr(error.message, "none.ini: cannot be read: No such file"), "%s", error.message);

    error_clear(&error);
    cr_assert_eq(config_load(&config, folder, NULL, 0, &error), ESP_ERROR_INVALID);
    cr_assert(strstr(error.message, "cannot be read: Is a directory"), "%s", error.message);

    snprintf(path, sizeof path, "%s/zero.ini", folder);
    FILE *file = fopen(path, "w");
    cr_assert_eq(fwrite("[a]\nx = 1\0\n", 1, 11, file), 11);
    fclose(file);
    error_clear(&error);
    cr_assert_eq(config_load(&config, path, NULL, 0, &error), ESP_ERROR_INVALID);
    cr_assert(strstr(error.message, "zero.ini: it holds zero bytes"), "%s", error.message);
    folder_delete(folder);
}

// ---- Includes ---------------------------------------------------------------------------------

TestLeak(includes, the_including_file_goes_over_what_it_includes)
{
    char *folder = folder_temporary(), deep[512];
    snprintf(deep, sizeof deep, "%s/deep", folder);
    cr_assert_eq(mkdir(deep, 0777), 0);
    // The last include of b.ini stands behind its own keys, and still does not go over them.
    char *a = folder_write(folder, "a.ini", "include = deep/b.ini\n[s]\nx = from a\n[t]\nq = 1\n");
    char *b = folder_write(folder, "deep/b.ini",
                           "include = c.ini\n[s]\nx = from b\ny = from b\n"
                           "[]\ninclude = d.ini\n[u]\nw = 1\n");
    char *c =
        folder_write(folder, "deep/c.ini", "[s]\nx = from c\ny = from c\nz = from c\nv = from c\n");
    char *d = folder_write(folder, "deep/d.ini", "[s]\ny = from \\\n d\nz = from d\n");
    struct config *config = load(a);
    cr_assert_str_eq(value(config, "s", "x"), "from a");
    cr_assert_str_eq(value(config, "s", "y"), "from b");
    cr_assert_str_eq(value(config, "s", "z"), "from d", "of two includes the later");
    cr_assert_str_eq(value(config, "s", "v"), "from c");
    cr_assert_str_eq(value(config, "u", "w"), "1");
    // Each stands where it was written; relative paths start there.
    const struct config_entry *z = config_find(config, "s", "z");
    cr_assert(strstr(z->file, "/deep/d.ini"), "%s", z->file);
    cr_assert_eq(z->line, 4);
    cr_assert_str_eq(config_folder(config, z), deep);
    cr_assert_str_eq(config_folder(config, config_find(config, "s", "x")), folder);
    config_destroy(config);
    free(a);
    free(b);
    free(c);
    free(d);
    folder_delete(folder);
}

TestLeak(includes, a_key_twice_in_one_file_is_noticed_though_an_include_has_it)
{
    char *folder = folder_temporary();
    char *b = folder_write(folder, "b.ini", "[s]\nx = 0\n");
    char *a = folder_write(folder, "a.ini", "include = b.ini\n[s]\nx = 1\nx = 2\n");
    struct config *config = NULL;
    error_clear(&error);
    cr_assert_eq(config_load(&config, a, NULL, 0, &error), ESP_ERROR_INVALID);
    cr_assert(strstr(error.message, "a.ini:4: [s] x: it stands twice; first at line 3"), "%s",
              error.message);
    free(a);
    free(b);
    folder_delete(folder);
}

TestLeak(includes, circles_are_refused_and_two_ways_to_one_file_are_none)
{
    char *folder = folder_temporary();
    char *self = folder_write(folder, "self.ini", "; itself\ninclude = ./self.ini\n");
    char *a = folder_write(folder, "a.ini", "include = b.ini\n");
    char *b = folder_write(folder, "b.ini", "\ninclude = a.ini\n");
    char *left = folder_write(folder, "left.ini", "include = base.ini\n[s]\nl = 1\n");
    char *right = folder_write(folder, "right.ini", "include = base.ini\n[s]\nr = 1\n");
    char *base = folder_write(folder, "base.ini", "[s]\nx = 1\n");
    char *top = folder_write(folder, "top.ini", "include = left.ini\ninclude = right.ini\n");
    struct config *config = NULL;
    error_clear(&error);
    cr_assert_eq(config_load(&config, self, NULL, 0, &error), ESP_ERROR_INVALID);
    cr_assert(strstr(error.message, "self.ini:2: include: the files go in a circle"), "%s",
              error.message);
    error_clear(&error);
    cr_assert_eq(config_load(&config, a, NULL, 0, &error), ESP_ERROR_INVALID);
    cr_assert(strstr(error.message, "b.ini:2: include: the files go in a circle"), "%s",
              error.message);
    config = load(top);
    cr_assert_eq(config_count(config), 3);
    config_destroy(config);
    char *paths[] = {self, a, b, left, right, base, top};
    for (size_t i = 0; i < COUNT(paths); i++)
        free(paths[i]);
    folder_delete(folder);
}

TestLeak(includes, a_mistake_is_named_where_it_stands)
{
    char *folder = folder_temporary();
    char *b = folder_write(folder, "b.ini", "[s]\nx\n");
    char *a = folder_write(folder, "a.ini", "include = b.ini\n");
    struct config *config = NULL;
    error_clear(&error);
    cr_assert_eq(config_load(&config, a, NULL, 0, &error), ESP_ERROR_INVALID);
    cr_assert(strstr(error.message, "b.ini:2: expected 'key = value'"), "%s", error.message);
    cr_assert_null(strstr(error.message, "a.ini"), "%s", error.message);
    free(a);
    free(b);
    b = folder_write(folder, "b.ini", "[s]\nx = 1\n");
    a = folder_write(folder, "a.ini", "include = b.ini \\\n  c.ini\n");
    error_clear(&error);
    cr_assert_eq(config_load(&config, a, NULL, 0, &error), ESP_ERROR_INVALID);
    cr_assert(strstr(error.message, "a.ini:2: an include stands on one line"), "%s", error.message);
    free(a);
    free(b);
    folder_delete(folder);
}

// ---- Overrides --------------------------------------------------------------------------------

TestLeak(overrides, the_last_goes_over_the_file_and_its_includes)
{
    char *folder = folder_temporary();
    char *b = folder_write(folder, "b.ini", "[s]\nx = 1\ny = 1\n");
    char *a = folder_write(folder, "a.ini", "include = b.ini\n[s]\nx = 2\n");
    static const char *const sets[] = {
        "s.x=3", "s.y = 4 ", "t.new=5", "s.x=6", "estimator.train.epochs=7", "fix.cell/a.b=8"};
    struct config *config = NULL;
    error_clear(&error);
    cr_assert_eq(config_load(&config, a, sets, COUNT(sets), &error), ESP_OK, "%s", error.message);
    cr_assert_str_eq(value(config, "s", "x"), "6");
    cr_assert_str_eq(value(config, "s", "y"), "4");
    cr_assert_str_eq(value(config, "t", "new"), "5");
    cr_assert_str_eq(value(config, "estimator.train", "epochs"), "7");
    cr_assert_str_eq(value(config, "fix", "cell/a.b"), "8");
    cr_assert_eq(config_find(config, "s", "x")->line, 0);
    cr_assert_str_eq(config_folder(config, config_find(config, "s", "x")), ".");
    cr_assert_eq(config_set(config, "s", "x", "9", &error), ESP_OK);
    cr_assert_str_eq(value(config, "s", "x"), "9");
    config_destroy(config);
    free(a);
    free(b);
    folder_delete(folder);
}

TestLeak(overrides, each_bad_one_is_refused)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"epochs=3", "--set: expected section.key=value, got 'epochs=3'"},
        {"s.x", "--set: expected section.key=value, got 's.x'"},
        {".x=1", "--set: expected section.key=value, got '.x=1'"},
        {"s.=1", "--set: expected section.key=value, got 's.=1'"},
        {"", "--set: expected section.key=value, got ''"},
        {"x=a.b", "--set: expected section.key=value, got 'x=a.b'"},
        {"s.x=a ;b", "command line: [s] x: what follows ' ;' would be read as a comment"},
        {"s.x=;b", "command line: [s] x: a value that begins with ';'"},
        {"s.x=a\nb", "command line: [s] x: it holds a control character, or is no UTF-8"},
        {"s.x=\xff", "command line: [s] x: it holds a control character, or is no UTF-8"},
        {"s.x=a\\", "command line: [s] x: a backslash at the end would join it"},
        {"fix.[x=1", "command line: [fix] [x: no key holds"},
        {"fix.a:b=1", "command line: [fix] a:b: no key holds"},
    };
    struct config *config = parse("[s]\nx = 1\n");
    for (size_t i = 0; i < COUNT(cases); i++) {
        error_clear(&error);
        cr_assert_eq(config_apply(config, cases[i].text, &error), ESP_ERROR_INVALID, "%s",
                     cases[i].text);
        cr_assert(strncmp(error.message, cases[i].message, strlen(cases[i].message)) == 0,
                  "'%s' gave %s", cases[i].text, error.message);
        cr_assert_str_eq(value(config, "s", "x"), "1");
    }
    config_destroy(config);
}

// ---- Words ------------------------------------------------------------------------------------

TestLeak(places, an_error_names_file_line_section_and_key)
{
    struct config *config = parse("[s]\nx = 1\n");
    error_clear(&error);
    cr_assert_eq(config_fail(&error, ESP_ERROR_INVALID, config_find(config, "s", "x"), "no %d", 5),
                 ESP_ERROR_INVALID);
    cr_assert_str_eq(error.message, "a.ini:2: [s] x: no 5");
    error_clear(&error);
    config_fail_section(&error, config, "s", "no %d", 6);
    cr_assert_str_eq(error.message, "a.ini:1: [s]: no 6");
    error_clear(&error);
    config_fail_section(&error, config, "t", "no");
    cr_assert_str_eq(error.message, "a.ini: [t]: no");
    cr_assert_eq(config_set(config, "u", "y", "1", &error), ESP_OK);
    error_clear(&error);
    config_fail(&error, ESP_ERROR_INVALID, config_find(config, "u", "y"), "no");
    cr_assert_str_eq(error.message, "command line: [u] y: no");
    error_clear(&error);
    config_fail_section(&error, config, "u", "no");
    cr_assert_str_eq(error.message, "command line: [u]: no");
    config_destroy(config);
}
