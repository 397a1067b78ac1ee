// SPDX-License-Identifier: Apache-2.0
// Tables of axes: what a [sweep] expands to, and what is refused, in which words.
#include "sweep/axes.h"

#include <criterion/criterion.h>
#include <espalier/handle.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct error error;

// The runs as "key=value key=value; ...", or the message of the refusal. Owner: the caller (free).
static char *expand(const char *text)
{
    struct config *config = NULL;
    struct axes axes;
    int32_t *choices = NULL;
    uint64_t count = 0;
    char *out = NULL;
    size_t size = 0;
    error_clear(&error);
    cr_assert_eq(config_parse(&config, text, "a.ini", ".", &error), ESP_OK, "%s", error.message);
    esp_status status = axes_read(&axes, config, &error);
    if (status == ESP_OK) {
        status = axes_expand(&choices, &count, &axes, &error);
        FILE *file = open_memstream(&out, &size);
        for (uint64_t i = 0; status == ESP_OK && i < count; i++) {
            fputs(i ? ";" : "", file);
            bool first = true;
            for (uint64_t j = 0; j < axes.count; j++) {
                int32_t choice = choices[i * axes.count + j];
                if (choice == AXIS_ABSENT)
                    continue;
                fprintf(file, "%s%s=%s", first ? "" : " ", axes.axes[j].key,
                        axes.axes[j].values[choice]);
                first = false;
            }
        }
        fclose(file);
        if (status == ESP_OK)
            free(choices);
        axes_destroy(&axes);
    }
    if (status != ESP_OK) {
        cr_assert_eq(status, ESP_ERROR_INVALID);
        free(out);
        out = strdup(error.message);
    }
    config_destroy(config);
    return out;
}

static const struct {
    const char *text, *runs;
} expansions[] = {
    {"[sweep]\na.x = 1..3\n", "x=1;x=2;x=3"},
    {"[sweep]\na.x = -1..1\n", "x=-1;x=0;x=1"},
    {"[sweep]\na.x = 7..7\n", "x=7"},
    {"[sweep]\na.x = 0..100 step 40\n", "x=0;x=40;x=80"},
    {"[sweep]\na.x = 1..2, 5, 0.5\n", "x=1;x=2;x=5;x=0.5"},
    {"[sweep]\na.x = ../data, ..\n", "x=../data;x=.."},
    {"[sweep]\na.x = log(1e-4, 1e-1), one_of(p, q), 3\n", "x=log(1e-4, 1e-1);x=one_of(p, q);x=3"},
    {"[sweep]\na.x = {p, q}, {p}, {}\n", "x=p, q;x=p;x="},
    {"[sweep]\na.x = 1, 2\nb.y = p, q\n", "x=1 y=p;x=1 y=q;x=2 y=p;x=2 y=q"},
    {"[sweep]\nestimator.train.epochs = 1, 2\n", "epochs=1;epochs=2"},
    {"[sweep]\na.x = 1, 2\n[sweep.g]\nwhen = a.x == 2\nb.y = p, q\n", "x=1;x=2 y=p;x=2 y=q"},
    {"[sweep]\na.x = 1, 2, 3\n[sweep.g]\nwhen = a.x != 2\nb.y = p\n", "x=1 y=p;x=2;x=3 y=p"},
    {"[sweep]\na.x = 1, 2\nb.y = p, q\n[sweep.g]\nwhen = a.x == 2 and b.y == q\nc.z = 5, 6\n",
     "x=1 y=p;x=1 y=q;x=2 y=p;x=2 y=q z=5;x=2 y=q z=6"},
    // A group may look at one above it; where [sweep] stands does not matter.
    {"[sweep.g]\nwhen = a.x == 2\nb.y = p, q\n[sweep.h]\nwhen = b.y == q\nc.z = 5, 6\n"
     "[sweep]\na.x = 1, 2\n",
     "x=1;x=2 y=p;x=2 y=q z=5;x=2 y=q z=6"},
    // The file says what no axis does.
    {"[b]\ny = p\n[sweep]\na.x = 1\n[sweep.g]\nwhen = b.y == p\nc.z = 5\n", "x=1 z=5"},
    // One key twice, for different runs.
    {"[sweep]\na.x = 1, 2\n[sweep.g]\nwhen = a.x == 1\nb.y = p\n[sweep.h]\nwhen = a.x == 2\n"
     "b.y = q, r\n",
     "x=1 y=p;x=2 y=q;x=2 y=r"},
};

Test(axes, expand_to_runs)
{
    for (size_t i = 0; i < ESP_COUNT(expansions); i++) {
        char *runs = expand(expansions[i].text);
        cr_expect_str_eq(runs, expansions[i].runs, "%s\n%s", expansions[i].text, runs);
        free(runs);
    }
}

