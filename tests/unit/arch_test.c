// SPDX-License-Identifier: Apache-2.0
// The dictionary, domains and values, and the architecture: hash, JSON, packed form.
#include "arch/arch.h"
#include "arch/domain.h"
#include "support/leak.h"

#include <criterion/criterion.h>

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static const char *const colours[] = {"red", "green", "blue"};

static esp_domain one_of(const char *const *names, uint64_t count)
{
    return (esp_domain){.struct_size = sizeof(esp_domain),
                        .kind = ESP_DECISION_ONE,
                        .count = count,
                        .names = names};
}

static esp_domain integers(int64_t least, int64_t most)
{
    return (esp_domain){.struct_size = sizeof(esp_domain),
                        .kind = ESP_DECISION_INT,
                        .int_min = least,
                        .int_max = most};
}

static esp_domain reals(double least, double most)
{
    return (esp_domain){.struct_size = sizeof(esp_domain),
                        .kind = ESP_DECISION_REAL,
                        .real_min = least,
                        .real_max = most};
}

static esp_domain subset(const char *const *names, uint64_t count, uint64_t least, uint64_t most)
{
    return (esp_domain){.struct_size = sizeof(esp_domain),
                        .kind = ESP_DECISION_SUBSET,
                        .count = count,
                        .names = names,
                        .least = least,
                        .most = most};
}

static uint32_t decision(struct dictionary *dictionary, const char *path, esp_domain domain)
{
    return dictionary_decision(dictionary, dictionary_path(dictionary, path, strlen(path)),
                               &domain);
}

// One architecture with a decision of every kind.
static struct arch *sample_arch(struct dictionary *dictionary)
{
    static const uint32_t chosen[] = {0, 2};
    struct choice choices[] = {
        {decision(dictionary, "cell/edge/0-1", one_of(colours, 3)), esp_value_one(1)},
        {decision(dictionary, "depth", integers(-5, 1000000)), esp_value_int(-3)},
        {decision(dictionary, "@estimator/learning_rate", reals(-1.0, 1.0)), esp_value_real(0.1)},
        {decision(dictionary, "inputs", subset(colours, 3, 0, 3)), esp_value_subset(chosen, 2)},
    };
    return arch_create(dictionary, choices, 4);
}

// ---- Dictionary ---------------------------------------------------------------------------------

TestLeak(dictionary, equal_paths_and_decisions_have_one_number)
{
    struct dictionary *dictionary = dictionary_create();
    uint32_t a = dictionary_path(dictionary, "a/b", 3);
    cr_assert_eq(dictionary_path(dictionary, "a/bc", 3), a, "the length ends the path");
    cr_assert_neq(dictionary_path(dictionary, "a/bc", 4), a);
    cr_assert_str_eq(dictionary_path_text(dictionary, a), "a/b");
    cr_assert_eq(dictionary_find_path(dictionary, "a", 1), DICTIONARY_NONE);

    uint32_t first = decision(dictionary, "a/b", integers(1, 6));
    cr_assert_eq(decision(dictionary, "a/b", integers(1, 6)), first);
    cr_assert_neq(decision(dictionary, "a/b", integers(1, 7)), first, "another domain");
    cr_assert_neq(decision(dictionary, "a/bc", integers(1, 6)), first, "another path");
    cr_assert_eq(decision(dictionary, "a/b", integers(1, 6)), first, "met again after another");
    cr_assert_eq(dictionary_decision_count(dictionary), 3);
    cr_assert_eq(dictionary_decision_path(dictionary, first), a);
    dictionary_destroy(dictionary);
}

TestLeak(dictionary, names_are_compared_by_what_they_say_and_copied)
{
    struct dictionary *dictionary = dictionary_create();
    char name[8] = "one";
    const char *names[2] = {name, "two"};
    uint32_t first = decision(dictionary, "x", one_of(names, 2));
    strcpy(name, "three"); // the same pointers, other names
    uint32_t second = decision(dictionary, "x", one_of(names, 2));
    cr_assert_neq(first, second);
    cr_assert_str_eq(dictionary_decision_domain(dictionary, first)->names[0], "one");
    cr_assert_str_eq(dictionary_decision_domain(dictionary, second)->names[0], "three");
    strcpy(name, "one");
    cr_assert_eq(decision(dictionary, "x", one_of(names, 2)), first);
    dictionary_destroy(dictionary);
}

