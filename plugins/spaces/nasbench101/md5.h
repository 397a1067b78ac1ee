// SPDX-License-Identifier: Apache-2.0
// MD5 (RFC 1321): names, not protection.
#ifndef NASBENCH101_MD5_H
#define NASBENCH101_MD5_H

#include <stddef.h>
#include <stdint.h>

#define MD5_HEX 32

// The digest of `size` bytes as hexadecimal digits, with a zero behind them.
void md5_hex(char out[MD5_HEX + 1], const char *bytes, size_t size);

#endif
