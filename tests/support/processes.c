// SPDX-License-Identifier: Apache-2.0
// What a program leaves behind; see processes.h.
#include "support/processes.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>

void processes_adopt(void)
{
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        perror("PR_SET_CHILD_SUBREAPER");
        abort();
    }
}

int processes_count(int *first)
{
    FILE *list = fopen("/proc/thread-self/children", "r");
    int count = 0, child;
    if (!list) {
        perror("/proc/thread-self/children");
        abort();
    }
    while (fscanf(list, "%d", &child) == 1)
        if (count++ == 0 && first)
            *first = child;
    fclose(list);
    return count;
}

int processes_left(double seconds)
{
    for (int look = 0;; look++) {
        pid_t reaped;
        while ((reaped = waitpid(-1, NULL, WNOHANG)) > 0)
            ;
        if (reaped < 0 && errno == ECHILD)
            return 0;
        if (look >= seconds * 1000)
            return processes_count(NULL);
        poll(NULL, 0, 1);
    }
}

int process_exists(int process)
{
    return kill(process, 0) == 0 || errno != ESRCH;
}
