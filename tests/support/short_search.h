// SPDX-License-Identifier: Apache-2.0
// A few trials of a space through the program, trained for an epoch on a little data: that its
// networks learn at all, forward and backward.
#ifndef SUPPORT_SHORT_SEARCH_H
#define SUPPORT_SHORT_SEARCH_H

// `ini` begins with [space] and may have a [dataset] (by default 60 synthetic images of 3x8x8); no
// other sections. Every one of `trials` random architectures is trained, else the test fails.
void short_search(const char *ini, int trials);

#endif
