// SPDX-License-Identifier: Apache-2.0
// Peak memory, measured in a process that does nothing else; see figures.h.
#include "figures.h"
#include "trainee.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STEPS 3

// A line of /proc/self/status, bytes.
static double status_bytes(const char *name)
{
    char line[256];
    unsigned long long kilobytes = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0)
            sscanf(line + strlen(name), ": %llu", &kilobytes);
    if (file)
        fclose(file);
    return 1024.0 * (double)kilobytes;
}

void memory_report(struct stand *stand, const struct network *network)
{
    struct trainee trainee;
    double before = status_bytes("VmRSS"), files = status_bytes("RssFile");
    trainee_open(&trainee, stand->engine, stand->handle, network->batch, false);
    for (int i = 0; i < STEPS; i++)
        trainee_step(&trainee);
    double peak = status_bytes("VmHWM");
    printf("%.0f %.0f %.0f\n", peak, peak - before, status_bytes("RssFile") - files);
    trainee_close(&trainee);
}

struct memory_use memory_of_network(const struct network *network, const char *engine)
{
    char command[4096], self[2048];
    struct memory_use use = {0};
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    self[length > 0 ? length : 0] = '\0';
    snprintf(command, sizeof command, "'%s' --memory --engine %s --network %s", self, engine,
             network->name);
    FILE *file = popen(command, "r");
    if (!file || fscanf(file, "%lf %lf %lf", &use.peak, &use.grown, &use.libraries) != 3 ||
        pclose(file) != 0) {
        fprintf(stderr, "%s: no answer\n", command);
        exit(1);
    }
    return use;
}
