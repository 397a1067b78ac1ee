// SPDX-License-Identifier: Apache-2.0
// See table.h.
#include "table.h"

#include <math.h>
#include <stdio.h>
#include <sys/stat.h>

#define ASKED_MEAN 2.5
#define ASKED_LEAST 1.8
#define ASKED_NETWORK_SHARE 0.5
#define ASKED_CONVOLUTION_SHARE 0.65
#define ASKED_MEMORY_FACTOR 1.3
#define ASKED_MEMORY_SHARE 0.2
#define ASKED_COMPILE 5e-3
#define ASKED_LOSS 1e-3
#define BIG_NETWORK 1 // the second: whose share of the peak is asked for

static const char *verdict(bool reached)
{
    return reached ? "reached" : "NOT reached";
}

static double ratio_of(const struct network_figures *f, int torch)
{
    return f->torch[torch].step.cpu / f->espalier.cpu;
}

// The geometric mean and the least of the ratios to PyTorch; the number of them.
static int ratios(const struct figures *figures, int torch, double *mean, double *least)
{
    double sum = 0.0;
    int count = 0;
    *least = INFINITY;
    for (int i = 0; i < NETWORK_COUNT; i++) {
        const struct network_figures *f = &figures->networks[i];
        if (!f->measured || !figures->torch)
            continue;
        sum += log(ratio_of(f, torch));
        *least = fmin(*least, ratio_of(f, torch));
        count++;
    }
    *mean = count > 0 ? exp(sum / count) : 0.0;
    return count;
}

static void print_step(const struct figures *figures, int i)
{
    const struct network_figures *f = &figures->networks[i];
    printf("%-50s %5llu %8.2f (%7.2f)", networks[i].about, (unsigned long long)networks[i].batch,
           1e3 * f->espalier.cpu, 1e3 * f->espalier.wall);
    for (int t = 0; t < TORCH_COUNT; t++)
        if (figures->torch)
            printf(" %8.2f (%7.2f) %s %5.2fx", 1e3 * f->torch[t].step.cpu,
                   1e3 * f->torch[t].step.wall, f->torch[t].layout, ratio_of(f, t));
        else
            printf(" %30s", "-");
    if (f->operations > 0.0)
        printf(" %8.1f %5.0f%%", 1e-9 * f->operations / f->espalier.cpu,
               100.0 * f->operations / f->espalier.cpu / figures->peak);
    printf("\n");
}

static bool any_network(const struct figures *figures)
{
    bool any = false;
    for (int i = 0; i < NETWORK_COUNT; i++)
        any = any || figures->networks[i].measured;
    return any;
}

static void print_steps(const struct figures *figures)
{
    if (!any_network(figures) || figures->memory_alone)
        return;
    static const char *const torches[TORCH_COUNT] = {"as it comes", "keeping memory"};
    printf(
        "\nA training step, ms: medians of processor time (and of wall time); PyTorch as it comes, "
        "and with a malloc that keeps memory\n");
    printf("%-50s %5s %18s %30s %30s %8s %6s\n", "network", "batch", "espalier", torches[0],
           torches[1], "GFLOP/s", "peak");
    for (int i = 0; i < NETWORK_COUNT; i++)
        if (figures->networks[i].measured)
            print_step(figures, i);
    for (int t = 0; t < TORCH_COUNT; t++) {
        double mean, least;
        if (ratios(figures, t, &mean, &least) == NETWORK_COUNT)
            printf("PyTorch %-15s geometric mean %5.2fx (asked: %.1fx, the aim is 3): %s; least "
                   "%5.2fx (asked: %.1fx): %s\n",
                   torches[t], mean, ASKED_MEAN, verdict(mean >= ASKED_MEAN), least, ASKED_LEAST,
                   verdict(least >= ASKED_LEAST));
    }
    const struct network_figures *big = &figures->networks[BIG_NETWORK];
    double share = big->measured ? big->operations / big->espalier.cpu / figures->peak : 0.0;
    if (big->measured)
        printf(
            "network 2 at %.0f %% of the peak, counting the operations of convolutions alone over "
            "the whole step (asked: 50 %%): %s\n",
            100.0 * share, verdict(share >= ASKED_NETWORK_SHARE));
}

