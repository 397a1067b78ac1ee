// SPDX-License-Identifier: Apache-2.0
// Reading a plan; see plan.h.
#include "foreign/plan.h"

#include "config/list.h"
#include "config/units.h"
#include "config/value.h"
#include "foreign/foreign.h"
#include "foreign/shared_object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- Roles --------------------------------------------------------------------------------------

static const char *const role_names[] = {"objective", "score", "curve", "optimizer"};

static const struct {
    const char *name;
    enum value_kind kind;
    uint32_t roles;
} givens[GIVEN_COUNT] = {
#define OF(role) (1u << ROLE_##role)
    [GIVEN_N] = {"n", VALUE_INTEGER, OF(OBJECTIVE) | OF(OPTIMIZER)},
    [GIVEN_X] = {"x", VALUE_NUMBERS, OF(OBJECTIVE) | OF(OPTIMIZER)},
    [GIVEN_REALS] = {"reals", VALUE_NUMBERS, OF(OBJECTIVE)},
    [GIVEN_N_REALS] = {"n_reals", VALUE_INTEGER, OF(OBJECTIVE)},
    [GIVEN_INTEGERS] = {"integers", VALUE_NUMBERS, OF(OBJECTIVE)},
    [GIVEN_N_INTEGERS] = {"n_integers", VALUE_INTEGER, OF(OBJECTIVE)},
    [GIVEN_PARAMS] = {"params", VALUE_INTEGER, OF(SCORE)},
    [GIVEN_MACS] = {"macs", VALUE_INTEGER, OF(SCORE)},
    [GIVEN_ENCODING] = {"encoding", VALUE_NUMBERS, OF(SCORE)},
    [GIVEN_N_ENCODING] = {"n_encoding", VALUE_INTEGER, OF(SCORE)},
    [GIVEN_SEED] = {"seed", VALUE_INTEGER, OF(OBJECTIVE) | OF(SCORE) | OF(OPTIMIZER)},
    [GIVEN_STEP] = {"step", VALUE_REAL, OF(CURVE)},
    [GIVEN_THETA] = {"theta", VALUE_NUMBERS, OF(CURVE)},
    [GIVEN_N_THETA] = {"n_theta", VALUE_INTEGER, OF(CURVE)},
    [GIVEN_LOWER] = {"lower", VALUE_NUMBERS, OF(OPTIMIZER)},
    [GIVEN_UPPER] = {"upper", VALUE_NUMBERS, OF(OPTIMIZER)},
    [GIVEN_BUDGET] = {"budget", VALUE_INTEGER, OF(OPTIMIZER)},
    [GIVEN_OBJECTIVE] = {"objective", VALUE_CALLBACK, OF(OPTIMIZER)},
#undef OF
};

// Of each role: what its calls have to use, one of them at least (parameters count where said).
static const struct {
    uint32_t kind;
    uint32_t one_of; // bits of enum foreign_given
    bool or_parameter;
    const char *words;
} roles[] = {
    [ROLE_OBJECTIVE] = {ESP_KIND_ESTIMATOR,
                        1u << GIVEN_X | 1u << GIVEN_REALS | 1u << GIVEN_INTEGERS, true,
                        "x, reals, integers or a parameter"},
    [ROLE_SCORE] = {ESP_KIND_ESTIMATOR,
                    1u << GIVEN_PARAMS | 1u << GIVEN_MACS | 1u << GIVEN_ENCODING, false,
                    "params, macs or encoding"},
    [ROLE_CURVE] = {ESP_KIND_ESTIMATOR, 1u << GIVEN_THETA, false,
                    "theta, the parameters of the curve"},
    [ROLE_OPTIMIZER] = {ESP_KIND_STRATEGY, 1u << GIVEN_OBJECTIVE, false,
                        "objective, the function that is to be made small"},
};

// What a curve's configuration says besides.
static const esp_param curve_params[] = {
    ESP_PARAM_TEXT("base", "train",
                   "the estimator whose learning curve is extrapolated; its keys stand in "
                   "[estimator.BASE]"),
    ESP_PARAM_TEXT("metric", "valid_accuracy", "of the base: whose curve"),
    ESP_PARAM_REAL("at", 100, 0, 1e15, "steps", "the step whose value is predicted"),
    ESP_PARAM_INT("least", 4, 1, 1000000, "points", "a curve is fitted to so many at least"),
};

