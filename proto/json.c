/* SPDX-License-Identifier: MIT
 * Canonical JSON of proto3 by descriptor (SPEC 7), jansson underneath. The only file that includes
 * jansson. */
#include "upstander/json.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/json_where.h"
#include "proto/scan.h"
#include "upstander/limits.h"

enum { PATH_LEN_MAX = 160, NAME_LEN_MAX = 64 };

/* jansson's memory. When growing the buffer of a token fails, jansson 2.14 drops bytes without a
 * word, and reads past the end if the next allocation works; so after one failure all others of the
 * call fail as well, which it survives. (What is left: a bare number of over 14 digits at that very
 * moment trips an assertion inside jansson.) Blocks are wiped before they go: they held a report.
 */
static _Thread_local bool memory_ran_out; /* jansson passes its hooks no pointer of ours */

struct prefix {
    _Alignas(16) size_t len;
};

static void *hook_alloc(size_t len)
{
    struct prefix *prefix = NULL;

    if (!memory_ran_out && len <= SIZE_MAX - sizeof *prefix)
        prefix = malloc(sizeof *prefix + len);
    if (!prefix) {
        memory_ran_out = true;
        return NULL;
    }
    prefix->len = len;
    return prefix + 1;
}

static void hook_free(void *memory)
{
    struct prefix *prefix = memory;

    if (!prefix)
        return;
    prefix--;
    sodium_memzero(prefix, sizeof *prefix + prefix->len);
    free(prefix);
}

static void hooks_set(void)
{
    json_malloc_t alloc = NULL;
    json_free_t release = NULL;

    memory_ran_out = false;
    json_get_alloc_funcs(&alloc, &release);
    if (alloc != hook_alloc) /* once: threads share them */
        json_set_alloc_funcs(hook_alloc, hook_free);
}

/* Where in the document we are, for the error; cut back to path_len on the way up. */
struct reader {
    struct arena *arena;
    struct up_why *why;
    char path[PATH_LEN_MAX];
    struct up_view text;
    unsigned depth;
    size_t field_count; /* what can't be sent as bytes (scan.c) is not taken as text */
};

/* reported_before -> reportedBefore, telephone_24h -> telephone24h */
static void camel(const char *name, char ret_camel[static NAME_LEN_MAX])
{
    size_t at = 0;

    for (bool raise = false; *name != '\0' && at + 1 < NAME_LEN_MAX; name++) {
        if (raise && *name >= 'a' && *name <= 'z')
            ret_camel[at++] = (char)(*name - ('a' - 'A'));
        else if (*name != '_')
            ret_camel[at++] = *name;
        raise = *name == '_';
    }
    ret_camel[at] = '\0';
}

static enum up_err refuse(struct reader *reader, const char *what)
{
    return up_why_set(reader->why, UP_INVALID, "line %u, %s: %s",
                      json_where_line(reader->text, reader->path),
                      reader->path[0] ? reader->path : "the document", what);
}

static size_t path_push(struct reader *reader, const char *name, size_t index, bool indexed)
{
    size_t len = strlen(reader->path);
    char spelt[NAME_LEN_MAX];

    if (!indexed)
        camel(name, spelt);
    if (indexed)
        (void)snprintf(reader->path + len, sizeof reader->path - len, "[%zu]", index);
    else
        (void)snprintf(reader->path + len, sizeof reader->path - len, "%s%s", len ? "." : "",
                       spelt);
    return len;
}

static const ProtobufCFieldDescriptor *field_by_key(const ProtobufCMessageDescriptor *descriptor,
                                                    const char *key)
{
    for (unsigned i = 0; i < descriptor->n_fields; i++) {
        char name[NAME_LEN_MAX];

        camel(descriptor->fields[i].name, name);
        if (strcmp(name, key) == 0 || strcmp(descriptor->fields[i].name, key) == 0)
            return &descriptor->fields[i];
    }
    return NULL;
}

