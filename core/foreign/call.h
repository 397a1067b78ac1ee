// SPDX-License-Identifier: Apache-2.0
// Calls of foreign functions, and functions of ours that they call, by libffi. Nothing here knows what a
// call is for. That a signature is right cannot be tested: where it is wrong the process may die, so
// calls happen in processes that may.
#ifndef FOREIGN_CALL_H
#define FOREIGN_CALL_H

#include "foreign/value.h"

#include <ffi.h>

// A signature as libffi wants it. Owner: the caller, which keeps `signature` as long.
struct call {
    const struct signature *signature;
    ffi_cif cif;
    ffi_type *types[FOREIGN_MOST_ARGUMENTS];
};

esp_status call_prepare(struct call *out, const struct signature *signature, struct error *error);

// Calls `function` (of dlsym) with `signature->count` values, each of a kind that fits (value_fits), by
// value or, where the type is a ptr<...>, by reference. Numbers are copied in, and out again where they
// are writable and the type is not const; a number whose `out` is set takes what the function wrote. A
// value that does not fit its type, and numbers fewer than the length that the signature says, are
// refused before the call. `result` may hold an address of the library's.
esp_status call_invoke(const struct call *call, void *function, struct foreign_value *values,
                       const bool *out, struct foreign_value *result, struct error *error);

// ---- Callbacks ----------------------------------------------------------------------------------

// Called in place of the signature's function: `arguments[i]` points to argument i. The result is
// written to `result` by closure_answer, or left alone where it is void.
typedef void (*closure_function)(void *self, void *const *arguments, void *result);

struct closure;
esp_status closure_create(struct closure **out, const struct signature *signature,
                          closure_function function, void *self, struct error *error);
void closure_destroy(struct closure *closure);     // NULL is allowed
void *closure_code(const struct closure *closure); // what the library is given

// Writes a number of the result's type, which is one. A whole number where that is an integer's.
void closure_answer(void *result, enum foreign_kind kind, double number);

#endif
