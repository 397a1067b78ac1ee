// SPDX-License-Identifier: Apache-2.0
// The note of a plugin's file: a good one, each damage with its reason, files that are none, and
// thousands of files damaged at random.
#include "loader/note.h"

#include "loader/registry.h"
#include "support/folder.h"
#include "support/leak.h"
#include "support/plugin_file.h"

#include <criterion/criterion.h>
#include <espalier/random.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A file of its own in a folder of its own.
struct desk {
    char *folder;
    struct plugin_file good, file;
    struct note note;
    struct error error;
};

static void desk_open(struct desk *desk)
{
    memset(desk, 0, sizeof *desk);
    desk->folder = folder_temporary();
    desk->good = plugin_file_of_tests("sample");
    desk->file = plugin_file_copy(&desk->good);
}

static void desk_close(struct desk *desk)
{
    folder_delete(desk->folder);
    plugin_file_free(&desk->good);
    plugin_file_free(&desk->file);
}

static void desk_restore(struct desk *desk)
{
    memcpy(desk->file.bytes, desk->good.bytes, desk->good.size);
}

static esp_status desk_read_size(struct desk *desk, size_t size)
{
    char *path = plugin_file_write(&desk->file, size, desk->folder, "x.so");
    error_clear(&desk->error);
    esp_status status = note_read(&desk->note, path, &desk->error);
    free(path);
    return status;
}

static esp_status desk_read(struct desk *desk)
{
    return desk_read_size(desk, desk->file.size);
}

static void expect_reason(struct desk *desk, const char *what, const char *reason)
{
    cr_expect_neq(desk_read(desk), ESP_OK, "%s: accepted", what);
    cr_expect(strstr(desk->error.message, reason), "%s: '%s' is not in '%s'", what, reason,
              desk->error.message);
    desk_restore(desk);
}

TestLeak(note, a_good_one)
{
    struct desk desk;
    desk_open(&desk);
    cr_assert_eq(desk_read(&desk), ESP_OK, "%s", desk.error.message);
    cr_expect_eq(desk.note.abi_major, ESP_ABI_MAJOR);
    cr_expect_eq(desk.note.abi_minor, ESP_ABI_MINOR);
    cr_expect_eq(desk.note.minor_needed, ESP_ABI_MINOR);
    cr_expect_str_eq(desk.note.version, "2.3.4");
    cr_assert_eq(desk.note.count, 6);
    for (uint32_t i = 0; i < 6; i++) {
        cr_expect_eq(desk.note.components[i].kind, i + 1);
        cr_expect_str_eq(desk.note.components[i].id, "sample");
    }
    cr_expect_eq(note_check(&desk.note, &desk.error), ESP_OK);
    desk_close(&desk);
}

// ---- Damaged notes ----------------------------------------------------------------------------

// A value put at an offset of the note, counted from its name's size (the name begins at 12, the
// header at 24, the components at 80).
#define IN_HEADER(member) (24 + offsetof(esp_note_header, member))
#define IN_COMPONENT(i, member)                                                                    \
    (24 + sizeof(esp_note_header) + (i) * sizeof(esp_note_component) +                             \
     offsetof(esp_note_component, member))

