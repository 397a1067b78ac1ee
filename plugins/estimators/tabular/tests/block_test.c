// SPDX-License-Identifier: Apache-2.0
// The header of a stored table may say any sizes: those whose bytes overflow to the file's own size are
// refused before anything behind the header is looked at.
#include "table.h"

#include <criterion/criterion.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static const uint64_t key[2] = {1, 2};

// A whole block of `real` rows, two columns, whose header says others.
static void expect_refused(uint64_t real, uint64_t rows, uint64_t slots)
{
    char reason[TABLE_REASON_SIZE] = "";
    struct table table;
    struct table_header *block = table_block(real, 2);
    cr_assert_not_null(block);
    table_seal(block, key);
    cr_assert(table_point(&table, block, block->size, key, reason), "%s", reason);
    block->rows += rows;
    block->slots = slots ? slots : block->slots;
    if (slots) // of so many that their bytes are none
        block->size = sizeof *block;
    block->content_hash = XXH3_64bits(block + 1, block->size - sizeof *block);
    block->header_hash = XXH3_64bits(block, offsetof(struct table_header, header_hash));
    cr_assert_not(table_point(&table, block, block->size, key, reason));
    cr_assert_str_eq(reason, "it is not as long as it should be");
    free(block);
}

Test(block, sizes_that_overflow_are_refused)
{
    expect_refused(4, 0, UINT64_C(1) << 62); // 4 bytes a slot
    expect_refused(4, UINT64_C(1) << 61, 0); // 24 bytes a row
}
