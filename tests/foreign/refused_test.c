// SPDX-License-Identifier: Apache-2.0
// What can be known to be wrong of a manifest is refused when it is read, with file, line and key; and
// nothing of a library runs in that.
#include "lab.h"

TestSuite(foreign_refused, .init = lab_begin, .fini = lab_end);

// `%` stands for the library of functions.c.
static const struct {
    const char *kind, *rest, *words;
} rows[] = {
    {"estimator", "library = libnone.so.3\nrole = objective\nsymbol = f\nsignature = f64 (i32 n)\n",
     "[plugin] library: there is no library 'libnone.so.3' in "},
    {"estimator", "library = ./no.so\nrole = objective\nsymbol = f\nsignature = f64 (i32 n)\n",
     "there is no library './no.so' in "},
    {"estimator", "library = ./x.plugin.ini\nrole = objective\nsymbol = f\nsignature = f64 ()\n",
     "it is no ELF file"},
    {"estimator", "%role = objective\nsymbol = rosenbrok\nsignature = f64 (i32 n)\n",
     "[plugin] symbol: " FOREIGN_FOLDER
     "/libfunctions.so: it has no function 'rosenbrok'; did you mean 'rosenbrock'?"},
    {"estimator", "%role = objective\nsymbol = table_of_values\nsignature = f64 (i32 n)\n",
     "'table_of_values' is no function of it"},
    {"estimator", "%role = objective\nsymbol = malloc\nsignature = ptr (u64 n)\n",
     "'malloc' is no function of it: it is data, or taken from another library"},
    {"estimator", "%role = objective\nsymbol = rosenbrock\nsignature = f64 (i33 n)\n",
     "[plugin] signature: column 6: unknown type 'i33'; did you mean 'i32'?"},
    {"estimator", "%role = objective\nsymbol = rosenbrock\n", "symbol and signature go together"},
    {"estimator", "%role = objective\n[evaluate]\nvalue = rosenbrock(n, x)\n",
     "no function is named"},
    {"estimator", "%role = objective\nsymbol = rosenbrock\nsignature = f64 (i32, ptr<f64>)\n",
     "argument 1 has no name"},
    {"estimator", "%role = objective\nsymbol = rosenbrock\nsignature = f64 (i32 m, ptr<f64> x)\n",
     "argument 'm' is neither a parameter nor given to this role"},
    {"estimator", "%role = objective\nsymbol = rosenbrock\nsignature = f64 (i32 n, str x)\n",
     "argument 'x': str takes a text, not numbers"},
    {"estimator", "%role = objective\nsymbol = rosenbrock\nsignature = f64 (i32 n)\n",
     "the role objective wants a call that uses x, reals, integers or a parameter, and none does"},
    {"estimator", "%role = score\nsymbol = rosenbrock\nsignature = f64 (i32 seed)\n",
     "the role score wants a call that uses params, macs or encoding"},
    {"estimator", "%role = curve\nsymbol = power_law\nsignature = f64 (f64 step, ptr<f64> theta)\n",
     "the role curve wants theta: 1 to 16 numbers"},
    {"estimator",
     "%role = curve\ntheta = 1, x\nsymbol = power_law\n"
     "signature = f64 (f64 step, ptr<f64> theta)\n",
     "[plugin] theta: expected numbers, got 'x'"},
    {"estimator", "%role = curve\ntheta = 1\nsymbol = crash_below\nsignature = f64 (f64 step)\n",
     "the role curve wants a call that uses theta"},
    {"estimator", "%role = optimizer\nsymbol = rosenbrock\nsignature = f64 (i32 n)\n",
     "the role optimizer is a strategy's, and it is an estimator"},
    {"strategy", "%role = score\nsymbol = rosenbrock\nsignature = f64 (i32 n)\n",
     "the role score is an estimator's, and it is a strategy"},
    {"estimator", "%role = objektiv\nsymbol = rosenbrock\nsignature = f64 (i32 n)\n",
     "[plugin] role"},
    {"estimator",
     "%role = objective\n[signatures]\nrosenbrock = f64 (i32 n, ptr<const f64> x)\n[evaluate]\n"
     "value = rosenbrock(n)\n",
     "rosenbrock takes 2 arguments, and here is 1: f64 (i32 n, ptr<const f64> x)"},
    {"estimator",
     "%role = objective\n[signatures]\nrosenbrock = f64 (i32 n, ptr<const f64> x)\n[evaluate]\n"
     "value = rosenbrock(n, x, 3)\n",
     "[evaluate] value: column 18: rosenbrock takes 2 arguments"},
    {"estimator",
     "%role = objective\n[signatures]\nrosenbrock = f64 (i32 n, ptr<const f64> x)\n[evaluate]\n"
     "value = rosenbrok(n, x)\n",
     "column 1: there is no function in [signatures] 'rosenbrok'; did you mean 'rosenbrock'?"},
    {"estimator",
     "%role = objective\n[signatures]\nrosenbrock = f64 (i32 n, ptr<const f64> x)\n[evaluate]\n"
     "value = rosenbrock(n, y)\n",
     "column 15: there is no name 'y'"},
    {"estimator",
     "%role = objective\n[signatures]\nrosenbrock = f64 (i32 n, ptr<const f64> x)\n[evaluate]\n"
     "value = rosenbrock(x, x)\n",
     "column 12: i32 takes an integer, not numbers"},
    {"estimator",
     "%role = objective\n[signatures]\nrosenbrock = f64 (i32 n, ptr<const f64> x)\n[evaluate]\n"
     "value = rosenbrock(n, x) >> 3\n",
     "column 19: expected a name, &name, a number"},
    {"estimator",
     "%role = objective\n[signatures]\nrosenbrock = f64 (i32 n, ptr<const f64> x)\n[evaluate]\n"
     "x = rosenbrock(n, x)\n",
     "[evaluate] x: the name is given to the calls already"},
    {"estimator",
     "%role = objective\n[signatures]\nrosenbrock = f64 (i32 n, ptr<const f64> x)\n[evaluate]\n"
     "valeu = rosenbrock(n, x)\n",
     "[metric.value]: nothing that comes out of the calls has this name"},
    {"estimator",
     "%role = objective\n[signatures]\nmodel_open = ptr (str name, f64 scale)\n[evaluate]\n"
     "value = model_open(\"m\", a)\n[parameter.a]\ntype = real\ndefault = 1\nhelp = a\n",
     "[metric.value]: what comes out under this name is a handle, no number"},
    {"estimator",
     "%role = objective\n[signatures]\nmodel_close = void (ptr model)\n[evaluate]\n"
     "value = model_close(null) > 0\n",
     "model_close answers with no number"},
    {"estimator",
     "%role = objective\nsymbol = rosenbrock\nsignature = f64 (i32 n, ptr<f64> x)\n"
     "[parameter.a]\ntype = real\ndefault = 1\nhelp = a\n",
     "[parameter.a]: no call uses it"},
    {"estimator",
     "%role = objective\nsymbol = rosenbrock\nsignature = f64 (i32 n, ptr<f64> x)\n"
     "[parameter.n]\ntype = real\ndefault = 1\nhelp = a\n",
     "[parameter.n]: the role objective gives the name 'n' to its calls"},
    {"estimator",
     "%role = objective\nsymbol = rosenbrock\nsignature = f64 (i32 n, ptr<f64> x)\n"
     "[optimize]\nvalue = rosenbrock(n, x)\n",
     "[optimize]: the calls of the role objective stand in [evaluate]"},
    {"strategy",
     "%role = optimizer\n[signatures]\ndies = f64 (fn<f64 (u32 n)> f, u32 n)\n[optimize]\n"
     "value = dies(objective, n)\n",
     "[signatures] dies: column 6: the function that is to be made small wants an argument x"},
    {"strategy",
     "%role = optimizer\n[signatures]\ndies = f64 (fn<i32 (ptr<const f64> x)> f, u32 n)\n"
     "[optimize]\nvalue = dies(objective, n)\n",
     "it answers with no f64, and has no argument value"},
    {"strategy",
     "%role = optimizer\n[signatures]\nrosenbrock = f64 (i32 n, ptr<f64> x)\n[optimize]\n"
     "value = rosenbrock(n, x)\n",
     "the role optimizer wants a call that uses objective"},
    {"strategy",
     "%role = optimizer\ntakes = subset\n[signatures]\n"
     "dies = f64 (fn<f64 (ptr<const f64> x)> f, u32 n)\n[optimize]\nvalue = dies(objective, n)\n",
     "[plugin] takes: an optimizer takes real and int"},
};

