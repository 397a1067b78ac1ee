// SPDX-License-Identifier: Apache-2.0
// The note of a plugin's file; see note.h. Nothing in the file is trusted: every size is tested
// before it is used, and no more is read than a note can need. The bytes come through an ELF
// descriptor that reads, not maps: a file that is cut meanwhile is a read error, no signal.
#include "loader/note.h"

#include "loader/registry.h"
#include "text/printable.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// A note of 64 components has 4,164 bytes. A PT_NOTE segment holds other notes besides.
#define MOST_NOTE_BYTES 65536
#define MOST_NOTE_SEGMENTS 64

// ---- What a note's descriptor holds -----------------------------------------------------------

bool note_valid_id(const char *id)
{
    for (int i = 0; i < ESP_NOTE_ID_SIZE; i++) {
        bool letter = id[i] >= 'a' && id[i] <= 'z';
        if (id[i] == '\0')
            return i > 0;
        if (!letter && (i == 0 || !((id[i] >= '0' && id[i] <= '9') || id[i] == '_')))
            return false;
    }
    return false;
}

static esp_status read_component(struct note *out, const char *bytes, struct error *error)
{
    esp_note_component *component = &out->components[out->count];
    memcpy(component, bytes, sizeof *component);
    const char *kind = kind_name(component->kind);
    if (!kind)
        return error_set(error, ESP_ERROR_DATA,
                         "its note names a component of kind %u, and there are %d to %d",
                         component->kind, ESP_KIND_SPACE, ESP_KIND_EXECUTOR);
    if (!note_valid_id(component->id))
        return error_set(error, ESP_ERROR_DATA,
                         "its note names a component of kind %s with an id that is none: expected "
                         "[a-z][a-z0-9_]*, at most %d bytes",
                         kind, ESP_NOTE_ID_SIZE - 1);
    for (uint32_t i = 0; i < out->count; i++)
        if (out->components[i].kind == component->kind &&
            strcmp(out->components[i].id, component->id) == 0)
            return error_set(error, ESP_ERROR_DATA, "its note names %s/%s twice", kind,
                             component->id);
    out->count++;
    return ESP_OK;
}

static esp_status read_components(struct note *out, const esp_note_header *header,
                                  const char *bytes, size_t size, struct error *error)
{
    if (header->component_size < sizeof(esp_note_component) || header->component_count == 0 ||
        header->component_count > NOTE_MAX_COMPONENTS ||
        size / header->component_size < header->component_count)
        return error_set(error, ESP_ERROR_DATA,
                         "its note is damaged: %u components of %u bytes in %zu bytes (1 to %d are "
                         "possible, of at least %zu bytes)",
                         header->component_count, header->component_size, size, NOTE_MAX_COMPONENTS,
                         sizeof(esp_note_component));
    esp_status status = ESP_OK;
    for (uint32_t i = 0; status == ESP_OK && i < header->component_count; i++)
        status = read_component(out, bytes + (size_t)i * header->component_size, error);
    return status;
}

static esp_status read_descriptor(struct note *out, const char *bytes, size_t size,
                                  struct error *error)
{
    esp_note_header header;
    struct error mismatch;
    if (size < sizeof header)
        return error_set(error, ESP_ERROR_DATA, "its note is cut off: %zu bytes of at least %zu",
                         size, sizeof header);
    memcpy(&header, bytes, sizeof header);
    if (header.magic != ESP_NOTE_MAGIC)
        return error_set(error, ESP_ERROR_DATA, "its note has the magic %08x, expected %08x",
                         header.magic, ESP_NOTE_MAGIC);
    out->abi_major = header.abi_major;
    out->abi_minor = header.abi_minor;
    out->minor_needed = header.minor_needed;
    if (!memchr(header.version, '\0', sizeof header.version) || !header.version[0] ||
        !text_printable(header.version))
        return error_set(error, ESP_ERROR_DATA,
                         "its note's version is none: expected 1 to %d printable bytes",
                         ESP_NOTE_VERSION_SIZE - 1);
    memcpy(out->version, header.version, sizeof out->version);
    // Another ABI may lay out its components in another way or have other kinds. That it is another
    // one is what its author needs to read, and note_check says it.
    error_clear(&mismatch);
    bool fits = note_check(out, &mismatch) == ESP_OK;
    esp_status status = read_components(out, &header, bytes + sizeof header, size - sizeof header,
                                        fits ? error : NULL);
    if (status != ESP_OK && !fits) {
        out->count = 0;
        status = ESP_OK;
    }
    return status;
}

// ---- Where the note lies ----------------------------------------------------------------------

struct search {
    struct note *out;
    bool found;
    struct error *error;
};

