// SPDX-License-Identifier: Apache-2.0
// Reading INI files with inih; see config.h. inih tells its handler no lines, cuts long ones, and
// joins indented ones to the value before. So its reader is ours: it counts, it refuses what would
// be cut or joined unasked, and it hands inih one line at a time, each behind its own newline.
#include "config/config.h"

#include "config/entries.h"
#include "text/printable.h"

#include <ctype.h>
#include <errno.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

// The longest name of a section that inih keeps. (It cuts no key.)
#define LONGEST_SECTION 49
#define BYTE_ORDER_MARK "\xef\xbb\xbf"

// One text in the course of being read.
struct reading {
    struct source source;
    struct config *config;
    const struct reading *includer; // NULL: the main file
    const char *next;               // what is left of the text
    int line;                       // the line that inih has
    dev_t device;                   // of the file, to tell circles; 0 for a text
    ino_t inode;
    bool goes_on;   // the line ended in a backslash
    bool continues; // the line continues the one before
    bool keeps;     // the last value was stored, and was not an including file's to say
    char *last_key; // NULL after an include; owner: the reading
    char *last_section;
    struct error *error;
};

static esp_status include(struct reading *includer, const char *value);

ESP_PRINTF(2, 3)
static esp_status refuse(const struct reading *reading, const char *format, ...)
{
    char message[ERROR_MESSAGE_SIZE];
    va_list list;
    va_start(list, format);
    if (vsnprintf(message, sizeof message, format, list) < 0)
        message[0] = '\0';
    va_end(list);
    return error_set(reading->error, ESP_ERROR_INVALID, "%s:%d: %s", reading->source.name,
                     reading->line, message);
}

// ---- Lines: what inih gets ----------------------------------------------------------------------

static bool is_comment(char c)
{
    return c == ';' || c == '#';
}

static esp_status take_section(struct reading *reading, const char *line)
{
    char name[LONGEST_SECTION + 1];
    const char *end = strchr(line, ']');
    if (!end)
        return refuse(reading, "expected ']' at the end of the section's name");
    if (end - line - 1 > LONGEST_SECTION)
        return refuse(reading, "the section's name is longer than %d bytes", LONGEST_SECTION);
    const char *behind = end + 1 + strspn(end + 1, " ");
    if (*behind && !is_comment(*behind))
        return refuse(reading, "expected nothing behind the section's ']'");
    snprintf(name, sizeof name, "%.*s", (int)(end - line - 1), line + 1);
    if (strchr(name, ';'))
        return refuse(reading, "a section's name holds no ';'");
    return config_add_section(reading->config, name, reading->source.name, reading->line,
                              reading->error);
}

static esp_status check_key(const struct reading *reading, const char *line)
{
    size_t length = strcspn(line, "=:");
    if (line[length] == ':') // inih would split there
        return refuse(reading, "expected 'key = value'; a key holds no ':'");
    if (line[length] == '\0')
        return refuse(reading, "expected 'key = value' or '[section]'");
    if (length == 0)
        return refuse(reading, "expected a key before the '='");
    return line[length + 1] == ';'
               ? refuse(reading, "a value cannot begin with ';'; put a blank before a comment")
               : ESP_OK;
}

// A line behind one that ended in a backslash.
static esp_status check_rest(const struct reading *reading, const char *rest, size_t blanks)
{
    if (blanks == 0)
        return refuse(reading, "expected the rest of the value above, which ends in a backslash; "
                               "indent it");
    return is_comment(rest[0])
               ? refuse(reading, "a value that goes on cannot be parted by a comment")
               : ESP_OK;
}

// The text's next line into `line`, tabs as blanks and without those at its end; empty for a comment.
static esp_status next_line(struct reading *reading, char line[LONGEST_LINE + 1])
{
    const char *text = reading->next;
    size_t length = strcspn(text, "\n"), blanks = 0;
    reading->next += length + (text[length] == '\n');
    reading->line++;
    line[0] = '\0';
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        length--;
    while (blanks < length && isspace((unsigned char)text[blanks]))
        blanks++;
    if (!reading->goes_on && is_comment(text[blanks]))
        return ESP_OK;
    if (length > LONGEST_LINE)
        return refuse(reading,
                      "the line has %zu bytes, and at most %d are read; end it in a backslash and "
                      "go on, indented, at the next",
                      length, LONGEST_LINE);
    for (size_t i = 0; i < length; i++)
        line[i] = text[i] == '\t' ? ' ' : text[i];
    line[length] = '\0';
    return text_printable(line)
               ? ESP_OK
               : refuse(reading, "the line holds a control character, or is no UTF-8");
}