// ---- Its text -----------------------------------------------------------------------------------

// The message of a part of a value, behind the place where the value stands.
ESP_PRINTF(5, 6)
static esp_status refuse(const struct manifest *manifest, const char *section, const char *key,
                         struct error *error, const char *format, ...)
{
    char words[ERROR_MESSAGE_SIZE];
    const struct config_entry *entry = config_find(manifest->config, section, key);
    va_list list;
    va_start(list, format);
    if (vsnprintf(words, sizeof words, format, list) < 0)
        words[0] = '\0';
    va_end(list);
    return entry ? config_fail(error, ESP_ERROR_INVALID, entry, "%s", words)
                 : config_fail_section(error, manifest->config, section, "%s", words);
}

static const char *said(const struct manifest *manifest, const char *key)
{
    const struct parameter *parameter = parameters_find(&manifest->plugin, key);
    return parameter->text ? parameter->text : "";
}

static esp_status read_role(struct foreign_plan *plan, const struct manifest *manifest,
                            struct error *error)
{
    const struct parameter *role = parameters_find(&manifest->plugin, "role");
    plan->role = (enum foreign_role)role->integer;
    if (!role->given && manifest->kind == ESP_KIND_STRATEGY)
        plan->role = ROLE_OPTIMIZER;
    return roles[plan->role].kind == manifest->kind
               ? ESP_OK
               : refuse(manifest, "plugin", "role", error, "the role %s is %s's, and it is %s",
                        role_names[plan->role],
                        roles[plan->role].kind == ESP_KIND_STRATEGY ? "a strategy" : "an estimator",
                        manifest->kind == ESP_KIND_STRATEGY ? "a strategy" : "an estimator");
}

static esp_status add_function(struct foreign_plan *plan, struct manifest *manifest,
                               const struct shared_object *object, const char *section,
                               const char *key, const char *symbol, const char *text,
                               struct error *error)
{
    struct foreign_function *function = &plan->functions.items[plan->functions.count++];
    struct error reason;
    error_clear(&reason);
    function->symbol = manifest_text(manifest, symbol);
    if (!function->symbol)
        return error_memory(error);
    esp_status status = signature_parse(&function->signature, text, &reason);
    if (status == ESP_OK)
        status = call_prepare(&function->call, function->signature, &reason);
    if (status == ESP_OK && shared_object_check(object, symbol, &reason) != ESP_OK) {
        error_prefix(&reason, "%s: ", plan->library);
        status = ESP_ERROR_INVALID;
        key = strcmp(section, "plugin") == 0 ? "symbol" : key;
    }
    return status == ESP_OK ? ESP_OK : refuse(manifest, section, key, error, "%s", reason.message);
}

static esp_status read_functions(struct foreign_plan *plan, struct manifest *manifest,
                                 const struct shared_object *object, struct error *error)
{
    const struct config *config = manifest->config;
    const char *symbol = said(manifest, "symbol"), *signature = said(manifest, "signature");
    plan->functions.items = calloc(config_count(config) + 1, sizeof *plan->functions.items);
    if (!plan->functions.items)
        return error_memory(error);
    if ((symbol[0] == '\0') != (signature[0] == '\0'))
        return refuse(manifest, "plugin", symbol[0] ? "symbol" : "signature", error,
                      "symbol and signature go together");
    esp_status status = ESP_OK;
    if (symbol[0])
        status =
            add_function(plan, manifest, object, "plugin", "signature", symbol, signature, error);
    for (uint64_t i = 0; status == ESP_OK && i < config_count(config); i++) {
        const struct config_entry *entry = config_get(config, i);
        if (strcmp(entry->section, "signatures") != 0)
            continue;
        status = functions_find(&plan->functions, entry->key)
                     ? config_fail(error, ESP_ERROR_INVALID, entry, "the function stands twice")
                     : add_function(plan, manifest, object, "signatures", entry->key, entry->key,
                                    entry->value, error);
    }
    if (status == ESP_OK && plan->functions.count == 0)
        status = refuse(manifest, "plugin", "", error,
                        "no function is named: expected `symbol` and `signature`, or [signatures]");
    return status;
}

