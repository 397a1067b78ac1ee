// SPDX-License-Identifier: Apache-2.0
// What a search ends with: the model card tells the truth about the models beside it. Its Python names the
// model's input and output and their shapes; the normalisation that it says is in the model is there; its
// means and deviations are those of the stored final trainings.
#include "support/command.h"
#include "support/folder.h"

#include "model.h"

#include <espalier/support/statistics.h>

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char ini[] =
    "[experiment]\nname = carded\n[space]\nplugin = chain\nmax_depth = 2\nwidths = 4, 8\n"
    "[strategy]\nplugin = random\n[estimator]\nplugin = train\nepochs = 1\nbatch = 16\n"
    "[dataset]\nplugin = synthetic\nchannels = 3\nheight = 8\nwidth = 6\nclasses = 4\ntrain = 64\n"
    "valid = 32\ntest = 32\n[objective]\nmaximize = valid_accuracy\n[budget]\ntrials = 4\n";

static char *folder, *config, out[512];

static void begin(void)
{
    folder = folder_temporary();
    snprintf(out, sizeof out, "%s/out", folder);
    config = folder_write(folder, "a.ini", ini);
}

static void end(void)
{
    free(config);
    folder_delete(folder);
}

TestSuite(model_card, .init = begin, .fini = end, .timeout = 100);

static char *make(const char *seeds)
{
    return espalier_expect(0, (const char *[]){"run", config, "--quiet", "--out", out, "--set",
                                               "final.retrain=best", "--set", seeds, NULL});
}

static char *read_card(void)
{
    char path[600];
    snprintf(path, sizeof path, "%s/model_card.md", out);
    char *card = file_text(path);
    cr_assert_not_null(card, "%s", path);
    return card;
}

static void expect_words(const char *card, const char *words)
{
    cr_expect(strstr(card, words), "'%s' is not in\n%s", words, card);
}

// The dimensions as the card's comments write them, the batch as N.
static void expect_shape(const Onnx__ValueInfoProto *info, const int64_t *dims, size_t rank)
{
    const Onnx__TensorShapeProto *shape = info->type->tensor_type->shape;
    cr_assert_eq(shape->n_dim, rank);
    for (size_t i = 1; i < rank; i++)
        cr_expect_eq(shape->dim[i]->dim_value, dims[i]);
}

Test(model_card, its_python_names_what_the_model_has)
{
    char *said = make("final.seeds=1"), *card = read_card(), path[600];
    snprintf(path, sizeof path, "%s/artifacts/final-0/model.onnx", out);
    expect_words(said, path);
    expect_words(said, "model_card.md");
    Onnx__ModelProto *model = model_load(path);
    cr_assert_eq(model->graph->n_input, 1);
    cr_expect_str_eq(model->graph->input[0]->name, "image");
    cr_expect_str_eq(model->graph->output[0]->name, "logits");
    expect_shape(model->graph->input[0], (int64_t[]){0, 3, 8, 6}, 4);
    expect_shape(model->graph->output[0], (int64_t[]){0, 4}, 2);
    expect_words(card, "onnxruntime.InferenceSession(\"artifacts/final-0/model.onnx\")");
    expect_words(card, "np.zeros((1, 3, 8, 6), dtype=np.float32)");
    expect_words(card, "session.run([\"logits\"], {\"image\": image})  # [N, 4]");
    expect_words(card, "The normalisation is in the model");
    // Nothing takes the image but the step that moves it, and then one that scales it.
    for (size_t i = 0; i < model->graph->n_node; i++)
        for (size_t j = 0; j < model->graph->node[i]->n_input; j++)
            if (strcmp(model->graph->node[i]->input[j], "image") == 0) {
                cr_expect_str_eq(model->graph->node[i]->op_type, "Sub");
                cr_expect_str_eq(model->graph->node[i + 1]->op_type, "Mul");
                cr_expect_str_eq(model->graph->node[i + 1]->input[0],
                                 model->graph->node[i]->output[0]);
            }
    // One training has no spread, and the card says so.
    expect_words(card, "| not known |");
    expect_words(card, "how much another seed would differ is not known");
    onnx__model_proto__free_unpacked(model, NULL);
    free(said);
    free(card);
}

Test(model_card, metrics_are_means_over_seeds_with_their_spread)
{
    free(make("final.seeds=3"));
    char *card = read_card(), row[200], path[600];
    json_t *results = espalier_results(out), *final;
    double values[3];
    size_t i;
    json_array_foreach (json_object_get(results, "finals"), i, final) {
        values[i] =
            json_number_value(json_object_get(json_object_get(final, "metrics"), "test_accuracy"));
        snprintf(path, sizeof path, "%s/%s/model.onnx", out,
                 json_string_value(json_object_get(final, "folder")));
        cr_expect_eq(access(path, R_OK), 0, "%s", path);
    }
    cr_assert_eq(json_array_size(json_object_get(results, "finals")), 3);
    snprintf(row, sizeof row, "| test_accuracy | 3 | %.6g | %.3g | %.6g, %.6g, %.6g |",
             esp_statistics_mean(values, 3), esp_statistics_sd(values, 3), values[0], values[1],
             values[2]);
    expect_words(card, row);
    expect_words(
        card, json_string_value(json_object_get(json_object_get(results, "run"), "data_sha256")));
    json_decref(results);
    free(card);
    // A model that was lost is written again, from the weights.
    cr_assert_eq(unlink(path), 0);
    free(espalier_expect(0, (const char *[]){"run", config, "--quiet", "--out", out, "--resume",
                                             "--set", "final.retrain=best", "--set",
                                             "final.seeds=3", NULL}));
    cr_expect_eq(access(path, R_OK), 0, "%s", path);
}
