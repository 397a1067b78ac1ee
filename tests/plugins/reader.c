// SPDX-License-Identifier: Apache-2.0
// A strategy that asks the host what the space says of each architecture, and fails where the answers
// do not agree: with a space that has no abilities that it has none, with `worded` what it writes.
#include <espalier/espalier.h>
#include <espalier/ext/space_structure.h>
#include <espalier/ext/space_text.h>

#include <string.h>

static esp_status reader_create(esp_create *create, esp_search *search, void **out)
{
    (void)create;
    *out = search;
    return ESP_OK;
}

static void reader_destroy(void *self)
{
    (void)self;
}

static esp_status read_nothing(esp_search *search, const esp_arch *arch)
{
    const struct esp_structure *structure;
    const char *text;
    uint64_t hash;
    if (esp_search_text(search, arch, &text) != ESP_ERROR_UNSUPPORTED ||
        esp_search_canonical(search, arch, &hash) != ESP_ERROR_UNSUPPORTED ||
        esp_search_structure(search, arch, &structure) != ESP_ERROR_UNSUPPORTED)
        return esp_fail(search, ESP_ERROR, "the space has no abilities, and something is said");
    return ESP_OK;
}

// The text has the labels of the structure: `first-second|beside*repeat`.
static esp_status read_words(esp_search *search, const esp_arch *arch)
{
    const esp_structure *structure = NULL;
    const char *text = NULL;
    uint64_t hash = 0, again = 0;
    void *self = search;
    char expected[64];
    esp_status status = esp_search_canonical(search, arch, &hash);
    if (status == ESP_OK)
        status = esp_search_structure(search, arch, &structure);
    if (status != ESP_OK)
        return status;
    const esp_cell *cell = esp_structure_get(structure, 0);
    snprintf(expected, sizeof expected, "%s-%s|%s*", esp_cell_edge(cell, 0)->label,
             esp_cell_edge(cell, 2)->label, esp_cell_edge(cell, 1)->label);
    esp_search_structure_release(search, structure);
    esp_search_structure_release(search, NULL);
    status = esp_search_space_instance(search, arch, &self);
    if (status == ESP_OK)
        status = esp_search_canonical(search, arch, &again);
    if (status == ESP_OK)
        status = esp_search_text(search, arch, &text);
    if (status != ESP_OK)
        return status;
    if (strncmp(text, expected, strlen(expected)) != 0)
        return esp_fail(search, ESP_ERROR, "the text is %s, and the structure %s", text, expected);
    if (hash != again || self != NULL)
        return esp_fail(search, ESP_ERROR, "the same architecture is another one");
    return ESP_OK;
}

static esp_status reader_ask(void *self, esp_search *search, esp_ask *ask)
{
    esp_arch *arch;
    esp_status status = esp_search_sample(search, esp_search_random(search), &arch);
    (void)self;
    if (status != ESP_OK)
        return status;
    status = esp_search_space_ability(search, ESP_SPACE_TEXT) ? read_words(search, arch)
                                                              : read_nothing(search, arch);
    if (status == ESP_OK)
        status = esp_ask_trial(ask, arch);
    esp_arch_release(arch);
    return status;
}

static esp_status reader_tell(void *self, esp_search *search, const esp_outcome *outcome)
{
    (void)self;
    (void)search;
    (void)outcome;
    return ESP_OK;
}

static void reader_describe(esp_strategy_type *out)
{
    out->summary = "asks what the space says";
    out->takes = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET;
    out->create = reader_create;
    out->destroy = reader_destroy;
    out->ask = reader_ask;
    out->tell = reader_tell;
}

ESP_PLUGIN("1.0.0", ESP_STRATEGY("reader", reader_describe))
