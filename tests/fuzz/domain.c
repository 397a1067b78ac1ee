// SPDX-License-Identifier: Apache-2.0
// Domains as JSON, which the store's dictionary and programs have. Law: what was restored is written as
// JSON that restores to the same decision.
#include "fuzz.h"

#include "arch/arch.h"

static void run(const uint8_t *bytes, size_t size)
{
    struct error error;
    uint32_t decision = 0, again = 0;
    json_t *json = json_loadb((const char *)bytes, size, 0, NULL);
    struct dictionary *dictionary = dictionary_create();
    error_clear(&error);
    if (json) {
        esp_status status = dictionary_restore(dictionary, "cell/op", json, &decision, &error);
        fuzz_refused(status, &error);
        if (status == ESP_OK) {
            const esp_domain *domain = dictionary_decision_domain(dictionary, decision);
            json_t *second = domain_json(domain);
            FUZZ_LAW(second != NULL, "no JSON of it");
            status = dictionary_restore(dictionary, "cell/op", second, &again, &error);
            FUZZ_LAW(status == ESP_OK, "%s", error.message);
            FUZZ_LAW(again == decision, "decisions %u and %u", decision, again);
            FUZZ_LAW(domain_equal(domain, dictionary_decision_domain(dictionary, again)),
                     "domains");
            json_decref(second);
        }
    }
    dictionary_destroy(dictionary);
    json_decref(json);
}

const struct fuzz_target fuzz_domain = {"domain", NULL, run};
