// SPDX-License-Identifier: Apache-2.0
// The note of a plugin's file; see note.h. Nothing in the file is trusted: every size is tested
// before it is used.
#include "loader/note.h"

#include "loader/registry.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#if defined(__x86_64__)
#define HOST_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define HOST_MACHINE EM_AARCH64
#else
#error "name this machine's ELF number here"
#endif

static bool valid_id(const char *id)
{
    if (!memchr(id, '\0', ESP_NOTE_ID_SIZE) || id[0] < 'a' || id[0] > 'z')
        return false;
    for (; *id; id++)
        if (!((*id >= 'a' && *id <= 'z') || (*id >= '0' && *id <= '9') || *id == '_'))
            return false;
    return true;
}

static esp_status read_component(struct note *out, const char *bytes, struct error *error)
{
    esp_note_component *component = &out->components[out->count];
    memcpy(component, bytes, sizeof *component);
    const char *kind = kind_name(component->kind);
    if (!kind)
        return error_set(error, ESP_ERROR_DATA, "its note names a component of kind %u",
                         component->kind);
    if (!valid_id(component->id))
        return error_set(error, ESP_ERROR_DATA,
                         "its note names a %s with an id that is none: expected [a-z][a-z0-9_]*, "
                         "at most %d bytes",
                         kind, ESP_NOTE_ID_SIZE - 1);
    for (uint32_t i = 0; i < out->count; i++)
        if (out->components[i].kind == component->kind &&
            strcmp(out->components[i].id, component->id) == 0)
            return error_set(error, ESP_ERROR_DATA, "its note names %s/%s twice", kind,
                             component->id);
    out->count++;
    return ESP_OK;
}

static esp_status read_descriptor(struct note *out, const char *bytes, size_t size,
                                  struct error *error)
{
    esp_note_header header;
    if (size < sizeof header)
        return error_set(error, ESP_ERROR_DATA, "its note is cut off: %zu bytes of %zu", size,
                         sizeof header);
    memcpy(&header, bytes, sizeof header);
    if (header.magic != ESP_NOTE_MAGIC)
        return error_set(error, ESP_ERROR_DATA, "its note has the magic %08x, expected %08x",
                         header.magic, ESP_NOTE_MAGIC);
    if (!memchr(header.version, '\0', sizeof header.version))
        return error_set(error, ESP_ERROR_DATA, "its note's version has no end");
    out->abi_major = header.abi_major;
    out->abi_minor = header.abi_minor;
    out->minor_needed = header.minor_needed;
    memcpy(out->version, header.version, sizeof out->version);
    // What lies behind the header is known for the major of this host alone.
    if (header.abi_major != ESP_ABI_MAJOR)
        return ESP_OK;
    size_t left = size - sizeof header;
    if (header.component_size < sizeof(esp_note_component) || header.component_count == 0 ||
        header.component_count > NOTE_MAX_COMPONENTS ||
        left / header.component_size < header.component_count)
        return error_set(error, ESP_ERROR_DATA,
                         "its note is damaged: %u components of %u bytes in %zu bytes",
                         header.component_count, header.component_size, left);
    esp_status status = ESP_OK;
    for (uint32_t i = 0; status == ESP_OK && i < header.component_count; i++)
        status =
            read_component(out, bytes + sizeof header + (size_t)i * header.component_size, error);
    return status;
}

// Looks through notes; `*found` where ours is among them.
static esp_status scan_notes(struct note *out, Elf_Data *data, bool *found, struct error *error)
{
    size_t offset = 0, name_offset = 0, descriptor_offset = 0;
    GElf_Nhdr header;
    while ((offset = gelf_getnote(data, offset, &header, &name_offset, &descriptor_offset)) > 0) {
        const char *bytes = data->d_buf;
        if (header.n_namesz != ESP_NOTE_NAME_SIZE || header.n_type != ESP_NOTE_TYPE ||
            name_offset + header.n_namesz > data->d_size ||
            descriptor_offset + header.n_descsz > data->d_size ||
            memcmp(bytes + name_offset, ESP_NOTE_NAME, ESP_NOTE_NAME_SIZE) != 0)
            continue;
        *found = true;
        return read_descriptor(out, bytes + descriptor_offset, header.n_descsz, error);
    }
    return ESP_OK;
}