TestLeak(dictionary, integers_to_choose_from_are_named_by_their_decimals)
{
    struct dictionary *dictionary = dictionary_create();
    const int64_t widths[] = {INT64_MIN, 16, 32}, others[] = {INT64_MIN, 16, 33};
    uint32_t path = dictionary_path(dictionary, "width", 5);
    uint32_t first = dictionary_values_decision(dictionary, path, widths, 3);
    const esp_domain *domain = dictionary_decision_domain(dictionary, first);
    cr_assert_eq(domain->kind, ESP_DECISION_ONE);
    cr_assert_eq(domain->flags, ESP_DOMAIN_ORDERED);
    cr_assert_str_eq(domain->names[0], "-9223372036854775808");
    cr_assert_str_eq(domain->names[2], "32");
    cr_assert_neq(dictionary_values_decision(dictionary, path, others, 3), first);
    cr_assert_eq(dictionary_values_decision(dictionary, path, widths, 3), first);
    cr_assert_neq(dictionary_values_decision(dictionary, path, widths, 2), first);
    dictionary_destroy(dictionary);
}

TestLeak(dictionary, grows_without_moving_what_it_gave_out)
{
    struct dictionary *dictionary = dictionary_create();
    uint32_t first = decision(dictionary, "0", integers(0, 1));
    const esp_domain *domain = dictionary_decision_domain(dictionary, first);
    const char *text = dictionary_path_text(dictionary, 0);
    char path[16];
    for (int i = 1; i < 20000; i++) {
        snprintf(path, sizeof path, "%d", i);
        cr_assert_eq(decision(dictionary, path, integers(0, i)), (uint32_t)i);
    }
    cr_assert_eq(dictionary_decision_domain(dictionary, first), domain);
    cr_assert_eq(dictionary_path_text(dictionary, 0), text);
    for (int i = 0; i < 20000; i++) {
        snprintf(path, sizeof path, "%d", i);
        cr_assert_eq(dictionary_find_path(dictionary, path, strlen(path)), (uint32_t)i);
    }
    dictionary_destroy(dictionary);
}

TestLeak(dictionary, is_restored_from_json_with_the_same_numbers)
{
    static const char *const powers[] = {"1", "2", "4"};
    struct dictionary *dictionary = dictionary_create(), *restored = dictionary_create();
    esp_domain domains[] = {one_of(colours, 3), integers(INT64_MIN, INT64_MAX),
                            reals(0.1, 1e-300), subset(colours, 3, 1, 2),
                            one_of(powers, 3),  integers(1, 100),
                            reals(1e-4, 0.1)};
    domains[2] = reals(1e-300, 0.1);
    domains[4].flags = ESP_DOMAIN_ORDERED;
    domains[5].flags = domains[6].flags = ESP_DOMAIN_LOG;
    for (size_t i = 0; i < ESP_COUNT(domains); i++) {
        struct error error = {0};
        uint32_t number = decision(dictionary, "p", domains[i]), again;
        json_t *json = domain_json(dictionary_decision_domain(dictionary, number));
        char *text = json_dumps(json, JSON_COMPACT);
        json_decref(json);
        json = json_loads(text, 0, NULL);
        cr_assert_eq(dictionary_restore(restored, "p", json, &again, &error), ESP_OK, "%s: %s",
                     text, error.message);
        cr_assert_eq(again, number);
        cr_assert(domain_equal(dictionary_decision_domain(restored, again), &domains[i]), "%s",
                  text);
        free(text);
        json_decref(json);
    }
    static const char *const damaged[] = {
        "{}",
        "{\"kind\": \"one\"}",
        "{\"kind\": \"one\", \"options\": [1]}",
        "{\"kind\": \"int\", \"min\": 2, \"max\": 1}",
        "{\"kind\": \"real\", \"min\": 0.0}",
        "{\"kind\": \"subset\", \"options\": [\"a\"], \"least\": 0, \"most\": 2}",
        "{\"kind\": \"subset\", \"options\": [\"a\"], \"least\": -1, \"most\": 1}"};
    for (size_t i = 0; i < ESP_COUNT(damaged); i++) {
        struct error error = {0};
        uint32_t number;
        json_t *json = json_loads(damaged[i], 0, NULL);
        cr_assert_neq(dictionary_restore(restored, "p", json, &number, &error), ESP_OK, "%s",
                      damaged[i]);
        json_decref(json);
    }
    dictionary_destroy(dictionary);
    dictionary_destroy(restored);
}

