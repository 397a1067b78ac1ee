// SPDX-License-Identifier: Apache-2.0
// What a table answers: rows, scales, fidelities, seeds, keys of every kind, joint tables.
#include "bench_table.h"

#include "support/shared_table.h"

static const char csv[] = "id,arch,e12,e200a,e200b,e200c,t\r\n"
                          "1,\"" CELL_A "\",50,90,91,92,1000\r\n"
                          "\r\n"
                          "2," CELL_B ",40.5,80,81,82,2000";
static const char lines[] =
    "metrics = score (epochs: 12 = e12, 200 = e200a | e200b | e200c) percent higher, \\\n"
    "  mean = e200a | e200b | e200c report, seconds = t * 0.06\n"
    "cost = epochs: 12 = t * 0.06, 200 = t\nepochs = 200\n";

TestLeak(lookup, finds_the_row_and_scales_its_numbers)
{
    struct bench_table bench;
    struct fidelity few = {"epochs", 12};
    double metrics[4];
    bench_begin(&bench);
    bench_write(&bench, csv);
    bench_expect(&bench, lines);
    cr_assert_eq(bench_text(&bench, CELL_A, 0, &few, metrics), ESP_OK, "%s", bench.error.message);
    cr_assert_eq(metrics[0], 0.5);
    cr_assert_eq(metrics[1], 91.0);
    cr_assert_eq(metrics[2], 1000 * 0.06);
    cr_assert_eq(metrics[3], 1000 * 0.06);
    cr_assert_eq(bench_text(&bench, CELL_B, 0, &few, metrics), ESP_OK);
    cr_assert_eq(metrics[0], 0.405);
    cr_assert_eq(metrics[3], 2000 * 0.06);
    cr_assert_eq(bench_text(&bench, CELL_B, 0, NULL, metrics), ESP_OK);
    cr_assert_eq(metrics[3], 2000.0, "without a fidelity it is the INI's");
    bench_end(&bench);
}

TestLeak(lookup, declares_metrics_and_fidelities)
{
    struct bench_table bench;
    const esp_estimator_info *info = NULL;
    bench_begin(&bench);
    bench_write(&bench, csv);
    bench_expect(&bench, lines);
    cr_assert_eq(session_estimator_info(bench.session, &info, &bench.error), ESP_OK);
    cr_assert_eq(info->metric_count, 4);
    cr_assert_str_eq(info->metrics[0].name, "score");
    cr_assert_eq(info->metrics[0].better, ESP_BETTER_HIGHER);
    cr_assert_eq(info->metrics[1].flags, ESP_METRIC_REPORT);
    cr_assert_str_eq(info->metrics[3].name, "cost");
    cr_assert_str_eq(info->metrics[3].unit, "seconds");
    cr_assert_eq(info->fidelity_count, 1);
    cr_assert_str_eq(info->fidelities[0].name, "epochs");
    cr_assert_eq(info->fidelities[0].least, 12);
    cr_assert_eq(info->fidelities[0].most, 200);
    bench_end(&bench);
}

// Each of the seeds is drawn by some lineage, a lineage always draws the same, and report metrics
// are the mean for all.
TestLeak(lookup, draws_seeds_by_the_trials_stream)
{
    struct bench_table bench;
    double first[4], again[4];
    int drawn[3] = {0};
    bench_begin(&bench);
    bench_write(&bench, csv);
    bench_expect(&bench, lines);
    for (uint64_t lineage = 0; lineage < 300; lineage++) {
        cr_assert_eq(bench_text(&bench, CELL_A, lineage, NULL, first), ESP_OK);
        cr_assert_eq(bench_text(&bench, CELL_A, lineage, NULL, again), ESP_OK);
        cr_assert_eq(first[0], again[0]);
        cr_assert_eq(first[1], 91.0);
        int seed = (int)lround(first[0] * 100) - 90;
        cr_assert(seed >= 0 && seed < 3);
        drawn[seed]++;
    }
    for (int i = 0; i < 3; i++)
        cr_assert(drawn[i] > 70 && drawn[i] < 130, "seed %d: %d of 300", i, drawn[i]);
    bench_end(&bench);
}

TestLeak(lookup, has_no_other_fidelity)
{
    struct bench_table bench;
    struct fidelity other = {"epochs", 13}, foreign = {"resolution", 8};
    double metrics[4];
    bench_begin(&bench);
    bench_write(&bench, csv);
    bench_expect(&bench, lines);
    cr_assert_eq(bench_text(&bench, CELL_A, 0, &other, metrics), ESP_ERROR_INVALID);
    cr_assert(strstr(bench.error.message, "no epochs = 13; it has 12, 200"), "%s",
              bench.error.message);
    cr_assert_eq(bench_text(&bench, CELL_A, 0, &foreign, metrics), ESP_ERROR_INVALID);
    cr_assert(strstr(bench.error.message, "resolution is given, and the columns have epochs"), "%s",
              bench.error.message);
    bench_end(&bench);
}

