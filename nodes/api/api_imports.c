/* SPDX-License-Identifier: MIT
 * /v1/imports: a file of reports. As JSON up to UP_JSON_LEN_MAX; larger files come as a form
 * (multipart/form-data with the parts name, mapping, skip_bad and csv), which needs no copy in
 * base64. */
#include <stdio.h>
#include <string.h>

#include "nodes/api/api_resources.h"
#include "proto/scan.h"
#include "upstander/limits.h"

enum part { PART_NAME, PART_MAPPING, PART_SKIP_BAD, PART_CSV, PART_COUNT };
static const char *const part_names[PART_COUNT] = {"name", "mapping", "skip_bad", "csv"};
static const size_t part_len_max[PART_COUNT] = {255, UP_CONFIG_LEN_MAX, 5, UP_HTTP_BODY_LEN_MAX};

struct form {
    struct up_bytes parts[PART_COUNT]; /* one byte more than len: a NUL */
    size_t caps[PART_COUNT];
    struct up_why *why;
    enum up_err err;
};

/* Grows by doubling; what was there is wiped, for it may be people's data. */
static enum up_err part_append(struct form *form, enum part part, struct up_view data)
{
    struct up_bytes *bytes = &form->parts[part];
    size_t need = bytes->len + data.len + 1;

    if (bytes->len + data.len > part_len_max[part])
        return up_why_set(form->why, UP_TOO_LARGE, "the part \"%s\" is too long", part_names[part]);
    if (!bytes->data || need > form->caps[part]) {
        struct up_bytes grown = {0};
        size_t len = bytes->len;

        if (up_bytes_new(need * 2, &grown))
            return UP_NO_MEMORY;
        if (bytes->data)
            memcpy(grown.data, bytes->data, len);
        bytes->len = form->caps[part];
        up_bytes_wipe(bytes);
        form->caps[part] = grown.len;
        *bytes = (struct up_bytes){.data = grown.data, .len = len};
    }
    if (data.len > 0)
        memcpy(bytes->data + bytes->len, data.data, data.len);
    bytes->len += data.len;
    bytes->data[bytes->len] = '\0';
    return UP_OK;
}

static enum MHD_Result on_part(void *cls, enum MHD_ValueKind kind, const char *key,
                               const char *filename, const char *content_type,
                               const char *transfer_encoding, const char *data, uint64_t offset,
                               size_t len)
{
    struct form *form = cls;

    (void)kind;
    (void)filename;
    (void)content_type;
    (void)transfer_encoding;
    for (int part = 0; part < PART_COUNT; part++) {
        if (!key || strcmp(key, part_names[part]) != 0)
            continue;
        if (offset == 0 && form->parts[part].data)
            form->err = up_why_set(form->why, UP_INVALID, "the part \"%s\" stands there twice",
                                   part_names[part]);
        else
            form->err = part_append(form, (enum part)part, up_view_of(data, len));
        return form->err ? MHD_NO : MHD_YES;
    }
    form->err = up_why_set(form->why, UP_INVALID,
                           "a part of the form is none of name, mapping, skip_bad, csv");
    return MHD_NO;
}

static enum up_err form_read(const struct http_request *request, struct form *form)
{
    struct MHD_PostProcessor *processor =
        MHD_create_post_processor(request->connection, 65536, on_part, form);
    bool read = false;

    if (!processor)
        return up_why_set(form->why, UP_MALFORMED, "the form has no boundary");
    read = MHD_post_process(processor, (const char *)request->body.data, request->body.len);
    read &= MHD_destroy_post_processor(processor) == MHD_YES;
    if (form->err)
        return form->err;
    return read ? UP_OK : up_why_set(form->why, UP_MALFORMED, "the form breaks off, or is none");
}

static enum up_err form_import(const struct http_request *request, Up__ImportResult **ret_result)
{
    struct form form = {.why = request->call->why};
    Up__ImportRequest import;
    char none[] = "";
    char *texts[PART_CSV] = {none, none, none};
    enum up_err err = form_read(request, &form);

    up__import_request__init(&import);
    for (int part = 0; !err && part < PART_CSV; part++) {
        const struct up_bytes *bytes = &form.parts[part];

        if (!bytes->data)
            continue;
        texts[part] = (char *)bytes->data;
        if (!scan_text(up_bytes_view(bytes)))
            err = up_why_set(form.why, UP_BAD_TEXT, "%s: %s", part_names[part],
                             up_err_text(UP_BAD_TEXT));
    }
    if (!err) {
        import.name = texts[PART_NAME];
        import.mapping = texts[PART_MAPPING];
        import.skip_bad = strcmp(texts[PART_SKIP_BAD], "true") == 0;
        import.csv = (ProtobufCBinaryData){.len = form.parts[PART_CSV].len,
                                           .data = form.parts[PART_CSV].data};
        err = service_import(request->service, request->call, &import, ret_result);
    }
    for (int part = 0; part < PART_COUNT; part++) {
        form.parts[part].len = form.caps[part];
        up_bytes_wipe(&form.parts[part]);
    }
    return err;
}

enum up_err api_imports_add(const struct http_request *request, struct http_reply *reply)
{
    ProtobufCMessage *import = NULL;
    Up__ImportResult *result = NULL;
    enum up_err err = UP_OK;

    if (request->form_boundary) {
        err = form_import(request, &result);
    } else {
        err = http_json(request, &up__import_request__descriptor, &import);
        if (!err)
            err = service_import(request->service, request->call, (Up__ImportRequest *)import,
                                 &result);
    }
    if (err)
        return err;
    reply->message = &result->base;
    if (result->import_id[0] != '\0') {
        reply->status = 201;
        (void)snprintf(reply->location, sizeof reply->location, "/v1/imports/%s/preview",
                       result->import_id);
    }
    return UP_OK;
}

enum up_err api_imports_preview(const struct http_request *request, struct http_reply *reply)
{
    Up__ImportPreview *preview = NULL;
    enum up_err err =
        service_import_preview(request->service, request->call, request->arg, &preview);

    if (!err)
        reply->message = &preview->base;
    return err;
}

enum up_err api_imports_send(const struct http_request *request, struct http_reply *reply)
{
    Up__SendResult *result = NULL;
    enum up_err err = service_import_send(request->service, request->call, request->arg, &result);

    if (!err)
        reply->message = &result->base;
    return err;
}
