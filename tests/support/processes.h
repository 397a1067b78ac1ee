// SPDX-License-Identifier: Apache-2.0
// What a program leaves behind. A test that adopts becomes the parent of every orphan below it, in
// whatever group or session it is, so that nothing is left exactly when it has no child.
#ifndef SUPPORT_PROCESSES_H
#define SUPPORT_PROCESSES_H

void processes_adopt(void);

// The number of this process's children; the number of the first of them goes to `first` (or NULL).
int processes_count(int *first);

// Reaps children as they end, until none is left or `seconds` have passed; answers how many are left.
int processes_left(double seconds);

// Whether the process exists, be it as a zombie.
int process_exists(int process);

#endif
