// SPDX-License-Identifier: Apache-2.0
// k of n; see policies.h. Sizes are kept by a recursion over the options: follow[j][a] is the log of the sum
// of the weights of all subsets of the options j, j + 1, ... that make a subset of an allowed size out of one
// with a options. All in logarithms: weights of hundreds of options leave the range of a double.
#include <espalier/support/policies.h>

#include <stdlib.h>
#include <string.h>

static int is_free(const esp_subsets *subsets)
{
    return subsets->least == 0 && subsets->most == subsets->count;
}

static double sigmoid(double x)
{
    return 1.0 / (1.0 + exp(-x));
}

// log(1 + exp(x)).
static double softplus(double x)
{
    return x > 0.0 ? x + log1p(exp(-x)) : log1p(exp(x));
}

static double log_add(double a, double b)
{
    if (a < b) {
        double held = a;
        a = b;
        b = held;
    }
    return b == -INFINITY ? a : a + log1p(exp(b - a));
}

static double *follow_at(const esp_subsets *subsets, uint64_t option)
{
    return subsets->follow + option * (subsets->most + 2);
}

// The probability that `option` is taken where `taken` of those before it are.
static double take(const esp_subsets *subsets, uint64_t option, uint64_t taken)
{
    if (is_free(subsets))
        return sigmoid(subsets->logits[option]);
    const double whole = follow_at(subsets, option)[taken];
    const double with = subsets->logits[option] + follow_at(subsets, option + 1)[taken + 1];
    return whole == -INFINITY ? 0.0 : exp(with - whole);
}

static int make_room(esp_subsets *subsets, uint64_t count, uint64_t most)
{
    const uint64_t table = (count + 1) * (most + 2),
                   need = 2 * count + table + 2 * (most + 2) + table;
    if (need > subsets->capacity) {
        double *grown = realloc(subsets->logits, need * sizeof *grown);
        if (!grown)
            return 0;
        subsets->logits = grown;
        subsets->capacity = need;
    }
    subsets->included = subsets->logits + count;
    subsets->follow = subsets->included + count;
    subsets->work = subsets->follow + table;
    return 1;
}

static void set_follow(esp_subsets *subsets)
{
    double *last = follow_at(subsets, subsets->count);
    for (uint64_t a = 0; a < subsets->most + 2; a++)
        last[a] = a >= subsets->least && a <= subsets->most ? 0.0 : -INFINITY;
    for (uint64_t j = subsets->count; j-- > 0;) {
        const double *after = follow_at(subsets, j + 1);
        double *at = follow_at(subsets, j);
        for (uint64_t a = 0; a <= subsets->most; a++)
            at[a] = log_add(after[a], subsets->logits[j] + after[a + 1]);
        at[subsets->most + 1] = -INFINITY;
    }
}

// `reached` [most + 2]: the probability of a options among the first j.
static void set_included(esp_subsets *subsets)
{
    double *reached = subsets->work;
    memset(reached, 0, (subsets->most + 2) * sizeof *reached);
    reached[0] = 1.0;
    for (uint64_t j = 0; j < subsets->count; j++) {
        subsets->included[j] = 0.0;
        for (uint64_t a = (j < subsets->most ? j : subsets->most) + 1; a-- > 0;) {
            const double moved = reached[a] * take(subsets, j, a);
            subsets->included[j] += moved;
            reached[a] -= moved;
            reached[a + 1] += moved;
        }
    }
}

esp_status esp_subsets_set(esp_subsets *subsets, const double *logits, uint64_t count,
                           uint64_t least, uint64_t most)
{
    subsets->count = count;
    subsets->least = least;
    subsets->most = most;
    if (!make_room(subsets, count, is_free(subsets) ? 0 : most))
        return ESP_ERROR_MEMORY;
    memcpy(subsets->logits, logits, count * sizeof *logits);
    if (is_free(subsets)) {
        subsets->log_sum = 0.0;
        for (uint64_t i = 0; i < count; i++) {
            subsets->included[i] = sigmoid(logits[i]);
            subsets->log_sum += softplus(logits[i]);
        }
        return ESP_OK;
    }
    set_follow(subsets);
    subsets->log_sum = follow_at(subsets, 0)[0];
    set_included(subsets);
    return ESP_OK;
}