// Looks through notes that stand one behind the other.
static esp_status scan_notes(struct search *search, Elf_Data *data)
{
    size_t offset = 0, name_offset = 0, descriptor_offset = 0;
    GElf_Nhdr header;
    while ((offset = gelf_getnote(data, offset, &header, &name_offset, &descriptor_offset)) > 0) {
        const char *bytes = data->d_buf;
        if (header.n_namesz != ESP_NOTE_NAME_SIZE || header.n_type != ESP_NOTE_TYPE ||
            name_offset > data->d_size || data->d_size - name_offset < header.n_namesz ||
            descriptor_offset > data->d_size ||
            data->d_size - descriptor_offset < header.n_descsz ||
            memcmp(bytes + name_offset, ESP_NOTE_NAME, ESP_NOTE_NAME_SIZE) != 0)
            continue;
        if (search->found)
            return error_set(search->error, ESP_ERROR_DATA,
                             "it has two notes of Espalier: a plugin calls ESP_PLUGIN once");
        search->found = true;
        esp_status status =
            read_descriptor(search->out, bytes + descriptor_offset, header.n_descsz, search->error);
        if (status != ESP_OK)
            return status;
    }
    return ESP_OK;
}

static esp_status scan_section(struct search *search, Elf_Scn *section, const GElf_Shdr *header)
{
    if (header->sh_type != SHT_NOTE || header->sh_flags & SHF_COMPRESSED)
        return error_set(search->error, ESP_ERROR_DATA, "its section %s holds no notes",
                         ESP_NOTE_SECTION);
    if (header->sh_addralign > 4)
        return error_set(search->error, ESP_ERROR_DATA,
                         "its section %s is aligned to %llu bytes, expected 4: something pads the "
                         "note (a sanitizer does; ESP_PLUGIN exempts it)",
                         ESP_NOTE_SECTION, (unsigned long long)header->sh_addralign);
    if (header->sh_size > MOST_NOTE_BYTES)
        return error_set(search->error, ESP_ERROR_DATA,
                         "its section %s has %llu bytes, and a note has at most %d",
                         ESP_NOTE_SECTION, (unsigned long long)header->sh_size, MOST_NOTE_BYTES);
    Elf_Data *data = elf_getdata(section, NULL);
    esp_status status = data && data->d_buf ? scan_notes(search, data) : ESP_OK;
    if (status == ESP_OK && !search->found)
        status = error_set(search->error, ESP_ERROR_DATA,
                           "its section %s holds no whole note of Espalier", ESP_NOTE_SECTION);
    return status;
}

static esp_status scan_sections(struct search *search, Elf *elf)
{
    size_t names;
    Elf_Scn *section = NULL;
    esp_status status = ESP_OK;
    if (elf_getshdrstrndx(elf, &names) != 0)
        return ESP_OK;
    while (status == ESP_OK && (section = elf_nextscn(elf, section))) {
        GElf_Shdr header;
        const char *name =
            gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;
        if (name && strcmp(name, ESP_NOTE_SECTION) == 0)
            status = scan_section(search, section, &header);
    }
    return status;
}

// A file may have lost its section headers: its PT_NOTE segments say the same. Ours is aligned to 4
// bytes, so those of 8 hold others.
static esp_status scan_segments(struct search *search, Elf *elf)
{
    size_t count, looked = 0;
    esp_status status = ESP_OK;
    if (elf_getphdrnum(elf, &count) != 0)
        return ESP_OK;
    for (size_t i = 0; status == ESP_OK && i < count && looked < MOST_NOTE_SEGMENTS; i++) {
        GElf_Phdr header;
        if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_NOTE || header.p_align > 4 ||
            header.p_filesz > MOST_NOTE_BYTES)
            continue;
        looked++;
        Elf_Data *data =
            elf_getdata_rawchunk(elf, (int64_t)header.p_offset, header.p_filesz, ELF_T_NHDR);
        if (data && data->d_buf)
            status = scan_notes(search, data);
    }
    return status;
}

// ---- The file ---------------------------------------------------------------------------------

static const char *machine_name(unsigned machine)
{
    static const struct {
        unsigned number;
        const char *name;
    } machines[] = {
        {EM_X86_64, "x86-64"}, {EM_386, "i386"},         {EM_AARCH64, "AArch64"}, {EM_ARM, "ARM"},
        {EM_RISCV, "RISC-V"},  {EM_PPC64, "PowerPC 64"}, {EM_S390, "S/390"},
    };
    for (size_t i = 0; i < ESP_COUNT(machines); i++)
        if (machines[i].number == machine)
            return machines[i].name;
    return "unknown";
}

