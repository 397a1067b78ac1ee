// SPDX-License-Identifier: Apache-2.0
// The version of the interface between Espalier and its plugins.
//
// While the major is 0, a plugin and a host work together only if their minors are equal. From
// major 1 on a host accepts every plugin whose needed minor is not larger than its own.
#ifndef ESPALIER_VERSION_H
#define ESPALIER_VERSION_H

#define ESP_ABI_MAJOR 0u
#define ESP_ABI_MINOR 2u

// The least minor of the host that a plugin needs. A plugin that wants less than it was compiled
// with (because it tests struct sizes itself) defines it before it includes any header.
#ifndef ESP_ABI_MINOR_NEEDED
#define ESP_ABI_MINOR_NEEDED ESP_ABI_MINOR
#endif

#endif
