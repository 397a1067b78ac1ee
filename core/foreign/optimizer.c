// SPDX-License-Identifier: Apache-2.0
// An optimiser that takes a callback, turned into ask and tell. It runs in this process, which is its
// own: the program of a process plugin (docs/process-plugins.md). The library is called once, and the
// trials are asked for from inside its callback:
//
//   host     ask        ->  the callback is called with a point   ->  trial
//            ask        ->  (still inside)                        ->  wait
//            tell       ->  the callback returns the objective, the library goes on
//            ask        ->  the library has returned              ->  done
//
// What the library sees are numbers: a real decision as it is (its logarithm where the domain is
// logarithmic), an integer from min - 1/2 to max + 1/2, an option by its index likewise; integers and
// options are rounded. A trial without an objective counts as the worst value that was told so far.
#include "foreign/foreign.h"

#include "foreign/plan.h"
#include "process_plugin/process_plugin.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// Of a trial without an objective, where nothing was told yet.
#define WORST_UNTOLD 1e10
#define MOST_CLOSURES 16

// One number of the library's vector.
struct dimension {
    const char *path; // borrowed of the survey
    const json_t *domain;
    char kind; // 'r'eal, 'i'nt, 'o'ne
    bool log;
    bool alone;         // no other row of the survey has its path
    double least, most; // of the decision
};

struct optimizer {
    struct manifest *manifest;
    const struct foreign_plan *plan;
    struct foreign_frame frame;
    struct parameters parameters;
    FILE *in, *out;
    char *line;
    size_t line_size;
    json_t *create; // the call: its survey lives as long as the process
    struct dimension *dimensions;
    uint64_t count;
    double *x, *lower, *upper;
    bool all_alone;
    struct closure *closures[MOST_CLOSURES];
    struct foreign_objective places[MOST_CLOSURES]; // of the arguments of each
    const struct signature *signatures[MOST_CLOSURES];
    struct bound_closure {
        struct optimizer *optimizer;
        uint64_t index;
    } bound[MOST_CLOSURES];
    uint64_t closure_count;
    json_t *owed;     // an ask or a rejection that wants a trial; owner: the optimizer
    json_int_t trial; // whose outcome is waited for
    double worst;
    bool any_told;
    bool began; // the set-up is done: the host may ask
};

// The words reach the host as the program's last ones.
ESP_PRINTF(1, 2)
static _Noreturn void give_up(const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    fflush(stderr);
    // Nothing of the library is run any more.
    _exit(1);
}

// ---- Lines --------------------------------------------------------------------------------------

static json_t *next_message(struct optimizer *optimizer)
{
    json_error_t reason;
    ssize_t length = getline(&optimizer->line, &optimizer->line_size, optimizer->in);
    if (length <= 0)
        return NULL;
    json_t *message = json_loads(optimizer->line, 0, &reason);
    if (!json_is_object(message))
        give_up("the host's line is no JSON object: %s", reason.text);
    return message;
}

// Steals `answer`.
static void send(struct optimizer *optimizer, const json_t *call, json_t *answer)
{
    if (!answer || (call && json_object_set(answer, "id", json_object_get(call, "id")) != 0) ||
        json_dumpf(answer, optimizer->out, JSON_COMPACT | JSON_REAL_PRECISION(17)) != 0 ||
        fputc('\n', optimizer->out) == EOF || fflush(optimizer->out) != 0)
        give_up("the host cannot be answered");
    json_decref(answer);
}

static void answer(struct optimizer *optimizer, const json_t *call, const char *name)
{
    send(optimizer, call, json_pack("{s:s}", "answer", name));
}

static bool is_call(const json_t *message, const char *name)
{
    const char *call = json_string_value(json_object_get(message, "call"));
    return call && strcmp(call, name) == 0;
}

// ---- The space ----------------------------------------------------------------------------------

static bool read_dimension(struct dimension *out, const json_t *row)
{
    const json_t *domain = json_object_get(row, "domain");
    const char *kind = json_string_value(json_object_get(domain, "kind"));
    *out = (struct dimension){.path = json_string_value(json_object_get(row, "path")),
                              .domain = domain,
                              .kind = kind ? kind[0] : 's',
                              .log = json_is_true(json_object_get(domain, "log"))};
    if (out->kind == 's')
        return false; // a subset is no number; the host refuses spaces that have one
    if (out->kind == 'o')
        out->most = (double)json_array_size(json_object_get(domain, "options")) - 1;
    else {
        out->least = json_number_value(json_object_get(domain, "min"));
        out->most = json_number_value(json_object_get(domain, "max"));
    }
    return true;
}