static void print_convolutions(const struct figures *figures)
{
    if (!figures->convolved)
        return;
    printf(
        "\n3x3 convolutions alone, batch 64, GFLOP/s and share of the peak (asked: 65 %% of each)\n"
        "%-24s %16s %18s %18s %18s\n",
        "", "forward", "backward-data", "backward-weights", "backward, both");
    for (int i = 0; i < CONVOLUTION_COUNT; i++) {
        const struct convolution_rates *r = &figures->convolutions[i].rates;
        const double rates[] = {r->forward, r->data, r->weights, r->backward};
        printf("%3lld channels, %2lldx%-2lld    ", (long long)figures->convolutions[i].channels,
               (long long)figures->convolutions[i].size, (long long)figures->convolutions[i].size);
        bool reached = true;
        for (size_t j = 0; j < ESP_COUNT(rates); j++) {
            reached = reached && rates[j] >= ASKED_CONVOLUTION_SHARE * figures->peak;
            printf(" %10.1f (%2.0f %%)", 1e-9 * rates[j], 100.0 * rates[j] / figures->peak);
        }
        printf("  %s\n", verdict(reached));
    }
}

static void print_profiles(const struct figures *figures)
{
    bool any = false;
    for (int i = 0; i < NETWORK_COUNT; i++)
        any = any || figures->networks[i].profile.measured;
    if (!any)
        return;
    printf("\nWhere the time of a step goes, %% (by the engine's own account)\n%-50s", "network");
    for (int part = 0; part < PART_COUNT; part++)
        printf(" %10s", part_names[part]);
    printf("\n");
    for (int i = 0; i < NETWORK_COUNT; i++) {
        const struct profile *profile = &figures->networks[i].profile;
        double all = 0.0;
        if (!profile->measured)
            continue;
        for (int part = 0; part < PART_COUNT; part++)
            all += profile->seconds[part];
        printf("%-50s", networks[i].about);
        for (int part = 0; part < PART_COUNT; part++)
            printf(" %10.1f", 100.0 * profile->seconds[part] / all);
        printf("\n");
    }
}

static bool steps_alone(const struct figures *figures)
{
    for (int i = 0; i < NETWORK_COUNT; i++)
        if (figures->networks[i].measured && !figures->networks[i].steps_alone)
            return false;
    return true;
}

// Growth over weights and kept activations; without the pages of libraries, which all workers share.
static double memory_factor(const struct network_figures *f, bool libraries)
{
    return (f->memory.grown - (libraries ? 0.0 : f->memory.libraries)) / (f->weights + f->kept);
}

static const char *share_verdict(const struct network_figures *f)
{
    if (!(f->torch_memory > 0.0))
        return "-";
    if (f->memory.peak < ASKED_MEMORY_SHARE * f->torch_memory)
        return "reached";
    return f->weights + f->kept > ASKED_MEMORY_SHARE * f->torch_memory
               ? "NOT reached (weights and kept alone are more)"
               : "NOT reached";
}

static const char *factor_verdict(const struct network_figures *f)
{
    if (memory_factor(f, true) <= ASKED_MEMORY_FACTOR)
        return "reached";
    return memory_factor(f, false) <= ASKED_MEMORY_FACTOR ? "reached without libraries"
                                                          : "NOT reached";
}

static void print_memory(const struct figures *figures)
{
    if (steps_alone(figures))
        return;
    printf(
        "\nPeak resident memory of a fresh process, MB (asked: under a fifth of PyTorch's; growth "
        "within 1.3 times weights plus kept; own: without the pages of libraries)\n");
    printf("%-50s %9s %9s %7s %9s %9s %9s %7s %7s %7s\n", "network", "espalier", "pytorch", "share",
           "growth", "libraries", "weights", "kept", "factor", "own");
    for (int i = 0; i < NETWORK_COUNT; i++) {
        const struct network_figures *f = &figures->networks[i];
        if (!f->measured)
            continue;
        double share = f->torch_memory > 0.0 ? f->memory.peak / f->torch_memory : NAN;
        printf("%-50s %9.1f %9.1f %6.0f%% %9.1f %9.1f %9.1f %7.1f %7.2f %7.2f  %s, %s\n",
               networks[i].about, 1e-6 * f->memory.peak, 1e-6 * f->torch_memory, 100.0 * share,
               1e-6 * f->memory.grown, 1e-6 * f->memory.libraries, 1e-6 * f->weights,
               1e-6 * f->kept, memory_factor(f, true), memory_factor(f, false), share_verdict(f),
               factor_verdict(f));
    }
}

