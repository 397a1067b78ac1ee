// SPDX-License-Identifier: Apache-2.0
// A space whose file or parameter table breaks one clause of the contract: BAD says which.
#define _GNU_SOURCE // RTLD_NEXT is not needed; signals and threads are
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

// The entry of the macro is kept under another name where one of our own stands before it.
#if BAD_unknown || BAD_note || BAD_repeats
#define esp_plugin_entry entry_of_the_macro
#endif

#include <espalier/espalier.h>

#define CRASH() (*(volatile int *)16 = 1)

// ---- A space of one decision --------------------------------------------------------------------

struct space {
    int64_t width, depth;
};

static const char *const choices[] = {"a", "no_such_choice_2"};

static const esp_param params[] = {
    ESP_PARAM_INT("width", 4, 1, 1000, "channels", "its width"),
    ESP_PARAM_INT("depth", 2, 1, 10, "layers", BAD_words ? "" : "its depth"),
#if BAD_wrong
    ESP_PARAM_CHOICE("flavour", "a", choices, "a choice that the suite takes for none"),
#endif
};

static esp_status create(esp_create *c, void **out)
{
    struct space *space = (struct space *)calloc(1, sizeof *space);
#if !BAD_memory
    if (!space)
        return esp_fail(c, ESP_ERROR_MEMORY, "out of memory");
#endif
    (void)choices;
    space->width = esp_param_int(c, BAD_defaults ? "breadth" : "width");
    space->depth = esp_param_int(c, "depth");
    if (BAD_edges && space->width == 1000)
        CRASH();
    if (BAD_any && space->width > 4 && space->depth > 4)
        CRASH();
    *out = space;
    return ESP_OK;
}

static esp_status build(void *self, esp_builder *b)
{
    (void)self;
    esp_choose_int(b, "n", 1, 9);
    return esp_classifier(b, esp_input(b));
}

static void describe(esp_space_type *out)
{
    out->summary = "wrong";
    ESP_SET_PARAMS(out, params);
    out->create = create;
    out->destroy = free;
    out->build = build;
}

ESP_PLUGIN("1.0.0", ESP_SPACE("bad", describe))

// ---- The entry ----------------------------------------------------------------------------------

#if BAD_unknown || BAD_note || BAD_repeats
#undef esp_plugin_entry
__attribute__((visibility("default"))) const void *esp_plugin_entry(uint32_t kind, const char *id);
__attribute__((visibility("default"))) const void *esp_plugin_entry(uint32_t kind, const char *id)
{
#if BAD_note
    (void)kind, (void)id;
    return NULL;
#elif BAD_unknown
    (void)id;
    return entry_of_the_macro(ESP_KIND_SPACE, kind == ESP_KIND_SPACE ? "bad" : "");
#else
    static int asked;
    static esp_space_type other;
    const void *type = entry_of_the_macro(kind, id);
    if (!type || asked++ % 2 == 0)
        return type;
    memcpy(&other, type, sizeof other);
    other.summary = "another";
    return &other;
#endif
}
#endif

// ---- What happens at load -----------------------------------------------------------------------

#if BAD_hidden
__attribute__((visibility("default"))) int bad_exported_number = 1;
#endif

#if BAD_thread
static void *sleep_for_ever(void *nothing)
{
    for (;;)
        pause();
    return nothing;
}
#endif

static void handle(int signal)
{
    (void)signal;
}

__attribute__((constructor)) static void load(void)
{
    (void)handle;
#if BAD_thread
    pthread_t thread;
    pthread_create(&thread, NULL, sleep_for_ever, NULL);
#elif BAD_environment
    setenv("BAD_PLUGIN", "was here", 1);
#elif BAD_output
    if (write(STDOUT_FILENO, "hello\n", 6) != 6)
        abort();
#elif BAD_descriptor
    open("/dev/null", O_RDONLY);
#elif BAD_handler
    signal(SIGUSR1, handle);
#elif BAD_folder
    close(open("bad_plugin_was_here", O_CREAT | O_WRONLY, 0600));
#elif BAD_reload
    volatile char *kept = (volatile char *)malloc(1 << 20);
    for (int i = 0; kept && i < 1 << 20; i += 512)
        kept[i] = 1;
#endif
}
