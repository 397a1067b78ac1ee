// SPDX-License-Identifier: Apache-2.0
// Instances of engines without a configuration: their integer parameters are 1, or what a test says.
#ifndef SUPPORT_ENGINE_H
#define SUPPORT_ENGINE_H

#include "error/error.h"

#include <espalier/engine.h>

// Opens an instance whose parameter `threads`, where it has one, is the number given; the caller
// closes it. What goes wrong is in the error.
esp_status support_engine_open(const esp_engine_type *engine, int64_t threads, void **self,
                               struct error *error);

#endif
