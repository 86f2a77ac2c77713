/* SPDX-License-Identifier: MIT
 * The only file that includes libcurl. */
#include "nodes/cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "nodes/cli/print.h"
#include "upstander/json.h"
#include "upstander/limits.h"

enum { PATH_LEN_MAX = 256, TIMEOUT_S = 600 };

struct client {
    CURL *curl;
};

struct progress {
    int64_t begin_ms;
    int64_t shown_s;
};

struct reply {
    struct up_bytes bytes; /* len is the room */
    size_t used;
};

void client_destroy(struct client **client_p)
{
    if (!*client_p)
        return;
    curl_easy_cleanup((*client_p)->curl);
    curl_global_cleanup();
    free(*client_p);
    *client_p = NULL;
}

static enum up_err client_new(struct client **ret_client)
{
    struct client *client = calloc(1, sizeof *client);

    if (!client)
        return UP_NO_MEMORY;
    if (curl_global_init(CURL_GLOBAL_NOTHING) == CURLE_OK)
        client->curl = curl_easy_init();
    if (!client->curl) {
        free(client);
        return UP_NO_MEMORY;
    }
    *ret_client = client;
    return UP_OK;
}

static size_t on_data(char *data, size_t size, size_t count, void *cls)
{
    struct reply *reply = cls;
    size_t len = size * count;
    struct up_bytes grown = {0};

    if (reply->used + len > UP_HTTP_BODY_LEN_MAX)
        return 0;
    if (reply->used + len > reply->bytes.len) {
        if (up_bytes_new((reply->used + len) * 2, &grown))
            return 0;
        if (reply->used > 0)
            memcpy(grown.data, reply->bytes.data, reply->used);
        up_bytes_wipe(&reply->bytes);
        reply->bytes = grown;
    }
    memcpy(reply->bytes.data + reply->used, data, len);
    reply->used += len;
    return len;
}

static bool form_make(CURL *curl, const struct client_form *form, curl_mime **ret_mime)
{
    const struct {
        const char *name;
        struct up_view data;
    } parts[] = {{"name", up_view_of(form->name, strlen(form->name))},
                 {"mapping", form->mapping},
                 {"skip_bad", form->skip_bad ? up_view_of("true", 4) : up_view_of("false", 5)},
                 {"csv", form->csv}};
    curl_mime *mime = curl_mime_init(curl);

    for (size_t i = 0; mime && i < sizeof parts / sizeof parts[0]; i++) {
        curl_mimepart *part = curl_mime_addpart(mime);
        const char *data = parts[i].data.len > 0 ? (const char *)parts[i].data.data : "";

        if (!part || curl_mime_name(part, parts[i].name) ||
            curl_mime_data(part, data, parts[i].data.len)) {
            curl_mime_free(mime);
            return false;
        }
    }
    *ret_mime = mime;
    return mime != NULL;
}

/* The node's own words, or the status when it has none. */
static int problem_print(struct cli *cli, long status, struct up_view text)
{
    ProtobufCMessage *message = NULL;
    const Up__Problem *problem = NULL;

    if (json_parse(&up__problem__descriptor, text, cli->arena, &message, NULL))
        return print_fault("the node answered with status %ld", status);
    problem = (const Up__Problem *)message;
    return print_fault("%s", problem->detail[0] != '\0' ? problem->detail : problem->title);
}

static int unreachable(struct cli *cli, CURLcode code)
{
    const char *why = curl_easy_strerror(code);

    if (code == CURLE_COULDNT_CONNECT)
        why = "nobody answers there; is the node running?";
    (void)print_fault("no node at %s: %s Name its socket with --socket, or in UPSTANDER_SOCKET.",
                      cli->socket_path, why);
    return CLI_UNREACHABLE;
}

/* Long work on a terminal: says after two seconds that it goes on, and since when. */
static int on_progress(void *cls, curl_off_t down_total, curl_off_t down_now, curl_off_t up_total,
                       curl_off_t up_now)
{
    struct progress *progress = cls;
    int64_t seconds = (clock_monotonic_ms() - progress->begin_ms) / 1000;

    (void)down_total;
    (void)down_now;
    (void)up_total;
    (void)up_now;
    if (seconds >= 2 && seconds != progress->shown_s) {
        (void)fprintf(stderr, "\rthe node is at work: %lld s ", (long long)seconds);
        progress->shown_s = seconds;
    }
    return 0;
}

static void progress_end(const struct progress *progress)
{
    if (progress->shown_s > 0)
        (void)fprintf(stderr, "\r%*s\r", 40, "");
}