static enum value_kind kind_of_parameter(const esp_param *row)
{
    switch (row->type) {
    case ESP_PARAM_TYPE_INT:
    case ESP_PARAM_TYPE_BOOL:
        return VALUE_INTEGER;
    case ESP_PARAM_TYPE_REAL:
        return VALUE_REAL;
    case ESP_PARAM_TYPE_INTS:
        return VALUE_NUMBERS;
    case ESP_PARAM_TYPE_NAMES:
        return VALUE_NONE;
    default:
        return VALUE_TEXT;
    }
}

static esp_status name_givens(struct foreign_plan *plan, const struct manifest *manifest,
                              struct error *error)
{
    for (int i = 0; i < GIVEN_COUNT; i++) {
        plan->given[i] = -1;
        if (!(givens[i].roles & 1u << plan->role))
            continue;
        plan->given[i] = (int64_t)plan->names.count;
        if (!names_add(&plan->names, givens[i].name, givens[i].kind, true))
            return error_memory(error);
    }
    plan->first_parameter = (int64_t)plan->names.count;
    plan->parameter_count = manifest->param_count;
    for (uint64_t i = 0; i < manifest->param_count; i++) {
        const esp_param *row = &manifest->params[i];
        char section[96];
        snprintf(section, sizeof section, "parameter.%s", row->name);
        if (names_find(&plan->names, row->name) >= 0 || strcmp(row->name, "null") == 0)
            return config_fail_section(error, manifest->config, section,
                                       "the role %s gives the name '%s' to its calls",
                                       role_names[plan->role], row->name);
        if (kind_of_parameter(row) == VALUE_NONE)
            return refuse(manifest, section, "type", error, "a function cannot be given names");
        if (!names_add(&plan->names, row->name, kind_of_parameter(row), true))
            return error_memory(error);
    }
    return ESP_OK;
}

// ---- Its calls ----------------------------------------------------------------------------------

// The short form: one function, its arguments by their names, its result the first metric.
static esp_status read_short(struct foreign_plan *plan, const struct manifest *manifest,
                             struct error *error)
{
    const struct foreign_function *function =
        functions_find(&plan->functions, said(manifest, "symbol"));
    const char *outs[64] = {NULL}, *result = NULL;
    struct error reason;
    uint64_t count = 0;
    error_clear(&reason);
    for (uint64_t i = 0; i < manifest->metric_count && count + 1 < ESP_COUNT(outs); i++)
        if (signature_find(function->signature, manifest->metrics[i].name))
            outs[count++] = manifest->metrics[i].name;
        else if (!result && function->signature->result.kind != FOREIGN_VOID)
            result = manifest->metrics[i].name;
    esp_status status =
        script_of_function(&plan->work, function, result, outs, &plan->names, &reason);
    return status == ESP_OK ? ESP_OK
                            : refuse(manifest, "plugin", "signature", error, "%s", reason.message);
}

static esp_status read_calls(struct foreign_plan *plan, const struct manifest *manifest,
                             struct error *error)
{
    const char *section = plan->role == ROLE_OPTIMIZER ? "optimize" : "evaluate";
    const char *other = plan->role == ROLE_OPTIMIZER ? "evaluate" : "optimize";
    bool brief = said(manifest, "symbol")[0],
         is_long = config_has_section(manifest->config, section);
    if (config_has_section(manifest->config, other))
        return config_fail_section(error, manifest->config, other,
                                   "the calls of the role %s stand in [%s]", role_names[plan->role],
                                   section);
    if (brief && (is_long || plan->role == ROLE_OPTIMIZER))
        return refuse(manifest, "plugin", "symbol", error, "the calls of the role %s stand in [%s]",
                      role_names[plan->role], section);
    esp_status status =
        script_read(&plan->setup, manifest->config, "setup", &plan->functions, &plan->names, error);
    if (status == ESP_OK && brief)
        status = read_short(plan, manifest, error);
    else if (status == ESP_OK)
        status = script_read(&plan->work, manifest->config, section, &plan->functions, &plan->names,
                             error);
    if (status == ESP_OK && plan->work.count == 0)
        status = refuse(manifest, section, "", error, "expected calls: RESULT = FUNCTION(...)");
    if (status == ESP_OK)
        status = script_read(&plan->teardown, manifest->config, "teardown", &plan->functions,
                             &plan->names, error);
    return status;
}

