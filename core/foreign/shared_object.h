// SPDX-License-Identifier: Apache-2.0
// A foreign shared object, looked at with libelf alone: nothing of it runs here.
#ifndef FOREIGN_SHARED_OBJECT_H
#define FOREIGN_SHARED_OBJECT_H

#include "error/error.h"

// Where the library lies. A name with a slash starts at `folder`, and so does one without where such a
// file stands there; any other is looked for where the system's loader looks: $LD_LIBRARY_PATH, the
// system's folders, /usr/local/lib. `*out`: absolute, without links; owner: the caller (free). The
// message names all folders.
esp_status shared_object_find(char **out, const char *name, const char *folder,
                              struct error *error);

struct shared_object;

// Opens the file and reads the names of its functions. What is no shared object of this machine is
// refused in words; a linker script, which is what libm.so is, with the library that it names.
esp_status shared_object_open(struct shared_object **out, const char *path, struct error *error);
void shared_object_close(struct shared_object *object); // NULL is allowed

// Does it define the function? Else the reason, with the nearest name.
esp_status shared_object_check(const struct shared_object *object, const char *symbol,
                               struct error *error);

#endif