static double to_scale(const struct dimension *dimension, double value)
{
    return dimension->log ? log(value) : value;
}

static void read_space(struct optimizer *optimizer, const json_t *space)
{
    size_t i, size = json_array_size(space);
    json_t *row;
    optimizer->dimensions = calloc(size + 1, sizeof *optimizer->dimensions);
    optimizer->x = calloc(size + 1, sizeof(double));
    optimizer->lower = calloc(size + 1, sizeof(double));
    optimizer->upper = calloc(size + 1, sizeof(double));
    if (!optimizer->dimensions || !optimizer->x || !optimizer->lower || !optimizer->upper)
        give_up("out of memory");
    json_array_foreach (space, i, row)
        optimizer->count += read_dimension(&optimizer->dimensions[optimizer->count], row);
    optimizer->all_alone = true;
    for (uint64_t k = 0; k < optimizer->count; k++) {
        struct dimension *dimension = &optimizer->dimensions[k];
        size_t same = 0;
        json_array_foreach (space, i, row)
            same += strcmp(json_string_value(json_object_get(row, "path")), dimension->path) == 0;
        double half = dimension->kind == 'r' ? 0 : 0.5;
        dimension->alone = same == 1;
        optimizer->all_alone &= dimension->alone;
        optimizer->lower[k] = to_scale(dimension, dimension->least - half);
        optimizer->upper[k] = to_scale(dimension, dimension->most + half);
        optimizer->x[k] = optimizer->lower[k] / 2 + optimizer->upper[k] / 2;
    }
}

// The decision that a number stands for.
static json_t *decision(const struct dimension *dimension, double number)
{
    double value = dimension->log ? exp(number) : number;
    if (isnan(number))
        give_up("the optimizer proposes a point that is no number, at %s", dimension->path);
    if (dimension->kind != 'r')
        value = round(value);
    value = fmin(fmax(value, dimension->least), dimension->most);
    if (dimension->kind == 'r')
        return json_real(value);
    if (dimension->kind == 'i')
        return json_integer((json_int_t)value);
    return json_incref(
        json_array_get(json_object_get(dimension->domain, "options"), (size_t)value));
}

// ---- Inside the callback ------------------------------------------------------------------------

static void send_trial(struct optimizer *optimizer, const double *x)
{
    json_t *decisions = json_object();
    for (uint64_t k = 0; k < optimizer->count; k++)
        if (optimizer->dimensions[k].alone &&
            json_object_set_new(decisions, optimizer->dimensions[k].path,
                                decision(&optimizer->dimensions[k], x[k])) != 0)
            give_up("out of memory");
    send(optimizer, optimizer->owed,
         json_pack("{s:s, s:o, s:s}", "answer", "trial", "decisions", decisions, "rest",
                   optimizer->all_alone ? "draw" : "ask"));
    optimizer->trial = json_integer_value(json_object_get(optimizer->owed, "trial"));
    json_decref(optimizer->owed);
    optimizer->owed = NULL;
}

// A value in the middle, for what stands outside the survey.
static json_t *middle(const json_t *domain)
{
    struct dimension dimension;
    json_t *row = json_pack("{s:s, s:O}", "path", "", "domain", domain);
    json_t *value = NULL;
    if (read_dimension(&dimension, row)) {
        value = decision(&dimension, to_scale(&dimension, dimension.least) / 2 +
                                         to_scale(&dimension, dimension.most) / 2);
    } else {
        json_int_t least = json_integer_value(json_object_get(domain, "least"));
        value = json_array();
        for (json_int_t i = 0; i < least; i++)
            json_array_append_new(value, json_integer(i));
    }
    json_decref(row);
    return value;
}

static void decide(struct optimizer *optimizer, const json_t *call, const double *x)
{
    const char *path = json_string_value(json_object_get(call, "path"));
    const json_t *domain = json_object_get(call, "domain");
    for (uint64_t k = 0; path && k < optimizer->count; k++)
        if (strcmp(optimizer->dimensions[k].path, path) == 0 &&
            json_equal(optimizer->dimensions[k].domain, domain)) {
            send(optimizer, call,
                 json_pack("{s:s, s:o}", "answer", "value", "value",
                           decision(&optimizer->dimensions[k], x[k])));
            return;
        }
    send(optimizer, call, json_pack("{s:s, s:o}", "answer", "value", "value", middle(domain)));
}