void esp_subsets_free(esp_subsets *subsets)
{
    free(subsets->logits);
    *subsets = (esp_subsets){0};
}

uint32_t esp_subsets_draw(const esp_subsets *subsets, esp_random *random, uint32_t *indices)
{
    uint32_t taken = 0;
    for (uint64_t j = 0; j < subsets->count; j++) {
        const uint64_t left = subsets->count - j;
        double p = take(subsets, j, taken);
        if (taken == subsets->most)
            p = 0.0; // whatever rounding says
        else if (taken + left <= subsets->least)
            p = 1.0;
        if (esp_random_real(random) < p)
            indices[taken++] = (uint32_t)j;
    }
    return taken;
}

double esp_subsets_log_probability(const esp_subsets *subsets, const uint32_t *indices,
                                   uint64_t count)
{
    double sum = -subsets->log_sum;
    for (uint64_t i = 0; i < count; i++)
        sum += subsets->logits[indices[i]];
    return sum;
}

double esp_subsets_entropy(const esp_subsets *subsets)
{
    double entropy = subsets->log_sum;
    for (uint64_t i = 0; i < subsets->count; i++)
        entropy -= subsets->logits[i] * subsets->included[i];
    return fmax(0.0, entropy);
}

// ---- The gradient -------------------------------------------------------------------------------------

// The slope of follow[j][a] when the logits move along themselves, for all j and a.
static void follow_slopes(const esp_subsets *subsets, double *slopes)
{
    const uint64_t width = subsets->most + 2;
    memset(slopes + subsets->count * width, 0, width * sizeof *slopes);
    for (uint64_t j = subsets->count; j-- > 0;) {
        const double *after = slopes + (j + 1) * width;
        for (uint64_t a = 0; a <= subsets->most; a++) {
            const double p = take(subsets, j, a);
            slopes[j * width + a] =
                (1.0 - p) * after[a] + (p > 0.0 ? p * (subsets->logits[j] + after[a + 1]) : 0.0);
        }
        slopes[j * width + subsets->most + 1] = 0.0;
    }
}

// The slope of `included` in that direction: by symmetry the sum over i of logit i times the covariance of
// i and j being in S, which is what the entropy falls by with logit j.
static void included_slopes(const esp_subsets *subsets, double *out)
{
    const uint64_t width = subsets->most + 2;
    double *reached = subsets->work, *reached_slopes = reached + width;
    double *slopes = reached_slopes + width;
    follow_slopes(subsets, slopes);
    memset(reached, 0, 2 * width * sizeof *reached);
    reached[0] = 1.0;
    for (uint64_t j = 0; j < subsets->count; j++) {
        out[j] = 0.0;
        for (uint64_t a = (j < subsets->most ? j : subsets->most) + 1; a-- > 0;) {
            const double p = take(subsets, j, a);
            const double p_slope = p > 0.0
                                       ? p * (subsets->logits[j] + slopes[(j + 1) * width + a + 1] -
                                              slopes[j * width + a])
                                       : 0.0;
            const double moved = reached[a] * p;
            const double moved_slope = reached_slopes[a] * p + reached[a] * p_slope;
            out[j] += moved_slope;
            reached[a] -= moved;
            reached[a + 1] += moved;
            reached_slopes[a] -= moved_slope;
            reached_slopes[a + 1] += moved_slope;
        }
    }
}

void esp_subsets_gradient(esp_subsets *subsets, const uint32_t *indices, uint64_t count,
                          double slope, double weight, double *out)
{
    if (weight == 0.0)
        memset(out, 0, subsets->count * sizeof *out);
    else if (is_free(subsets))
        for (uint64_t j = 0; j < subsets->count; j++)
            out[j] = subsets->logits[j] * subsets->included[j] * (1.0 - subsets->included[j]);
    else
        included_slopes(subsets, out);
    for (uint64_t j = 0; j < subsets->count; j++)
        out[j] = -weight * out[j] - slope * subsets->included[j];
    for (uint64_t i = 0; i < count; i++)
        out[indices[i]] += slope;
}