// inih's reader, as fgets.
static char *read_line(char *buffer, int size, void *self)
{
    struct reading *reading = self;
    char line[LONGEST_LINE + 1];
    if (*reading->next == '\0' || reading->error->status != ESP_OK)
        return NULL;
    esp_status status = next_line(reading, line);
    size_t blanks = strspn(line, " "), length = strlen(line);
    reading->continues = reading->goes_on;
    reading->goes_on = false;
    if (status == ESP_OK && reading->continues)
        status = check_rest(reading, line + blanks, blanks);
    else if (status == ESP_OK && blanks > 0)
        status = refuse(reading, "the line is indented, and would be joined to the value above; "
                                 "begin it at the left, or end the line above in a backslash");
    else if (status == ESP_OK && length > 0)
        status = line[0] == '[' ? take_section(reading, line) : check_key(reading, line);
    if (status == ESP_OK && length > 0 && line[length - 1] == '\\') {
        reading->goes_on = reading->continues || line[0] != '[';
        line[length - reading->goes_on] = '\0';
    }
    if (status == ESP_OK && snprintf(buffer, (size_t)size, "%s\n", line) >= size)
        status = refuse(reading, "inih was built for lines of at most %d bytes", size - 2);
    return status == ESP_OK ? buffer : NULL;
}

// ---- Keys: what inih gives ----------------------------------------------------------------------

// Without a comment and the blanks before it, which inih leaves on a line that goes on.
static size_t without_comment(const char *value)
{
    size_t length = 0;
    while (value[length] &&
           !(value[length] == ';' && length > 0 && isspace((unsigned char)value[length - 1])))
        length++;
    while (length > 0 && isspace((unsigned char)value[length - 1]))
        length--;
    return length;
}

// The rest of a value: behind what is stored of it.
static esp_status take_rest(struct reading *reading, const char *value)
{
    if (!reading->last_key)
        return refuse(reading, "an include stands on one line");
    if (!reading->keeps)
        return ESP_OK;
    struct stored *stored =
        config_find_stored(reading->config, reading->last_section, reading->last_key);
    char *joined = NULL;
    if (asprintf(&joined, "%s%.*s", stored->entry.value, (int)without_comment(value), value) < 0)
        return error_memory(reading->error);
    free((char *)(uintptr_t)stored->entry.value);
    stored->entry.value = joined;
    return ESP_OK;
}

// Is the source one of the files that include this one?
static bool is_includer(const struct reading *reading, uint32_t source)
{
    while ((reading = reading->includer))
        if (reading->source.number == source)
            return true;
    return false;
}

static esp_status take_key(struct reading *reading, const char *section, const char *key,
                           const char *value)
{
    free(reading->last_key);
    free(reading->last_section);
    reading->last_key = reading->last_section = NULL;
    if (section[0] == '\0' && strcmp(key, "include") == 0)
        return include(reading, value);
    if (section[0] == '\0')
        return refuse(reading, "the key stands before any [section]; only 'include = FILE' may");
    struct stored *old = config_find_stored(reading->config, section, key);
    if (old && old->source == reading->source.number)
        return refuse(reading, "[%s] %s: it stands twice; first at line %d", section, key,
                      old->entry.line);
    reading->last_key = strdup(key);
    reading->last_section = strdup(section);
    if (!reading->last_key || !reading->last_section)
        return error_memory(reading->error);
    reading->keeps = !old || !is_includer(reading, old->source);
    struct config_entry entry = {section, key, value, reading->source.name, reading->line};
    return reading->keeps ? config_store(reading->config, &entry, &reading->source, reading->error)
                          : ESP_OK;
}

// inih's handler. It comes once more, with the key cut at 49 bytes, for a line that goes on.
static int handle(void *self, const char *section, const char *key, const char *value)
{
    struct reading *reading = self;
    size_t length = without_comment(value);
    if (reading->error->status != ESP_OK)
        return 0;
    if (length > 0 && value[length - 1] == '\\' && !reading->goes_on)
        return refuse(reading,
                      "a value cannot end in a backslash; one with which it goes on stands "
                      "at the line's end, behind a comment") == ESP_OK;
    return (reading->continues ? take_rest(reading, value)
                               : take_key(reading, section, key, value)) == ESP_OK;
}

static esp_status read_text(struct reading *reading, const char *text)
{
    struct error *error = reading->error;
    reading->next = text;
    if (strncmp(text, BYTE_ORDER_MARK, strlen(BYTE_ORDER_MARK)) == 0)
        reading->next += strlen(BYTE_ORDER_MARK);
    reading->source.number = ++reading->config->sources;
    int code = ini_parse_stream(read_line, reading, handle, reading);
    if (code < 0) {
        error_memory(error);
    } else if (code > 0 && error->status == ESP_OK) { // a line that inih alone refuses
        reading->line = code;
        refuse(reading, "expected 'key = value' or '[section]'");
    }
    if (error->status == ESP_OK && reading->goes_on)
        refuse(reading, "the backslash at its end wants another line");
    free(reading->last_key);
    free(reading->last_section);
    return error->status;
}