static esp_status check_use(const struct foreign_plan *plan, const struct manifest *manifest,
                            struct error *error)
{
    bool serves = false;
    for (int i = 0; i < GIVEN_COUNT; i++)
        serves |= (roles[plan->role].one_of & 1u << i) && plan_uses(plan, (enum foreign_given)i);
    for (uint64_t i = 0; i < manifest->param_count; i++) {
        char section[96];
        snprintf(section, sizeof section, "parameter.%s", manifest->params[i].name);
        if (!plan->names.items[plan->first_parameter + (int64_t)i].used)
            return config_fail_section(error, manifest->config, section, "no call uses it");
        serves |= roles[plan->role].or_parameter;
    }
    return serves ? ESP_OK
                  : refuse(manifest, "plugin", "role", error,
                           "the role %s wants a call that uses %s, and none does",
                           role_names[plan->role], roles[plan->role].words);
}

static bool comes_out(const struct foreign_script *script, int64_t name)
{
    for (uint64_t i = 0; i < script->count; i++) {
        if (script->steps[i].result == name)
            return true;
        for (uint64_t j = 0; j < script->steps[i].function->signature->count; j++)
            if (script->steps[i].operands[j].out && script->steps[i].operands[j].name == name)
                return true;
    }
    return false;
}

static esp_status bind_metrics(struct foreign_plan *plan, const struct manifest *manifest,
                               struct error *error)
{
    plan->metrics = calloc(manifest->metric_count + 1, sizeof *plan->metrics);
    if (!plan->metrics)
        return error_memory(error);
    for (uint64_t i = 0; i < manifest->metric_count; i++) {
        const char *name = manifest->metrics[i].name;
        char section[96];
        snprintf(section, sizeof section, "metric.%s", name);
        plan->metrics[i] = names_find(&plan->names, name);
        if (plan->metrics[i] < 0 || !comes_out(&plan->work, plan->metrics[i]))
            return config_fail_section(error, manifest->config, section,
                                       "nothing that comes out of the calls has this name");
        enum value_kind kind = plan->names.items[plan->metrics[i]].kind;
        if (kind != VALUE_INTEGER && kind != VALUE_REAL)
            return config_fail_section(error, manifest->config, section,
                                       "what comes out under this name is %s, no number",
                                       value_kind_text(kind));
    }
    return ESP_OK;
}

static int64_t argument_index(const struct signature *signature, const char *name)
{
    const struct foreign_argument *argument = signature_find(signature, name);
    return argument ? argument - signature->arguments : -1;
}

static bool real_kind(enum foreign_kind kind)
{
    return kind == FOREIGN_F64 || kind == FOREIGN_F32;
}

esp_status plan_objective(struct foreign_objective *out, const struct signature *signature,
                          struct error *error)
{
    const struct foreign_argument *arguments = signature->arguments;
    *out = (struct foreign_objective){
        argument_index(signature, "x"), argument_index(signature, "n"),
        argument_index(signature, "gradient"), argument_index(signature, "value")};
    if (out->x < 0 || arguments[out->x].type.kind != FOREIGN_POINTER ||
        !real_kind(arguments[out->x].type.element))
        return error_set(error, ESP_ERROR_INVALID,
                         "the function that is to be made small wants an argument x, ptr<const "
                         "f64>: the point");
    const struct foreign_type *n = out->n >= 0 ? &arguments[out->n].type : NULL;
    if (n && !foreign_is_integer(n->kind == FOREIGN_POINTER ? n->element : n->kind))
        return error_set(error, ESP_ERROR_INVALID, "its argument n is no integer");
    if (out->gradient >= 0 && arguments[out->gradient].type.kind != FOREIGN_POINTER)
        return error_set(error, ESP_ERROR_INVALID, "its argument gradient is no ptr<...>");
    const struct foreign_type *value = out->value >= 0 ? &arguments[out->value].type : NULL;
    if (value && (value->kind != FOREIGN_POINTER || value->constant || !real_kind(value->element)))
        return error_set(error, ESP_ERROR_INVALID, "its argument value is no ptr<f64>");
    if (!value && !real_kind(signature->result.kind))
        return error_set(error, ESP_ERROR_INVALID,
                         "it answers with no f64, and has no argument value, ptr<f64>, either");
    return ESP_OK;
}

