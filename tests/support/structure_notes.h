// SPDX-License-Identifier: Apache-2.0
// What a space's structure ability says of a member, as text.
#ifndef SUPPORT_STRUCTURE_NOTES_H
#define SUPPORT_STRUCTURE_NOTES_H

#include "support/member_lab.h"

// "[cell] label:role label:role 0>1=label 1>2[cell] ..."; the label of nothing is "-". The test fails
// where an edge does not lead from a lower vertex to a higher one. Owner: the caller (free).
char *structure_notes(struct member_lab *lab, const struct arch *arch);

#endif
