// SPDX-License-Identifier: Apache-2.0
#include "check/case.h"

const struct check_family check_space_cases = {NULL, 0};
