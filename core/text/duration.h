// SPDX-License-Identifier: Apache-2.0
// A time in words for people: "2.50 s", "38 s", "12 min", "3.4 h"; "?" where it is not known.
#ifndef TEXT_DURATION_H
#define TEXT_DURATION_H

#define DURATION_SIZE 32

void duration_text(char text[DURATION_SIZE], double seconds);

#endif
