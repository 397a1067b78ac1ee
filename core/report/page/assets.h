// SPDX-License-Identifier: Apache-2.0
// The files of the page as bytes in the program; embed.cmake writes the table when it is built.
#ifndef REPORT_PAGE_ASSETS_H
#define REPORT_PAGE_ASSETS_H

#include <stddef.h>

struct page_asset {
    const char *name; // of the file, without its folder
    const unsigned char *bytes;
    size_t size;
};

// In the order in which scripts are put into the page; ends with a NULL name.
extern const struct page_asset page_assets[];

#endif
