// SPDX-License-Identifier: Apache-2.0
// A crash of a plugin inside the coordinator: the program says whose it was and ends with status 1.
// What is committed is safe, and the run can be resumed.
#ifndef RUN_CRASH_H
#define RUN_CRASH_H

// Names who is called from now on ("strategy random"); NULL: nobody. The text must stay.
void crash_watch(const char *who);

#endif