/* An integer as a number, or as text where JSON numbers can't hold it. */
static bool integer_read(const json_t *value, bool is_signed, int64_t *ret_signed,
                         uint64_t *ret_unsigned)
{
    char *end = NULL;
    const char *text = NULL;

    if (json_is_integer(value)) {
        json_int_t number = json_integer_value(value);

        *ret_signed = number;
        *ret_unsigned = (uint64_t)number;
        return is_signed || number >= 0;
    }
    if (!json_is_string(value))
        return false;
    text = json_string_value(value);
    if (text[0] == '\0' || strlen(text) > 20 || strspn(text, "-0123456789") != strlen(text) ||
        (!is_signed && text[0] == '-'))
        return false;
    errno = 0; /* a number past 64 bits comes back as the largest there is, and only errno tells */
    if (is_signed)
        *ret_signed = strtoll(text, &end, 10);
    else
        *ret_unsigned = strtoull(text, &end, 10);
    return *end == '\0' && errno == 0;
}

static enum up_err number_read(struct reader *reader, const ProtobufCFieldDescriptor *field,
                               const json_t *value, void *out)
{
    int64_t s = 0;
    uint64_t u = 0;

    switch (field->type) {
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        if (!integer_read(value, true, &s, &u) || s < INT32_MIN || s > INT32_MAX)
            return refuse(reader, "not a whole number that fits");
        *(int32_t *)out = (int32_t)s;
        return UP_OK;
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        if (!integer_read(value, false, &s, &u) || u > UINT32_MAX)
            return refuse(reader, "not a whole number from 0 that fits");
        *(uint32_t *)out = (uint32_t)u;
        return UP_OK;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        if (!integer_read(value, true, &s, &u))
            return refuse(reader, "not a whole number");
        *(int64_t *)out = s;
        return UP_OK;
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        if (!integer_read(value, false, &s, &u))
            return refuse(reader, "not a whole number from 0");
        *(uint64_t *)out = u;
        return UP_OK;
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
    case PROTOBUF_C_TYPE_BOOL:
    case PROTOBUF_C_TYPE_ENUM:
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        break;
    }
    return refuse(reader, "a type that JSON does not carry here");
}

/* Says what there is, as far as it fits. */
static enum up_err refuse_value(struct reader *reader, const ProtobufCEnumDescriptor *values)
{
    char what[160] = "no such value; there are";
    size_t len = strlen(what);

    for (unsigned i = 0; i < values->n_values && len < sizeof what - NAME_LEN_MAX; i++) {
        if (values->values[i].value != 0)
            len += (size_t)snprintf(what + len, sizeof what - len, " %.*s", NAME_LEN_MAX - 2,
                                    values->values[i].name);
        if (i + 1 < values->n_values && len >= sizeof what - NAME_LEN_MAX)
            (void)snprintf(what + len, sizeof what - len, " ...");
    }
    return refuse(reader, what);
}

static enum up_err enum_read(struct reader *reader, const ProtobufCEnumDescriptor *values,
                             const json_t *value, void *out)
{
    const ProtobufCEnumValue *found = NULL;

    if (json_is_string(value)) {
        found = protobuf_c_enum_descriptor_get_value_by_name(values, json_string_value(value));
    } else if (json_is_integer(value) && json_integer_value(value) >= 0 &&
               json_integer_value(value) <= INT32_MAX) {
        found = protobuf_c_enum_descriptor_get_value(values, (int)json_integer_value(value));
    }
    if (!found)
        return refuse_value(reader, values);
    *(int *)out = found->value;
    return UP_OK;
}

static enum up_err text_read(struct reader *reader, const json_t *value, char **out)
{
    struct up_view text = {0};

    if (!json_is_string(value))
        return refuse(reader, "not a text");
    text = up_view_of(json_string_value(value), json_string_length(value));
    if (!scan_text(text))
        return refuse(reader, "holds a NUL");
    *out = arena_text(reader->arena, text);
    return *out ? UP_OK : UP_NO_MEMORY;
}

static enum up_err bytes_read(struct reader *reader, const json_t *value, ProtobufCBinaryData *out)
{
    size_t len = 0;

