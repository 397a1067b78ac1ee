// SPDX-License-Identifier: Apache-2.0
// SHA-256 of files, against the vectors of FIPS 180-4.
#include "loader/digest.h"

#include "support/folder.h"
#include "support/leak.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void expect_digest(const char *folder, const char *text, const char *hex)
{
    char found[SHA256_HEX_SIZE];
    struct error error;
    error_clear(&error);
    char *path = folder_write(folder, "file", text);
    cr_expect_eq(file_sha256(found, path, &error), ESP_OK, "%s", error.message);
    cr_expect_str_eq(found, hex);
    free(path);
}

TestLeak(digest, known_files)
{
    char *folder = folder_temporary();
    expect_digest(folder, "",
                  "e3b0c44298fc1c149afbf4c8996fb924"
                  "27ae41e4649b934ca495991b7852b855");
    expect_digest(folder, "abc",
                  "ba7816bf8f01cfea414140de5dae2223"
                  "b00361a396177a9cb410ff61f20015ad");
    expect_digest(folder, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                  "248d6a61d20638b8e5c026930c3e6039"
                  "a33ce45964ff2167f6ecedd419db06c1");
    // A million letters: more than is read at once.
    char *text = malloc(1000001);
    memset(text, 'a', 1000000);
    text[1000000] = '\0';
    expect_digest(folder, text,
                  "cdc76e5c9914fb9281a1c7e284d73e67"
                  "f1809a48a497200e046d39ccc7112cd0");
    free(text);
    folder_delete(folder);
}

TestLeak(digest, files_that_cannot_be_read)
{
    char *folder = folder_temporary(), hex[SHA256_HEX_SIZE], path[600];
    struct error error;
    error_clear(&error);
    snprintf(path, sizeof path, "%s/missing", folder);
    cr_expect_eq(file_sha256(hex, path, &error), ESP_ERROR_IO);
    cr_expect(strstr(error.message, "missing: it cannot be read: No such file"), "%s",
              error.message);
    error_clear(&error);
    cr_expect_eq(file_sha256(hex, folder, &error), ESP_ERROR_IO);
    cr_expect(strstr(error.message, "it cannot be read: Is a directory"), "%s", error.message);
    folder_delete(folder);
}
