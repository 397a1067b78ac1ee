// SPDX-License-Identifier: Apache-2.0
// Everything a plugin may include. Start reading at the header of the kind that you write (space.h,
// strategy.h, estimator.h, dataset.h, engine.h, executor.h), then plugin.h.
#ifndef ESPALIER_ESPALIER_H
#define ESPALIER_ESPALIER_H

#include <espalier/plugin.h>

#endif
