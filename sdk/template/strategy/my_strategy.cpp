// SPDX-License-Identifier: Apache-2.0
// my_strategy: hill climbing with restarts. It tries neighbours of the best architecture so far, and
// begins anew at a random one after `patience` trials without a gain. Nothing is tried twice.
//
// The host asks for a trial and tells its outcome, one call at a time; several trials may be open, so
// that outcomes come later than the next asks. A run that is resumed makes the strategy anew and
// repeats its asks and tells: what it does may depend on its parameters, on the stream of the call
// (esp_search_random) and on what it was told, and on nothing else.
#include <espalier/espalier.h>

#include <memory>
#include <new>

namespace
{

// How many neighbours are drawn in search of one that was not tried.
constexpr int draws = 50;

struct release_arch {
    void operator()(esp_arch *arch) const
    {
        esp_arch_release(arch);
    }
};

// A reference to an architecture, given back at the end of its scope.
using arch_ref = std::unique_ptr<esp_arch, release_arch>;

// The host reads the INI against this table: `espalier describe strategy/my_strategy` prints it.
const esp_param climber_params[] = {
    ESP_PARAM_INT("patience", 50, 1, 1000000, "trials",
                  "trials without a gain before it begins anew"),
};

class climber
{
  public:
    explicit climber(esp_create *create) : patience(esp_param_int(create, "patience")) {}

    esp_status ask(esp_search *search, esp_ask *ask) const
    {
        arch_ref arch;
        esp_status status = ESP_OK;
        // An architecture without decisions has no neighbours.
        if (best && esp_arch_count(best.get()) > 0)
            status = draw_neighbour(search, arch);
        if (status == ESP_OK && !arch) {
            esp_arch *drawn = nullptr; // null afterwards: every member of the space was tried
            status = esp_search_sample_unseen(search, esp_search_random(search), &drawn);
            arch.reset(drawn);
        }
        if (status != ESP_OK)
            return status;
        // The host takes a reference of its own.
        return arch ? esp_ask_trial(ask, arch.get()) : esp_ask_done(ask, "exhausted");
    }

    void tell(const esp_outcome &outcome)
    {
        if (!outcome.objectives) // it failed or was lost: there is nothing to learn
            return;
        if (is_better(outcome)) {
            best.reset(esp_arch_retain(outcome.arch));
            violation = outcome.violation;
            objective = outcome.objectives[0];
            without_gain = 0;
        } else if (++without_gain >= patience) {
            best.reset();
            without_gain = 0;
        }
    }

  private:
    // A neighbour of the best that no trial has: another value for one decision. `out` stays empty
    // where the draws found none.
    esp_status draw_neighbour(esp_search *search, arch_ref &out) const
    {
        for (int i = 0; i < draws && !out; i++) {
            esp_arch *drawn = nullptr;
            esp_status status =
                esp_search_mutate(search, best.get(), 0, esp_search_random(search), &drawn);
            if (status != ESP_OK)
                return status;
            arch_ref arch(drawn);
            if (!esp_search_seen(search, drawn))
                out = std::move(arch);
        }
        return ESP_OK;
    }

    // Whoever violates the constraints less is better; of equals, whoever has the smaller objective.
    bool is_better(const esp_outcome &outcome) const
    {
        if (!best)
            return true;
        if (outcome.violation < violation || outcome.violation > violation)
            return outcome.violation < violation;
        return outcome.objectives[0] < objective;
    }

    int64_t patience;
    int64_t without_gain = 0; // trials told since the last gain
    arch_ref best;            // empty: it begins anew
    double violation = 0;     // of the best: how far beyond the constraints, 0 where it meets them
    double objective = 0;     // of the best; less is better
};

// ---- The table of functions ---------------------------------------------------------------------
// What the host calls is C: no exception may come out of it. Nothing above throws.

esp_status climber_create(esp_create *create, esp_search *, void **out)
{
    climber *made = new (std::nothrow) climber(create);
    if (!made)
        return esp_fail(create, ESP_ERROR_MEMORY, "out of memory");
    *out = made;
    return ESP_OK;
}

void climber_destroy(void *self)
{
    delete static_cast<climber *>(self);
}

esp_status climber_ask(void *self, esp_search *search, esp_ask *ask)
{
    return static_cast<const climber *>(self)->ask(search, ask);
}

esp_status climber_tell(void *self, esp_search *, const esp_outcome *outcome)
{
    static_cast<climber *>(self)->tell(*outcome);
    return ESP_OK;
}

void climber_describe(esp_strategy_type *out)
{
    out->summary = "hill climbing with restarts";
    ESP_SET_PARAMS(out, climber_params);
    // It leaves values to the host, and so takes decisions of every kind.
    out->takes = ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_SUBSET;
    out->create = climber_create;
    out->destroy = climber_destroy;
    out->ask = climber_ask;
    out->tell = climber_tell;
}

} // namespace

ESP_PLUGIN("0.1.0", ESP_STRATEGY("my_strategy", climber_describe))
