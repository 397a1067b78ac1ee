// SPDX-License-Identifier: Apache-2.0
// Calls and callbacks; see call.h.
#include "foreign/call.h"

#include <stdlib.h>
#include <string.h>

// One argument on its way: its own bytes, and the memory that it points to.
struct cell {
    union {
        unsigned char bytes[8];
        void *address;
    } as;
    unsigned char one[8]; // what a scalar by reference points to
    unsigned char *many;  // what NUMBERS point to; owner: the cell
};

static ffi_type *type_of(enum foreign_kind kind)
{
    switch (kind) {
    case FOREIGN_VOID:
        return &ffi_type_void;
    case FOREIGN_I8:
        return &ffi_type_sint8;
    case FOREIGN_I16:
        return &ffi_type_sint16;
    case FOREIGN_I32:
        return &ffi_type_sint32;
    case FOREIGN_I64:
        return &ffi_type_sint64;
    case FOREIGN_U8:
        return &ffi_type_uint8;
    case FOREIGN_U16:
        return &ffi_type_uint16;
    case FOREIGN_U32:
        return &ffi_type_uint32;
    case FOREIGN_U64:
        return &ffi_type_uint64;
    case FOREIGN_F32:
        return &ffi_type_float;
    case FOREIGN_F64:
        return &ffi_type_double;
    default:
        return &ffi_type_pointer;
    }
}

esp_status call_prepare(struct call *out, const struct signature *signature, struct error *error)
{
    memset(out, 0, sizeof *out);
    out->signature = signature;
    for (uint64_t i = 0; i < signature->count; i++)
        out->types[i] = type_of(signature->arguments[i].type.kind);
    ffi_status code = ffi_prep_cif(&out->cif, FFI_DEFAULT_ABI, (unsigned)signature->count,
                                   type_of(signature->result.kind), out->types);
    return code == FFI_OK ? ESP_OK
                          : error_set(error, ESP_ERROR, "libffi refuses the signature (%d)", code);
}

// ---- In -----------------------------------------------------------------------------------------

// How many elements the signature says that stand behind argument `i`; 0 where it says nothing.
static uint64_t said_length(const struct signature *signature, uint64_t i,
                            const struct foreign_value *values)
{
    const struct foreign_argument *argument = &signature->arguments[i];
    if (argument->length >= 0)
        return (uint64_t)argument->length;
    if (argument->length_of < 0 || values[argument->length_of].kind != VALUE_INTEGER)
        return 0;
    int64_t length = values[argument->length_of].as.integer;
    return length > 0 ? (uint64_t)length : 0;
}

static esp_status numbers_in(struct cell *cell, const struct foreign_value *value,
                             const struct foreign_type *type, uint64_t needed, struct error *error)
{
    uint64_t size = foreign_size(type->element);
    if (value->count < needed)
        return error_set(error, ESP_ERROR_INVALID, "the call says %llu numbers, and there are %llu",
                         (unsigned long long)needed, (unsigned long long)value->count);
    cell->many = calloc(value->count ? value->count : 1, size);
    if (!cell->many)
        return error_memory(error);
    esp_status status = ESP_OK;
    for (uint64_t i = 0; status == ESP_OK && i < value->count; i++) {
        status =
            value_write_number(cell->many + i * size, type->element, value->as.numbers[i], error);
        if (status != ESP_OK)
            error_prefix(error, "number %llu: ", (unsigned long long)i);
    }
    cell->as.address = cell->many;
    return status;
}

// A number or a handle whose address is passed.
static esp_status reference_in(struct cell *cell, const struct foreign_value *value,
                               const struct foreign_type *type, uint64_t needed,
                               struct error *error)
{
    cell->as.address = cell->one;
    if (needed > 1)
        return error_set(error, ESP_ERROR_INVALID, "the call says %llu numbers, and there is one",
                         (unsigned long long)needed);
    if (value->kind == VALUE_INTEGER)
        return value_write_integer(cell->one, type->element, value->as.integer, error);
    if (value->kind == VALUE_REAL)
        return value_write_number(cell->one, type->element, value->as.real, error);
    if (value->kind == VALUE_HANDLE)
        memcpy(cell->one, &value->as.handle, sizeof value->as.handle);
    return ESP_OK; // NONE: &name for the first time, zero
}

static esp_status argument_in(struct cell *cell, const struct foreign_value *value, bool out,
                              const struct foreign_type *type, uint64_t needed, struct error *error)
{
    memset(cell, 0, sizeof *cell);
    if (type->kind == FOREIGN_POINTER && type->element != FOREIGN_VOID &&
        (out || (value->kind != VALUE_NUMBERS && value->kind != VALUE_NULL)))
        return reference_in(cell, value, type, needed, error);
    switch (value->kind) {
    case VALUE_INTEGER:
        return value_write_integer(cell->as.bytes, type->kind, value->as.integer, error);
    case VALUE_REAL:
        return value_write_number(cell->as.bytes, type->kind, value->as.real, error);
    case VALUE_TEXT:
        memcpy(&cell->as.address, &value->as.text, sizeof cell->as.address);
        return ESP_OK;
    case VALUE_HANDLE:
    case VALUE_CALLBACK:
        cell->as.address = value->as.handle;
        return ESP_OK;
    case VALUE_NUMBERS:
        return numbers_in(cell, value, type, needed, error);
    default:
        return ESP_OK; // NULL
    }
}