// What the first bytes say, before libelf looks at any.
static esp_status check_header(int descriptor, uint64_t size, struct error *error)
{
    Elf64_Ehdr header;
    memset(&header, 0, sizeof header);
    ssize_t count = pread(descriptor, &header, sizeof header, 0);
    if (count < 0)
        return error_set(error, ESP_ERROR_IO, "it cannot be read: %s", strerror(errno));
    if (size == 0)
        return error_set(error, ESP_ERROR_DATA, "it is an empty file");
    if (count < SELFMAG || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
        return error_set(error, ESP_ERROR_DATA, "it is no ELF file");
    if (count < (ssize_t)sizeof header)
        return error_set(error, ESP_ERROR_DATA, "it is cut off within its first %zu bytes",
                         sizeof header);
    // The machine's number lies at the same place in both classes.
    bool wide = header.e_ident[EI_CLASS] == ELFCLASS64;
    bool little = header.e_ident[EI_DATA] == ELFDATA2LSB;
    if (!wide || !little || header.e_machine != HOST_MACHINE)
        return error_set(error, ESP_ERROR_DATA,
                         "it is for another machine: %s (ELF machine %u), %d bits, %s-endian; "
                         "expected %s (%u), 64 bits, little-endian",
                         machine_name(header.e_machine), header.e_machine, wide ? 64 : 32,
                         little ? "little" : "big", machine_name(HOST_MACHINE), HOST_MACHINE);
    if (header.e_type != ET_DYN)
        return error_set(error, ESP_ERROR_DATA,
                         "it is no shared object (was it linked with "
                         "-shared?)");
    return ESP_OK;
}

static uint64_t end_of(uint64_t offset, uint64_t size)
{
    return offset > UINT64_MAX - size ? UINT64_MAX : offset + size;
}

// Whether all that the headers speak of is there: a file whose copying or linking broke off is not.
static esp_status check_whole(Elf *elf, uint64_t size, struct error *error)
{
    GElf_Ehdr header;
    size_t segments;
    if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header))
        return error_set(error, ESP_ERROR_DATA, "it is no ELF file: %s", elf_errmsg(-1));
    uint64_t needed = end_of(header.e_phoff, (uint64_t)header.e_phnum * header.e_phentsize);
    if (header.e_shoff != 0) {
        uint64_t end = end_of(header.e_shoff, (uint64_t)header.e_shnum * header.e_shentsize);
        needed = end > needed ? end : needed;
    }
    if (needed <= size && elf_getphdrnum(elf, &segments) != 0)
        return error_set(error, ESP_ERROR_DATA, "its segments cannot be read: %s", elf_errmsg(-1));
    for (size_t i = 0; needed <= size && i < segments; i++) {
        GElf_Phdr segment;
        if (gelf_getphdr(elf, (int)i, &segment) && segment.p_type == PT_LOAD)
            needed = end_of(segment.p_offset, segment.p_filesz);
    }
    return needed <= size ? ESP_OK
                          : error_set(error, ESP_ERROR_DATA,
                                      "it is cut off: it has %llu bytes, and its headers speak of "
                                      "%llu",
                                      (unsigned long long)size, (unsigned long long)needed);
}

static esp_status read_elf(struct note *out, int descriptor, uint64_t size, struct error *error)
{
    struct search search = {out, false, error};
    elf_version(EV_CURRENT);
    Elf *elf = elf_begin(descriptor, ELF_C_READ, NULL);
    esp_status status = check_whole(elf, size, error);
    if (status == ESP_OK)
        status = scan_sections(&search, elf);
    if (status == ESP_OK && !search.found)
        status = scan_segments(&search, elf);
    if (status == ESP_OK && !search.found)
        status = error_set(error, ESP_ERROR_DATA,
                           "it has no note %s: it is no plugin of Espalier (ESP_PLUGIN makes one)",
                           ESP_NOTE_SECTION);
    elf_end(elf);
    return status;
}

esp_status note_read(struct note *out, const char *path, struct error *error)
{
    struct stat file;
    memset(out, 0, sizeof *out);
    // A pipe named like a plugin must not hold up the host.
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return error_set(error, ESP_ERROR_IO, "it cannot be read: %s", strerror(errno));
    esp_status status;
    if (fstat(descriptor, &file) != 0)
        status = error_set(error, ESP_ERROR_IO, "it cannot be read: %s", strerror(errno));
    else if (!S_ISREG(file.st_mode))
        status = error_set(error, ESP_ERROR_DATA, "it is %s, no file",
                           S_ISDIR(file.st_mode) ? "a folder" : "a device or pipe");
    else
        status = check_header(descriptor, (uint64_t)file.st_size, error);
    if (status == ESP_OK)
        status = read_elf(out, descriptor, (uint64_t)file.st_size, error);
    close(descriptor);
    return status;
}

esp_status note_check(const struct note *note, struct error *error)
{
    if (note->abi_major != ESP_ABI_MAJOR)
        return error_set(error, ESP_ERROR_UNSUPPORTED,
                         "it was made for ABI %u.%u, and this host has %u.%u: another major",
                         note->abi_major, note->abi_minor, ESP_ABI_MAJOR, ESP_ABI_MINOR);
    // While the major is 0, minors must be equal.
    if (ESP_ABI_MAJOR == 0 && note->abi_minor != ESP_ABI_MINOR)
        return error_set(error, ESP_ERROR_UNSUPPORTED,
                         "it was made for ABI %u.%u, and this host has %u.%u: while the major is 0 "
                         "the minors must be equal; build it anew",
                         note->abi_major, note->abi_minor, ESP_ABI_MAJOR, ESP_ABI_MINOR);
    if (note->minor_needed > ESP_ABI_MINOR)
        return error_set(error, ESP_ERROR_UNSUPPORTED,
                         "it needs a host of ABI %u.%u, and this one has %u.%u", note->abi_major,
                         note->minor_needed, ESP_ABI_MAJOR, ESP_ABI_MINOR);
    return ESP_OK;
}
