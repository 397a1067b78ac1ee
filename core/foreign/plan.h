// SPDX-License-Identifier: Apache-2.0
// What a manifest with `library =` says, read and tested: the library, the signatures of its functions,
// the calls, and the role that gives the calls their names. Nothing of the library runs here.
//
//   [plugin]      library = libm.so.6, role = objective; in short: symbol = f, signature = f64 (f64 a)
//   [signatures]  SYMBOL = signature                  (signature.h)
//   [setup]       calls, once, before the first work  (script.h)
//   [evaluate]    an estimator's calls, each trial
//   [optimize]    a strategy's calls, once
//   [teardown]    calls at the end
#ifndef FOREIGN_PLAN_H
#define FOREIGN_PLAN_H

#include "foreign/fit.h"
#include "foreign/script.h"
#include "manifest/manifest.h"

enum foreign_role { ROLE_OBJECTIVE, ROLE_SCORE, ROLE_CURVE, ROLE_OPTIMIZER };

// What the roles give, by name.
enum foreign_given {
    GIVEN_N,          // how many real and integer decisions there are
    GIVEN_X,          // their values, in the order of the trace; of an optimizer: where it begins
    GIVEN_REALS,      // those of the real ones alone
    GIVEN_N_REALS,    //
    GIVEN_INTEGERS,   // those of the integer ones alone
    GIVEN_N_INTEGERS, //
    GIVEN_PARAMS,     // of the architecture's network
    GIVEN_MACS,       //
    GIVEN_ENCODING,   // of the architecture, by the survey of its space
    GIVEN_N_ENCODING, //
    GIVEN_SEED,       // 31 bits, of the trial's lineage or of the run
    GIVEN_LOWER,      // the bounds of x
    GIVEN_UPPER,      //
    GIVEN_BUDGET,     // trials; 0: no limit
    GIVEN_OBJECTIVE,  // the function that is to be made small
    GIVEN_STEP,       // of a learning curve: where it is evaluated
    GIVEN_THETA,      // its parameters
    GIVEN_N_THETA,    //
    GIVEN_COUNT
};

struct foreign_plan {
    enum foreign_role role;
    const char *library; // absolute; the manifest's
    struct foreign_functions functions;
    struct foreign_names names;
    int64_t given[GIVEN_COUNT];   // their names' indices, -1: not of this role
    int64_t first_parameter;      // parameter i is name first_parameter + i
    uint64_t parameter_count;     // those that the manifest declares; a role may have more
    double theta[FIT_MOST_THETA]; // of a curve: where the fit begins
    uint64_t theta_count;
    struct foreign_script setup, work, teardown;
    int64_t *metrics; // the names' indices, as many as the manifest has metrics
};

const struct foreign_plan *manifest_plan(const struct manifest *manifest);

// Is a given name used by any call?
bool plan_uses(const struct foreign_plan *plan, enum foreign_given given);

// The indices of a callback's arguments that mean something; -1: it has none such.
struct foreign_objective {
    int64_t x, n, gradient, value;
};

// Can this be the signature of the function that an optimizer calls? One argument is named x and is a
// ptr<f64> or ptr<f32>; n (an integer or a ptr<...> to one) and gradient (a ptr<...>, which has to be
// null: there are no gradients) may be there; the value is the result, or goes to an argument `value`.
esp_status plan_objective(struct foreign_objective *out, const struct signature *signature,
                          struct error *error);

// ---- Running ------------------------------------------------------------------------------------

// Loads the library (dlopen: its constructors run) and gives the parameters to the frame. `values`
// stays the frame's until plan_close. Foreign code runs from here on.
esp_status plan_open(struct foreign_frame *out, const struct foreign_plan *plan,
                     const struct manifest *manifest, const struct parameters *parameters,
                     struct error *error);
void plan_close(struct foreign_frame *frame, const struct foreign_plan *plan);

void frame_set_integer(struct foreign_frame *frame, const struct foreign_plan *plan,
                       enum foreign_given given, int64_t value);
void frame_set_numbers(struct foreign_frame *frame, const struct foreign_plan *plan,
                       enum foreign_given given, double *numbers, uint64_t count, bool writable);

#endif