static void body_set(CURL *curl, const struct client_request *request, struct up_view json,
                     curl_mime *mime)
{
    if (mime) {
        (void)curl_easy_setopt(curl, CURLOPT_MIMEPOST, mime);
    } else if (json.data) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)json.data);
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)json.len);
    } else if (strcmp(request->method, "POST") == 0) {
        (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    }
    (void)curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
}

static int perform(struct cli *cli, const struct client_request *request, struct up_view json,
                   struct reply *reply)
{
    CURL *curl = cli->client->curl;
    struct curl_slist *headers =
        curl_slist_append(NULL, request->file.data ? "Content-Type: application/octet-stream"
                                : json.data        ? "Content-Type: application/json"
                                                   : "Accept: application/json");
    curl_mime *mime = NULL;
    char url[PATH_LEN_MAX + 32];
    long status = 0;
    struct progress progress = {.begin_ms = clock_monotonic_ms()};
    CURLcode code = CURLE_OUT_OF_MEMORY;
    int result = CLI_OK;

    curl_easy_reset(curl);
    (void)snprintf(url, sizeof url, "http://localhost%s", request->path);
    if (!headers || (request->form && !form_make(curl, request->form, &mime)))
        goto out;
    (void)curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, cli->socket_path);
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
    if (isatty(STDERR_FILENO)) {
        (void)curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
        (void)curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
        (void)curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &progress);
    }
    body_set(curl, request, json, mime);
    code = curl_easy_perform(curl);
    progress_end(&progress);
out:
    curl_slist_free_all(headers);
    curl_mime_free(mime);
    if (code)
        return unreachable(cli, code);
    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (status < 200 || status > 299) {
        result = CLI_FAILED;
        if (status != 404 || !request->quiet)
            result = problem_print(cli, status, up_view_of(reply->bytes.data, reply->used));
    }
    return result;
}

int client_call(struct cli *cli, const struct client_request *request, struct up_bytes *ret_text)
{
    struct up_bytes json = {0};
    struct up_view body = request->file.data ? request->file : request->text;
    struct reply reply = {0};
    int result = CLI_OK;

    if (!cli->client && client_new(&cli->client))
        return print_fault("%s", up_err_text(UP_NO_MEMORY));
    if (request->body) {
        if (json_format(request->body, false, &json))
            return print_fault("%s", up_err_text(UP_NO_MEMORY));
        body = up_bytes_view(&json);
    }
    result = perform(cli, request, body, &reply);
    up_bytes_wipe(&json);
    if (result != CLI_OK) {
        up_bytes_wipe(&reply.bytes);
        return result;
    }
    reply.bytes.len = reply.used;
    *ret_text = reply.bytes;
    return CLI_OK;
}

int client_ask(struct cli *cli, const struct client_request *request,
               const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage **ret_reply,
               struct up_bytes *ret_text)
{
    struct up_bytes text = {0};
    struct up_why why = {0};
    int result = client_call(cli, request, &text);

    if (result != CLI_OK)
        return result;
    if (json_parse(descriptor, up_bytes_view(&text), cli->arena, ret_reply, &why))
        result = print_fault("the node's answer is not understood (%s); are node and command of "
                             "one version?",
                             why.text);
    if (result == CLI_OK && ret_text)
        *ret_text = text;
    else
        up_bytes_wipe(&text);
    return result;
}

int client_get_page(struct cli *cli, const char *path, size_t offset,
                    const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage **ret_reply)
{
    char paged[PATH_LEN_MAX];
    struct client_request request = {.method = "GET", .path = paged};

    (void)snprintf(paged, sizeof paged, "%s%coffset=%zu&limit=%d", path,
                   strchr(path, '?') ? '&' : '?', offset, (int)CLIENT_PAGE);
    return client_ask(cli, &request, descriptor, ret_reply, NULL);
}

int client_print(struct cli *cli, const char *path)
{
    struct client_request request = {.method = "GET", .path = path};
    struct up_bytes text = {0};
    int result = client_call(cli, &request, &text);

    if (result == CLI_OK)
        print_json(up_bytes_view(&text));
    up_bytes_wipe(&text);
    return result;
}

int client_banner(struct cli *cli, FILE *out, bool *ret_exercise)
{
    struct client_request request = {.method = "GET", .path = "/v1/status"};
    ProtobufCMessage *status = NULL;
    int result = client_ask(cli, &request, &up__node_status__descriptor, &status, NULL);

    if (result != CLI_OK)
        return result;
    if (ret_exercise)
        *ret_exercise = ((Up__NodeStatus *)status)->exercise;
    print_banner(cli, out, ((Up__NodeStatus *)status)->exercise);
    return CLI_OK;
}
