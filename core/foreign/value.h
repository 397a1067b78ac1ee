// SPDX-License-Identifier: Apache-2.0
// Values that go into foreign functions and come out of them, as the manifest's names stand for them.
#ifndef FOREIGN_VALUE_H
#define FOREIGN_VALUE_H

#include "foreign/signature.h"

enum value_kind {
    VALUE_NONE = 0, // not there yet, or the result of a void function
    VALUE_INTEGER,
    VALUE_REAL,
    VALUE_TEXT,
    VALUE_HANDLE,  // an address of the library's
    VALUE_NULL,    // the literal
    VALUE_NUMBERS, // a list of reals
    VALUE_CALLBACK // a function of ours
};

struct foreign_value {
    enum value_kind kind;
    bool writable; // NUMBERS: what a function writes comes back
    union {
        int64_t integer;
        double real;
        const char *text; // borrowed
        void *handle;     // HANDLE, and the code of a CALLBACK
        double *numbers;  // borrowed
    } as;
    uint64_t count; // of NUMBERS
};

// "an integer", "a handle": for messages.
const char *value_kind_text(enum value_kind kind);

// Can a value of this kind, `out` (it was written &name), be an argument of the type? Else the reason is
// set, as "i32 takes an integer, not a handle". What only the value itself tells (its range, how many
// numbers there are) is call_invoke's to say.
esp_status value_fits(enum value_kind kind, bool out, const struct foreign_type *type,
                      struct error *error);

// What kind comes out of a result, or of an argument &name, of this type; NONE where nothing does.
enum value_kind value_of_result(const struct foreign_type *type);
enum value_kind value_of_out(const struct foreign_type *type);

// One number as it stands in memory; whole and within the kind's range where that is an integer's, else
// the reason is set.
esp_status value_write_number(void *at, enum foreign_kind kind, double number, struct error *error);
esp_status value_write_integer(void *at, enum foreign_kind kind, int64_t number,
                               struct error *error);
double value_read_number(const void *at, enum foreign_kind kind);
int64_t value_read_integer(const void *at, enum foreign_kind kind);

#endif