static const struct {
    const char *text, *message;
} refusals[] = {
    {"[a]\nx = 1\n", "a.ini: [sweep]: it names no keys"},
    {"[sweep]\n", "a.ini:1: [sweep]: it names no keys"},
    {"[sweep]\na.x =\n", "a.ini:2: [sweep] a.x: expected values"},
    {"[sweep]\na.x = 3..1\n", "a.ini:2: [sweep] a.x: '3..1': the range is empty"},
    {"[sweep]\na.x = 1..9 step 0\n", "the step is to be 1 or more"},
    {"[sweep]\na.x = 0.1..0.5\n", "a range is of whole numbers"},
    {"[sweep]\na.x = 1..\n", "a range is of whole numbers"},
    {"[sweep]\na.x = 1..9 by 2\n", "a range is of whole numbers"},
    {"[sweep]\na.x = 1,,2\n", "a value is missing"},
    {"[sweep]\na.x = 1, 2,\n", "a value is missing"},
    {"[sweep]\na.x = log(1, 2\n", "has no partner"},
    {"[sweep]\na.x = 1), 2\n", "has no partner"},
    {"[sweep]\na.x = 2, 1..3\n", "the value '2' stands twice"},
    {"[sweep]\nx = 1\n", "a.ini:2: [sweep] x: expected section.key"},
    {"[sweep]\na.x = 1..1000000000\n", "at most 100000 runs"},
    {"[sweep]\na.x = 1..1000\nb.y = 1..1000\n", "more than 100000 runs"},
    {"[sweep]\nrun.out = a, b\n", "a folder of its own"},
    {"[sweep]\nrun.workers = 1, 2\n", "one pool"},
    {"[sweep]\nexperiment.name = a, b\n", "the sweep's"},
    {"[sweep]\nsweep.a.x = 1, 2\n", "a run has no such section"},
    {"[sweep]\nwhen = a.x == 1\n", "[sweep.NAME]"},
    {"[sweep]\na.x = 1\n[sweep.g]\nb.y = 1\n", "a.ini:3: [sweep.g]: it says no condition"},
    {"[sweep]\na.x = 1\n[sweep.g]\nwhen = a.x == 1\n", "but no axis"},
    {"[sweep]\na.x = 1\n[sweep.space]\nwhen = a.x == 1\nb.y = 1\n", "none of a section"},
    {"[sweep]\na.x = 1\n[sweep.g]\nwhen = a.x = 1\nb.y = 1\n", "expected 'section.key == value'"},
    {"[sweep]\na.x = 1\n[sweep.g]\nwhen = a.z == 1\nb.y = 1\n",
     "a.ini:4: [sweep.g] when: no axis and no line of the file says a.z"},
    {"[sweep]\na.depth = 1\n[sweep.g]\nwhen = a.dept == 1\nb.y = 1\n", "did you mean a.depth?"},
    {"[sweep]\na.x = 1\n[sweep.g]\nwhen = c.z == 1\nb.y = 1\n[sweep.h]\nwhen = a.x == 1\n"
     "c.z = 1\n",
     "does not stand above"},
    {"[sweep]\na.x = 1\n[sweep.g]\nwhen = a.x == 2\nb.y = 1\n", "no run meets the condition"},
    {"[sweep]\na.x = random\n[sweep.g]\nwhen = a.x == randon\nb.y = 1\n",
     "did you mean a.x == random?"},
    {"[sweep]\na.x = 1, 2\n[sweep.g]\nwhen = a.x == 2\na.x = 3\n",
     "a.ini:5: [sweep.g] a.x: there is an axis over this key already, for the same runs, in "
     "[sweep] (a.ini:2)"},
};

Test(axes, each_mistake_is_refused_with_its_place)
{
    for (size_t i = 0; i < ESP_COUNT(refusals); i++) {
        char *words = expand(refusals[i].text);
        cr_expect(strstr(words, refusals[i].message), "%s\n%s", refusals[i].text, words);
        free(words);
    }
}

Test(axes, are_set_from_the_command_line)
{
    struct config *config = NULL;
    error_clear(&error);
    cr_assert_eq(config_parse(&config, "[sweep]\na.x = 1\n", "a.ini", ".", &error), ESP_OK);
    cr_assert_eq(config_apply(config, "sweep.experiment.seed=1..2", &error), ESP_OK);
    cr_assert_eq(config_apply(config, "sweep.strategy.plugin=random", &error), ESP_OK);
    cr_assert_eq(config_apply(config, "sweep.g.when=experiment.seed == 2", &error), ESP_OK);
    cr_assert_eq(config_apply(config, "sweep.g.estimator.train.epochs=1", &error), ESP_OK);
    cr_assert_str_eq(config_find(config, "sweep", "experiment.seed")->value, "1..2");
    cr_assert_str_eq(config_find(config, "sweep", "strategy.plugin")->value, "random");
    cr_assert_str_eq(config_find(config, "sweep.g", "when")->value, "experiment.seed == 2");
    cr_assert_str_eq(config_find(config, "sweep.g", "estimator.train.epochs")->value, "1");
    config_destroy(config);
}

Test(configuration, a_copy_keeps_places_and_drops_sections)
{
    struct config *config = NULL, *copy = NULL;
    error_clear(&error);
    cr_assert_eq(config_parse(&config, "[a]\nx = 1\n[b]\n[c]\nz = 3\n", "a.ini", "dir", &error),
                 ESP_OK);
    cr_assert_eq(config_copy(&copy, config, &error), ESP_OK);
    cr_assert_eq(config_find(copy, "c", "z")->line, 5);
    cr_assert_str_eq(config_folder(copy, config_find(copy, "c", "z")), "dir");
    config_drop_section(copy, "b");
    config_drop_section(copy, "c");
    cr_assert_not(config_has_section(copy, "b"));
    cr_assert_null(config_find(copy, "c", "z"));
    cr_assert_eq(config_place(copy, "a", "x", "2", config_find(config, "c", "z"), "dir", &error),
                 ESP_OK);
    cr_assert_str_eq(config_find(copy, "a", "x")->value, "2");
    cr_assert_eq(config_find(copy, "a", "x")->line, 5);
    cr_assert_str_eq(config_find(config, "a", "x")->value, "1");
    config_destroy(copy);
    config_destroy(config);
}