    if (!json_is_string(value))
        return refuse(reader, "not base64");
    out->data = arena_alloc(reader->arena, json_string_length(value) + 1);
    if (!out->data)
        return UP_NO_MEMORY;
    if (sodium_base642bin(out->data, json_string_length(value) + 1, json_string_value(value),
                          json_string_length(value), NULL, &len, NULL,
                          sodium_base64_VARIANT_ORIGINAL) != 0)
        return refuse(reader, "not base64");
    out->len = len;
    return UP_OK;
}

static enum up_err object_read(struct reader *reader, const ProtobufCMessageDescriptor *descriptor,
                               json_t *object, ProtobufCMessage **ret_message);

static enum up_err value_read(struct reader *reader, const ProtobufCFieldDescriptor *field,
                              json_t *value, void *out)
{
    if (field->type == PROTOBUF_C_TYPE_STRING)
        return text_read(reader, value, out);
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return bytes_read(reader, value, out);
    if (field->type == PROTOBUF_C_TYPE_ENUM)
        return enum_read(reader, field->descriptor, value, out);
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return object_read(reader, field->descriptor, value, out);
    if (field->type == PROTOBUF_C_TYPE_BOOL) {
        if (!json_is_boolean(value))
            return refuse(reader, "not true or false");
        *(protobuf_c_boolean *)out = json_is_true(value);
        return UP_OK;
    }
    return number_read(reader, field, value, out);
}

static enum up_err list_read(struct reader *reader, const ProtobufCFieldDescriptor *field,
                             json_t *list, ProtobufCMessage *message)
{
    char *values = NULL;
    size_t count = json_array_size(list);
    size_t len = message_element_len(field->type);
    enum up_err err = UP_OK;

    if (!json_is_array(list))
        return refuse(reader, "not a list");
    values = arena_alloc(reader->arena, (count + 1) * len);
    if (!values)
        return UP_NO_MEMORY;
    reader->field_count += count;
    if (reader->field_count > UP_MESSAGE_FIELDS_MAX)
        return UP_TOO_LARGE;
    for (size_t i = 0; !err && i < count; i++) {
        size_t path_len = path_push(reader, "", i, true);

        err = value_read(reader, field, json_array_get(list, i), values + i * len);
        if (!err)
            reader->path[path_len] = '\0';
    }
    *(void **)(void *)((char *)message + field->offset) = values;
    *(size_t *)(void *)((char *)message + field->quantifier_offset) = count;
    return err;
}

static enum up_err field_read(struct reader *reader, const ProtobufCFieldDescriptor *field,
                              json_t *value, ProtobufCMessage *message)
{
    char *base = (char *)message;

    if (json_is_null(value)) /* the canonical mapping reads null as not set */
        return UP_OK;
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return list_read(reader, field, value, message);
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        int *which = (int *)(void *)(base + field->quantifier_offset);

        if (*which != 0)
            return refuse(reader, "another of this choice is set already");
        *which = (int)field->id;
    }
    return value_read(reader, field, value, base + field->offset);
}

/* The key itself is not repeated: what somebody put there by mistake may be personal. Its line tells enough. */
static enum up_err refuse_unknown(struct reader *reader, const char *key)
{
    char path[PATH_LEN_MAX];
    size_t len = strlen(reader->path);

    (void)snprintf(path, sizeof path, "%s%s", reader->path, key);
    return up_why_set(
        reader->why, UP_INVALID, "line %u, %s(unknown): no field of that name exists here",
        json_where_line(reader->text, len + strlen(key) < sizeof path ? path : reader->path),
        reader->path);
}

/* Recursion goes down the schema, which is not recursive; jansson bounds the document's
 * own depth. */
