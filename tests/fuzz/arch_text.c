// SPDX-License-Identifier: Apache-2.0
// Architectures in the notations of their spaces. The first line names the space, the rest is the text.
// Law: what was read is printed as a text that reads as the same architecture.
#include "fuzz.h"

#include "evaluate/session.h"
#include "registry.h"

#include <string.h>

static const char *const spaces[] = {"nasbench101", "nasbench201", "nasbench_macro",
                                     "darts",       "nasnet",      "neat",
                                     "chain",       "mlp",         "hierarchical"};
static struct experiment *experiments[ESP_COUNT(spaces)];
static struct session *sessions[ESP_COUNT(spaces)];

static void end_all(void)
{
    for (size_t i = 0; i < ESP_COUNT(spaces); i++) {
        session_destroy(sessions[i]);
        experiment_destroy(experiments[i]);
    }
}

static void begin(void)
{
    for (size_t i = 0; i < ESP_COUNT(spaces); i++) {
        char ini[512];
        struct error error;
        error_clear(&error);
        snprintf(ini, sizeof ini,
                 "[space]\nplugin = %s\n[dataset]\nplugin = synthetic\n[strategy]\nplugin = "
                 "random\n[estimator]\nplugin = nk_landscape\n[objective]\nmaximize = fitness\n",
                 spaces[i]);
        experiments[i] = fuzz_experiment(ini, fuzz_registry());
        if (session_create(&sessions[i], experiments[i], false, &error) != ESP_OK) {
            fprintf(stderr, "%s: %s\n", spaces[i], error.message);
            exit(2);
        }
    }
    atexit(end_all);
}

static void check_printed(struct builder *builder, const struct arch *arch)
{
    struct error error;
    struct arch *again = NULL;
    const char *printed = NULL;
    error_clear(&error);
    esp_status status = builder_print(builder, arch, &printed, &error);
    fuzz_refused(status, &error);
    if (status != ESP_OK)
        return;
    char *copy = strdup(printed);
    status = builder_parse(builder, copy, NULL, 0, &again, &error);
    FUZZ_LAW(status == ESP_OK, "%s: %s", copy, error.message);
    FUZZ_LAW(arch_hash(again) == arch_hash(arch), "%s", copy);
    arch_release(again);
    free(copy);
    if (builder_has_canonical(builder)) {
        error_clear(&error);
        fuzz_refused(builder_canonical(builder, arch, &printed, &error), &error);
    }
}

static void run(const uint8_t *bytes, size_t size)
{
    struct error error;
    struct arch *arch = NULL;
    char *text = fuzz_text(bytes, size);
    size_t length = strcspn(text, "\n");
    for (size_t i = 0; text[length] && i < ESP_COUNT(spaces); i++) {
        if (strlen(spaces[i]) != length || strncmp(text, spaces[i], length) != 0)
            continue;
        struct builder *builder = session_builder(sessions[i]);
        error_clear(&error);
        esp_status status = builder_parse(builder, text + length + 1, NULL, 0, &arch, &error);
        fuzz_refused(status, &error);
        if (status == ESP_OK)
            check_printed(builder, arch);
        arch_release(arch);
    }
    free(text);
}

const struct fuzz_target fuzz_arch_text = {"arch_text", begin, run};