// ---- Domains and values -------------------------------------------------------------------------

TestLeak(domain, sizes)
{
    const char *many[101];
    for (int i = 0; i < 101; i++)
        many[i] = "x";
    const struct {
        esp_domain domain;
        uint64_t size;
    } rows[] = {
        {one_of(colours, 3), 3},
        {integers(-2, 2), 5},
        {integers(INT64_MIN, INT64_MAX), 0},
        {integers(0, INT64_MAX), UINT64_C(1) << 63},
        {reals(0.0, 1.0), 0},
        {reals(0.5, 0.5), 1},
        {subset(colours, 3, 0, 3), 8},
        {subset(colours, 3, 1, 2), 6},
        {subset(colours, 3, 3, 3), 1},
        {subset(many, 63, 0, 63), UINT64_C(1) << 63},
        {subset(many, 64, 0, 64), 0},
        {subset(many, 64, 1, 63), 0},
        {subset(many, 100, 99, 100), 101}, // though 100 over 50 is above 2^63
        {subset(many, 100, 3, 3), 161700},
        {subset(many, 100, 50, 50), 0},
        {subset(many, 101, 1, 101), 0},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++)
        cr_assert_eq(domain_size(&rows[i].domain), rows[i].size, "row %zu: %llu", i,
                     (unsigned long long)domain_size(&rows[i].domain));
}

TestLeak(domain, of_one_value)
{
    uint32_t identity[3] = {9, 9, 9};
    esp_value value;
    esp_domain domain = one_of(colours, 1);
    cr_assert(domain_single(&domain, &value, identity) && value.as.index == 0);
    domain = integers(7, 7);
    cr_assert(domain_single(&domain, &value, identity) && value.as.integer == 7);
    domain = reals(-0.0, 0.0);
    cr_assert(domain_single(&domain, &value, identity) && !signbit(value.as.real));
    domain = subset(colours, 3, 0, 0);
    cr_assert(domain_single(&domain, &value, identity) && value.count == 0);
    domain = subset(colours, 3, 3, 3);
    cr_assert(domain_single(&domain, &value, identity) && value.count == 3);
    cr_assert(identity[0] == 0 && identity[1] == 1 && identity[2] == 2);
    esp_domain several[] = {one_of(colours, 2), integers(7, 8), reals(0.0, 1.0),
                            subset(colours, 3, 2, 3), subset(colours, 3, 2, 2)};
    for (size_t i = 0; i < ESP_COUNT(several); i++)
        cr_assert_not(domain_single(&several[i], &value, identity), "row %zu", i);
}

