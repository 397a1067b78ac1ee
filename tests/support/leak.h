// SPDX-License-Identifier: Apache-2.0
// Leaks, where the address sanitizer watches. A Criterion test ends its process before the sanitizer
// looks, so a test that is to leak nothing says so in its last statement.
#ifndef SUPPORT_LEAK_H
#define SUPPORT_LEAK_H

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SUPPORT_LEAK_WATCHED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SUPPORT_LEAK_WATCHED 1
#endif

#ifdef SUPPORT_LEAK_WATCHED
#include <sanitizer/lsan_interface.h>
#define assert_no_leak() cr_assert_eq(__lsan_do_recoverable_leak_check(), 0, "memory leaked")
#else
#define assert_no_leak() ((void)0)
#endif

#endif
