// SPDX-License-Identifier: Apache-2.0
// Who may change a file that is about to be run as this user. A plugin is code, so it is loaded only
// from places that nobody but root and the user can write, as sudo and ssh hold it with theirs.
#ifndef LOADER_TRUST_H
#define LOADER_TRUST_H

#include "error/error.h"

// Walks the path from the root on, link by link: every folder and every link that is passed, and what
// stands at the end, must belong to root or the user (the effective one), and must not be writable by
// others, nor by a group that is not the user's own (one of the user's name with no other member). A
// folder above may be writable by all where it is sticky, as /tmp is: nobody can replace there what
// belongs to the user. At the end it may not: others could put files of theirs beside.
//
// Users whom $ESPALIER_TRUSTED_USERS names (names or numbers, with commas between) count as the user.
//
// Else the message names what it is, its mode and owner, and what would mend it. A relative path begins
// at the current folder.
esp_status trust_path(const char *path, struct error *error);

#endif