TestLeak(domain, that_cannot_be_is_misuse_and_says_why)
{
    static const char *const twice[] = {"a", "b", "a"}, *const empty[] = {"a", ""},
                             *const null[] = {"a", NULL}, *const latin[] = {"caf\xe9"},
                             *const control[] = {"a\nb"}, *const overlong[] = {"\xc0\xaf"},
                             *const surrogate[] = {"\xed\xa0\x80"};
    esp_domain log_int = integers(0, 3), log_real = reals(0.0, 1.0), small = integers(0, 1);
    log_int.flags = log_real.flags = ESP_DOMAIN_LOG;
    small.struct_size = 8;
    const struct {
        esp_domain domain;
        const char *reason;
    } rows[] = {
        {one_of(colours, 0), "no option"},
        {one_of(NULL, 2), "no names"},
        {one_of(twice, 3), "two options are named a"},
        {one_of(empty, 2), "option 1 is empty"},
        {one_of(null, 2), "option 1 is NULL"},
        {one_of(latin, 1), "no printable UTF-8"},
        {one_of(control, 1), "no printable UTF-8"},
        {one_of(overlong, 1), "no printable UTF-8"},
        {one_of(surrogate, 1), "no printable UTF-8"},
        {integers(2, 1), "2 .. 1 is empty"},
        {reals(2.0, 1.0), "2 .. 1 is empty"},
        {reals(0.0, INFINITY), "finite"},
        {reals((double)NAN, 1.0), "finite"},
        {log_int, "at 1 or above"},
        {log_real, "above 0"},
        {subset(colours, 3, 2, 1), "2 to 1 of 3"},
        {subset(colours, 3, 1, 4), "1 to 4 of 3"},
        {small, "size 8"},
        {(esp_domain){.struct_size = sizeof(esp_domain), .kind = 9}, "no known kind"},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        struct error error = {0};
        cr_assert_eq(domain_check(&rows[i].domain, "cell/op", &error), ESP_ERROR_MISUSE, "row %zu",
                     i);
        cr_assert(strstr(error.message, rows[i].reason), "row %zu: %s", i, error.message);
        cr_assert(strstr(error.message, "cell/op"), "row %zu: %s", i, error.message);
    }
    static const char *const good[] = {"3x3", "a b", "caf\xc3\xa9", "\xf0\x9f\x8e\x84"};
    esp_domain domain = one_of(good, 4);
    cr_assert_eq(domain_check(&domain, "p", NULL), ESP_OK);
}

TestLeak(domain, knows_its_values)
{
    static const uint32_t good[] = {0, 2}, turned[] = {2, 0}, same[] = {1, 1}, beyond[] = {0, 3};
    const struct {
        esp_domain domain;
        esp_value value;
        bool in;
    } rows[] = {
        {one_of(colours, 3), esp_value_one(2), true},
        {one_of(colours, 3), esp_value_one(3), false},
        {one_of(colours, 3), esp_value_int(1), false},
        {integers(1, 6), esp_value_int(6), true},
        {integers(1, 6), esp_value_int(0), false},
        {reals(0.0, 1.0), esp_value_real(1.0), true},
        {reals(0.0, 1.0), esp_value_real(1.0 + DBL_EPSILON), false},
        {reals(0.0, 1.0), esp_value_real((double)NAN), false},
        {subset(colours, 3, 0, 2), esp_value_subset(NULL, 0), true},
        {subset(colours, 3, 1, 2), esp_value_subset(NULL, 0), false},
        {subset(colours, 3, 1, 2), esp_value_subset(good, 2), true},
        {subset(colours, 3, 1, 1), esp_value_subset(good, 2), false},
        {subset(colours, 3, 1, 2), esp_value_subset(turned, 2), false},
        {subset(colours, 3, 1, 2), esp_value_subset(same, 2), false},
        {subset(colours, 3, 1, 2), esp_value_subset(beyond, 2), false},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++)
        cr_assert_eq(value_in_domain(&rows[i].domain, rows[i].value), rows[i].in, "row %zu", i);
}

// ---- The architecture ---------------------------------------------------------------------------

TestLeak(arch, getters_give_the_trace)
{
    struct dictionary *dictionary = dictionary_create();
    struct arch *arch = sample_arch(dictionary);
    esp_arch *handle = arch_handle(arch);
    cr_assert_eq(arch_from_handle(handle), arch);
    cr_assert_eq(esp_arch_count(handle), 4);
    cr_assert_str_eq(esp_arch_path(handle, 0), "cell/edge/0-1");
    cr_assert_eq(esp_arch_value(handle, 1).as.integer, -3);
    cr_assert_eq(esp_arch_domain(handle, 3)->most, 3);
    cr_assert_eq(esp_arch_value(handle, 3).as.indices[1], 2);
    cr_assert_eq(esp_arch_find(handle, "depth"), 1);
    cr_assert_eq(esp_arch_find(handle, "dept"), -1);
    cr_assert_eq(esp_arch_find(handle, "nowhere"), -1);
    cr_assert_str_eq(dictionary_path_text(dictionary, esp_arch_path_id(handle, 3)), "inputs");
    cr_assert_str_eq(esp_arch_path(handle, 4), "", "beyond the trace");
    cr_assert_null(esp_arch_domain(handle, 4));
    cr_assert_eq(esp_arch_value(handle, 4).kind, 0);
    esp_arch_release(esp_arch_retain(handle));
    cr_assert_eq(esp_arch_count(handle), 4, "still there after as many releases as retains");
    esp_arch_release(handle);
    dictionary_destroy(dictionary);
}