// ---- Out ----------------------------------------------------------------------------------------

static void scalar_out(struct foreign_value *value, const void *at, const struct foreign_type *type)
{
    *value = (struct foreign_value){.kind = value_of_result(type)};
    if (value->kind == VALUE_INTEGER)
        value->as.integer = value_read_integer(at, type->kind);
    else if (value->kind == VALUE_REAL)
        value->as.real = value_read_number(at, type->kind);
    else if (value->kind == VALUE_TEXT || value->kind == VALUE_HANDLE)
        memcpy(&value->as.handle, at, sizeof value->as.handle);
}

static void argument_out(const struct cell *cell, struct foreign_value *value, bool out,
                         const struct foreign_type *type)
{
    if (type->kind != FOREIGN_POINTER || type->constant)
        return;
    if (out)
        scalar_out(value, cell->one, &(struct foreign_type){.kind = type->element});
    else if (value->kind == VALUE_NUMBERS && value->writable)
        for (uint64_t i = 0; i < value->count; i++)
            value->as.numbers[i] =
                value_read_number(cell->many + i * foreign_size(type->element), type->element);
}

// libffi widens an integer's result to a whole register, in the low bytes on this machine's order.
static void result_out(struct foreign_value *result, const void *at,
                       const struct foreign_type *type)
{
    unsigned char narrow[8];
    ffi_arg wide;
    memcpy(narrow, at, sizeof narrow);
    if (foreign_is_integer(type->kind) && foreign_size(type->kind) < sizeof wide) {
        memcpy(&wide, at, sizeof wide);
        // A conversion of the value, whatever the order of bytes.
        if (foreign_size(type->kind) == 4)
            memcpy(narrow, &(uint32_t){(uint32_t)wide}, 4);
        else if (foreign_size(type->kind) == 2)
            memcpy(narrow, &(uint16_t){(uint16_t)wide}, 2);
        else
            narrow[0] = (unsigned char)wide;
    }
    scalar_out(result, narrow, type);
}

esp_status call_invoke(const struct call *call, void *function, struct foreign_value *values,
                       const bool *out, struct foreign_value *result, struct error *error)
{
    const struct signature *signature = call->signature;
    struct cell cells[FOREIGN_MOST_ARGUMENTS];
    void *addresses[FOREIGN_MOST_ARGUMENTS];
    union {
        ffi_arg integer;
        double real;
        void *address;
        unsigned char bytes[16];
    } answer = {.bytes = {0}};
    void (*code)(void);
    esp_status status = ESP_OK;
    uint64_t made = 0;
    for (; status == ESP_OK && made < signature->count; made++) {
        status =
            argument_in(&cells[made], &values[made], out[made], &signature->arguments[made].type,
                        said_length(signature, made, values), error);
        if (status != ESP_OK)
            error_prefix(error, "argument %llu (%s): ", (unsigned long long)made + 1,
                         signature->arguments[made].name ? signature->arguments[made].name : "?");
        addresses[made] = &cells[made].as;
    }
    if (status == ESP_OK) {
        memcpy(&code, &function, sizeof code);
        // libffi's own structure; it changes nothing there.
        ffi_call((ffi_cif *)(uintptr_t)&call->cif, code, &answer, addresses);
        for (uint64_t i = 0; i < made; i++)
            argument_out(&cells[i], &values[i], out[i], &signature->arguments[i].type);
        result_out(result, &answer, &signature->result);
    }
    for (uint64_t i = 0; i < made; i++)
        free(cells[i].many);
    return status;
}

// ---- Callbacks ----------------------------------------------------------------------------------

struct closure {
    struct call call;
    closure_function function;
    void *self;
    ffi_closure *memory;
    void *code;
};

static void enter(ffi_cif *cif, void *result, void **arguments, void *self)
{
    struct closure *closure = self;
    (void)cif;
    closure->function(closure->self, arguments, result);
}

esp_status closure_create(struct closure **out, const struct signature *signature,
                          closure_function function, void *self, struct error *error)
{
    struct closure *closure = calloc(1, sizeof *closure);
    *out = NULL;
    if (!closure)
        return error_memory(error);
    closure->function = function;
    closure->self = self;
    esp_status status = call_prepare(&closure->call, signature, error);
    if (status == ESP_OK &&
        !(closure->memory = ffi_closure_alloc(sizeof(ffi_closure), &closure->code)))
        status = error_set(error, ESP_ERROR, "the system gives no memory for a callback's code");
    if (status == ESP_OK && ffi_prep_closure_loc(closure->memory, &closure->call.cif, enter,
                                                 closure, closure->code) != FFI_OK)
        status = error_set(error, ESP_ERROR, "libffi refuses the callback's signature");
    if (status == ESP_OK)
        *out = closure;
    else
        closure_destroy(closure);
    return status;
}

void closure_destroy(struct closure *closure)
{
    if (!closure)
        return;
    if (closure->memory)
        ffi_closure_free(closure->memory);
    free(closure);
}

void *closure_code(const struct closure *closure)
{
    return closure->code;
}

void closure_answer(void *result, enum foreign_kind kind, double number)
{
    float single = (float)number;
    ffi_arg wide = (ffi_arg)(int64_t)number;
    if (kind == FOREIGN_F64)
        memcpy(result, &number, sizeof number);
    else if (kind == FOREIGN_F32)
        memcpy(result, &single, sizeof single);
    else
        memcpy(result, &wide, sizeof wide);
}