static enum up_err object_read(struct reader *reader, const ProtobufCMessageDescriptor *descriptor,
                               json_t *object, ProtobufCMessage **ret_message)
{
    ProtobufCMessage *message = NULL;
    uint64_t seen = 0;
    const char *key = NULL;
    json_t *value = NULL;

    if (!json_is_object(object))
        return refuse(reader, "not an object");
    if (reader->depth == UP_MESSAGE_DEPTH_MAX)
        return UP_TOO_DEEP;
    message = arena_alloc(reader->arena, descriptor->sizeof_message);
    if (!message)
        return UP_NO_MEMORY;
    descriptor->message_init(message);
    reader->depth++;
    json_object_foreach(object, key, value)
    {
        const ProtobufCFieldDescriptor *field = field_by_key(descriptor, key);
        size_t path_len = path_push(reader, field ? field->name : "", 0, false);
        enum up_err err = UP_OK;

        if (!field)
            return refuse_unknown(reader, key);
        if (seen >> (field - descriptor->fields) & 1)
            return refuse(reader, "given twice");
        seen |= (uint64_t)1 << (field - descriptor->fields);
        if (++reader->field_count > UP_MESSAGE_FIELDS_MAX)
            return UP_TOO_LARGE;
        err = field_read(reader, field, value, message);
        if (err)
            return err;
        reader->path[path_len] = '\0';
    }
    reader->depth--;
    *ret_message = message;
    return UP_OK;
}

static enum up_err syntax(struct up_why *why, const json_error_t *error)
{
    enum up_err err = UP_MALFORMED;
    const char *what = "not JSON";

    if (memory_ran_out) /* whatever it took that for */
        return up_why_set(why, UP_NO_MEMORY, "%s", up_err_text(UP_NO_MEMORY));
    switch (json_error_code(error)) {
    case json_error_duplicate_key:
        what = "a key is given twice";
        break;
    case json_error_stack_overflow:
        err = UP_TOO_DEEP;
        what = up_err_text(err);
        break;
    case json_error_invalid_utf8:
    case json_error_null_character:
    case json_error_null_byte_in_key:
        err = UP_BAD_TEXT;
        what = up_err_text(err);
        break;
    case json_error_unknown:
    case json_error_out_of_memory:
    case json_error_cannot_open_file:
    case json_error_invalid_argument:
    case json_error_premature_end_of_input:
    case json_error_end_of_input_expected:
    case json_error_invalid_syntax:
    case json_error_invalid_format:
    case json_error_wrong_type:
    case json_error_null_value:
    case json_error_numeric_overflow:
    case json_error_item_not_found:
    case json_error_index_out_of_range:
        break;
    }
    return up_why_set(why, err, "line %d, column %d: %s", error->line, error->column, what);
}

enum up_err json_parse(const ProtobufCMessageDescriptor *descriptor, struct up_view text,
                       struct arena *arena, ProtobufCMessage **ret_message, struct up_why *why)
{
    struct reader reader = {.arena = arena, .why = why, .text = text};
    json_error_t error = {0};
    json_t *root = NULL;
    enum up_err err = UP_OK;

    if (text.len > UP_JSON_LEN_MAX)
        return up_why_set(why, UP_TOO_LARGE, "%s", up_err_text(UP_TOO_LARGE));
    hooks_set();
    root = json_loadb(text.len > 0 ? (const char *)text.data : "", text.len, JSON_REJECT_DUPLICATES,
                      &error);
    if (!root || memory_ran_out) {
        json_decref(root);
        return syntax(why, &error);
    }
    err = object_read(&reader, descriptor, root, ret_message);
    if (err && err != UP_INVALID) /* refuse() wrote where and what already */
        (void)up_why_set(why, err, "%s", up_err_text(err));
    json_decref(root);
    return err;
}

/* --- writing ------------------------------------------------------------------------------ */

static json_t *object_make(const ProtobufCMessage *message);

static json_t *bytes_make(const ProtobufCBinaryData *bytes)
{
    size_t len = sodium_base64_encoded_len(bytes->len, sodium_base64_VARIANT_ORIGINAL);
    char *text = malloc(len);
    json_t *out = NULL;

    if (!text)
        return NULL;
    (void)sodium_bin2base64(text, len, bytes->data, bytes->len, sodium_base64_VARIANT_ORIGINAL);
    out = json_string(text);
    sodium_memzero(text, len);
    free(text);
    return out;
}

static json_t *enum_make(const ProtobufCEnumDescriptor *values, int number)
{
    const ProtobufCEnumValue *found = protobuf_c_enum_descriptor_get_value(values, number);

    return found ? json_string(found->name) : json_integer(number);
}

