// SPDX-License-Identifier: Apache-2.0
// Scopes and paths. There is one text: the weight path. The decision path is its end, from `root`
// on, which is where the innermost esp_share began.
#include "builder/pass.h"

#include <string.h>

// Longer paths mean a recursion without an end.
#define PATH_MOST ((size_t)1 << 16)

#define INDEX_DIGITS 20 // of a 64-bit index

// [A-Za-z0-9_.-]
static const bool name_byte[256] = {
    ['A'] = 1, ['B'] = 1, ['C'] = 1, ['D'] = 1, ['E'] = 1, ['F'] = 1, ['G'] = 1, ['H'] = 1,
    ['I'] = 1, ['J'] = 1, ['K'] = 1, ['L'] = 1, ['M'] = 1, ['N'] = 1, ['O'] = 1, ['P'] = 1,
    ['Q'] = 1, ['R'] = 1, ['S'] = 1, ['T'] = 1, ['U'] = 1, ['V'] = 1, ['W'] = 1, ['X'] = 1,
    ['Y'] = 1, ['Z'] = 1, ['a'] = 1, ['b'] = 1, ['c'] = 1, ['d'] = 1, ['e'] = 1, ['f'] = 1,
    ['g'] = 1, ['h'] = 1, ['i'] = 1, ['j'] = 1, ['k'] = 1, ['l'] = 1, ['m'] = 1, ['n'] = 1,
    ['o'] = 1, ['p'] = 1, ['q'] = 1, ['r'] = 1, ['s'] = 1, ['t'] = 1, ['u'] = 1, ['v'] = 1,
    ['w'] = 1, ['x'] = 1, ['y'] = 1, ['z'] = 1, ['0'] = 1, ['1'] = 1, ['2'] = 1, ['3'] = 1,
    ['4'] = 1, ['5'] = 1, ['6'] = 1, ['7'] = 1, ['8'] = 1, ['9'] = 1, ['_'] = 1, ['.'] = 1,
    ['-'] = 1,
};

static bool reserve_path(struct builder *builder, size_t more)
{
    if (builder->path_length + more > PATH_MOST) {
        error_set(&builder->error, ESP_ERROR_MISUSE,
                  "the path %.60s... is too long: does the recursion end?", builder->path);
        return false;
    }
    if (!array_reserve(&builder->path, &builder->path_capacity, builder->path_length + more, 1)) {
        error_memory(&builder->error);
        return false;
    }
    return true;
}

bool path_push(struct builder *builder, const char *name)
{
    size_t length = name ? strlen(name) : 0;
    if (builder->path_length + length + 2 > builder->path_capacity &&
        !reserve_path(builder, length + 2))
        return false;
    char *at = builder->path + builder->path_length;
    if (builder->path_length > 0)
        *at++ = '/';
    bool valid = length > 0;
    for (size_t i = 0; i < length; i++) {
        valid &= name_byte[(unsigned char)name[i]];
        at[i] = name[i];
    }
    if (!valid) {
        path_cut(builder, builder->path_length);
        error_set(&builder->error, ESP_ERROR_MISUSE,
                  "\"%.100s\" in the scope \"%s\" is no name: expected [A-Za-z0-9_.-]+",
                  name ? name : "(NULL)", builder->path);
        return false;
    }
    at[length] = '\0';
    builder->path_length = (size_t)(at + length - builder->path);
    return true;
}

bool path_is_name(struct builder *builder, const char *name)
{
    size_t length = builder->path_length;
    bool valid = path_push(builder, name);
    path_cut(builder, length);
    return valid;
}

static bool push_index(struct builder *builder, uint64_t index)
{
    char digits[INDEX_DIGITS];
    size_t count = 0;
    do
        digits[count++] = (char)('0' + index % 10);
    while ((index /= 10) > 0);
    if (builder->path_length + count + 2 > builder->path_capacity &&
        !reserve_path(builder, count + 2))
        return false;
    char *at = builder->path + builder->path_length;
    *at++ = '/';
    while (count > 0)
        *at++ = digits[--count];
    *at = '\0';
    builder->path_length = (size_t)(at - builder->path);
    return true;
}

void path_cut(struct builder *builder, size_t length)
{
    builder->path_length = length;
    builder->path[length] = '\0';
}

bool scope_open(struct builder *builder, const char *name, int64_t index, bool share)
{
    if (builder->depth == builder->scope_capacity &&
        !array_reserve(&builder->scopes, &builder->scope_capacity, builder->depth + 1,
                       sizeof *builder->scopes)) {
        error_memory(&builder->error);
        return false;
    }
    struct scope before = {builder->path_length, builder->root};
    if (!path_push(builder, name) || (index >= 0 && !push_index(builder, (uint64_t)index)))
        return false;
    builder->scopes[builder->depth++] = before;
    if (share)
        builder->root = before.length > 0 ? before.length + 1 : 0; // behind the '/'
    return true;
}

void scope_close(struct builder *builder)
{
    const struct scope *before = &builder->scopes[--builder->depth];
    builder->root = before->root;
    path_cut(builder, before->length);
}

void builder_scope(esp_builder *handle, const char *name, int64_t index)
{
    struct builder *builder = builder_from_handle(handle);
    if (builder->error.status == ESP_OK)
        scope_open(builder, name, index, false);
}

void builder_share(esp_builder *handle, const char *name)
{
    struct builder *builder = builder_from_handle(handle);
    if (builder->error.status == ESP_OK)
        scope_open(builder, name, -1, true);
}

void builder_scope_end(esp_builder *handle)
{
    struct builder *builder = builder_from_handle(handle);
    if (builder->error.status != ESP_OK)
        return;
    if (builder->depth <= builder->floor) {
        error_set(&builder->error, ESP_ERROR_MISUSE,
                  "esp_scope_end in \"%s\" closes a scope that was not opened there",
                  builder->path);
        return;
    }
    scope_close(builder);
}