// Of an outcome that was asked for; also keeps the worst that was told.
static double objective_of(struct optimizer *optimizer, const json_t *tell)
{
    const json_t *objectives = json_object_get(tell, "objectives");
    if (json_is_array(objectives)) {
        double value = json_number_value(json_array_get(objectives, 0));
        if (!optimizer->any_told || value > optimizer->worst)
            optimizer->worst = value;
        optimizer->any_told = true;
        return value;
    }
    return optimizer->any_told ? optimizer->worst : WORST_UNTOLD;
}

// Serves what comes until an ask does; at the end of the input the process ends with it.
static void wait_for_ask(struct optimizer *optimizer)
{
    while (!optimizer->owed) {
        json_t *message = next_message(optimizer);
        if (!message)
            _exit(0); // inside the library, which cannot be left otherwise
        if (is_call(message, "ask")) {
            optimizer->owed = json_incref(message);
        } else if (is_call(message, "tell")) {
            objective_of(optimizer, message);
            answer(optimizer, message, "told");
        } else {
            give_up("the host calls '%s' out of turn",
                    json_string_value(json_object_get(message, "call")));
        }
        json_decref(message);
    }
}

// The value of the point: asked as a trial, told as its outcome.
static double value_of(struct optimizer *optimizer, const double *x)
{
    if (!optimizer->began)
        give_up("the library wants a value in its set-up; its calls that do belong to [optimize]");
    wait_for_ask(optimizer);
    send_trial(optimizer, x);
    for (;;) {
        json_t *message = next_message(optimizer);
        double value = 0;
        bool told = false;
        if (!message)
            _exit(0);
        if (is_call(message, "ask")) {
            answer(optimizer, message, "wait");
        } else if (is_call(message, "decide")) {
            decide(optimizer, message, x);
        } else if (is_call(message, "rejected")) { // the next point is its answer
            optimizer->owed = json_incref(message);
            value = optimizer->any_told ? optimizer->worst : WORST_UNTOLD;
            told = true;
        } else if (is_call(message, "tell")) {
            told = json_integer_value(json_object_get(message, "trial")) == optimizer->trial &&
                   json_is_true(json_object_get(message, "asked"));
            value = objective_of(optimizer, message);
            answer(optimizer, message, "told");
        } else {
            give_up("the host calls '%s' out of turn",
                    json_string_value(json_object_get(message, "call")));
        }
        json_decref(message);
        if (told)
            return value;
    }
}

static void *pointer_of(const void *argument)
{
    void *pointer;
    memcpy(&pointer, argument, sizeof pointer);
    return pointer;
}

// The number of dimensions that the library says.
static int64_t count_of(const struct foreign_type *type, const void *argument)
{
    return type->kind == FOREIGN_POINTER ? value_read_integer(pointer_of(argument), type->element)
                                         : value_read_integer(argument, type->kind);
}

static void objective(void *self, void *const *arguments, void *result)
{
    const struct bound_closure *bound = self;
    struct optimizer *optimizer = bound->optimizer;
    const struct signature *signature = optimizer->signatures[bound->index];
    const struct foreign_objective *places = &optimizer->places[bound->index];
    const struct foreign_type *point = &signature->arguments[places->x].type;
    if (places->n >= 0 && count_of(&signature->arguments[places->n].type, arguments[places->n]) !=
                              (int64_t)optimizer->count)
        give_up("the optimizer proposes a point of %lld numbers, and the space has %llu",
                (long long)count_of(&signature->arguments[places->n].type, arguments[places->n]),
                (unsigned long long)optimizer->count);
    if (places->gradient >= 0 && pointer_of(arguments[places->gradient]))
        give_up("the optimizer asks for a gradient, and there is none: take one that needs none");
    const unsigned char *at = pointer_of(arguments[places->x]);
    double *x = calloc(optimizer->count + 1, sizeof *x);
    if (!at || !x)
        give_up("the optimizer proposes no point");
    for (uint64_t k = 0; k < optimizer->count; k++)
        x[k] = value_read_number(at + k * foreign_size(point->element), point->element);
    double value = value_of(optimizer, x);
    free(x);
    if (places->value >= 0) {
        struct error error;
        error_clear(&error);
        value_write_number(pointer_of(arguments[places->value]),
                           signature->arguments[places->value].type.element, value, &error);
    }
    if (foreign_is_integer(signature->result.kind)) // a code: all is well
        closure_answer(result, signature->result.kind, 0);
    else if (signature->result.kind != FOREIGN_VOID)
        closure_answer(result, signature->result.kind, value);
}

