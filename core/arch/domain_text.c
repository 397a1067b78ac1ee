// SPDX-License-Identifier: Apache-2.0
// Domains and values in words, for messages and tables. What machines read is domain_json.c.
#include "arch/domain.h"

#include "arch/arch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

// A text of limited size that is being written; what does not fit is cut.
struct words {
    char *text;
    size_t size, used;
};

ESP_PRINTF(2, 3)
static void say(struct words *words, const char *format, ...)
{
    if (words->used + 1 >= words->size)
        return;
    va_list list;
    va_start(list, format);
    int length = vsnprintf(words->text + words->used, words->size - words->used, format, list);
    va_end(list);
    if (length > 0)
        words->used += (size_t)length;
    if (words->used >= words->size)
        words->used = words->size - 1;
}

// At most this many options are named in a message.
#define NAMED_OPTIONS 16

static void say_options(struct words *words, const esp_domain *domain)
{
    for (uint64_t i = 0; i < domain->count && i < NAMED_OPTIONS; i++)
        say(words, "%s%s", i ? ", " : "", domain->names[i]);
    if (domain->count > NAMED_OPTIONS)
        say(words, " and %" PRIu64 " more", domain->count - NAMED_OPTIONS);
}

void domain_text(char *text, size_t size, const esp_domain *domain)
{
    struct words words = {text, size, 0};
    const char *scale = domain->flags & ESP_DOMAIN_LOG ? " (log)" : "";
    if (size > 0)
        text[0] = '\0';
    switch (domain->kind) {
    case ESP_DECISION_ONE:
        say(&words, "one of ");
        say_options(&words, domain);
        break;
    case ESP_DECISION_INT:
        say(&words, "an integer of %" PRId64 " .. %" PRId64 "%s", domain->int_min, domain->int_max,
            scale);
        break;
    case ESP_DECISION_REAL:
        say(&words, "a real of %.10g .. %.10g%s", domain->real_min, domain->real_max, scale);
        break;
    case ESP_DECISION_SUBSET:
        if (domain->least == domain->most)
            say(&words, "%" PRIu64 " of ", domain->least);
        else
            say(&words, "%" PRIu64 " to %" PRIu64 " of ", domain->least, domain->most);
        say_options(&words, domain);
        break;
    default:
        break;
    }
}

void value_text(char *text, size_t size, const esp_domain *domain, esp_value value)
{
    struct words words = {text, size, 0};
    if (size > 0)
        text[0] = '\0';
    if (!value_in_domain(domain, value)) {
        say(&words, "?");
        return;
    }
    switch (value.kind) {
    case ESP_DECISION_ONE:
        say(&words, "%s", domain->names[value.as.index]);
        break;
    case ESP_DECISION_INT:
        say(&words, "%" PRId64, value.as.integer);
        break;
    case ESP_DECISION_REAL:
        say(&words, "%.6g", value.as.real);
        break;
    case ESP_DECISION_SUBSET:
        for (uint32_t i = 0; i < value.count; i++)
            say(&words, "%s%s", i ? "+" : "", domain->names[value.as.indices[i]]);
        if (value.count == 0)
            say(&words, "none");
        break;
    default:
        break;
    }
}
