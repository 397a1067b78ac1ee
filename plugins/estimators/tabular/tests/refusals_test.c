// SPDX-License-Identifier: Apache-2.0
// Tables and mappings that are refused, and where the message says the fault is.
#include "bench_table.h"

#define GOOD "arch,x,y\n" CELL_A ",1,2\n"
#define LINES "metrics = score = x, other = y\n"

static const struct {
    const char *csv, *lines, *words;
} cases[] = {
    // The file.
    {"", LINES, "table.csv: the file is empty"},
    {"\n\n", LINES, "table.csv:1: expected a header"},
    {"arch,x,y\n", LINES, "table.csv: there is no row below the header"},
    {"arch,x,x\n", LINES, "table.csv:1: columns 2 and 3 are both named 'x'"},
    {"arch,x,y\n" CELL_A ",1\n", LINES,
     "table.csv:2: the row has 2 fields, and the header 3: column 3 'y' is missing"},
    {"arch,x,y\n\n" CELL_A ",1,2,3\n", LINES,
     "table.csv:3: the row has 4 fields, and the header 3: there is no column 4 for '3'"},
    {"arch,x,y\n" CELL_A ",1,\n", LINES, "table.csv:2: column 3 'y': the number is missing"},
    {"arch,x,y\n" CELL_A ",1,2\n" CELL_B ",, 2\n", LINES,
     "table.csv:3: column 2 'x': the number is missing"},
    {"arch,x,y\n" CELL_A ",1,nan\n", LINES,
     "table.csv:2: column 3 'y': expected a number, got 'nan'"},
    {"arch,x,y\n" CELL_A ",1x,2\n", LINES,
     "table.csv:2: column 2 'x': expected a number, got '1x'"},
    {"arch,x,y\n,1,2\n", LINES, "table.csv:2: column 1 'arch': the architecture is missing"},
    {"arch,x,y\n" CELL_A ",1,2\n" CELL_B ",1,2\n\"" CELL_A "\",3,4\n", LINES,
     "table.csv:4: column 1 'arch': the architecture stands at line 2 already"},
    {"arch,x,y\n|nor_conv_3x3~0|+|nor_conv_9x9~0|none~1|+|none~0|none~1|none~2|,1,2\n", LINES,
     "table.csv:2: column 1 'arch': "},
    {"arch,x,y\n\"" CELL_A ",1,2\n", LINES, "table.csv:2: the quotes that begin here"},
    {"arch,x,y\n\"" CELL_A "\"z,1,2\n", LINES, "table.csv:2: expected a comma"},
    {"arch,x,y\na\"b,1,2\n", LINES, "table.csv:2: a quote within a field"},
    {"arch,x,y\n123,1,2\n", "key_format = hash\n" LINES,
     "table.csv:2: column 1 'arch': expected a hash of 16 hex digits, got '123'"},
    {"arch,x,y\n" CELL_A ",1e308,2\n", "metrics = score = x * 1e10, other = y\n",
     "table.csv:2: column 2 'x': 1e308 is no number any more"},
    // The columns.
    {GOOD, "metrics = score = z\n", "table.csv:1: there is no column 'z'; there are: arch, x, y"},
    {"arch,accuracy\n" CELL_A ",1\n", "metrics = score = acuracy\n", "did you mean 'accuracy'?"},
    {GOOD, "key = architecture\n" LINES, "there is no column 'architecture'"},
    // The mapping.
    {GOOD, "", "metrics is missing"},
    {GOOD, "metrics = score\n", "metrics = score: expected '=' and a column"},
    {GOOD, "metrics = score = x,\n", "expected the name of a metric at the end"},
    {GOOD, "metrics = score = x y\n", "expected ',' or one of percent, report, higher, lower"},
    {GOOD, "metrics = score = x | \n", "expected the name of a column"},
    {GOOD, "metrics = score = x * z\n", "expected a number at character 13, got 'z'"},
    {GOOD, "metrics = score = 'x\n", "closing quote"},
    {GOOD, "metrics = score = x, score = y\n", "score stands twice"},
    {GOOD, "metrics = Score = x\n", "'Score' is no name of a metric"},
    {GOOD, "metrics = score = x, cost = y\n", "a parameter of its own"},
    {GOOD, "metrics = score = x, params = y\n", "the host counts params"},
    {GOOD, "metrics = score (epoch: 1 = x)\n", "there is no dimension 'epoch'"},
    {GOOD, "metrics = score (epochs: 1 = x, 1 = y)\n", "score has epochs = 1 twice"},
    {GOOD, "metrics = score (epochs: 0 = x)\n", "a value of the fidelity is above 0"},
    {GOOD, "metrics = score (epochs: 1 = x, 2 = y), other (epochs: 1 = x)\n",
     "score has a column for epochs = 2, and other has none"},
    {GOOD, "metrics = score (epochs: 1 = x), other (width: 1 = x)\n",
     "one dimension of fidelity, and this one has epochs and width"},
    {GOOD, "metrics = score (epochs: 1 = x\n", "expected ')' at the end"},
    {GOOD, "epochs = 3\n" LINES, "epochs is given, and the columns have no fidelity"},
    {GOOD, "epochs = 3\nmetrics = score (epochs: 1 = x)\n", "no epochs = 3; it has 1"},
    {GOOD, "metrics = score (epochs: 1 = x, 4 = y)\n",
     "epochs is missing: the columns have 1, 4, and 'epochs = VALUE' says which"},
    {GOOD, "cost = x y\n" LINES, "cost: expected the end"},
    {GOOD, "searched = channels = x\n" LINES, "expected '@section/key'"},
    {GOOD, "searched = @space/width = x\n" LINES, "'@space/width' names no parameter"},
    {GOOD, "searched = @space/channels = x\n" LINES,
     "@space/channels is 1 here, and 16 in this run"},
    {GOOD, "learning_rate = 0.1\n" LINES, "learning_rate is given, and no column is"},
    {GOOD, "learning_rate = one_of(0.1, 0.2)\n" LINES, "@estimator/learning_rate is not written"},
    {GOOD, "key_format = hash\nsearched = @space/channels = x\n" LINES,
     "a hash holds the searched"},
    {GOOD, "outside = leave_out\nsearched = @space/channels = x\n" LINES,
     "none of its 1 rows is a member"},
};

