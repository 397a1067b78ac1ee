// SPDX-License-Identifier: Apache-2.0
// Temporary folders and small files for tests.
#ifndef SUPPORT_FOLDER_H
#define SUPPORT_FOLDER_H

// A new empty folder below $TMPDIR. Owner: the caller, who gives it to folder_delete.
char *folder_temporary(void);
// Removes the folder with all in it and frees the name.
void folder_delete(char *folder);
// Writes a text file `folder/name`; answers its path, owned by the caller (free).
char *folder_write(const char *folder, const char *name, const char *text);
// The whole of a file as text; owner: the caller (free). NULL where there is none.
char *file_text(const char *path);
// `pattern` with the folder for each %. It lives until the fourth call after.
const char *folder_fill(const char *folder, const char *pattern);

#endif
