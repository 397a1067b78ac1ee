// SPDX-License-Identifier: Apache-2.0
// A crash of a plugin inside the coordinator: the program says whose it was and ends with status 1.
// What is committed is safe, and the run can be resumed. In a worker nothing is installed: there the
// executor sees what ended it.
#ifndef ERROR_CRASH_H
#define ERROR_CRASH_H

// From now on crashes, abort and exit are told.
void crash_install(void);

// Names who is called from now on ("strategy random"); NULL: nobody. The text must stay. Answers who
// was called before, to be given back.
const char *crash_watch(const char *who);

// Who is called at present, or NULL. Safe in a signal handler.
const char *crash_watched(void);

#endif