// Every signature that the objective is to have.
static esp_status check_objective(const struct foreign_plan *plan, const struct manifest *manifest,
                                  const struct foreign_script *script, struct error *error)
{
    for (uint64_t i = 0; i < script->count; i++) {
        const struct foreign_step *step = &script->steps[i];
        for (uint64_t j = 0; j < step->function->signature->count; j++) {
            struct foreign_objective ignored;
            struct error reason;
            error_clear(&reason);
            if (step->operands[j].name < 0 ||
                step->operands[j].name != plan->given[GIVEN_OBJECTIVE])
                continue;
            if (plan_objective(&ignored, step->function->signature->arguments[j].type.function,
                               &reason) != ESP_OK)
                return refuse(manifest, "signatures", step->function->symbol, error,
                              "column %llu: %s",
                              (unsigned long long)step->function->signature->arguments[j].column,
                              reason.message);
        }
    }
    return ESP_OK;
}

// ---- All of it ----------------------------------------------------------------------------------

// "0.5, 0.5, -1": where a fit begins.
static esp_status read_theta(struct foreign_plan *plan, const struct manifest *manifest,
                             struct error *error)
{
    const char *text = said(manifest, "theta");
    if (plan->role != ROLE_CURVE)
        return text[0] ? refuse(manifest, "plugin", "theta", error, "it goes with the role curve")
                       : ESP_OK;
    uint64_t count = 0;
    char **parts = list_split(text, &count);
    esp_status status = parts ? ESP_OK : error_memory(error);
    if (parts && (count == 0 || count > FIT_MOST_THETA))
        status = refuse(manifest, "plugin", "theta", error,
                        "the role curve wants theta: 1 to %d numbers where the fit begins",
                        FIT_MOST_THETA);
    for (uint64_t i = 0; status == ESP_OK && i < count; i++)
        if (!read_real(parts[i], &plan->theta[plan->theta_count++]))
            status =
                refuse(manifest, "plugin", "theta", error, "expected numbers, got '%s'", parts[i]);
    free(parts);
    if (status == ESP_OK && manifest->metric_count != 1)
        status = refuse(manifest, "plugin", "role", error,
                        "a curve has one metric, the value that it predicts");
    return status;
}

// The keys that every curve has.
static esp_status add_curve_params(struct manifest *manifest, struct error *error)
{
    uint64_t count = manifest->param_count, more = ESP_COUNT(curve_params);
    for (uint64_t i = 0; i < count; i++)
        for (uint64_t k = 0; k < more; k++)
            if (strcmp(manifest->params[i].name, curve_params[k].name) == 0)
                return refuse(manifest, "plugin", "role", error,
                              "a curve has a parameter '%s' already", curve_params[k].name);
    if (!array_reserve(&manifest->params, &manifest->param_capacity, count + more,
                       sizeof *manifest->params))
        return error_memory(error);
    memcpy(manifest->params + count, curve_params, sizeof curve_params);
    manifest->param_count = count + more;
    manifest->type.estimator.params = manifest->params;
    manifest->type.estimator.param_count = manifest->param_count;
    manifest->type.estimator.param_stride = sizeof *manifest->params;
    return ESP_OK;
}

static void destroy_plan(void *self)
{
    struct foreign_plan *plan = self;
    for (uint64_t i = 0; i < plan->functions.count; i++)
        signature_destroy(plan->functions.items[i].signature);
    free(plan->functions.items);
    script_destroy(&plan->setup);
    script_destroy(&plan->work);
    script_destroy(&plan->teardown);
    names_destroy(&plan->names);
    free(plan->metrics);
    free(plan);
}