TestLeak(lookup, says_what_is_not_in_the_table)
{
    struct bench_table bench;
    double metrics[4];
    bench_begin(&bench);
    bench_write(&bench, csv);
    bench_expect(&bench, lines);
    cr_assert_eq(bench_text(&bench, CELL_C, 0, NULL, metrics), ESP_ERROR_DATA);
    bench_close(&bench);
    bench_expect(&bench, "metrics = score = e12\nmissing = fail\n");
    cr_assert_eq(bench_text(&bench, CELL_C, 0, NULL, metrics), ESP_ERROR_NOT_FOUND);
    cr_assert(strstr(bench.error.message, "no row for the architecture"), "%s",
              bench.error.message);
    bench_end(&bench);
}

// ---- Keys -----------------------------------------------------------------------------------------

TestLeak(keys, may_be_json)
{
    static const char json[] =
        "\"[[\"\"cell/edge/0-1\"\",\"\"none\"\"],[\"\"cell/edge/0-2\"\",\"\"none\"\"],"
        "[\"\"cell/edge/1-2\"\",\"\"none\"\"],[\"\"cell/edge/0-3\"\",\"\"none\"\"],"
        "[\"\"cell/edge/1-3\"\",\"\"none\"\"],[\"\"cell/edge/2-3\"\",\"\"skip_connect\"\"]]\"";
    struct bench_table bench;
    char text[1024];
    double metric = 0;
    bench_begin(&bench);
    snprintf(text, sizeof text, "arch,x\n%s,7\n" CELL_A ",8\n", json);
    bench_write(&bench, text);
    bench_expect(&bench, "metrics = score = x\n");
    cr_assert_eq(bench_text(&bench, "|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|", 0,
                            NULL, &metric),
                 ESP_OK, "%s", bench.error.message);
    cr_assert_eq(metric, 7.0);
    bench_end(&bench);
}

TestLeak(keys, may_be_hashes)
{
    struct bench_table bench;
    char text[256];
    double metric = 0;
    bench_begin(&bench);
    bench_write(&bench, "arch,x\n" CELL_A ",1\n");
    bench_expect(&bench, "metrics = score = x\n");
    struct arch *arch = bench_parse(&bench, CELL_B);
    snprintf(text, sizeof text, "hash,x\n%016llX,3\n", (unsigned long long)arch_hash(arch));
    arch_release(arch);
    bench_close(&bench);
    bench_write(&bench, text);
    bench_expect(&bench, "metrics = score = x\nkey = hash\nkey_format = hash\n");
    cr_assert_eq(bench_text(&bench, CELL_B, 0, NULL, &metric), ESP_OK, "%s", bench.error.message);
    cr_assert_eq(metric, 3.0);
    bench_end(&bench);
}

// Two cells of one network: where nothing reaches a node, its edges do not matter.
TestLeak(keys, may_be_canonical)
{
    static const char one[] = "|none~0|+|none~0|none~1|+|skip_connect~0|none~1|none~2|";
    static const char other[] = "|none~0|+|none~0|none~1|+|skip_connect~0|nor_conv_3x3~1|none~2|";
    struct bench_table bench;
    char text[512];
    double metric = 0;
    bench_begin(&bench);
    snprintf(text, sizeof text, "arch,x\n%s,5\n", one);
    bench_write(&bench, text);
    bench_expect(&bench, "metrics = score = x\nidentity = canonical\n");
    cr_assert_eq(bench_text(&bench, other, 0, NULL, &metric), ESP_OK, "%s", bench.error.message);
    cr_assert_eq(metric, 5.0);
    bench_close(&bench);
    bench_expect(&bench, "metrics = score = x\n");
    cr_assert_neq(bench_text(&bench, other, 0, NULL, &metric), ESP_OK);
    bench_end(&bench);
}

// A module of NAS-Bench-101 is found however its matrix is written.
TestLeak(keys, may_be_modules)
{
    static const char other[] =
        "{\"matrix\": [[0,1,1,0,0],[0,0,0,0,1],[0,0,0,1,1],[0,0,0,0,0],[0,0,0,0,0]], \"ops\": "
        "[\"input\",\"conv3x3-bn-relu\",\"conv1x1-bn-relu\",\"maxpool3x3\",\"output\"]}";
    struct bench_table bench;
    double metric = 0;
    bench_begin(&bench);
    bench_write(&bench,
                "arch,x\n\"{\"\"matrix\"\": [[0,1,1,0],[0,0,0,1],[0,0,0,1],[0,0,0,0]], "
                "\"\"ops\"\": [\"\"input\"\",\"\"conv1x1-bn-relu\"\",\"\"conv3x3-bn-relu\"\","
                "\"\"output\"\"]}\",9\n");
    cr_assert_eq(bench_open(&bench, "[space]\nplugin = nasbench101\n",
                            "metrics = score = x\nidentity = canonical\n"),
                 ESP_OK, "%s", bench.error.message);
    cr_assert_eq(bench_text(&bench, other, 0, NULL, &metric), ESP_OK, "%s", bench.error.message);
    cr_assert_eq(metric, 9.0);
    bench_end(&bench);
}

