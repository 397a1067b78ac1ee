// SPDX-License-Identifier: Apache-2.0
// espalier check FILE: the conformance suite, a line a case.
#include "check/echo_worker.h"
#include "check/runner.h"
#include "cli/command.h"
#include "cli/options.h"
#include "cli/output.h"
#include "loader/registry.h"
#include "loader/trust.h"
#include "text/printable.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct option check_options_table[] = {
    {"only", "CASE", "this case alone (may be given often); `space/` is all of a family"},
    {"set", "KEY=VALUE", "a parameter of the component, where a default does not serve"},
    {"seed", "N", "of all that is random in the cases (default 1)"},
    {"list", NULL, "list the cases with their clauses, and run nothing"},
    {"json", NULL, "as JSON"},
};

static const char *const verdict_words[VERDICT_COUNT] = {"ok", "warn", "skip", "FAIL"};
static const char *const verdict_names[VERDICT_COUNT] = {"holds", "warned", "skipped", "fails"};

struct printing {
    json_t *findings; // NULL: words
    const char *id;   // of the component whose cases are printed
};

static void print_finding(void *self, const struct finding *finding)
{
    struct printing *printing = self;
    const struct check_case *about = finding->about;
    const char *of = finding->kind ? kind_name(finding->kind) : "file";
    if (printing->findings) {
        json_array_append_new(
            printing->findings,
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:f, s:s?}", "case", about->name, "kind", of,
                      "id", finding->id, "clause", about->clause, "sentence", about->sentence,
                      "verdict", verdict_names[finding->verdict], "seconds", finding->seconds,
                      "words", finding->words[0] ? finding->words : NULL));
        return;
    }
    if (!printing->id || strcmp(printing->id, finding->id) != 0)
        printf("%s%s%s\n", of, finding->id[0] ? "/" : "", finding->id);
    printing->id = finding->id;
    printf("  %-4s  %-26s %s (%s)\n", verdict_words[finding->verdict], about->name, about->sentence,
           about->clause);
    if (finding->words[0])
        printf("        %s\n", finding->words);
    fflush(stdout);
}

static esp_status print_list(struct error *error)
{
    const struct check_case *about;
    for (uint64_t i = 0; (about = check_case_at(i)); i++)
        printf("%-26s %s (%s)\n", about->name, about->sentence, about->clause);
    return output_flush(error);
}

static esp_status read_seed(const char *text, uint64_t *seed, struct error *error)
{
    char *end;
    errno = 0;
    *seed = text ? strtoull(text, &end, 10) : 1;
    if (text && (errno || end == text || *end || text[0] == '-'))
        return error_set(error, ESP_ERROR_INVALID, "--seed: expected a whole number, got '%s'",
                         text);
    return ESP_OK;
}

static int run(const struct check_options *options, bool json, struct error *error)
{
    uint64_t counts[VERDICT_COUNT];
    struct printing printing = {.findings = json ? json_array() : NULL};
    struct error untrusted;
    error_clear(&untrusted);
    // Its code is run here as in a run. Of a file that is not there the suite has words of its own.
    esp_status status = trust_path(options->path, &untrusted) == ESP_ERROR_INVALID
                            ? error_set(error, ESP_ERROR_INVALID, "%s", untrusted.message)
                            : check_plugin(options, print_finding, &printing, counts, error);
    if (status != ESP_OK) {
        json_decref(printing.findings);
        error_prefix(error, "%s: ", options->path);
        return command_end(ESP_ERROR_INVALID, error);
    }
    if (json)
        status = output_json(
            json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "path", options->path, "seed",
                      (json_int_t)options->seed, "holds", (json_int_t)counts[VERDICT_HOLDS],
                      "warned", (json_int_t)counts[VERDICT_WARNED], "skipped",
                      (json_int_t)counts[VERDICT_SKIPPED], "fails",
                      (json_int_t)counts[VERDICT_FAILS], "cases", printing.findings),
            error);
    else
        printf(
            "%llu hold, %llu warned, %llu skipped, %llu FAIL\n",
            (unsigned long long)counts[VERDICT_HOLDS], (unsigned long long)counts[VERDICT_WARNED],
            (unsigned long long)counts[VERDICT_SKIPPED], (unsigned long long)counts[VERDICT_FAILS]);
    if (status == ESP_OK)
        status = output_flush(error);
    if (status != ESP_OK)
        return command_end(status, error);
    return counts[VERDICT_FAILS] ? EXIT_NO_RESULT : EXIT_DONE;
}

int command_check(int argc, char **argv)
{
    struct options options;
    struct check_options wanted = {0};
    struct error error;
    const char *only[OPTIONS_MOST];
    error_clear(&error);
    int result = options_parse(&options, "check FILE", check_options_table,
                               ESP_COUNT(check_options_table), 0, 1, argc, argv);
    if (result != OPTIONS_GO_ON)
        return result;
    esp_status status = read_seed(options_value(&options, "seed"), &wanted.seed, &error);
    if (status == ESP_OK && options_given(&options, "list")) {
        result = command_end(print_list(&error), &error);
        options_destroy(&options);
        return result;
    }
    if (status == ESP_OK && options.argument_count == 0)
        status = error_set(&error, ESP_ERROR_INVALID, "check: expected FILE");
    if (status == ESP_OK && !text_printable(options_argument(&options, 0)))
        status = error_set(&error, ESP_ERROR_INVALID, "its path is no printable UTF-8");
    if (status != ESP_OK) {
        options_destroy(&options);
        return command_end(status, &error);
    }
    wanted.path = options_argument(&options, 0);
    const char *const *values = options_values(&options, "only", &wanted.only_count);
    for (uint64_t i = 0; i < wanted.only_count; i++)
        only[i] = values[i];
    wanted.only = only;
    wanted.settings = options_values(&options, "set", &wanted.settings_count);
    result = run(&wanted, options_given(&options, "json"), &error);
    options_destroy(&options);
    return result;
}

int command_check_worker(int argc, char **argv)
{
    return argc == 2 ? echo_worker_main(argv[1]) : EXIT_WRONG_USE;
}