// The canonical bytes of the design, written here a second time.
struct bytes {
    unsigned char data[8192];
    size_t size;
};

static void little_endian(struct bytes *bytes, uint64_t value, int size)
{
    for (int i = 0; i < size; i++)
        bytes->data[bytes->size++] = (unsigned char)(value >> 8 * i & 0xff);
}

static void text(struct bytes *bytes, const char *string)
{
    little_endian(bytes, strlen(string), 4);
    for (; *string; string++)
        bytes->data[bytes->size++] = (unsigned char)*string;
}

static void real(struct bytes *bytes, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, 8);
    little_endian(bytes, bits, 8);
}

TestLeak(arch, hash_is_xxh3_of_the_canonical_bytes)
{
    struct dictionary *dictionary = dictionary_create();
    struct arch *arch = sample_arch(dictionary), *empty = arch_create(dictionary, NULL, 0);
    struct bytes bytes = {.size = 0};
    text(&bytes, "cell/edge/0-1");
    little_endian(&bytes, 1, 1); // one of n
    text(&bytes, "green");
    text(&bytes, "depth");
    little_endian(&bytes, 2, 1); // an integer
    little_endian(&bytes, (uint64_t)-3, 8);
    text(&bytes, "@estimator/learning_rate");
    little_endian(&bytes, 3, 1); // a real
    real(&bytes, 0.1);
    text(&bytes, "inputs");
    little_endian(&bytes, 4, 1); // a subset
    little_endian(&bytes, 2, 4);
    little_endian(&bytes, 0, 4);
    little_endian(&bytes, 2, 4);
    little_endian(&bytes, 0, 8); // no genome
    cr_assert_eq(arch_hash(arch), XXH3_64bits(bytes.data, bytes.size));
    cr_assert_eq(esp_arch_hash(arch_handle(arch)), arch_hash(arch));
    // Test vectors: they never change.
    cr_assert_eq(arch_hash(arch), UINT64_C(0x86f1cb07721a9308), "%016llx",
                 (unsigned long long)arch_hash(arch));
    cr_assert_eq(arch_hash(empty), UINT64_C(0xc77b3abb6f87acd9), "%016llx",
                 (unsigned long long)arch_hash(empty));
    arch_release(arch);
    arch_release(empty);
    dictionary_destroy(dictionary);
}

TestLeak(arch, hash_of_a_long_trace_is_the_same_as_in_one_piece)
{
    struct dictionary *dictionary = dictionary_create();
    char name[3000], path[32];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    const char *names[] = {"short", name};
    struct choice choices[150];
    struct bytes bytes = {.size = 0};
    for (int i = 0; i < 150; i++) {
        bool is_long = i == 70;
        snprintf(path, sizeof path, "layer/%d/op", i);
        choices[i].decision = decision(dictionary, path, one_of(names, 2));
        choices[i].value = esp_value_one(is_long);
        text(&bytes, path);
        little_endian(&bytes, 1, 1);
        text(&bytes, names[is_long]);
    }
    little_endian(&bytes, 0, 8);
    struct arch *arch = arch_create(dictionary, choices, 150);
    cr_assert_eq(arch_hash(arch), XXH3_64bits(bytes.data, bytes.size));
    arch_release(arch);
    dictionary_destroy(dictionary);
}

TestLeak(arch, minus_zero_is_zero)
{
    struct dictionary *dictionary = dictionary_create();
    uint32_t number = decision(dictionary, "x", reals(-1.0, 1.0));
    struct choice plus = {number, esp_value_real(0.0)}, minus = {number, esp_value_real(-0.0)};
    struct arch *a = arch_create(dictionary, &plus, 1), *b = arch_create(dictionary, &minus, 1);
    cr_assert_eq(arch_hash(a), arch_hash(b));
    cr_assert_not(signbit(esp_arch_value(arch_handle(b), 0).as.real));
    arch_release(a);
    arch_release(b);
    dictionary_destroy(dictionary);
}

