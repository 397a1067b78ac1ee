// SPDX-License-Identifier: Apache-2.0
// Signatures of foreign functions. Law: the types of what was read, put in words, read as the same types.
#include "fuzz.h"

#include "foreign/signature.h"

#include <string.h>

static bool has_function(const struct signature *signature)
{
    bool found = signature->result.kind == FOREIGN_FUNCTION;
    for (uint64_t i = 0; i < signature->count; i++)
        found = found || signature->arguments[i].type.kind == FOREIGN_FUNCTION;
    return found;
}

static void check_words(const struct signature *signature)
{
    char text[64 * (FOREIGN_MOST_ARGUMENTS + 1)], words[32];
    struct error error;
    struct signature *again = NULL;
    size_t used =
        (size_t)snprintf(text, sizeof text, "%s (", foreign_type_text(words, &signature->result));
    for (uint64_t i = 0; i < signature->count; i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%s", i ? ", " : "",
                                 foreign_type_text(words, &signature->arguments[i].type));
    snprintf(text + used, sizeof text - used, ")");
    error_clear(&error);
    FUZZ_LAW(signature_parse(&again, text, &error) == ESP_OK, "%s: %s", text, error.message);
    FUZZ_LAW(again->count == signature->count, "%s", text);
    for (uint64_t i = 0; i < again->count; i++)
        FUZZ_LAW(again->arguments[i].type.kind == signature->arguments[i].type.kind &&
                     again->arguments[i].type.element == signature->arguments[i].type.element &&
                     again->arguments[i].type.constant == signature->arguments[i].type.constant,
                 "%s: argument %d", text, (int)i);
    signature_destroy(again);
}

static void run(const uint8_t *bytes, size_t size)
{
    struct error error;
    struct signature *signature = NULL;
    char *text = fuzz_text(bytes, size);
    error_clear(&error);
    esp_status status = signature_parse(&signature, text, &error);
    fuzz_refused(status, &error);
    if (status == ESP_OK) {
        FUZZ_LAW(signature->count <= FOREIGN_MOST_ARGUMENTS, "%d", (int)signature->count);
        for (uint64_t i = 0; i < signature->count; i++)
            FUZZ_LAW(signature->arguments[i].length_of < (int64_t)signature->count, "%d", (int)i);
        if (!has_function(signature))
            check_words(signature);
        signature_destroy(signature);
    }
    free(text);
}

const struct fuzz_target fuzz_signature = {"signature", NULL, run};
