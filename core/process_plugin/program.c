// SPDX-License-Identifier: Apache-2.0
// The conversation with a program; see program.h. Its process, and bytes in and out, are child.c's.
#include "process_plugin/program.h"

#include "process_plugin/child.h"
#include "text/printable.h"

#include <stdlib.h>
#include <string.h>

// What is quoted of a line that makes no sense.
#define QUOTED 80

struct program {
    const struct program_start *start;
    struct child *child;
    json_int_t calls;    // how many were sent: the id of the last
    const char *calling; // its name; lives as long as the last call
    json_t *call;
    bool failed;
};

// The beginning of `line`, as it can be shown.
static void quote(char quoted[QUOTED + 4], const char *line, size_t size)
{
    int length = (int)strnlen(line, size < QUOTED ? size : QUOTED);
    snprintf(quoted, QUOTED + 4, "%.*s%s", length, line, size > QUOTED ? "..." : "");
    text_make_printable(quoted);
}

bool program_serves(const struct program *program)
{
    return program && !program->failed;
}

esp_status program_give_up(struct program *program, struct error *error)
{
    program->failed = true;
    child_kill(program->child);
    return error->status;
}

// Ends it, as `words` say, which the system's words on its end complete.
static esp_status fail(struct program *program, enum child_state state, double seconds,
                       struct error *error)
{
    char words[CHILD_WORDS_SIZE];
    const char *calling = program->calling;
    program->failed = true;
    switch (state) {
    case CHILD_ENDED:
        child_end_words(words, program->child);
        error_set(error, ESP_ERROR, "its program %s, when it was to answer `%s`", words, calling);
        break;
    case CHILD_LATE:
        error_set(error, ESP_ERROR, "its program did not answer `%s` within %g s", calling,
                  seconds);
        break;
    case CHILD_DEAF:
        error_set(error, ESP_ERROR,
                  "its program did not read its input: `%s` could not be sent within %g s", calling,
                  seconds);
        break;
    case CHILD_FLOOD:
        error_set(error, ESP_ERROR,
                  "its program flooded its output: more than %d MiB without an end of line",
                  CHILD_LINE_MOST >> 20);
        break;
    default:
        error_set(error, ESP_ERROR, "out of memory for what its program says");
        break;
    }
    child_kill(program->child);
    return error->status;
}

// ---- Lines --------------------------------------------------------------------------------------

// What it wrote before it was called.
static esp_status check_turn(struct program *program, struct error *error)
{
    const char *early;
    char quoted[QUOTED + 4];
    if (!child_early(program->child, &early))
        return ESP_OK;
    quote(quoted, early, strlen(early));
    error_set(error, ESP_ERROR, "its program spoke out of turn, before `%s`: %s", program->calling,
              quoted);
    return program_give_up(program, error);
}

static esp_status send(struct program *program, const json_t *message, struct error *error)
{
    char *text = json_dumps(message, JSON_COMPACT | JSON_REAL_PRECISION(17));
    char *line = text ? realloc(text, strlen(text) + 2) : NULL;
    if (!line) {
        free(text);
        return error_memory(error);
    }
    strcat(line, "\n");
    enum child_state state =
        child_write(program->child, line, strlen(line), program->start->time_limit);
    free(line);
    return state == CHILD_READY ? ESP_OK : fail(program, state, program->start->time_limit, error);
}

esp_status program_parse(json_t **out, const char *line, size_t size, const char *calling,
                         struct error *error)
{
    char quoted[QUOTED + 4];
    json_error_t reason;
    *out = json_loadb(line, size, JSON_REJECT_DUPLICATES, &reason);
    if (json_is_object(*out))
        return ESP_OK;
    quote(quoted, line, size);
    if (*out)
        error_set(error, ESP_ERROR, "its program answered `%s` with no JSON object: %s", calling,
                  quoted);
    else
        error_set(error, ESP_ERROR, "its program answered `%s` with no JSON: %s (%s)", calling,
                  quoted, reason.text);
    text_make_printable(error->message); // the reason quotes, too
    json_decref(*out);
    *out = NULL;
    return ESP_ERROR;
}