static void assert_same(const struct arch *a, const struct arch *b)
{
    uint64_t a_count, b_count;
    const struct choice *x = arch_choices(a, &a_count), *y = arch_choices(b, &b_count);
    cr_assert_eq(a_count, b_count);
    for (uint64_t i = 0; i < a_count; i++) {
        cr_assert_eq(x[i].decision, y[i].decision);
        cr_assert(value_equal(x[i].value, y[i].value));
    }
    cr_assert_eq(arch_hash(a), arch_hash(b));
}

TestLeak(arch, packed_and_unpacked_is_the_same)
{
    struct error error = {0};
    struct dictionary *dictionary = dictionary_create();
    static const uint32_t chosen[] = {1, 2};
    decision(dictionary, "unused", integers(0, 1));
    struct choice extremes[] = {
        {decision(dictionary, "low", integers(INT64_MIN, INT64_MAX)), esp_value_int(INT64_MIN)},
        {decision(dictionary, "high", integers(INT64_MIN, INT64_MAX)), esp_value_int(INT64_MAX)},
        {decision(dictionary, "real", reals(-DBL_MAX, DBL_MAX)), esp_value_real(-DBL_MIN / 3)},
        {decision(dictionary, "none", subset(colours, 3, 0, 2)), esp_value_subset(NULL, 0)},
        {decision(dictionary, "some", subset(colours, 3, 0, 2)), esp_value_subset(chosen, 2)},
    };
    struct arch *archs[] = {sample_arch(dictionary), arch_create(dictionary, extremes, 5),
                            arch_create(dictionary, NULL, 0)};
    for (size_t i = 0; i < ESP_COUNT(archs); i++) {
        void *packed = NULL;
        size_t capacity = 0, size;
        cr_assert_eq(arch_pack(archs[i], &packed, &capacity, &size, &error), ESP_OK);
        struct arch *back = arch_unpack(dictionary, packed, size, &error);
        cr_assert_not_null(back, "%s", error.message);
        assert_same(archs[i], back);
        arch_release(back);
        free(packed);
        arch_release(archs[i]);
    }
    dictionary_destroy(dictionary);
}

TestLeak(arch, a_packed_small_choice_takes_two_bytes)
{
    struct error error = {0};
    struct dictionary *dictionary = dictionary_create();
    struct choice choices[] = {
        {decision(dictionary, "a", one_of(colours, 3)), esp_value_one(2)},
        {decision(dictionary, "b", integers(1000, 1100)), esp_value_int(1099)}};
    struct arch *arch = arch_create(dictionary, choices, 2);
    void *packed = NULL;
    size_t capacity = 0, size;
    cr_assert_eq(arch_pack(arch, &packed, &capacity, &size, &error), ESP_OK);
    static const unsigned char expected[] = {0, 2, 1, 99};
    cr_assert_eq(size, 4);
    cr_assert_arr_eq(packed, expected, 4);
    free(packed);
    arch_release(arch);
    dictionary_destroy(dictionary);
}

TestLeak(arch, damaged_bytes_are_an_error_or_another_architecture)
{
    struct error error = {0};
    struct dictionary *dictionary = dictionary_create();
    struct arch *arch = sample_arch(dictionary);
    void *packed = NULL;
    size_t capacity = 0, size;
    cr_assert_eq(arch_pack(arch, &packed, &capacity, &size, &error), ESP_OK);
    for (size_t i = 0; i < size; i++) {
        unsigned char *copy = malloc(size); // its own allocation: a sanitizer sees reads beyond
        for (int change = 1; change < 256; change++) {
            memcpy(copy, packed, size);
            copy[i] = (unsigned char)(copy[i] ^ change);
            error_clear(&error);
            struct arch *other = arch_unpack(dictionary, copy, size, &error);
            cr_assert_eq(!other, error.status != ESP_OK);
            if (other)
                cr_assert_neq(arch_hash(other), arch_hash(arch));
            arch_release(other);
        }
        free(copy);
        copy = malloc(i + 1);
        memcpy(copy, packed, i);
        error_clear(&error);
        struct arch *cut = arch_unpack(dictionary, copy, i, &error);
        if (cut)
            cr_assert_lt(esp_arch_count(arch_handle(cut)), 4);
        else
            cr_assert(strstr(error.message, "damaged"), "%s", error.message);
        arch_release(cut);
        free(copy);
    }
    free(packed);
    arch_release(arch);
    dictionary_destroy(dictionary);
}

