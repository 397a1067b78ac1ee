// SPDX-License-Identifier: Apache-2.0
// Named points where a test may kill the process; see fault.h.
#include "error/fault.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *variable = "ESPALIER_FAULT";
static bool looked;
static char wanted[64];
static long passages_left;

static void look(void)
{
    looked = true;
    const char *text = getenv(variable);
    if (!text || strlen(text) >= sizeof wanted)
        return;
    strcpy(wanted, text);
    passages_left = 1;
    char *colon = strchr(wanted, ':');
    if (colon) {
        *colon = '\0';
        passages_left = strtol(colon + 1, NULL, 10);
    }
}

// False where another process was killed already.
static bool first_of_all(void)
{
    const char *path = getenv("ESPALIER_FAULT_ONCE");
    return !path || open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600) >= 0;
}

void fault_in_worker(void)
{
    variable = "ESPALIER_FAULT_WORKER";
    looked = false;
    wanted[0] = '\0';
}

void fault_point(const char *point)
{
    if (!looked)
        look();
    if (wanted[0] == '\0' || strcmp(point, wanted) != 0)
        return;
    if (--passages_left == 0 && first_of_all()) {
        kill(getpid(), SIGKILL);
        pause(); // the signal is on its way; nothing after this point may run
    }
}