// ---- Files --------------------------------------------------------------------------------------

static char *whole_file(FILE *file, const char *path, struct error *error)
{
    char *text = NULL;
    size_t used = 0;
    for (size_t count = 1; count > 0;) {
        char *grown = realloc(text, used + 65537);
        if (!grown) {
            error_memory(error);
            break;
        }
        text = grown;
        count = fread(text + used, 1, 65536, file);
        used += count;
        text[used] = '\0';
    }
    if (ferror(file))
        error_set(error, ESP_ERROR_INVALID, "%s: cannot be read: %s", path, strerror(errno));
    else if (error->status == ESP_OK && strlen(text) != used)
        error_set(error, ESP_ERROR_INVALID, "%s: it holds zero bytes; it is no INI file", path);
    return text;
}

// Names the file that is met again, and its includers up to the main file.
static esp_status refuse_circle(const struct reading *includer, const char *path)
{
    char names[512];
    size_t used = (size_t)snprintf(names, sizeof names, "%s", path);
    for (const struct reading *r = includer; r && used < sizeof names; r = r->includer)
        used += (size_t)snprintf(names + used, sizeof names - used, " < %s", r->source.name);
    return refuse(includer, "include: the files go in a circle: %s", names);
}

// Is the file among those that are being read?
static bool goes_in_circle(const struct reading *includer, const struct stat *file)
{
    for (; includer; includer = includer->includer)
        if (includer->inode == file->st_ino && includer->device == file->st_dev)
            return true;
    return false;
}

static esp_status cannot_read(const struct reading *includer, const char *path, struct error *error)
{
    int reason = errno;
    if (includer)
        return refuse(includer, "include: %s: cannot be read: %s", path, strerror(reason));
    return error_set(error, ESP_ERROR_INVALID, "%s: cannot be read: %s", path, strerror(reason));
}

static esp_status read_file(struct config *config, const char *path, const struct reading *includer,
                            struct error *error)
{
    const char *slash = strrchr(path, '/');
    char *text = NULL,
         *folder = slash ? strndup(path, (size_t)(slash - path) + (slash == path)) : strdup(".");
    struct stat status;
    FILE *file = folder ? fopen(path, "re") : NULL;
    if (!folder)
        error_memory(error);
    else if (!file || fstat(fileno(file), &status) != 0)
        cannot_read(includer, path, error);
    else if (goes_in_circle(includer, &status))
        refuse_circle(includer, path);
    else
        text = whole_file(file, path, error);
    if (text && error->status == ESP_OK) {
        struct reading reading = {
            .source = {.name = path, .folder = folder},
            .config = config,
            .includer = includer,
            .device = status.st_dev,
            .inode = status.st_ino,
            .error = error,
        };
        read_text(&reading, text);
    }
    if (file)
        fclose(file);
    free(text);
    free(folder);
    return error->status;
}

static esp_status include(struct reading *includer, const char *value)
{
    char *path = NULL;
    int length = value[0] == '/' ? asprintf(&path, "%s", value)
                                 : asprintf(&path, "%s/%s", includer->source.folder, value);
    if (value[0] == '\0')
        refuse(includer, "include: expected a file");
    else if (length < 0)
        error_memory(includer->error);
    else
        read_file(includer->config, path, includer, includer->error);
    free(length < 0 ? NULL : path);
    return includer->error->status;
}

static struct config *create(const char *name, struct error *error)
{
    struct config *config = calloc(1, sizeof *config);
    if (config)
        config->name = strdup(name);
    if (!config || !config->name) {
        config_destroy(config);
        error_memory(error);
        return NULL;
    }
    return config;
}

static esp_status finish(struct config **out, struct config *config, esp_status status)
{
    if (status != ESP_OK)
        config_destroy(config);
    else
        *out = config;
    return status;
}

esp_status config_load(struct config **out, const char *path, const char *const *sets,
                       uint64_t set_count, struct error *error)
{
    struct config *config = create(path, error);
    esp_status status = config ? read_file(config, path, NULL, error) : ESP_ERROR_MEMORY;
    for (uint64_t i = 0; status == ESP_OK && i < set_count; i++)
        status = config_apply(config, sets[i], error);
    return finish(out, config, status);
}

esp_status config_parse(struct config **out, const char *text, const char *name, const char *folder,
                        struct error *error)
{
    struct config *config = create(name, error);
    struct reading reading = {
        .source = {.name = name, .folder = folder}, .config = config, .error = error};
    return finish(out, config, config ? read_text(&reading, text) : ESP_ERROR_MEMORY);
}