// ---- JSON ---------------------------------------------------------------------------------------

TestLeak(arch, json_has_the_form_of_the_design)
{
    struct dictionary *dictionary = dictionary_create();
    struct arch *arch = sample_arch(dictionary);
    json_t *json = arch_json(arch, "demo");
    char *written = json_dumps(json, JSON_COMPACT);
    cr_assert_str_eq(written, "{\"space\":\"demo\",\"decisions\":[[\"cell/edge/0-1\",\"green\"],"
                              "[\"depth\",-3],[\"@estimator/learning_rate\",0.10000000000000001],"
                              "[\"inputs\",[0,2]]],\"genome\":null}");
    free(written);
    json_decref(json);
    arch_release(arch);
    dictionary_destroy(dictionary);
}

TestLeak(arch, written_values_are_read_back)
{
    struct error error = {0};
    struct dictionary *dictionary = dictionary_create();
    struct arch *arch = sample_arch(dictionary);
    json_t *json = arch_json(arch, "demo");
    struct written_arch written;
    cr_assert_eq(written_arch_parse(&written, json, &error), ESP_OK, "%s", error.message);
    json_decref(json);
    cr_assert_eq(written.count, 4);
    for (uint64_t i = 0; i < 4; i++) {
        uint32_t indices[3];
        esp_value value;
        cr_assert_str_eq(written.choices[i].path, esp_arch_path(arch_handle(arch), i));
        cr_assert_eq(written_value(&value, written.choices[i].value,
                                   esp_arch_domain(arch_handle(arch), i), indices, "p", &error),
                     ESP_OK, "%s", error.message);
        cr_assert(value_equal(value, esp_arch_value(arch_handle(arch), i)));
    }
    written_arch_destroy(&written);
    arch_release(arch);
    dictionary_destroy(dictionary);
}

TestLeak(arch, written_values_that_do_not_fit_say_what_would)
{
    static const char *const widths[] = {"16", "32"};
    const struct {
        esp_domain domain;
        const char *json, *reason; // NULL: it is read
    } rows[] = {
        {one_of(colours, 3), "\"gren\"", "the nearest is green"},
        {one_of(colours, 3), "1", "one of red, green, blue"},
        {one_of(widths, 2), "32", NULL},
        {one_of(widths, 2), "\"16\"", NULL},
        {one_of(widths, 2), "17", "one of 16, 32"},
        {integers(1, 6), "7", "an integer of 1 .. 6"},
        {integers(1, 6), "2.0", "an integer of 1 .. 6"},
        {reals(0.0, 1.0), "1", NULL},
        {reals(0.0, 1.0), "\"x\"", "a real of 0 .. 1"},
        {reals(0.0, 1.0), "1.5", "a real of 0 .. 1"},
        {subset(colours, 3, 1, 2), "[2, 0]", NULL},
        {subset(colours, 3, 1, 2), "[\"blue\", \"red\"]", NULL},
        {subset(colours, 3, 1, 2), "[0, 0]", "1 to 2 of red, green, blue"},
        {subset(colours, 3, 1, 2), "[3]", "1 to 2 of"},
        {subset(colours, 3, 1, 2), "[-1]", "1 to 2 of"},
        {subset(colours, 3, 1, 2), "[]", "1 to 2 of"},
        {subset(colours, 3, 1, 2), "[0, 1, 2, 0]", "1 to 2 of"},
        {subset(colours, 3, 1, 2), "{}", "1 to 2 of"},
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        struct error error = {0};
        uint32_t indices[3];
        esp_value value;
        json_t *json = json_loads(rows[i].json, JSON_DECODE_ANY, NULL);
        esp_status status =
            written_value(&value, json, &rows[i].domain, indices, "cell/op", &error);
        json_decref(json);
        if (!rows[i].reason) {
            cr_assert_eq(status, ESP_OK, "row %zu: %s", i, error.message);
            cr_assert(value_in_domain(&rows[i].domain, value), "row %zu", i);
            continue;
        }
        cr_assert_eq(status, ESP_ERROR_INVALID, "row %zu", i);
        cr_assert(strstr(error.message, rows[i].reason), "row %zu: %s", i, error.message);
        cr_assert(strstr(error.message, "cell/op"), "row %zu: %s", i, error.message);
    }
}

