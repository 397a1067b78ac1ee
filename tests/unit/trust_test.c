// SPDX-License-Identifier: Apache-2.0
// Who may change a file, on a tree of folders below a temporary one.
#include "loader/trust.h"

#include "support/folder.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Nobody's number.
#define STRANGER 54321

static char *root;

static void begin(void)
{
    unsetenv("ESPALIER_TRUSTED_USERS");
    root = folder_temporary();
    cr_assert_eq(mkdir(folder_fill(root, "%/a"), 0755), 0);
    cr_assert_eq(mkdir(folder_fill(root, "%/a/b"), 0755), 0);
    free(folder_write(root, "a/b/f.so", "x"));
}

static void end(void)
{
    folder_delete(root);
}

TestSuite(trust, .init = begin, .fini = end);

// `words` NULL: it is trusted.
static void expect(const char *path, const char *words)
{
    struct error error;
    error_clear(&error);
    esp_status status = trust_path(path, &error);
    if (!words)
        cr_expect_eq(status, ESP_OK, "%s: %s", path, error.message);
    else
        cr_expect(status != ESP_OK && strstr(error.message, words), "%s: %s\nexpected: %s", path,
                  error.message, words);
}

static void set_mode(const char *name, mode_t mode)
{
    cr_assert_eq(chmod(folder_fill(root, name), mode), 0);
}

Test(trust, what_is_the_users_own_below_a_sticky_folder)
{
    expect(folder_fill(root, "%/a/b/f.so"), NULL);
    expect(folder_fill(root, "%/a/./b/../b//f.so"), NULL);
    expect("/bin/sh", NULL); // over the link /bin
    expect("/", NULL);
}

Test(trust, a_file_that_others_can_write)
{
    set_mode("%/a/b/f.so", 0666);
    expect(folder_fill(root, "%/a/b/f.so"), "f.so can be written by everybody (mode 0666, owner ");
    set_mode("%/a/b/f.so", 0602);
    expect(folder_fill(root, "%/a/b/f.so"), "`chmod o-w` mends it");
}

Test(trust, a_folder_above_that_others_can_write)
{
    set_mode("%/a", 0777);
    expect(folder_fill(root, "%/a/b/f.so"), "/a can be written by everybody (mode 0777");
    set_mode("%/a", 01777);
    expect(folder_fill(root, "%/a/b/f.so"), NULL);
}

// Others can put files of theirs into a sticky folder, so it is no place for plugins itself.
Test(trust, a_sticky_folder_at_the_end_is_not_trusted)
{
    set_mode("%/a/b", 01777);
    expect(folder_fill(root, "%/a/b"), "/a/b can be written by everybody (mode 1777");
    expect(folder_fill(root, "%/a/b/."), "/a/b can be written by everybody");
    cr_assert_eq(mkdir(folder_fill(root, "%/a/b/c"), 0755), 0);
    expect(folder_fill(root, "%/a/b/c/.."), "/a/b can be written by everybody");
    expect(folder_fill(root, "%/a/b/c"), NULL);
}

Test(trust, links_count_with_all_that_they_pass)
{
    cr_assert_eq(mkdir(folder_fill(root, "%/open"), 0777), 0);
    set_mode("%/open", 0777);
    cr_assert_eq(symlink("../a/b/f.so", folder_fill(root, "%/open/link.so")), 0);
    cr_assert_eq(symlink("open/link.so", folder_fill(root, "%/a.so")), 0);
    cr_assert_eq(symlink("a/b", folder_fill(root, "%/b")), 0);
    expect(folder_fill(root, "%/b/f.so"), NULL);
    // The file's own folders are closed, and whoever can turn the link chooses another file.
    expect(folder_fill(root, "%/open/link.so"), "/open can be written by everybody (mode 0777");
    expect(folder_fill(root, "%/a.so"), "/open can be written by everybody");
    cr_assert_eq(symlink("loop", folder_fill(root, "%/loop")), 0);
    expect(folder_fill(root, "%/loop"), "too many links");
    cr_assert_eq(symlink("nowhere", folder_fill(root, "%/lost")), 0);
    expect(folder_fill(root, "%/lost"), "nowhere");
    set_mode("%/a/b/f.so", 0666);
    expect(folder_fill(root, "%/b/f.so"), "/a/b/f.so can be written by everybody");
}

Test(trust, a_relative_path_begins_at_the_current_folder)
{
    cr_assert_eq(chdir(folder_fill(root, "%/a")), 0);
    expect("b/f.so", NULL);
    set_mode("%/a", 0777);
    expect("b/f.so", "/a can be written by everybody");
    cr_assert_eq(chdir("/"), 0);
}

Test(trust, a_group_that_has_others)
{
    if (geteuid() != 0)
        cr_skip_test("root alone can give a file to another group");
    cr_assert_eq(chown(folder_fill(root, "%/a/b/f.so"), (uid_t)-1, STRANGER), 0);
    set_mode("%/a/b/f.so", 0664);
    expect(folder_fill(root, "%/a/b/f.so"),
           "can be written by the group 54321 (mode 0664, owner root (0)); `chmod g-w` mends it");
    set_mode("%/a/b/f.so", 0644);
    expect(folder_fill(root, "%/a/b/f.so"), NULL);
    // The group of the user's own name.
    cr_assert_eq(chown(folder_fill(root, "%/a/b/f.so"), (uid_t)-1, 0), 0);
    set_mode("%/a/b/f.so", 0664);
    expect(folder_fill(root, "%/a/b/f.so"), NULL);
}

Test(trust, another_owner)
{
    if (geteuid() != 0)
        cr_skip_test("root alone can give a file away");
    cr_assert_eq(chown(folder_fill(root, "%/a/b/f.so"), STRANGER, (gid_t)-1), 0);
    expect(folder_fill(root, "%/a/b/f.so"),
           "f.so belongs to user 54321, who is neither root nor you (mode 0644)");
    setenv("ESPALIER_TRUSTED_USERS", "54320, 54321", 1);
    expect(folder_fill(root, "%/a/b/f.so"), NULL);
    setenv("ESPALIER_TRUSTED_USERS", "5432,543210,nobodys_name", 1);
    expect(folder_fill(root, "%/a/b/f.so"), "belongs to user 54321");
    unsetenv("ESPALIER_TRUSTED_USERS");
    cr_assert_eq(chown(folder_fill(root, "%/a"), STRANGER, (gid_t)-1), 0);
    cr_assert_eq(chown(folder_fill(root, "%/a/b/f.so"), 0, (gid_t)-1), 0);
    expect(folder_fill(root, "%/a/b/f.so"), "/a belongs to user 54321");
    // A stranger's link in a sticky folder leads where the stranger likes.
    cr_assert_eq(chown(folder_fill(root, "%/a"), 0, (gid_t)-1), 0);
    cr_assert_eq(symlink("b/f.so", folder_fill(root, "%/a/link.so")), 0);
    expect(folder_fill(root, "%/a/link.so"), NULL);
    cr_assert_eq(lchown(folder_fill(root, "%/a/link.so"), STRANGER, (gid_t)-1), 0);
    expect(folder_fill(root, "%/a/link.so"), "link.so belongs to user 54321");
}

Test(trust, what_is_not_there)
{
    expect(folder_fill(root, "%/none.so"), "none.so");
    char name[400];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    cr_assert_eq(chdir(root), 0);
    expect(name, "nnn");
    cr_assert_eq(chdir("/"), 0);
}