TestLeak(refusals, name_file_line_and_column)
{
    struct bench_table bench;
    bench_begin(&bench);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bench_write(&bench, cases[i].csv);
        bench_expect_words(&bench, cases[i].lines, cases[i].words);
    }
    bench_end(&bench);
}

TestLeak(refusals, no_file)
{
    struct bench_table bench;
    bench_begin(&bench);
    cr_assert_eq(bench_open(&bench, NULL, LINES), ESP_ERROR_NOT_FOUND);
    cr_assert(strstr(bench.error.message, "table.csv: cannot be read: No such file"), "%s",
              bench.error.message);
    bench_end(&bench);
}

// A key that does not parse shows where, with a caret.
TestLeak(refusals, a_key_has_a_caret)
{
    struct bench_table bench;
    bench_begin(&bench);
    bench_write(&bench, "arch,x,y\n|nor_conv_3x3~0|+|nor_conv_3x4~0|none~1|+|none~0|none~1|none~2|"
                        ",1,2\n");
    cr_assert_neq(bench_open(&bench, NULL, LINES), ESP_OK);
    cr_assert(strstr(bench.error.message, "nor_conv_3x3") && strstr(bench.error.message, "^"), "%s",
              bench.error.message);
    bench_end(&bench);
}

// Names of columns may be anything, in quotes.
TestLeak(columns, have_any_name)
{
    struct bench_table bench;
    bench_begin(&bench);
    bench_write(&bench, "\"arch\",\"val acc (%), \"\"a\"\"\",y\n" CELL_A ",50,2\n");
    double metric = 0;
    bench_expect(&bench, "metrics = score = 'val acc (%), \"a\"' percent\n");
    cr_assert_eq(bench_text(&bench, CELL_A, 0, NULL, &metric), ESP_OK);
    cr_assert_eq(metric, 0.5);
    bench_end(&bench);
}