// A line as an object.
static esp_status receive(json_t **out, struct program *program, double seconds,
                          struct error *error)
{
    const char *line;
    size_t size;
    *out = NULL;
    enum child_state state = child_read(program->child, &line, &size, seconds);
    if (state != CHILD_READY)
        return fail(program, state, seconds, error);
    esp_status status = program_parse(out, line, size, program->calling, error);
    return status == ESP_OK ? ESP_OK : program_give_up(program, error);
}

esp_status program_call(struct program *program, json_t *call, struct error *error)
{
    if (!call || json_object_set_new(call, "id", json_integer(program->calls + 1)) != 0) {
        json_decref(call);
        return error_memory(error);
    }
    json_decref(program->call);
    program->call = call;
    program->calling = json_string_value(json_object_get(call, "call"));
    esp_status status = check_turn(program, error);
    if (status != ESP_OK)
        return status;
    program->calls++;
    return send(program, call, error);
}

esp_status program_answer(json_t **out, struct program *program, double seconds,
                          struct error *error)
{
    esp_status status = receive(out, program, seconds, error);
    if (status != ESP_OK)
        return status;
    const json_t *id = json_object_get(*out, "id");
    if (json_is_integer(id) && json_integer_value(id) == program->calls)
        return ESP_OK;
    if (json_is_integer(id))
        error_set(error, ESP_ERROR,
                  "its program spoke out of turn: it answered call %lld, and was asked call %lld, "
                  "`%s`",
                  (long long)json_integer_value(id), (long long)program->calls, program->calling);
    else
        error_set(error, ESP_ERROR, "its program's answer to `%s` lacks the call's \"id\"",
                  program->calling);
    json_decref(*out);
    *out = NULL;
    return program_give_up(program, error);
}

esp_status program_ask(json_t **out, struct program *program, json_t *call, struct error *error)
{
    *out = NULL;
    esp_status status = program_call(program, call, error);
    return status == ESP_OK ? program_answer(out, program, program->start->time_limit, error)
                            : status;
}

// ---- Its beginning and end ----------------------------------------------------------------------

// The first line of either side is the version's, whatever version it is.
static esp_status change_versions(struct program *program, struct error *error)
{
    json_t *answer = NULL;
    program->call = json_pack("{s:s, s:i}", "call", "version", "protocol", PROGRAM_PROTOCOL);
    if (!program->call)
        return error_memory(error);
    program->calling = json_string_value(json_object_get(program->call, "call"));
    esp_status status = send(program, program->call, error);
    if (status == ESP_OK)
        status = receive(&answer, program, program->start->time_limit, error);
    if (status != ESP_OK)
        return status;
    const json_t *version = json_object_get(answer, "protocol");
    if (!json_is_integer(version)) {
        error_set(error, ESP_ERROR,
                  "its program's first line lacks its version: expected {\"protocol\": %d}",
                  PROGRAM_PROTOCOL);
        status = program_give_up(program, error);
    } else if (json_integer_value(version) != PROGRAM_PROTOCOL) {
        error_set(error, ESP_ERROR,
                  "its program speaks version %lld of the protocol, and this host version %d",
                  (long long)json_integer_value(version), PROGRAM_PROTOCOL);
        status = program_give_up(program, error);
    }
    json_decref(answer);
    return status;
}

esp_status program_begin(struct program **out, const struct program_start *start,
                         struct error *error)
{
    struct program *program = calloc(1, sizeof *program);
    *out = NULL;
    if (!program)
        return error_memory(error);
    program->start = start;
    esp_status status =
        child_start(&program->child, start->command, start->folder, start->name, error);
    if (status == ESP_OK)
        status = change_versions(program, error);
    if (status == ESP_OK)
        *out = program;
    else
        program_end(program);
    return status;
}

void program_end(struct program *program)
{
    if (!program)
        return;
    child_end(program->child);
    json_decref(program->call);
    free(program);
}