static esp_status open_library(struct foreign_plan *plan, struct manifest *manifest,
                               struct shared_object **object, struct error *error)
{
    char *path = NULL;
    struct error reason;
    error_clear(&reason);
    esp_status status =
        shared_object_find(&path, said(manifest, "library"), manifest->folder, &reason);
    if (status == ESP_OK && !(plan->library = manifest_text(manifest, path)))
        status = error_memory(&reason);
    if (status == ESP_OK && (status = shared_object_open(object, path, &reason)) != ESP_OK)
        error_prefix(&reason, "%s: ", path);
    if (status != ESP_OK)
        refuse(manifest, "plugin", "library", error, "%s", reason.message);
    else
        status = manifest_add_file(manifest, said(manifest, "library"), plan->library, error);
    free(path);
    return status;
}

static esp_status read_library(struct manifest *manifest, struct error *error)
{
    struct shared_object *object = NULL;
    struct foreign_plan *plan = calloc(1, sizeof *plan);
    if (!plan)
        return error_memory(error);
    manifest->own = plan;
    manifest->destroy_own = destroy_plan;
    esp_status status = read_role(plan, manifest, error);
    if (status == ESP_OK)
        status = open_library(plan, manifest, &object, error);
    if (status == ESP_OK)
        status = read_functions(plan, manifest, object, error);
    shared_object_close(object);
    if (status == ESP_OK)
        status = name_givens(plan, manifest, error);
    if (status == ESP_OK)
        status = read_calls(plan, manifest, error);
    if (status == ESP_OK)
        status = check_use(plan, manifest, error);
    if (status == ESP_OK && manifest->kind == ESP_KIND_ESTIMATOR)
        status = bind_metrics(plan, manifest, error);
    if (status == ESP_OK)
        status = read_theta(plan, manifest, error);
    if (status == ESP_OK && plan->role == ROLE_CURVE)
        status = add_curve_params(manifest, error);
    if (status == ESP_OK && plan->role == ROLE_OPTIMIZER)
        status = check_objective(plan, manifest, &plan->setup, error);
    if (status == ESP_OK && plan->role == ROLE_OPTIMIZER)
        status = check_objective(plan, manifest, &plan->work, error);
    if (status != ESP_OK)
        return status;
    if (plan->role == ROLE_CURVE)
        foreign_curve_type(&manifest->type.estimator);
    else if (manifest->kind == ESP_KIND_ESTIMATOR)
        foreign_estimator_type(&manifest->type.estimator);
    else
        status = foreign_strategy_type(manifest, error);
    return status;
}

static const esp_param library_rows[] = {
    ESP_PARAM_TEXT(
        "library", "",
        "the shared object that does the work: a name that the system's loader finds, or "
        "a path beside the manifest"),
    ESP_PARAM_CHOICE("role", "objective", role_names,
                     "what its functions are to Espalier; unsaid, a strategy's is optimizer"),
    ESP_PARAM_TEXT("theta", "", "of a curve: the numbers at which its fit begins"),
    ESP_PARAM_TEXT("symbol", "", "in short: the one function"),
    ESP_PARAM_TEXT("signature", "",
                   "its signature; the names of its arguments say what they are given"),
};

static const char *const library_sections[] = {"signatures", "setup",    "evaluate",
                                               "optimize",   "teardown", NULL};

const struct manifest_way library_way = {
    .key = "library",
    .kinds = 1u << ESP_KIND_STRATEGY | 1u << ESP_KIND_ESTIMATOR,
    .rows = library_rows,
    .row_count = ESP_COUNT(library_rows),
    .sections = library_sections,
    .read = read_library,
};

const struct foreign_plan *manifest_plan(const struct manifest *manifest)
{
    return manifest && manifest->way == &library_way ? manifest->own : NULL;
}

bool plan_uses(const struct foreign_plan *plan, enum foreign_given given)
{
    return plan->given[given] >= 0 && plan->names.items[plan->given[given]].used;
}