static char *fill(const char *rest)
{
    char *text = NULL;
    const char *mark = strchr(rest, '%');
    if (!mark)
        return strdup(rest);
    if (asprintf(&text, "%.*s%s%s", (int)(mark - rest), rest, FUNCTIONS, mark + 1) < 0)
        abort();
    return text;
}

Test(foreign_refused, what_can_be_known_to_be_wrong)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *rest = fill(rows[i].rest), *whole = NULL;
        if (asprintf(&whole, "%s%s", rest,
                     strcmp(rows[i].kind, "estimator") == 0 ? "[metric.value]\n" : "") < 0)
            abort();
        lab_manifest(rows[i].kind, "x", whole);
        const char *arguments[] = {espalier_binary(), "describe", "x",
                                   "--plugins",       lab_folder, NULL};
        char what[64];
        snprintf(what, sizeof what, "%s/x", rows[i].kind);
        arguments[2] = what;
        struct command_result result = command_run(&(struct command){.arguments = arguments});
        cr_expect_eq(result.status, 2, "%zu: %d\n%s", i, result.status, rest);
        cr_expect(strstr(result.err, "x.plugin.ini"), "%s", result.err);
        cr_expect(strstr(result.err, rows[i].words), "%zu: %s\nexpected: %s", i, result.err,
                  rows[i].words);
        command_free(&result);
        free(rest);
        free(whole);
    }
}

// A file of another machine, and one that is cut.
Test(foreign_refused, a_library_of_another_machine)
{
    char path[256];
    FILE *from = fopen(FOREIGN_FOLDER "/libfunctions.so", "rb");
    static unsigned char bytes[1 << 20];
    size_t size = fread(bytes, 1, sizeof bytes, from);
    fclose(from);
    static const char *const words[] = {"it was built for another machine", "it "};
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/lib%d.so", lab_folder, i);
        FILE *to = fopen(path, "wb");
        if (i == 0)
            bytes[18] ^= 0xff; // e_machine
        fwrite(bytes, 1, i == 0 ? size : 100, to);
        fclose(to);
        bytes[18] ^= i == 0 ? 0xff : 0;
        char rest[256];
        snprintf(rest, sizeof rest,
                 "library = ./lib%d.so\nrole = objective\nsymbol = rosenbrock\n"
                 "signature = f64 (i32 n, ptr<const f64> x)\n[metric.value]\n",
                 i);
        lab_manifest("estimator", "x", rest);
        const char *arguments[] = {espalier_binary(), "describe", "estimator/x",
                                   "--plugins",       lab_folder, NULL};
        struct command_result result = command_run(&(struct command){.arguments = arguments});
        cr_expect_eq(result.status, 2);
        cr_expect(strstr(result.err, words[i]), "%s", result.err);
        command_free(&result);
    }
}
