/* SPDX-License-Identifier: MIT
 * The socket, its owners and the server loop. */
#include "nodes/api/api.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "nodes/api/http.h"
#include "nodes/api/routes.h"

enum {
    CONNECTIONS_MAX = 64, /* local people and scripts; more than that is a fault */
    CONNECTION_TIMEOUT_S = 60,
    CONNECTION_MEMORY = 64 * 1024, /* head and read buffer of one connection */
};

struct operator_text {
    char name[sizeof((struct operator_identity *)0)->name];
    char ends[sizeof "2026-11-30"];
};

struct api {
    struct MHD_Daemon *daemon;
    char socket_path[sizeof((struct sockaddr_un *)0)->sun_path];
    struct api_operator *operators;
    struct operator_text *texts; /* beside the operators, which point into it */
    struct http_context context;
    char config_file[256];
};

static const struct {
    const char *word;
    unsigned role;
} roles[] = {
    {"take-reports", OPERATOR_TAKE_REPORTS}, {"approve", OPERATOR_APPROVE},
    {"override", OPERATOR_OVERRIDE},         {"keys", OPERATOR_KEYS},
    {"read-only", OPERATOR_READ_ONLY},       {"audit", OPERATOR_AUDIT},
};

enum up_err api_roles_parse(const char *text, unsigned *ret_roles)
{
    unsigned found = 0;

    text += strspn(text, ", ");
    while (*text != '\0') {
        size_t len = strcspn(text, ", ");
        unsigned role = 0;

        for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++) {
            if (strlen(roles[i].word) == len && strncmp(roles[i].word, text, len) == 0)
                role = roles[i].role;
        }
        if (role == 0)
            return UP_CONFIG;
        found |= role;
        text += len;
        text += strspn(text, ", ");
    }
    if (found == 0)
        return UP_CONFIG;
    *ret_roles = found;
    return UP_OK;
}

enum up_err api_operators_load(const struct config *config, size_t count_max,
                               struct api_operator *ret_operators, size_t *ret_count,
                               struct up_why *why)
{
    size_t count = 0;
    const char *name = NULL;

    while ((name = config_child(config, "operators", count))) {
        char path[160];
        int64_t uid = -1;
        const char *words = NULL;

        if (count == count_max)
            return up_why_set(why, UP_CONFIG, "more than %zu operators", count_max);
        (void)snprintf(path, sizeof path, "operators/%s/uid", name);
        uid = config_number(config, path, -1);
        if (uid < 0 || uid > UINT32_MAX)
            return up_why_set(why, UP_CONFIG,
                              "operator %s has no \"uid\"; `id -u ACCOUNT` tells it", name);
        (void)snprintf(path, sizeof path, "operators/%s/roles", name);
        words = config_text(config, path, "");
        ret_operators[count] = (struct api_operator){.name = name, .uid = (unsigned)uid};
        if (api_roles_parse(words, &ret_operators[count].roles))
            return up_why_set(why, UP_CONFIG,
                              "operator %s: \"roles\" is of take-reports, approve, override, keys, "
                              "read-only, audit",
                              name);
        (void)snprintf(path, sizeof path, "operators/%s/ends", name);
        ret_operators[count].ends = config_text(config, path, NULL);
        count++;
    }
    if (count == 0)
        return up_why_set(why, UP_CONFIG,
                          "nobody stands under \"operators\", so nobody could use this node");
    *ret_count = count;
    return UP_OK;
}

struct api_route_name api_route(size_t index)
{
    if (index >= routes_count)
        return (struct api_route_name){NULL, NULL};
    return (struct api_route_name){routes_table[index].method, routes_table[index].path};
}

/* --- operators -------------------------------------------------------------------------------- */

static bool date_is_formed(const char *date)
{
    static const char pattern[] = "dddd-dd-dd";

    if (strlen(date) != sizeof pattern - 1)
        return false;
    for (size_t i = 0; i < sizeof pattern - 1; i++) {
        if (pattern[i] == 'd' ? date[i] < '0' || date[i] > '9' : date[i] != '-')
            return false;
    }
    return true;
}

