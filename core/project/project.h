// SPDX-License-Identifier: Apache-2.0
// A new plugin's project: the files of sdk/template, which are part of the program, under a name of
// its own.
#ifndef PROJECT_PROJECT_H
#define PROJECT_PROJECT_H

#include "error/error.h"

#include <stddef.h>

// A file of sdk/template as bytes in the program; report/page/embed.cmake writes the table when it is
// built. `name`: the path from there, "strategy/my_strategy.c".
struct project_file {
    const char *name;
    const unsigned char *bytes;
    size_t size;
};

// Ends with a NULL name.
extern const struct project_file project_files[];

struct project {
    uint32_t kind;    // ESP_KIND_*
    const char *name; // of the component, its file and the folder
    bool cxx;         // in C++, else in C
};

#define PROJECT_FILES 5

// One written file: its name in the folder, and what it is for.
struct project_entry {
    char name[80];
    const char *what;
};

// Makes the folder `project->name` in the current one and writes the files; `written` has room for
// PROJECT_FILES. A name that is none, or at which there is something already, is refused with
// ESP_ERROR_INVALID. After a failure nothing is left of what was made.
esp_status project_write(const struct project *project, struct project_entry *written,
                         struct error *error);

#endif
