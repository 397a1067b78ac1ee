// SPDX-License-Identifier: Apache-2.0
// Calls as a manifest writes them, in the order of the file:
//
//   RESULT = FUNCTION ( [operand {, operand}] ) [comparison number]
//   operand   a name | &name | number | "text" | null        comparison   == != < <= > >=
//
// The key of the line names the result. A name stands for what the role gives (n, x, ...), a parameter,
// or an earlier result; &name takes what the function writes there. Where the comparison does not hold,
// or a handle is null, the calls end with an error. All that can be known of a call is tested when it is
// read: the names, the number of arguments, what each takes.
#ifndef FOREIGN_SCRIPT_H
#define FOREIGN_SCRIPT_H

#include "config/config.h"
#include "foreign/call.h"

// ---- What the calls are made of -----------------------------------------------------------------

// The functions of the library, by symbol.
struct foreign_function {
    const char *symbol; // borrowed of the manifest
    struct signature *signature;
    struct call call;
};

struct foreign_functions {
    struct foreign_function *items; // fixed once they are read: `call` points into itself
    uint64_t count;
};

struct foreign_function *functions_find(const struct foreign_functions *functions,
                                        const char *symbol);

struct foreign_name {
    char *name;
    enum value_kind kind;
    bool given; // by the role or a parameter: no result may take the name
    bool used;  // by a call
};

// What names there are at a place in the file. An index stays a name's for good.
struct foreign_names {
    struct foreign_name *items;
    uint64_t count;
};

// NULL: out of memory.
struct foreign_name *names_add(struct foreign_names *names, const char *name, enum value_kind kind,
                               bool given);
int64_t names_find(const struct foreign_names *names, const char *name); // -1: none
void names_destroy(struct foreign_names *names);

// ---- The calls ----------------------------------------------------------------------------------

enum comparison {
    COMPARE_NONE,
    COMPARE_EQUAL,
    COMPARE_UNEQUAL,
    COMPARE_LESS,
    COMPARE_AT_MOST,
    COMPARE_MORE,
    COMPARE_AT_LEAST
};

struct foreign_operand {
    int64_t name;                 // its index; -1: the literal
    bool out;                     // written &name
    struct foreign_value literal; // a text is the step's
};

struct foreign_step {
    char *
        place; // "FILE:LINE: [section] key", for messages; NULL where the manifest has no such line
    const struct foreign_function *function;
    struct foreign_operand operands[FOREIGN_MOST_ARGUMENTS]; // as many as the signature has
    int64_t result;                                          // a name, -1: thrown away
    enum comparison comparison;
    double bound;
};

struct foreign_script {
    struct foreign_step *steps;
    uint64_t count;
};

// Reads the section's lines, in the order of the file; none is fine. New names are added.
esp_status script_read(struct foreign_script *out, const struct config *config, const char *section,
                       const struct foreign_functions *functions, struct foreign_names *names,
                       struct error *error);
// One call whose operands are the function's arguments by their own names; the result goes to `result`
// (NULL: it is thrown away), and arguments that are in `outs` (NULL-terminated) come back.
esp_status script_of_function(struct foreign_script *out, const struct foreign_function *function,
                              const char *result, const char *const *outs,
                              struct foreign_names *names, struct error *error);
void script_destroy(struct foreign_script *script);

// ---- Running ------------------------------------------------------------------------------------

// What a call reads and writes.
struct foreign_frame {
    void *library;                // of dlopen
    struct foreign_value *values; // one a name
    // Makes the code of a callback of this signature; the caller owns it, until all calls are done.
    esp_status (*callback)(void *self, const struct signature *signature, void **code,
                           struct error *error);
    void *self;
};

// Runs the calls, one after the other, until one fails. Foreign code runs here.
esp_status script_run(const struct foreign_script *script, struct foreign_frame *frame,
                      struct error *error);

#endif