// ---- Whole tables -----------------------------------------------------------------------------------

// Every row of a table answers for its own key.
static void expect_rows(const char *name, const char *space, const char *mapped, const char *column,
                        size_t rows)
{
    struct bench_table bench;
    struct shared_table table;
    char text[1024];
    double metric = 0;
    shared_table_open(&table, name);
    bench_begin(&bench);
    snprintf(text, sizeof text, "%spath = %s/../shared/data/%s\n", mapped, ESPALIER_SOURCE_DIR,
             name);
    cr_assert_eq(bench_open_path(&bench, space, text), ESP_OK, "%s", bench.error.message);
    while (shared_table_next(&table)) {
        cr_assert_eq(bench_text(&bench, shared_table_cell(&table, "arch"), 0, NULL, &metric),
                     ESP_OK, "row %zu: %s", table.row, bench.error.message);
        cr_assert_eq(metric, strtod(shared_table_cell(&table, column), NULL), "row %zu", table.row);
    }
    cr_assert_eq(table.row, rows);
    shared_table_close(&table);
    bench_end(&bench);
}

TestLeak(tables, nasbench201)
{
    expect_rows("nasbench201/nb201.csv", "[space]\nplugin = nasbench201\n",
                "metrics = score = c10_val_e200\n", "c10_val_e200", 15625);
}

TestLeak(tables, nasbench_macro)
{
    expect_rows("nasbench_macro/nasbench_macro.csv", "[space]\nplugin = nasbench_macro\n",
                "metrics = score = mean_acc\n", "mean_acc", 6561);
}

// ---- Joint tables -----------------------------------------------------------------------------------

static const char joint[] = "arch,C,lr,opt,x\n"
                            "\"" CELL_A "\",8,0.1,sgd,1\n" CELL_A ",16,0.1,sgd,2\n" CELL_A
                            ",8,0.01,sgd,3\n" CELL_A ",16,0.01,adamw,4\n";
static const char searched[] = "searched = @space/channels = C, @estimator/learning_rate = lr, "
                               "@estimator/optimizer = opt\n";

static double joint_value(struct bench_table *bench, const char *channels, const char *rate,
                          const char *optimizer)
{
    const struct given given[] = {{"@space/channels", channels},
                                  {"@estimator/learning_rate", rate},
                                  {"@estimator/optimizer", optimizer}};
    struct arch *arch = NULL;
    double metric = 0;
    error_clear(&bench->error);
    cr_assert_eq(
        builder_parse(session_builder(bench->session), CELL_A, given, 3, &arch, &bench->error),
        ESP_OK, "%s", bench->error.message);
    cr_assert_eq(bench_arch(bench, arch, 0, NULL, &metric), ESP_OK, "%s", bench->error.message);
    arch_release(arch);
    return metric;
}

TestLeak(joint, has_a_row_for_each_searched_value)
{
    struct bench_table bench;
    char text[1024];
    bench_begin(&bench);
    bench_write(&bench, joint);
    snprintf(text, sizeof text,
             "metrics = score = x\n%slearning_rate = one_of(0.1, 0.01)\n"
             "optimizer = one_of(sgd, adamw)\n",
             searched);
    cr_assert_eq(
        bench_open(&bench, "[space]\nplugin = nasbench201\nchannels = one_of(8, 16)\n", text),
        ESP_OK, "%s", bench.error.message);
    cr_assert_eq(joint_value(&bench, "8", "0.1", "sgd"), 1.0);
    cr_assert_eq(joint_value(&bench, "16", "0.1", "sgd"), 2.0);
    cr_assert_eq(joint_value(&bench, "8", "0.01", "sgd"), 3.0);
    cr_assert_eq(joint_value(&bench, "16", "0.01", "adamw"), 4.0);
    bench_end(&bench);
}

// A parameter that has one value keeps the rows that have it.
TestLeak(joint, keeps_the_rows_of_what_is_said)
{
    struct bench_table bench;
    double metric = 0;
    char text[1024];
    bench_begin(&bench);
    bench_write(&bench, joint);
    snprintf(text, sizeof text,
             "metrics = score = x\n%soutside = leave_out\nlearning_rate = 1e-2\noptimizer = sgd\n",
             searched);
    cr_assert_eq(bench_open(&bench, "[space]\nplugin = nasbench201\nchannels = 8\n", text), ESP_OK,
                 "%s", bench.error.message);
    cr_assert_eq(bench_text(&bench, CELL_A, 0, NULL, &metric), ESP_OK, "%s", bench.error.message);
    cr_assert_eq(metric, 3.0);
    bench_end(&bench);
}
