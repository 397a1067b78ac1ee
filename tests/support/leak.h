// SPDX-License-Identifier: Apache-2.0
// Leaks, where the address sanitizer watches. A Criterion test ends its process before the sanitizer
// looks, so TestLeak(suite, name) { ... } asks it after the test's body. The body is a function of
// its own: what its variables still pointed to would count as reachable.
#ifndef SUPPORT_LEAK_H
#define SUPPORT_LEAK_H

#include <criterion/criterion.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SUPPORT_LEAK_WATCHED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SUPPORT_LEAK_WATCHED 1
#endif

#ifdef SUPPORT_LEAK_WATCHED
#include <sanitizer/lsan_interface.h>
#define SUPPORT_LEAKED() __lsan_do_recoverable_leak_check()
#else
#define SUPPORT_LEAKED() 0
#endif

#define TestLeak(suite, name)                                                                      \
    __attribute__((noinline)) static void suite##_##name##_body(void);                             \
    Test(suite, name)                                                                              \
    {                                                                                              \
        suite##_##name##_body();                                                                   \
        cr_assert_eq(SUPPORT_LEAKED(), 0, "memory leaked");                                        \
    }                                                                                              \
    static void suite##_##name##_body(void)

#endif