static void operators_free(struct api *api)
{
    free(api->operators);
    free(api->texts);
    api->operators = NULL;
    api->texts = NULL;
}

/* Two names on one uid could approve each other; so a uid has one name. */
static enum up_err operator_check(const struct api_config *config, size_t index, struct up_why *why)
{
    const struct api_operator *person = &config->operators[index];

    if (!person->name || person->name[0] == '\0' ||
        strlen(person->name) >= sizeof((struct operator_identity *)0)->name)
        return up_why_set(why, UP_CONFIG, "operator %zu has no name, or one over 63 bytes",
                          index + 1);
    if (person->roles == 0)
        return up_why_set(why, UP_CONFIG, "operator %s has no roles", person->name);
    if (person->ends && person->ends[0] != '\0' && !date_is_formed(person->ends))
        return up_why_set(why, UP_CONFIG, "operator %s: \"ends\" is not YYYY-MM-DD", person->name);
    for (size_t i = 0; i < index; i++) {
        if (config->operators[i].uid == person->uid)
            return up_why_set(why, UP_CONFIG,
                              "operators %s and %s have one uid (%u); each person needs an account "
                              "of their own",
                              config->operators[i].name, person->name, person->uid);
        if (strcmp(config->operators[i].name, person->name) == 0)
            return up_why_set(why, UP_CONFIG, "operator %s stands there twice", person->name);
    }
    return UP_OK;
}

static enum up_err operators_copy(struct api *api, const struct api_config *config,
                                  struct up_why *why)
{
    api->operators = calloc(config->operator_count + 1, sizeof *api->operators);
    api->texts = calloc(config->operator_count + 1, sizeof *api->texts);
    if (!api->operators || !api->texts)
        return UP_NO_MEMORY;
    api->context.operators = api->operators;
    for (size_t i = 0; i < config->operator_count; i++) {
        const struct api_operator *person = &config->operators[i];
        struct operator_text *text = &api->texts[i];
        enum up_err err = operator_check(config, i, why);

        if (err)
            return err;
        (void)snprintf(text->name, sizeof text->name, "%s", person->name);
        (void)snprintf(text->ends, sizeof text->ends, "%s", person->ends ? person->ends : "");
        api->operators[i] = (struct api_operator){
            .name = text->name, .uid = person->uid, .roles = person->roles, .ends = text->ends};
        api->context.operator_count = i + 1;
    }
    return UP_OK;
}

/* --- the socket ------------------------------------------------------------------------------- */

static enum up_err folder_check(const char *socket_path, struct up_why *why)
{
    char folder[sizeof((struct sockaddr_un *)0)->sun_path];
    const char *slash = strrchr(socket_path, '/');
    struct stat info;
    enum up_err err = UP_OK;

    (void)snprintf(folder, sizeof folder, "%.*s",
                   slash > socket_path ? (int)(slash - socket_path) : 1, slash ? socket_path : ".");
    err = file_make_folder(folder, why);
    if (err)
        return err;
    if (stat(folder, &info) || !S_ISDIR(info.st_mode))
        return up_why_set(why, UP_CONFIG, "%s is no folder", folder);
    if (info.st_mode & (S_IWGRP | S_IWOTH))
        return up_why_set(why, UP_CONFIG,
                          "others can write in %s, so they could put their own socket there; run: "
                          "chmod 700 %s",
                          folder, folder);
    return UP_OK;
}

/* Removes a socket file only if nobody answers on it. */
static enum up_err stale_remove(const struct sockaddr_un *address, struct up_why *why)
{
    struct stat info;
    int fd = -1;
    bool answered = false;
    int failure = 0;

