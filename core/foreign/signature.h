// SPDX-License-Identifier: Apache-2.0
// Signatures of foreign functions as text: `f64 (i32 n, ptr<const f64> x[n])`. They say what a C
// header would, for one platform: no header is read.
//
//   signature  type ( [argument {, argument}] )
//   argument   type [name [ "[" length "]" ]]      length: a number, or the name of an argument
//   type       void | i8 .. i64 | u8 .. u64 | f32 | f64 | str | ptr | ptr<[const] element>
//              | fn<signature>
//   element    i8 .. u64 | f32 | f64 | ptr
//
// `str` is a text that ends in a zero, `ptr` an address that only the library understands (a handle),
// `ptr<element>` one or more numbers, `fn<...>` a function of ours that the library calls.
#ifndef FOREIGN_SIGNATURE_H
#define FOREIGN_SIGNATURE_H

#include "error/error.h"

#define FOREIGN_MOST_ARGUMENTS 32
// Functions that take functions that take functions, ...
#define FOREIGN_DEEPEST 4

enum foreign_kind {
    FOREIGN_VOID = 0,
    FOREIGN_I8,
    FOREIGN_I16,
    FOREIGN_I32,
    FOREIGN_I64,
    FOREIGN_U8,
    FOREIGN_U16,
    FOREIGN_U32,
    FOREIGN_U64,
    FOREIGN_F32,
    FOREIGN_F64,
    FOREIGN_TEXT,
    FOREIGN_POINTER,
    FOREIGN_FUNCTION
};

struct signature;

struct foreign_type {
    enum foreign_kind kind;
    enum foreign_kind element;  // of a POINTER: a number's kind, POINTER, or VOID: a handle
    bool constant;              // of a POINTER: the function does not write there
    struct signature *function; // of a FUNCTION; owner: the type
};

struct foreign_argument {
    struct foreign_type type;
    char *name;        // NULL without
    int64_t length;    // how many elements stand there; -1: not said, or `length_of` says it
    int64_t length_of; // the index of the argument that holds the length; -1: none
    uint64_t column;   // where it begins in the text, from 1
};

struct signature {
    char *text; // as it was written; of the outermost alone
    struct foreign_type result;
    struct foreign_argument arguments[FOREIGN_MOST_ARGUMENTS];
    uint64_t count;
};

// The message names the column and shows it with a caret.
esp_status signature_parse(struct signature **out, const char *text, struct error *error);
void signature_destroy(struct signature *signature); // NULL is allowed

// The argument of that name, or NULL.
const struct foreign_argument *signature_find(const struct signature *signature, const char *name);

bool foreign_is_integer(enum foreign_kind kind);
bool foreign_is_number(enum foreign_kind kind); // integers and reals
uint64_t foreign_size(enum foreign_kind kind);  // bytes of one; 0: VOID

// The word: "f64".
const char *foreign_kind_name(enum foreign_kind kind);
// "ptr<const f64>", "fn"; `words` has room for 32 bytes. Answers `words`.
const char *foreign_type_text(char words[32], const struct foreign_type *type);

#endif