static esp_status scan_sections(struct note *out, Elf *elf, bool *found, struct error *error)
{
    size_t names;
    Elf_Scn *section = NULL;
    if (elf_getshdrstrndx(elf, &names) != 0)
        return ESP_OK;
    while (!*found && (section = elf_nextscn(elf, section))) {
        GElf_Shdr header;
        const char *name =
            gelf_getshdr(section, &header) ? elf_strptr(elf, names, header.sh_name) : NULL;
        if (!name || strcmp(name, ESP_NOTE_SECTION) != 0)
            continue;
        Elf_Data *data = elf_getdata(section, NULL);
        esp_status status = data && data->d_buf ? scan_notes(out, data, found, error) : ESP_OK;
        if (status != ESP_OK)
            return status;
        if (!*found)
            return error_set(error, ESP_ERROR_DATA,
                             "its section %s holds no whole note of Espalier", ESP_NOTE_SECTION);
    }
    return ESP_OK;
}

// A file may have lost its section headers: its PT_NOTE segments say the same.
static esp_status scan_segments(struct note *out, Elf *elf, bool *found, struct error *error)
{
    size_t count;
    if (elf_getphdrnum(elf, &count) != 0)
        return ESP_OK;
    for (size_t i = 0; !*found && i < count; i++) {
        GElf_Phdr header;
        if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_NOTE)
            continue;
        Elf_Data *data =
            elf_getdata_rawchunk(elf, (int64_t)header.p_offset, header.p_filesz, ELF_T_NHDR);
        esp_status status = data ? scan_notes(out, data, found, error) : ESP_OK;
        if (status != ESP_OK)
            return status;
    }
    return ESP_OK;
}

static esp_status check_machine(Elf *elf, struct error *error)
{
    GElf_Ehdr header;
    if (!elf || elf_kind(elf) != ELF_K_ELF || !gelf_getehdr(elf, &header))
        return error_set(error, ESP_ERROR_DATA, "it is no ELF file");
    if (gelf_getclass(elf) != ELFCLASS64 || header.e_machine != HOST_MACHINE)
        return error_set(error, ESP_ERROR_DATA,
                         "it is for another machine: ELF machine %u of %s bits, expected %u of 64",
                         header.e_machine, gelf_getclass(elf) == ELFCLASS64 ? "64" : "32",
                         HOST_MACHINE);
    if (header.e_type != ET_DYN)
        return error_set(error, ESP_ERROR_DATA, "it is no shared object");
    return ESP_OK;
}

esp_status note_read(struct note *out, const char *path, struct error *error)
{
    memset(out, 0, sizeof *out);
    struct stat found_file;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (descriptor < 0)
        return error_set(error, ESP_ERROR_IO, "it cannot be read: %s", strerror(errno));
    Elf *elf = NULL;
    bool found = false;
    esp_status status;
    if (fstat(descriptor, &found_file) != 0 || !S_ISREG(found_file.st_mode)) {
        status = error_set(error, ESP_ERROR_DATA, "it is no file");
        goto cleanup;
    }
    elf_version(EV_CURRENT);
    elf = elf_begin(descriptor, ELF_C_READ, NULL);
    status = check_machine(elf, error);
    if (status == ESP_OK)
        status = scan_sections(out, elf, &found, error);
    if (status == ESP_OK && !found)
        status = scan_segments(out, elf, &found, error);
    if (status == ESP_OK && !found)
        status = error_set(error, ESP_ERROR_DATA,
                           "it has no note %s: it is no plugin of Espalier (ESP_PLUGIN makes one)",
                           ESP_NOTE_SECTION);
cleanup:
    if (elf)
        elf_end(elf);
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
    if (note->abi_minor != ESP_ABI_MINOR)
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
