// SPDX-License-Identifier: Apache-2.0
// Who may change a file; see trust.h.
#include "loader/trust.h"

#include <ctype.h>
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// As many links are followed as the kernel does.
#define MOST_LINKS 40

// ---- Owners and groups --------------------------------------------------------------------------

static bool is_named(uid_t owner, const char *name, size_t length)
{
    char word[64], *end;
    if (length == 0 || length >= sizeof word)
        return false;
    snprintf(word, sizeof word, "%.*s", (int)length, name);
    unsigned long number = strtoul(word, &end, 10);
    if (isdigit((unsigned char)word[0]) && *end == '\0')
        return number == owner;
    const struct passwd *user = getpwnam(word);
    return user && user->pw_uid == owner;
}

static bool owner_is_trusted(uid_t owner)
{
    const char *list = getenv("ESPALIER_TRUSTED_USERS");
    if (owner == 0 || owner == geteuid())
        return true;
    while (list && *list) {
        list += strspn(list, ", ");
        size_t length = strcspn(list, ", ");
        if (is_named(owner, list, length))
            return true;
        list += length;
    }
    return false;
}

// Debian gives each user a group of the same name, and their files may be writable by it.
static bool group_is_the_users_own(gid_t id)
{
    const struct passwd *user = getpwuid(geteuid());
    if (!user || user->pw_gid != id)
        return false;
    char name[256];
    snprintf(name, sizeof name, "%s", user->pw_name);
    const struct group *group = getgrgid(id);
    if (!group || strcmp(group->gr_name, name) != 0)
        return false;
    for (char **member = group->gr_mem; *member; member++)
        if (strcmp(*member, name) != 0)
            return false;
    return true;
}

static const char *owner_text(char words[80], uid_t owner)
{
    const struct passwd *user = getpwuid(owner);
    if (user)
        snprintf(words, 80, "%.60s (%u)", user->pw_name, (unsigned)owner);
    else
        snprintf(words, 80, "user %u", (unsigned)owner);
    return words;
}

static const char *group_text(char words[80], gid_t id)
{
    const struct group *group = getgrgid(id);
    if (group)
        snprintf(words, 80, "%.60s", group->gr_name);
    else
        snprintf(words, 80, "%u", (unsigned)id);
    return words;
}

// ---- One step of the way ------------------------------------------------------------------------

// `last`: it is what the path is for.
static esp_status check(const char *path, const struct stat *file, bool last, struct error *error)
{
    char owner[80], group[80];
    unsigned mode = file->st_mode & 07777;
    if (!owner_is_trusted(file->st_uid))
        return error_set(error, ESP_ERROR_INVALID,
                         "%s belongs to %s, who is neither root nor you (mode %04o): plugins are "
                         "loaded from what nobody else can write; $ESPALIER_TRUSTED_USERS may name "
                         "more users",
                         path, owner_text(owner, file->st_uid), mode);
    if (S_ISLNK(file->st_mode))
        return ESP_OK; // a link's mode says nothing
    bool sticky = S_ISDIR(file->st_mode) && (mode & S_ISVTX) && !last;
    if ((mode & S_IWOTH) && !sticky)
        return error_set(error, ESP_ERROR_INVALID,
                         "%s can be written by everybody (mode %04o, owner %s); `chmod o-w` mends "
                         "it",
                         path, mode, owner_text(owner, file->st_uid));
    if ((mode & S_IWGRP) && !sticky && !group_is_the_users_own(file->st_gid))
        return error_set(error, ESP_ERROR_INVALID,
                         "%s can be written by the group %s (mode %04o, owner %s); `chmod g-w` "
                         "mends it",
                         path, group_text(group, file->st_gid), mode,
                         owner_text(owner, file->st_uid));
    return ESP_OK;
}

// ---- The way ------------------------------------------------------------------------------------

struct way {
    char done[PATH_MAX]; // without links; "" is the root
    char rest[PATH_MAX]; // what is still to be gone, without a slash at its beginning
    int links;
};

static esp_status too_long(const char *path, struct error *error)
{
    return error_set(error, ESP_ERROR_INVALID, "%s: the path is too long", path);
}

// Puts the link's target before the rest.
static esp_status follow(struct way *way, const char *link, struct error *error)
{
    char target[PATH_MAX], whole[PATH_MAX];
    ssize_t length = readlink(link, target, sizeof target - 1);
    if (length < 0)
        return error_system(error, link, "read", errno);
    target[length] = '\0';
    if (++way->links > MOST_LINKS)
        return error_set(error, ESP_ERROR_INVALID, "%s: there are too many links", link);
    if ((size_t)snprintf(whole, sizeof whole, "%s%s%s", target, way->rest[0] ? "/" : "",
                         way->rest) >= sizeof whole)
        return too_long(link, error);
    if (target[0] == '/')
        way->done[0] = '\0';
    memmove(way->rest, whole + strspn(whole, "/"), strlen(whole + strspn(whole, "/")) + 1);
    return ESP_OK;
}

// The next name of the rest, into `name`; false at the end.
static bool take_name(struct way *way, char name[PATH_MAX])
{
    size_t length = strcspn(way->rest, "/");
    if (length == 0)
        return false;
    memcpy(name, way->rest, length);
    name[length] = '\0';
    const char *behind = way->rest + length;
    behind += strspn(behind, "/");
    memmove(way->rest, behind, strlen(behind) + 1);
    return true;
}

static void step_up(struct way *way)
{
    char *slash = strrchr(way->done, '/');
    if (slash)
        *slash = '\0';
}

static esp_status step(struct way *way, const char *name, struct error *error)
{
    char here[PATH_MAX];
    struct stat file;
    if (strcmp(name, ".") == 0)
        return ESP_OK;
    if (strcmp(name, "..") == 0) {
        step_up(way);
        return ESP_OK;
    }
    if ((size_t)snprintf(here, sizeof here, "%s/%s", way->done, name) >= sizeof here)
        return too_long(way->done, error);
    if (lstat(here, &file) != 0)
        return error_system(error, here, "look at", errno);
    esp_status status = check(here, &file, false, error);
    if (status != ESP_OK)
        return status;
    if (S_ISLNK(file.st_mode))
        return follow(way, here, error);
    memcpy(way->done, here, sizeof here);
    return ESP_OK;
}

esp_status trust_path(const char *path, struct error *error)
{
    struct way way = {.links = 0};
    char name[PATH_MAX], current[PATH_MAX];
    struct stat file;
    bool absolute = path[0] == '/';
    if (!absolute && !getcwd(current, sizeof current))
        return error_system(error, path, "look at", errno);
    if ((size_t)snprintf(way.rest, sizeof way.rest, "%s%s%s", absolute ? "" : current + 1,
                         absolute ? "" : "/", path + strspn(path, "/")) >= sizeof way.rest)
        return too_long(path, error);
    if (stat("/", &file) != 0)
        return error_system(error, "/", "look at", errno);
    esp_status status = check("/", &file, false, error);
    while (status == ESP_OK && take_name(&way, name))
        status = step(&way, name, error);
    if (status != ESP_OK)
        return status;
    const char *end = way.done[0] ? way.done : "/";
    return lstat(end, &file) == 0 ? check(end, &file, true, error)
                                  : error_system(error, end, "look at", errno);
}