static json_t *wide_make(uint64_t value, bool is_signed)
{
    char text[24];

    if (is_signed)
        (void)snprintf(text, sizeof text, "%" PRId64, (int64_t)value);
    else
        (void)snprintf(text, sizeof text, "%" PRIu64, value);
    return json_string(text);
}

static json_t *value_make(const ProtobufCFieldDescriptor *field, const void *value)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        return json_string(*(char *const *)value);
    case PROTOBUF_C_TYPE_BYTES:
        return bytes_make(value);
    case PROTOBUF_C_TYPE_ENUM:
        return enum_make(field->descriptor, *(const int *)value);
    case PROTOBUF_C_TYPE_MESSAGE:
        return object_make(*(ProtobufCMessage *const *)value);
    case PROTOBUF_C_TYPE_BOOL:
        return json_boolean(*(const protobuf_c_boolean *)value);
    case PROTOBUF_C_TYPE_INT32:
    case PROTOBUF_C_TYPE_SINT32:
    case PROTOBUF_C_TYPE_SFIXED32:
        return json_integer(*(const int32_t *)value);
    case PROTOBUF_C_TYPE_UINT32:
    case PROTOBUF_C_TYPE_FIXED32:
        return json_integer(*(const uint32_t *)value);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
        return wide_make(*(const uint64_t *)value, true);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return wide_make(*(const uint64_t *)value, false);
    case PROTOBUF_C_TYPE_FLOAT:
    case PROTOBUF_C_TYPE_DOUBLE:
        break;
    }
    return NULL;
}

static bool is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    static const uint8_t zero[8];
    const char *value = (const char *)message + field->offset;
    const void *quantifier = (const char *)message + field->quantifier_offset;

    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
        return *(const int *)quantifier == (int)field->id;
    if (field->type == PROTOBUF_C_TYPE_STRING)
        return *(const char *const *)(const void *)value &&
               (*(const char *const *)(const void *)value)[0] != '\0';
    if (field->type == PROTOBUF_C_TYPE_MESSAGE)
        return *(const void *const *)(const void *)value != NULL;
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return ((const ProtobufCBinaryData *)(const void *)value)->len > 0;
    return memcmp(value, zero, message_element_len(field->type)) != 0;
}

static json_t *field_make(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const void *value = (const char *)message + field->offset;
    size_t count = 0;
    const char *values = NULL;
    json_t *list = NULL;

    if (field->label != PROTOBUF_C_LABEL_REPEATED)
        return value_make(field, value);
    count = *(const size_t *)(const void *)((const char *)message + field->quantifier_offset);
    values = *(const char *const *)value;
    list = json_array();
    for (size_t i = 0; list && i < count; i++) {
        const char *element = values + i * message_element_len(field->type);

        if (json_array_append_new(list, value_make(field, element))) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *object_make(const ProtobufCMessage *message)
{
    json_t *object = json_object();

    for (unsigned i = 0; object && i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        char name[NAME_LEN_MAX];
        bool set = field->label == PROTOBUF_C_LABEL_REPEATED
                       ? *(const size_t *)(const void *)((const char *)message +
                                                         field->quantifier_offset) > 0
                       : is_set(message, field);

        if (!set)
            continue;
        camel(field->name, name);
        if (json_object_set_new(object, name, field_make(message, field))) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

enum up_err json_format(const ProtobufCMessage *message, bool pretty, struct up_bytes *ret_text)
{
    json_t *object = NULL;
    char *text = NULL;
    enum up_err err = UP_NO_MEMORY;

    hooks_set();
    object = object_make(message);
    if (!object)
        return UP_NO_MEMORY;
    text = json_dumps(object, pretty ? JSON_INDENT(2) : JSON_COMPACT);
    json_decref(object);
    if (text && !memory_ran_out)
        err = up_bytes_new(strlen(text) + 1, ret_text);
    if (!err) {
        memcpy(ret_text->data, text, ret_text->len);
        ret_text->len--;
    }
    hook_free(text);
    return err;
}