static void print_losses(const struct figures *figures)
{
    if (!figures->torch || steps_alone(figures) || figures->memory_alone)
        return;
    printf(
        "\nLosses of the first %d steps, largest relative difference to PyTorch's (asked: 1e-3)\n",
        LOSS_STEPS);
    for (int i = 0; i < NETWORK_COUNT; i++) {
        const struct network_figures *f = &figures->networks[i];
        if (f->measured && !isnan(f->loss_difference))
            printf("%-50s %9.1e  %s\n", networks[i].about, f->loss_difference,
                   verdict(f->loss_difference <= ASKED_LOSS));
    }
}

void table_print(const struct figures *figures)
{
    printf("engine %s, one thread; ", figures->engine);
    if (!figures->memory_alone)
        printf("%.1f GFLOP/s is the peak of one core with %s; ", 1e-9 * figures->peak,
               figures->instructions);
    if (figures->torch)
        printf("PyTorch %s\n", figures->torch);
    else
        printf("without PyTorch (Debian: python3-torch), so Espalier's side alone\n");
    print_steps(figures);
    print_profiles(figures);
    print_convolutions(figures);
    print_memory(figures);
    print_losses(figures);
    if (figures->compile_seconds > 0.0)
        printf(
            "\nCompiling an architecture of %.0f operators in a warm process: %.2f ms (asked: < 5 "
            "ms): %s\n",
            figures->compile_operators, 1e3 * figures->compile_seconds,
            verdict(figures->compile_seconds < ASKED_COMPILE));
    fflush(stdout);
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *network_json(const struct figures *figures, int i)
{
    const struct network_figures *f = &figures->networks[i];
    json_t *json =
        json_pack("{s:s, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "network",
                  networks[i].name, "batch", (json_int_t)networks[i].batch, "params",
                  (json_int_t)f->params, "operators", (json_int_t)f->operators, "step_cpu_ms",
                  number(1e3 * f->espalier.cpu), "step_ms", number(1e3 * f->espalier.wall),
                  "convolution_gflops", number(1e-9 * f->operations / f->espalier.cpu),
                  "peak_memory_bytes", number(f->memory.peak), "memory_growth_bytes",
                  number(f->memory.grown), "library_bytes", number(f->memory.libraries),
                  "weight_bytes", number(f->weights), "kept_bytes", number(f->kept));
    json_t *parts = json_object();
    for (int part = 0; f->profile.measured && part < PART_COUNT; part++)
        json_object_set_new(parts, part_names[part], number(1e3 * f->profile.seconds[part]));
    json_object_set_new(json, "profile_ms", parts);
    for (int t = 0; figures->torch && t < TORCH_COUNT; t++)
        json_object_set_new(json, t == TORCH_PLAIN ? "torch" : "torch_keeping_memory",
                            json_pack("{s:s, s:o, s:o, s:o}", "layout", f->torch[t].layout,
                                      "step_cpu_ms", number(1e3 * f->torch[t].step.cpu), "step_ms",
                                      number(1e3 * f->torch[t].step.wall), "times",
                                      number(ratio_of(f, t))));
    if (figures->torch)
        json_object_update_new(json, json_pack("{s:o, s:o}", "torch_peak_memory_bytes",
                                               number(f->torch_memory), "loss_difference",
                                               number(f->loss_difference)));
    return json;
}

// One figure that was asked for: at least so much, or at most.
static void add_asked(json_t *list, const char *figure, const char *of, double asked,
                      double measured, bool at_most)
{
    if (isfinite(measured) && measured > 0.0)
        json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:o, s:b}", "figure", figure, "of",
                                              of, "asked", number(asked), "measured",
                                              number(measured), "reached",
                                              at_most ? measured <= asked : measured >= asked));
}

