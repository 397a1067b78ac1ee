// SPDX-License-Identifier: Apache-2.0
// See allocations.h.
#include "check/allocations.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if defined(__x86_64__)
#define IS_FUNCTION_ENTRY(type) ((type) == R_X86_64_JUMP_SLOT || (type) == R_X86_64_GLOB_DAT)
#elif defined(__aarch64__)
#define IS_FUNCTION_ENTRY(type) ((type) == R_AARCH64_JUMP_SLOT || (type) == R_AARCH64_GLOB_DAT)
#else
#define IS_FUNCTION_ENTRY(type) 0
#endif

static uint64_t failing, counted;

static bool fails_now(void)
{
    counted++;
    if (counted != failing)
        return false;
    errno = ENOMEM;
    return true;
}

// ---- What stands in the entries -----------------------------------------------------------------

static void *failing_malloc(size_t size)
{
    return fails_now() ? NULL : malloc(size);
}

static void *failing_calloc(size_t count, size_t size)
{
    return fails_now() ? NULL : calloc(count, size);
}

static void *failing_realloc(void *memory, size_t size)
{
    return fails_now() ? NULL : realloc(memory, size);
}

static void *failing_reallocarray(void *memory, size_t count, size_t size)
{
    return fails_now() ? NULL : reallocarray(memory, count, size);
}

static void *failing_aligned_alloc(size_t alignment, size_t size)
{
    return fails_now() ? NULL : aligned_alloc(alignment, size);
}

static int failing_posix_memalign(void **memory, size_t alignment, size_t size)
{
    return fails_now() ? ENOMEM : posix_memalign(memory, alignment, size);
}

static char *failing_strdup(const char *text)
{
    return fails_now() ? NULL : strdup(text);
}

static char *failing_strndup(const char *text, size_t size)
{
    return fails_now() ? NULL : strndup(text, size);
}

ESP_PRINTF(2, 0)
static int failing_vasprintf(char **out, const char *format, va_list arguments)
{
    return fails_now() ? -1 : vasprintf(out, format, arguments);
}

ESP_PRINTF(2, 3)
static int failing_asprintf(char **out, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = failing_vasprintf(out, format, arguments);
    va_end(arguments);
    return length;
}

// ---- operator new ---------------------------------------------------------------------------------
// A C++ plugin brings its library with it. What throws is the library's own; the exception passes through
// the frame of failing_new, which has unwind tables on every machine that is named above.

static void *(*real_new)(size_t);
static void (*throw_bad_alloc)(void);

static void *failing_new(size_t size)
{
    if (fails_now())
        throw_bad_alloc();
    return real_new(size);
}

static void *failing_new_nothrow(size_t size, const void *nothrow)
{
    (void)nothrow;
    return fails_now() ? NULL : real_new(size);
}

// False where the plugin has no such library: it has no entries of these names either.
static bool find_library_of(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_NOLOAD);
    void *found = library ? dlsym(library, "_Znwm") : NULL;
    void *thrower = library ? dlsym(library, "_ZSt17__throw_bad_allocv") : NULL;
    memcpy(&real_new, &found, sizeof found);
    memcpy(&throw_bad_alloc, &thrower, sizeof thrower);
    return found && thrower;
}

// ---- Names --------------------------------------------------------------------------------------

typedef void (*function)(void);

static const struct {
    const char *name;
    function replacement;
} replacements[] = {
    {"malloc", (function)failing_malloc},
    {"calloc", (function)failing_calloc},
    {"realloc", (function)failing_realloc},
    {"reallocarray", (function)failing_reallocarray},
    {"aligned_alloc", (function)failing_aligned_alloc},
    {"posix_memalign", (function)failing_posix_memalign},
    {"strdup", (function)failing_strdup},
    {"strndup", (function)failing_strndup},
    {"asprintf", (function)failing_asprintf},
    {"vasprintf", (function)failing_vasprintf},
    // operator new, new[], and both with std::nothrow
    {"_Znwm", (function)failing_new},
    {"_Znam", (function)failing_new},
    {"_ZnwmRKSt9nothrow_t", (function)failing_new_nothrow},
    {"_ZnamRKSt9nothrow_t", (function)failing_new_nothrow},
};

// ---- The entries --------------------------------------------------------------------------------

struct object {
    const char *path;
    ElfW(Addr) base;
    const ElfW(Sym) * symbols;
    const char *names;
    const ElfW(Rela) * lists[2]; // of functions bound by name, and of other addresses
    size_t sizes[2];             // bytes
    bool has_new;                // real_new and throw_bad_alloc were found
    uint64_t replaced;
};