// The bytes of the hash of an architecture with a genome, by the contract: no decisions, then u64 length
// and the genome. Python's xxhash.xxh3_64_intdigest(b"\3" + 7 * b"\0" + b"abc") says the same.
TestLeak(arch, a_genome_stands_in_the_hash_the_json_and_the_store)
{
    struct error error = {0};
    struct dictionary *dictionary = dictionary_create();
    struct arch *arch = arch_create_with_genome(dictionary, NULL, 0, "abc", 3);
    struct arch *none = arch_create(dictionary, NULL, 0);
    const unsigned char bytes[] = {3, 0, 0, 0, 0, 0, 0, 0, 'a', 'b', 'c'};
    cr_assert_eq(arch_hash(arch), XXH3_64bits(bytes, sizeof bytes));
    cr_assert_neq(arch_hash(arch), arch_hash(none));
    json_t *json = arch_json(arch, "demo");
    cr_assert_str_eq(json_string_value(json_object_get(json, "genome")), "YWJj"); // RFC 4648
    struct written_arch written;
    cr_assert_eq(written_arch_parse(&written, json, &error), ESP_OK, "%s", error.message);
    cr_assert_eq(written.genome_size, 3);
    cr_assert_eq(memcmp(written.genome, "abc", 3), 0);
    written_arch_destroy(&written);
    json_decref(json);
    uint64_t size;
    cr_assert_eq(memcmp(esp_arch_genome(arch_handle(arch), &size), "abc", 3), 0);
    cr_assert_eq(size, 3);
    cr_assert_null(esp_arch_genome(arch_handle(none), &size));
    cr_assert_eq(size, 0);
    arch_release(arch);
    arch_release(none);
    dictionary_destroy(dictionary);
}

TestLeak(arch, json_that_is_no_architecture_is_refused)
{
    static const char *const rows[] = {
        "[]",
        "{}",
        "{\"decisions\": {}}",
        "{\"decisions\": [[\"a\"]]}",
        "{\"decisions\": [[\"a\", 1, 2]]}",
        "{\"decisions\": [[1, 2]]}",
        "{\"decisions\": [[\"b\", 0], [\"a\", 1], [\"b\", 2]]}",
        "{\"decisions\": [], \"genome\": \"AA*A\"}",
        "{\"decisions\": [], \"genome\": \"AAA\"}",
        "{\"decisions\": [], \"genome\": \"\"}",
        "{\"decisions\": [], \"genome\": 7}",
    };
    for (size_t i = 0; i < ESP_COUNT(rows); i++) {
        struct error error = {0};
        struct written_arch written;
        json_t *json = json_loads(rows[i], 0, NULL);
        cr_assert_neq(written_arch_parse(&written, json, &error), ESP_OK, "%s", rows[i]);
        cr_assert(error.message[0], "%s", rows[i]);
        json_decref(json);
    }
}

TestLeak(arch, values_in_words)
{
    static const uint32_t chosen[] = {0, 2};
    char words[64];
    esp_domain domain = subset(colours, 3, 0, 3);
    value_text(words, sizeof words, &domain, esp_value_subset(chosen, 2));
    cr_assert_str_eq(words, "red+blue");
    value_text(words, sizeof words, &domain, esp_value_subset(chosen, 0));
    cr_assert_str_eq(words, "none");
    domain = one_of(colours, 3);
    value_text(words, sizeof words, &domain, esp_value_one(1));
    cr_assert_str_eq(words, "green");
    value_text(words, 4, &domain, esp_value_one(1));
    cr_assert_str_eq(words, "gre", "cut to the room there is");
    domain = reals(0.0, 1.0);
    value_text(words, sizeof words, &domain, esp_value_real(0.25));
    cr_assert_str_eq(words, "0.25");
}
