// SPDX-License-Identifier: Apache-2.0
// A session over an INI's text, for tests of what evaluates: with the plugins that were built, and an
// estimator that lives in the test itself.
#ifndef SUPPORT_SESSION_LAB_H
#define SUPPORT_SESSION_LAB_H

#include "evaluate/session.h"

#include <espalier/estimator.h>
#include <espalier/space.h>

struct session_lab {
    char *folder; // attempts' folders lie in it
    struct registry *registry;
    struct experiment *experiment;
    struct session *session;
};

// `probe`: found as `[estimator] plugin = probe`; NULL: there is none. The test fails where something
// does not open.
void session_lab_open(struct session_lab *lab, const char *ini, const esp_estimator_type *probe);
// The same with a space that lives in the test: `[space] plugin = sketch`.
void session_lab_open_space(struct session_lab *lab, const char *ini, const esp_space_type *space);
void session_lab_close(struct session_lab *lab);

// A sample of the seed's own stream. Owner: the caller.
struct arch *session_lab_sample(struct session_lab *lab, uint64_t seed);

// Evaluates an architecture. Of `given` all is taken but the architecture and its hash; its folders are
// names of attempts, `folder` NULL for none. Owner of the result: the caller.
struct result session_lab_evaluate(struct session_lab *lab, const struct arch *arch,
                                   const struct specification *given, progress_function progress,
                                   void *progress_self);

// `attempt/file` in the lab's folder. Owner: the caller (free).
char *session_lab_path(const struct session_lab *lab, const char *attempt, const char *file);

// True if both files, named from the lab's folder on, are there and hold the same bytes; and that of
// the file of one name in two attempts.
bool session_lab_equal(const struct session_lab *lab, const char *file, const char *other);
bool session_lab_same(const struct session_lab *lab, const char *attempt, const char *other,
                      const char *file);

#endif