static void replace(struct object *object, const ElfW(Rela) * entry)
{
    const char *name = object->names + object->symbols[ELF64_R_SYM(entry->r_info)].st_name;
    char *place = (char *)(object->base + entry->r_offset);
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    char *start = (char *)((uintptr_t)place & ~(page - 1));
    for (size_t i = 0; i < ESP_COUNT(replacements); i++) {
        if (strcmp(name, replacements[i].name) != 0 || (name[0] == '_' && !object->has_new))
            continue;
        // It may have been made read-only after loading.
        if (mprotect(start, 2 * page, PROT_READ | PROT_WRITE) != 0 &&
            mprotect(start, page, PROT_READ | PROT_WRITE) != 0)
            return;
        memcpy(place, &replacements[i].replacement, sizeof replacements[i].replacement);
        object->replaced++;
        return;
    }
}

static int look_at_object(struct dl_phdr_info *info, size_t size, void *self)
{
    struct object *object = self;
    (void)size;
    if (strcmp(info->dlpi_name, object->path) != 0)
        return 0;
    object->base = info->dlpi_addr;
    for (ElfW(Half) i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type != PT_DYNAMIC)
            continue;
        const ElfW(Dyn) *row = (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
        for (; row->d_tag != DT_NULL; row++) {
            const void *at = (const void *)row->d_un.d_ptr;
            if (row->d_tag == DT_SYMTAB)
                object->symbols = at;
            else if (row->d_tag == DT_STRTAB)
                object->names = at;
            else if (row->d_tag == DT_JMPREL)
                object->lists[0] = at;
            else if (row->d_tag == DT_PLTRELSZ)
                object->sizes[0] = row->d_un.d_val;
            else if (row->d_tag == DT_RELA)
                object->lists[1] = at;
            else if (row->d_tag == DT_RELASZ)
                object->sizes[1] = row->d_un.d_val;
        }
    }
    return 1;
}

bool allocations_watch(const struct check *check)
{
    struct object object = {.path = check->path, .has_new = find_library_of(check->path)};
    if (dl_iterate_phdr(look_at_object, &object) == 0 || !object.symbols || !object.names)
        return false;
    for (int list = 0; list < 2; list++)
        for (size_t i = 0; object.lists[list] && i < object.sizes[list] / sizeof(ElfW(Rela)); i++)
            if (IS_FUNCTION_ENTRY(ELF64_R_TYPE(object.lists[list][i].r_info)))
                replace(&object, &object.lists[list][i]);
    return object.replaced > 0;
}

void allocations_fail(uint64_t n)
{
    failing = n;
    counted = 0;
}

uint64_t allocations_count(void)
{
    return counted;
}

// ---- In turn ------------------------------------------------------------------------------------

#define MOST_FAILURES 400 // allocations that fail in turn

struct shortage {
    void (*body)(const struct check *check, void *self);
    void *self;
    uint64_t allocation;
};

// Writes how many allocations there were, where the body comes to its end.
static void run_in_shortage(const struct check *check, void *self, int descriptor)
{
    const struct shortage *shortage = self;
    struct check quiet = *check;
    quiet.verdict = -1; // an error is no verdict here
    allocations_fail(shortage->allocation);
    shortage->body(&quiet, shortage->self);
    uint64_t count = allocations_count();
    if (write(descriptor, &count, sizeof count) != (ssize_t)sizeof count)
        _exit(1);
}

void allocations_survive(const struct check *check,
                         void (*body)(const struct check *check, void *self), void *self,
                         const char *doing)
{
    struct shortage shortage = {body, self, 0};
    uint64_t count = 0;
    if (check->made)
        check_skip(check, "a manifest's code is not in the host's process");
    if (!allocations_watch(check))
        check_skip(check, "its code calls no allocator by a name that is known here");
    struct check_child child = check_fork(check, run_in_shortage, &shortage);
    if (child.size == sizeof count)
        memcpy(&count, child.bytes, sizeof count);
    free(child.bytes);
    for (uint64_t n = 1; n <= count && n <= MOST_FAILURES; n++) {
        shortage.allocation = n;
        child = check_fork(check, run_in_shortage, &shortage);
        free(child.bytes);
        if (child.signal)
            check_fail(check,
                       "where allocation %llu of %llu in %s fails it is ended by signal %d (%s)",
                       (unsigned long long)n, (unsigned long long)count, doing, child.signal,
                       strsignal(child.signal));
        if (child.status)
            check_fail(check, "where allocation %llu of %llu in %s fails it ends its process",
                       (unsigned long long)n, (unsigned long long)count, doing);
    }
}
