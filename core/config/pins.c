// SPDX-License-Identifier: Apache-2.0
// Pins of builds; see pins.h. The registry holds to them.
#include "config/pins.h"

#include "config/list.h"
#include "text/nearest.h"
#include "text/stream.h"

#include <ctype.h>
#include <espalier/plugin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pin_text {
    uint32_t kind; // 0: unsaid
    const char *id, *sha256;
};

static esp_status wrong(const struct experiment *experiment, const char *expected, const char *part,
                        struct error *error)
{
    return config_fail(error, ESP_ERROR_INVALID, config_find(experiment->config, "plugins", "pin"),
                       "%s, got '%s'", expected, part);
}

// Of "KIND/ID SHA256", which is written over.
static esp_status read_pin(struct pin_text *out, const struct experiment *experiment, char *part,
                           struct error *error)
{
    char whole[160];
    snprintf(whole, sizeof whole, "%s", part);
    char *digits = strchr(part, ' ');
    if (digits)
        *digits++ = '\0';
    out->sha256 = digits ? text_trim(digits) : "";
    if (strlen(out->sha256) != SHA256_HEX_SIZE - 1 ||
        strspn(out->sha256, "0123456789abcdefABCDEF") != SHA256_HEX_SIZE - 1)
        return wrong(experiment,
                     "expected ID and the 64 hex digits of its SHA-256, with a blank between",
                     whole, error);
    for (; digits && *digits; digits++)
        *digits = (char)tolower((unsigned char)*digits);
    char *slash = strchr(part, '/');
    out->id = slash ? slash + 1 : part;
    out->kind = 0;
    if (slash) {
        *slash = '\0';
        out->kind = kind_from_name(part);
        if (!out->kind)
            return wrong(experiment, "expected a kind (space, strategy, ...) before the '/'", whole,
                         error);
    }
    return strlen(out->id) > 0 && strlen(out->id) < ESP_NOTE_ID_SIZE
               ? ESP_OK
               : wrong(experiment, "expected the id of a plugin", whole, error);
}

static esp_status set_pin(const struct experiment *experiment, const struct pin_text *pin,
                          struct error *error)
{
    struct error reason;
    error_clear(&reason);
    esp_status status =
        registry_pin(experiment->registry, pin->kind, pin->id, pin->sha256, &reason);
    if (status == ESP_OK)
        return ESP_OK;
    const char **names = calloc(registry_count(experiment->registry) + 1, sizeof *names);
    uint64_t count = 0;
    for (uint64_t i = 0; names && i < registry_count(experiment->registry); i++) {
        const struct component *component = registry_get(experiment->registry, i);
        if (component->kind && (!pin->kind || component->kind == pin->kind))
            names[count++] = component->id;
    }
    const char *nearest = names ? text_nearest(pin->id, names, count) : NULL;
    config_fail(error, ESP_ERROR_INVALID, config_find(experiment->config, "plugins", "pin"),
                "%s%s%s%s", reason.message, nearest ? "; did you mean '" : "",
                nearest ? nearest : "", nearest ? "'?" : "");
    free(names);
    return ESP_ERROR_INVALID;
}

esp_status pins_read(struct experiment *experiment, struct error *error)
{
    const struct section *section = &sections[SECTION_PLUGINS];
    struct parameters *own = &experiment->own[SECTION_PLUGINS];
    registry_unpin(experiment->registry);
    esp_status status = parameters_resolve(own, section->table, section->count, sizeof(esp_param),
                                           experiment->config, section->name, NULL, false, error);
    if (status != ESP_OK)
        return status;
    uint64_t count = 0;
    char **parts = list_split(parameters_find(own, "pin")->text, &count);
    if (!parts)
        return error_memory(error);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
        struct pin_text pin;
        status = read_pin(&pin, experiment, parts[i], error);
        if (status == ESP_OK)
            status = set_pin(experiment, &pin, error);
    }
    free(parts);
    return status;
}

char *pins_text(const struct experiment *experiment, bool all)
{
    const struct part *const parts[] = {&experiment->space,     &experiment->strategy,
                                        &experiment->estimator, &experiment->dataset,
                                        &experiment->engine,    &experiment->base};
    char *text = NULL;
    size_t size = 0;
    bool any = false;
    FILE *file = open_memstream(&text, &size);
    const char *said = parameters_find(&experiment->own[SECTION_PLUGINS], "pin")->text;
    for (size_t i = 0; file && i < ESP_COUNT(parts); i++) {
        const struct component *component = parts[i]->component;
        // What was pinned and is used has the digest that was said.
        if (!component || !component->sha256 ||
            (!all && !(said && strcasestr(said, component->sha256))))
            continue;
        fprintf(file, "%s%s/%s %s", any ? ", " : "", kind_name(component->kind), component->id,
                component->sha256);
        any = true;
    }
    return file && text_stream_close(file, &text) ? text : NULL;
}