static const struct {
    const char *what;
    size_t offset;
    const char *bytes;
    size_t size;
    const char *reason;
} damages[] = {
    {"magic", IN_HEADER(magic), "ELPS", 4, "the magic 53504c45, expected 4c505345"},
    {"count of 0", IN_HEADER(component_count), "\0\0\0\0", 4, "damaged: 0 components of 64 bytes"},
    {"count of 7", IN_HEADER(component_count), "\7\0\0\0", 4, "damaged: 7 components of 64 bytes"},
    {"count of 65", IN_HEADER(component_count), "\101\0\0\0", 4, "damaged: 65 components"},
    // 2^26 components of 64 bytes are 2^32, which 32 bits do not hold.
    {"count that wraps", IN_HEADER(component_count), "\0\0\0\4", 4, "damaged: 67108864 components"},
    {"largest count", IN_HEADER(component_count), "\377\377\377\377", 4, "damaged: 4294967295"},
    {"stride of 0", IN_HEADER(component_size), "\0\0\0\0", 4, "components of 0 bytes"},
    {"stride of 63", IN_HEADER(component_size), "\77\0\0\0", 4, "components of 63 bytes"},
    {"stride of 65", IN_HEADER(component_size), "\101\0\0\0", 4, "6 components of 65 bytes"},
    {"largest stride", IN_HEADER(component_size), "\377\377\377\377", 4, "of 4294967295 bytes"},
    {"endless version", IN_HEADER(version), "12345678901234567890123456789012", 32,
     "note's version is none"},
    {"empty version", IN_HEADER(version), "", 1, "note's version is none"},
    {"version with an escape", IN_HEADER(version), "\33[2J", 5, "note's version is none"},
    {"version that is no UTF-8", IN_HEADER(version), "\377", 2, "note's version is none"},
    {"kind of 0", IN_COMPONENT(2, kind), "\0\0\0\0", 4, "a component of kind 0"},
    {"kind of 7", IN_COMPONENT(5, kind), "\7\0\0\0", 4, "a component of kind 7, and there are 1"},
    {"empty id", IN_COMPONENT(0, id), "", 1, "a component of kind space with an id that is none"},
    {"id with a capital", IN_COMPONENT(1, id), "Sample", 7, "of kind strategy with an id"},
    {"id with a digit first", IN_COMPONENT(1, id), "3x3", 4, "an id that is none"},
    {"id that is a path", IN_COMPONENT(3, id), "../../x", 8, "of kind dataset with an id"},
    {"id with a dash", IN_COMPONENT(4, id), "open-blas", 10, "of kind engine with an id"},
    {"endless id", IN_COMPONENT(5, id),
     "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 60, "at most 59 bytes"},
    {"twice", IN_COMPONENT(4, kind), "\2\0\0\0", 4, "names strategy/sample twice"},
    {"descriptor of 55 bytes", 4, "\67\0\0\0", 4, "cut off: 55 bytes of at least 56"},
    {"descriptor of 0 bytes", 4, "\0\0\0\0", 4, "cut off: 0 bytes"},
    {"descriptor of five components", 4, "\170\1\0\0", 4, "6 components of 64 bytes in 320 bytes"},
    {"descriptor behind the section", 4, "\377\377\377\377", 4, "holds no whole note"},
    {"descriptor one byte too long", 4, "\275\1\0\0", 4, "holds no whole note"},
    {"name behind the section", 0, "\377\377\377\377", 4, "holds no whole note"},
    {"another name", 12, "Expalier", 8, "holds no whole note"},
    {"name of another size", 0, "\10\0\0\0", 4, "holds no whole note"},
    {"another type", 8, "\2\0\0\0", 4, "holds no whole note"},
};

TestLeak(note, each_damage_has_its_reason)
{
    struct desk desk;
    desk_open(&desk);
    for (size_t i = 0; i < ESP_COUNT(damages); i++) {
        memcpy((char *)plugin_file_note(&desk.file) + damages[i].offset, damages[i].bytes,
               damages[i].size);
        expect_reason(&desk, damages[i].what, damages[i].reason);
    }
    desk_close(&desk);
}

// An id of one letter and one of 59 bytes are ids; rows that are longer than ours are read as far as
// we know them.
TestLeak(note, what_is_no_damage)
{
    struct desk desk;
    desk_open(&desk);
    esp_note_component *components = plugin_file_components(&desk.file);
    strcpy(components[0].id, "z");
    memset(components[1].id, '_', 59);
    components[1].id[0] = 'a';
    components[1].id[59] = '\0';
    cr_expect_eq(desk_read(&desk), ESP_OK, "%s", desk.error.message);
    cr_expect_str_eq(desk.note.components[0].id, "z");
    cr_expect_eq(strlen(desk.note.components[1].id), 59);
    desk_restore(&desk);

    plugin_file_header(&desk.file)->component_size = 128;
    plugin_file_header(&desk.file)->component_count = 3;
    cr_expect_eq(desk_read(&desk), ESP_OK, "%s", desk.error.message);
    cr_assert_eq(desk.note.count, 3);
    cr_expect_eq(desk.note.components[1].kind, ESP_KIND_ESTIMATOR);
    cr_expect_eq(desk.note.components[2].kind, ESP_KIND_ENGINE);
    desk_close(&desk);
}

TestLeak(note, two_are_refused)
{
    struct desk desk;
    desk_open(&desk);
    // The first keeps one component; the second begins where the next one lay.
    uint32_t *first = plugin_file_note(&desk.file);
    uint32_t size = sizeof(esp_note_header) + sizeof(esp_note_component);
    uint32_t *second = first + 6 + size / 4;
    first[1] = size;
    plugin_file_header(&desk.file)->component_count = 1;
    memcpy(second, first, 24 + size);
    expect_reason(&desk, "two notes", "two notes of Espalier");
    desk_close(&desk);
}

// ---- Sections and segments --------------------------------------------------------------------

TestLeak(note, damaged_sections)
{
    struct desk desk;
    desk_open(&desk);
    plugin_file_section(&desk.file)->sh_addralign = 32;
    expect_reason(&desk, "alignment", "aligned to 32 bytes, expected 4");
    plugin_file_section(&desk.file)->sh_type = SHT_PROGBITS;
    expect_reason(&desk, "type", "its section .note.espalier holds no notes");
    plugin_file_section(&desk.file)->sh_type = SHT_NOBITS;
    expect_reason(&desk, "no bits", "its section .note.espalier holds no notes");
    plugin_file_section(&desk.file)->sh_flags |= SHF_COMPRESSED;
    expect_reason(&desk, "compressed", "its section .note.espalier holds no notes");
    plugin_file_section(&desk.file)->sh_size = UINT64_C(1) << 40;
    expect_reason(&desk, "a terabyte", "has 1099511627776 bytes");
    plugin_file_section(&desk.file)->sh_size = 65536;
    plugin_file_section(&desk.file)->sh_offset = desk.file.size;
    expect_reason(&desk, "behind the end", "holds no whole note");
    plugin_file_section(&desk.file)->sh_offset = desk.file.size - 8;
    expect_reason(&desk, "across the end", "holds no whole note");
    plugin_file_section(&desk.file)->sh_offset = UINT64_MAX - 16;
    expect_reason(&desk, "an offset that wraps", "holds no whole note");
    plugin_file_section(&desk.file)->sh_size = 20;
    expect_reason(&desk, "20 bytes", "holds no whole note");
    plugin_file_section(&desk.file)->sh_size = 0;
    expect_reason(&desk, "0 bytes", "holds no whole note");
    desk_close(&desk);
}

static void drop_sections(struct desk *desk)
{
    Elf64_Ehdr *elf = plugin_file_elf(&desk->file);
    elf->e_shoff = 0;
    elf->e_shnum = 0;
    elf->e_shstrndx = 0;
}

static Elf64_Phdr *find_segment(struct desk *desk, uint32_t type)
{
    Elf64_Ehdr *elf = plugin_file_elf(&desk->file);
    Elf64_Phdr *segments = (Elf64_Phdr *)(void *)(desk->file.bytes + elf->e_phoff);
    uint64_t note = plugin_file_section(&desk->good)->sh_offset;
    for (int i = 0; i < elf->e_phnum; i++)
        if (segments[i].p_type == type &&
            (type != PT_NOTE ||
             (note >= segments[i].p_offset && note < segments[i].p_offset + segments[i].p_filesz)))
            return &segments[i];
    cr_assert_fail("the good plugin has no such segment");
    return NULL;
}

TestLeak(note, without_section_headers_the_segments_say_it)
{
    struct desk desk;
    desk_open(&desk);
    drop_sections(&desk);
    cr_expect_eq(desk_read(&desk), ESP_OK, "%s", desk.error.message);
    cr_expect_eq(desk.note.count, 6);
    find_segment(&desk, PT_NOTE)->p_filesz = UINT64_C(1) << 40;
    expect_reason(&desk, "a terabyte", "it has no note");
    drop_sections(&desk);
    find_segment(&desk, PT_NOTE)->p_offset = UINT64_MAX - 16;
    expect_reason(&desk, "an offset that wraps", "it has no note");
    drop_sections(&desk);
    find_segment(&desk, PT_NOTE)->p_type = PT_NULL;
    expect_reason(&desk, "no segment", "it has no note .note.espalier: it is no plugin");
    // No more is read than notes need: a segment of 64 KiB is, one that is larger is not.
    size_t size = desk.good.size + 70000;
    desk.file.bytes = realloc(desk.file.bytes, size);
    memset(desk.file.bytes + desk.good.size, 0, size - desk.good.size);
    desk.file.size = size;
    drop_sections(&desk);
    find_segment(&desk, PT_NOTE)->p_filesz = 65536;
    cr_expect_eq(desk_read(&desk), ESP_OK, "%s", desk.error.message);
    find_segment(&desk, PT_NOTE)->p_filesz = 65537;
    expect_reason(&desk, "a large segment", "it has no note");
    desk_close(&desk);
}

// ---- Files ------------------------------------------------------------------------------------

TestLeak(note, files_of_other_machines)
{
    struct desk desk;
    desk_open(&desk);
    Elf64_Ehdr *elf = plugin_file_elf(&desk.file);
    bool x86 = elf->e_machine == EM_X86_64;
    elf->e_machine = x86 ? EM_AARCH64 : EM_X86_64;
    expect_reason(&desk, "another machine",
                  x86 ? "AArch64 (ELF machine 183), 64 bits, little-endian; expected x86-64 (62)"
                      : "x86-64 (ELF machine 62), 64 bits, little-endian; expected AArch64 (183)");
    elf->e_machine = 9999;
    expect_reason(&desk, "an unknown machine", "another machine: unknown (ELF machine 9999)");
    elf->e_ident[EI_CLASS] = ELFCLASS32;
    expect_reason(&desk, "32 bits", "32 bits, little-endian; expected");
    elf->e_ident[EI_DATA] = ELFDATA2MSB;
    expect_reason(&desk, "big-endian", "64 bits, big-endian; expected");
    elf->e_type = ET_EXEC;
    expect_reason(&desk, "a program", "no shared object");
    elf->e_type = ET_REL;
    expect_reason(&desk, "an object file", "no shared object (was it linked with -shared?)");
    desk_close(&desk);
}

// Wherever its copying broke off: never accepted, always with a reason.
TestLeak(note, a_file_cut_off_anywhere)
{
    struct desk desk;
    desk_open(&desk);
    cr_assert_eq(desk_read_size(&desk, 0), ESP_ERROR_DATA);
    cr_expect_str_eq(desk.error.message, "it is an empty file");
    cr_assert_eq(desk_read_size(&desk, 3), ESP_ERROR_DATA);
    cr_expect_str_eq(desk.error.message, "it is no ELF file");
    for (size_t size = 4; size < desk.file.size; size += size < 64 ? 1 : 53) {
        cr_assert_eq(desk_read_size(&desk, size), ESP_ERROR_DATA, "%zu bytes", size);
        cr_expect(strstr(desk.error.message, "it is cut off"), "%zu bytes: %s", size,
                  desk.error.message);
    }
    cr_expect_eq(desk_read_size(&desk, desk.file.size - 1), ESP_ERROR_DATA);
    // Without section headers, too.
    drop_sections(&desk);
    const Elf64_Phdr *data = find_segment(&desk, PT_LOAD);
    cr_expect_eq(desk_read_size(&desk, data->p_offset + data->p_filesz - 1), ESP_ERROR_DATA);
    cr_expect(strstr(desk.error.message, "it is cut off"), "%s", desk.error.message);
    desk_close(&desk);
}

static void expect_path(struct desk *desk, const char *path, const char *reason)
{
    error_clear(&desk->error);
    cr_expect_neq(note_read(&desk->note, path, &desk->error), ESP_OK, "%s", path);
    cr_expect(strstr(desk->error.message, reason), "%s: '%s' is not in '%s'", path, reason,
              desk->error.message);
}

TestLeak(note, what_is_no_file)
{
    struct desk desk;
    char path[1024];
    desk_open(&desk);
    snprintf(path, sizeof path, "%s/folder.so", desk.folder);
    mkdir(path, 0700);
    expect_path(&desk, path, "it is a folder, no file");
    snprintf(path, sizeof path, "%s/pipe.so", desk.folder);
    cr_assert_eq(mkfifo(path, 0600), 0);
    expect_path(&desk, path, "it is a device or pipe, no file"); // and it does not wait
    snprintf(path, sizeof path, "%s/nowhere.so", desk.folder);
    cr_assert_eq(symlink("missing", path), 0);
    expect_path(&desk, path, "it cannot be read: No such file");
    snprintf(path, sizeof path, "%s/loop.so", desk.folder);
    cr_assert_eq(symlink("loop.so", path), 0);
    expect_path(&desk, path, "it cannot be read: Too many levels");
    free(folder_write(desk.folder, "script.so", "/* GNU ld script */ GROUP(libc.so.6)\n"));
    snprintf(path, sizeof path, "%s/script.so", desk.folder);
    expect_path(&desk, path, "it is no ELF file");
    cr_assert_eq(chmod(path, 0), 0);
    if (geteuid() != 0) // nothing is unreadable to root
        expect_path(&desk, path, "it cannot be read: Permission denied");
    desk_close(&desk);
}

// ---- Versions ---------------------------------------------------------------------------------

static void expect_check(struct desk *desk, const char *words)
{
    cr_assert_eq(desk_read(desk), ESP_OK, "%s", desk->error.message);
    cr_expect_eq(note_check(&desk->note, &desk->error), ESP_ERROR_UNSUPPORTED);
    cr_expect_str_eq(desk->error.message, words);
    desk_restore(desk);
}

// The numbers of this host stand here as numbers: a change of the ABI changes the tests.
TestLeak(note, another_abi_is_told_with_both_sides)
{
    struct desk desk;
    desk_open(&desk);
    esp_note_header *header = plugin_file_header(&desk.file);
    header->abi_major = 4;
    header->abi_minor = 2;
    expect_check(&desk, "it was made for ABI 4.2, and this host has 0.2: another major");
    header->abi_minor = 9;
    expect_check(&desk, "it was made for ABI 0.9, and this host has 0.2: while the major is 0 the "
                        "minors must be equal; build it anew");
    header->abi_minor = 0;
    expect_check(&desk, "it was made for ABI 0.0, and this host has 0.2: while the major is 0 the "
                        "minors must be equal; build it anew");
    header->minor_needed = 3;
    expect_check(&desk, "it needs a host of ABI 0.3, and this one has 0.2");
    header->minor_needed = 0;
    cr_assert_eq(desk_read(&desk), ESP_OK);
    cr_expect_eq(note_check(&desk.note, &desk.error), ESP_OK, "less is needed than there is");
    desk_close(&desk);
}

// What another ABI's note holds need not make sense here: that it is another one is the reason.
TestLeak(note, another_abi_may_have_other_components)
{
    struct desk desk;
    desk_open(&desk);
    esp_note_header *header = plugin_file_header(&desk.file);
    header->abi_minor = 8;
    plugin_file_components(&desk.file)[5].kind = 7;
    cr_assert_eq(desk_read(&desk), ESP_OK, "%s", desk.error.message);
    cr_expect_eq(desk.note.count, 0);
    cr_expect_neq(note_check(&desk.note, &desk.error), ESP_OK);
    desk_restore(&desk);
    header->abi_minor = 8;
    cr_assert_eq(desk_read(&desk), ESP_OK);
    cr_expect_eq(desk.note.count, 6, "what can be read is known by its names");
    desk_close(&desk);
}

// ---- At random --------------------------------------------------------------------------------

// Bytes of the headers, the tables and the note.
static size_t draw_position(struct desk *desk, esp_random *random)
{
    const Elf64_Ehdr *elf = plugin_file_elf(&desk->good);
    size_t note = plugin_file_section(&desk->good)->sh_offset;
    switch (esp_random_below(random, 4)) {
    case 0:
        return esp_random_below(random, sizeof *elf);
    case 1:
        return elf->e_phoff + esp_random_below(random, elf->e_phnum * sizeof(Elf64_Phdr));
    case 2:
        return elf->e_shoff + esp_random_below(random, elf->e_shnum * sizeof(Elf64_Shdr));
    default:
        return note + esp_random_below(random, 464);
    }
}

static void expect_sound(const struct note *note)
{
    struct error error;
    error_clear(&error);
    cr_assert_leq(note->count, NOTE_MAX_COMPONENTS);
    cr_assert(note->count > 0 || note_check(note, &error) != ESP_OK);
    cr_assert(memchr(note->version, 0, sizeof note->version) && note->version[0]);
    for (uint32_t i = 0; i < note->count; i++) {
        const char *id = note->components[i].id;
        cr_assert_not_null(kind_name(note->components[i].kind));
        cr_assert(memchr(id, 0, ESP_NOTE_ID_SIZE) && id[0]);
        cr_assert_eq(strspn(id, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(id));
    }
}

TestLeak(note, files_damaged_at_random)
{
    struct desk desk;
    uint64_t accepted = 0, refused = 0;
    desk_open(&desk);
    esp_random random = esp_random_stream(20241, 0, 0, 0, 0);
    for (int round = 0; round < 3000; round++) {
        uint64_t changes = 1 + esp_random_below(&random, 6);
        for (uint64_t i = 0; i < changes; i++) {
            static const unsigned char edges[] = {0, 1, 0x7f, 0x80, 0xff};
            desk.file.bytes[draw_position(&desk, &random)] =
                esp_random_below(&random, 2) ? edges[esp_random_below(&random, 5)]
                                             : (unsigned char)esp_random_below(&random, 256);
        }
        if (desk_read(&desk) == ESP_OK) {
            accepted++;
            expect_sound(&desk.note);
        } else {
            refused++;
            cr_assert_neq(desk.error.message[0], '\0', "round %d", round);
        }
        desk_restore(&desk);
    }
    cr_expect_gt(accepted, 100, "%llu", (unsigned long long)accepted);
    cr_expect_gt(refused, 1000, "%llu", (unsigned long long)refused);
    desk_close(&desk);
}