static esp_status make_callback(void *self, const struct signature *signature, void **code,
                                struct error *error)
{
    struct optimizer *optimizer = self;
    uint64_t index = optimizer->closure_count;
    if (index == MOST_CLOSURES)
        return error_set(error, ESP_ERROR, "the objective is given away more than %d times",
                         MOST_CLOSURES);
    esp_status status = plan_objective(&optimizer->places[index], signature, error);
    optimizer->signatures[index] = signature;
    optimizer->bound[index] = (struct bound_closure){optimizer, index};
    if (status == ESP_OK)
        status = closure_create(&optimizer->closures[index], signature, objective,
                                &optimizer->bound[index], error);
    if (status != ESP_OK)
        return status;
    optimizer->closure_count++;
    *code = closure_code(optimizer->closures[index]);
    return ESP_OK;
}

// ---- The process --------------------------------------------------------------------------------

// A value of the create call as the INI would say it.
static char *value_text(const json_t *value)
{
    char *text = NULL;
    int length = 0;
    if (json_is_string(value))
        return strdup(json_string_value(value));
    if (json_is_boolean(value))
        return strdup(json_is_true(value) ? "yes" : "no");
    if (json_is_integer(value))
        length = asprintf(&text, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        length = asprintf(&text, "%.17g", json_real_value(value));
    else {
        size_t i;
        json_t *item;
        text = strdup("");
        json_array_foreach (value, i, item) {
            char *longer = NULL;
            if (length < 0 || !text)
                break;
            length = asprintf(&longer, "%s%s%lld", text, i ? ", " : "",
                              (long long)json_integer_value(item));
            free(text);
            text = length < 0 ? NULL : longer;
        }
    }
    return length < 0 ? NULL : text;
}

static esp_status read_parameters(struct optimizer *optimizer, const json_t *values,
                                  struct error *error)
{
    struct manifest *manifest = optimizer->manifest;
    struct config *config = NULL;
    const char *name;
    json_t *value;
    esp_status status = config_parse(&config, "", manifest->path, manifest->folder, error);
    json_object_foreach ((json_t *)(uintptr_t)values, name, value) {
        char *text = value_text(value);
        if (status == ESP_OK)
            status = text ? config_set(config, "strategy", name, text, error) : error_memory(error);
        free(text);
    }
    if (status == ESP_OK)
        status =
            parameters_resolve(&optimizer->parameters, manifest->params, manifest->param_count,
                               sizeof *manifest->params, config, "strategy", NULL, false, error);
    config_destroy(config);
    return status;
}

static esp_status begin(struct optimizer *optimizer, struct error *error)
{
    const struct foreign_plan *plan = optimizer->plan;
    const json_t *create = optimizer->create;
    struct foreign_frame *frame = &optimizer->frame;
    read_space(optimizer, json_object_get(create, "space"));
    if (optimizer->count == 0)
        return error_set(error, ESP_ERROR_UNSUPPORTED,
                         "the space has no decision that is a number or one of several options");
    esp_status status = read_parameters(optimizer, json_object_get(create, "parameters"), error);
    if (status == ESP_OK)
        status = plan_open(frame, plan, optimizer->manifest, &optimizer->parameters, error);
    if (status != ESP_OK)
        return status;
    frame->callback = make_callback;
    frame->self = optimizer;
    frame_set_numbers(frame, plan, GIVEN_X, optimizer->x, optimizer->count, true);
    frame_set_numbers(frame, plan, GIVEN_LOWER, optimizer->lower, optimizer->count, false);
    frame_set_numbers(frame, plan, GIVEN_UPPER, optimizer->upper, optimizer->count, false);
    frame_set_integer(frame, plan, GIVEN_N, (int64_t)optimizer->count);
    frame_set_integer(frame, plan, GIVEN_SEED,
                      json_integer_value(json_object_get(create, "seed")) & INT32_MAX);
    frame_set_integer(frame, plan, GIVEN_BUDGET,
                      json_integer_value(json_object_get(create, "trials")));
    frame->values[plan->given[GIVEN_OBJECTIVE]].kind = VALUE_CALLBACK;
    return script_run(&plan->setup, frame, error);
}

// "nlopt_optimize answered 5": the last call's words on how it went.
static void end_words(char words[128], const struct optimizer *optimizer)
{
    const struct foreign_step *last = &optimizer->plan->work.steps[optimizer->plan->work.count - 1];
    const struct foreign_value *value = &optimizer->frame.values[last->result];
    if (value->kind == VALUE_INTEGER || value->kind == VALUE_REAL)
        snprintf(words, 128, "%.64s answered %g", last->function->symbol,
                 value->kind == VALUE_REAL ? value->as.real : (double)value->as.integer);
    else
        snprintf(words, 128, "%.64s has returned", last->function->symbol);
}

// After the library has returned; what it owes may be left over from its last callback.
static void serve_the_rest(struct optimizer *optimizer)
{
    char words[128];
    json_t *message = optimizer->owed ? optimizer->owed : next_message(optimizer);
    optimizer->owed = NULL;
    end_words(words, optimizer);
    for (; message; message = next_message(optimizer)) {
        if (is_call(message, "ask"))
            send(optimizer, message, json_pack("{s:s, s:s}", "answer", "done", "reason", words));
        else if (is_call(message, "tell"))
            answer(optimizer, message, "told");
        else if (is_call(message, "rejected"))
            give_up("the space has no member at the last point of the optimizer");
        else
            give_up("the host calls '%s' out of turn",
                    json_string_value(json_object_get(message, "call")));
        json_decref(message);
    }
}

// The protocol has the output to itself: what the library prints goes to the log.
static void take_output(struct optimizer *optimizer)
{
    int channel = dup(STDOUT_FILENO);
    optimizer->in = stdin;
    optimizer->out = channel >= 0 ? fdopen(channel, "w") : NULL;
    if (!optimizer->out || dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
        give_up("standard output is not usable");
}

int foreign_optimizer_main(const char *manifest_path)
{
    struct optimizer optimizer = {0};
    struct error error;
    error_clear(&error);
    take_output(&optimizer);
    json_decref(next_message(&optimizer)); // the host's version; the host tests ours
    send(&optimizer, NULL, json_pack("{s:i}", "protocol", PROGRAM_PROTOCOL));
    optimizer.create = next_message(&optimizer);
    if (!optimizer.create || !is_call(optimizer.create, "create"))
        give_up("expected the call 'create'");
    if (manifest_read(&optimizer.manifest, manifest_path, &error) != ESP_OK)
        give_up("%s", error.message);
    optimizer.plan = manifest_plan(optimizer.manifest);
    if (!optimizer.plan || optimizer.plan->role != ROLE_OPTIMIZER)
        give_up("%s: it is no optimizer", manifest_path);
    if (begin(&optimizer, &error) != ESP_OK)
        give_up("%s", error.message);
    answer(&optimizer, optimizer.create, "created");
    optimizer.began = true;
    if (script_run(&optimizer.plan->work, &optimizer.frame, &error) != ESP_OK)
        give_up("%s", error.message);
    if (script_run(&optimizer.plan->teardown, &optimizer.frame, &error) != ESP_OK)
        give_up("%s", error.message);
    serve_the_rest(&optimizer);
    for (uint64_t i = 0; i < optimizer.closure_count; i++)
        closure_destroy(optimizer.closures[i]);
    plan_close(&optimizer.frame, optimizer.plan);
    parameters_destroy(&optimizer.parameters);
    manifest_release(optimizer.manifest);
    json_decref(optimizer.create);
    free(optimizer.dimensions);
    free(optimizer.x);
    free(optimizer.lower);
    free(optimizer.upper);
    free(optimizer.line);
    fclose(optimizer.out);
    return 0;
}

// ---- The host's side ----------------------------------------------------------------------------

esp_status foreign_strategy_type(struct manifest *manifest, struct error *error)
{
    esp_strategy_type *type = &manifest->type.strategy;
    const char **command = arena_take(&manifest->arena, 4 * sizeof *command);
    if (!command)
        return error_memory(error);
    command[0] = "/proc/self/exe"; // of the guard, which is this program
    command[1] = "foreign-optimizer";
    command[2] = manifest->path;
    command[3] = NULL;
    manifest->command = command;
    // Numbers in, one number out.
    if (type->takes &
        ~(uint32_t)(ESP_STRATEGY_REAL | ESP_STRATEGY_INT | ESP_STRATEGY_NOT_REPEATABLE))
        return config_fail(error, ESP_ERROR_INVALID, manifest_entry(manifest, "takes"),
                           "an optimizer takes real and int (which it does unsaid), and may be "
                           "not_repeatable");
    type->takes |= ESP_STRATEGY_REAL | ESP_STRATEGY_INT;
    process_strategy_set(type);
    return ESP_OK;
}