// Everything that was asked for and measured, for programs that want the verdicts alone.
static json_t *asked_json(const struct figures *figures)
{
    json_t *list = json_array();
    double mean = 0.0, least = 0.0, peak = figures->peak;
    char of[64];
    if (!figures->memory_alone && ratios(figures, TORCH_PLAIN, &mean, &least) == NETWORK_COUNT) {
        add_asked(list, "times PyTorch", "geometric mean", ASKED_MEAN, mean, false);
        add_asked(list, "times PyTorch", "least", ASKED_LEAST, least, false);
    }
    const struct network_figures *big = &figures->networks[BIG_NETWORK];
    if (big->measured)
        add_asked(list, "share of the peak", networks[BIG_NETWORK].name, ASKED_NETWORK_SHARE,
                  big->operations / big->espalier.cpu / peak, false);
    for (int i = 0; figures->convolved && i < CONVOLUTION_COUNT; i++) {
        const struct convolution_rates *r = &figures->convolutions[i].rates;
        snprintf(of, sizeof of, "3x3 convolution of %lld channels",
                 (long long)figures->convolutions[i].channels);
        add_asked(list, "forward, share of the peak", of, ASKED_CONVOLUTION_SHARE,
                  r->forward / peak, false);
        add_asked(list, "backward-data, share of the peak", of, ASKED_CONVOLUTION_SHARE,
                  r->data / peak, false);
        add_asked(list, "backward-weights, share of the peak", of, ASKED_CONVOLUTION_SHARE,
                  r->weights / peak, false);
    }
    for (int i = 0; i < NETWORK_COUNT; i++) {
        const struct network_figures *f = &figures->networks[i];
        if (!f->measured || f->steps_alone)
            continue;
        add_asked(list, "memory, share of PyTorch's", networks[i].name, ASKED_MEMORY_SHARE,
                  f->memory.peak / f->torch_memory, true);
        add_asked(list, "memory over weights and kept", networks[i].name, ASKED_MEMORY_FACTOR,
                  memory_factor(f, true), true);
        add_asked(list, "memory over weights and kept, without libraries", networks[i].name,
                  ASKED_MEMORY_FACTOR, memory_factor(f, false), true);
        add_asked(list, "difference of losses", networks[i].name, ASKED_LOSS, f->loss_difference,
                  true);
    }
    add_asked(list, "compiling, ms", "a member of about 100 operators", 1e3 * ASKED_COMPILE,
              1e3 * figures->compile_seconds, true);
    return list;
}

void table_write(const struct figures *figures)
{
    char path[256];
    double mean, least;
    json_t *list = json_array(), *convolutions = json_array();
    for (int i = 0; i < NETWORK_COUNT; i++)
        if (figures->networks[i].measured)
            json_array_append_new(list, network_json(figures, i));
    for (int i = 0; figures->convolved && i < CONVOLUTION_COUNT; i++) {
        const struct convolution_rates *r = &figures->convolutions[i].rates;
        json_array_append_new(convolutions,
                              json_pack("{s:I, s:I, s:o, s:o, s:o, s:o}", "channels",
                                        (json_int_t)figures->convolutions[i].channels, "size",
                                        (json_int_t)figures->convolutions[i].size, "forward_gflops",
                                        number(1e-9 * r->forward), "backward_data_gflops",
                                        number(1e-9 * r->data), "backward_weights_gflops",
                                        number(1e-9 * r->weights), "backward_gflops",
                                        number(1e-9 * r->backward)));
    }
    json_t *json =
        json_pack("{s:s, s:s?, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "engine", figures->engine,
                  "torch", figures->torch, "instructions", figures->instructions, "peak_gflops",
                  number(1e-9 * figures->peak), "networks", list, "convolutions", convolutions,
                  "asked", asked_json(figures), "compile_ms",
                  number(figures->compile_seconds > 0.0 ? 1e3 * figures->compile_seconds : NAN),
                  "compile_operators", number(figures->compile_operators));
    for (int t = 0; t < TORCH_COUNT; t++) {
        bool all = ratios(figures, t, &mean, &least) == NETWORK_COUNT;
        json_object_set_new(json, t == TORCH_PLAIN ? "times_torch" : "times_torch_keeping_memory",
                            json_pack("{s:o, s:o}", "geometric_mean", number(all ? mean : NAN),
                                      "least", number(all ? least : NAN)));
    }
    mkdir("bench", 0777);
    snprintf(path, sizeof path, "bench/training-%s.json", figures->engine);
    if (json_dump_file(json, path, JSON_INDENT(1) | JSON_REAL_PRECISION(6)) != 0)
        fprintf(stderr, "%s: cannot be written\n", path);
    json_decref(json);
}