    if (lstat(address->sun_path, &info))
        return errno == ENOENT
                   ? UP_OK
                   : up_why_set(why, UP_IO, "%s: %s", address->sun_path, strerror(errno));
    if (!S_ISSOCK(info.st_mode))
        return up_why_set(why, UP_CONFIG, "%s is there and is no socket; name another path",
                          address->sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0)
        return up_why_set(why, UP_IO, "no socket: %s", strerror(errno));
    answered = connect(fd, (const struct sockaddr *)address, sizeof *address) == 0;
    failure = errno;
    (void)close(fd);
    if (answered || failure != ECONNREFUSED)
        return up_why_set(why, UP_BUSY,
                          "another process answers on %s; stop it first, or name another path",
                          address->sun_path);
    return unlink(address->sun_path) ? up_why_set(why, UP_IO, "can't remove the old %s: %s",
                                                  address->sun_path, strerror(errno))
                                     : UP_OK;
}

static enum up_err listen_at(const char *path, int *ret_fd, struct up_why *why)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    mode_t before = 0;
    bool bound = false;
    int fd = -1;
    enum up_err err = UP_OK;

    memcpy(address.sun_path, path, strlen(path) + 1);
    err = folder_check(path, why);
    if (!err)
        err = stale_remove(&address, why);
    if (err)
        return err;
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    before = umask(0117);
    bound = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    (void)umask(before);
    if (!bound || fcntl(fd, F_SETFD, FD_CLOEXEC) || chmod(path, 0660) ||
        listen(fd, CONNECTIONS_MAX)) {
        err = up_why_set(why, UP_IO, "can't listen on %s: %s", path, strerror(errno));
        if (bound)
            (void)unlink(path);
        if (fd >= 0)
            (void)close(fd);
        return err;
    }
    *ret_fd = fd;
    return UP_OK;
}

/* --- life ------------------------------------------------------------------------------------- */

enum up_err api_new(const struct api_config *config, struct api **ret_api, struct up_why *why)
{
    struct api *api = calloc(1, sizeof *api);
    int fd = -1;
    enum up_err err = UP_OK;

    if (!api)
        return UP_NO_MEMORY;
    if (strlen(config->socket_path) >= sizeof api->socket_path) {
        err = up_why_set(why, UP_CONFIG, "the path of the socket is over %zu bytes",
                         sizeof api->socket_path - 1);
        goto out;
    }
    api->context.service = config->service;
    (void)snprintf(api->config_file, sizeof api->config_file, "%s",
                   config->config_file ? config->config_file : "the node's config");
    api->context.config_file = api->config_file;
    err = operators_copy(api, config, why);
    if (!err)
        err = listen_at(config->socket_path, &fd, why);
    if (err)
        goto out;
    /* from here on the file is ours to remove, and the daemon closes fd */
    memcpy(api->socket_path, config->socket_path, strlen(config->socket_path) + 1);
    api->daemon = MHD_start_daemon(
        MHD_USE_EPOLL, 0, NULL, NULL, http_on_request, &api->context, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, &api->context, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_TIMEOUT_S,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
    if (!api->daemon) {
        err = up_why_set(why, UP_IO, "the HTTP server does not start");
        goto out;
    }
    *ret_api = api;
    api = NULL;
out:
    api_destroy(&api);
    return err;
}

void api_destroy(struct api **api_p)
{
    struct api *api = *api_p;

    if (!api)
        return;
    if (api->daemon)
        MHD_stop_daemon(api->daemon);
    if (api->socket_path[0] != '\0')
        (void)unlink(api->socket_path);
    operators_free(api);
    free(api);
    *api_p = NULL;
}

int api_fd(const struct api *api)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(api->daemon, MHD_DAEMON_INFO_EPOLL_FD);

    return info ? info->epoll_fd : -1;
}

int api_timeout_ms(const struct api *api)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms = 0;

    if (MHD_get_timeout(api->daemon, &timeout_ms) != MHD_YES)
        return -1;
    return timeout_ms > INT_MAX ? INT_MAX : (int)timeout_ms;
}

enum up_err api_run_ready(struct api *api)
{
    return MHD_run(api->daemon) == MHD_YES ? UP_OK : UP_IO;
}
