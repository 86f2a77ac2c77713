/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* NOLINT: memmem */
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <qpdf/qpdf-c.h>

#include "nodes/clean/clean.h"
#include "upstander/limits.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char damaged[] =
    "The PDF is damaged or not complete; print it to a new PDF and attach that.";

/* What of a thing stays; of everything else only what is known to be about the author goes. */
static const char *const root_keys[] = {"/Type", "/Pages", "/OCProperties", "/Version"};
static const char *const trailer_keys[] = {"/Root", "/Size"};
static const char *const tree_keys[] = {"/Type", "/Kids", "/Count", "/Parent"};
static const char *const page_keys[] = {
    "/Type",   "/Parent", "/Resources", "/MediaBox", "/CropBox",  "/TrimBox", "/BleedBox",
    "/ArtBox", "/Rotate", "/Contents",  "/Group",    "/UserUnit", "/Annots"};
static const char *const annotation_keys[] = {"/Type", "/Subtype", "/Rect", "/F",
                                              "/AP",   "/AS",      "/OC"};
static const char *const appearance_keys[] = {"/N"};
/* annotations that are part of what is seen; links, notes, attachments, sound and films are not */
static const char *const shown[] = {
    "/FreeText",  "/Line",     "/Square",    "/Circle", "/Polygon", "/PolyLine", "/Highlight",
    "/Underline", "/Squiggly", "/StrikeOut", "/Stamp",  "/Ink",     "/Widget"};
static const char *const dropped_keys[] = {
    "/Metadata",     "/PieceInfo",     "/LastModified", "/OPI",        "/Alternates", "/EF",
    "/AF",           "/Thumb",         "/JS",           "/JavaScript", "/PtData",     "/Measure",
    "/StructParent", "/StructParents", "/CreatorInfo"};
/* of streams also what points to another file */
static const char *const dropped_stream_keys[] = {"/F", "/FFilter", "/FDecodeParms", "/Ref"};
static const char *const plain_filters[] = {
    "/FlateDecode",     "/LZWDecode",      "/ASCII85Decode", "/ASCIIHexDecode",
    "/RunLengthDecode", "/CCITTFaxDecode", "/JBIG2Decode"};

struct job {
    qpdf_data pdf;
    uint8_t *seen; /* by number of object; UP_PDF_OBJECTS_MAX */
    int *waiting;  /* numbers and generations of objects that are still to be walked */
    size_t waiting_count;
    enum up_err err; /* the first */
    const char *sentence;
};

static void refuse(struct job *job, const char *sentence)
{
    if (!job->err) {
        job->err = UP_MALFORMED;
        job->sentence = sentence;
    }
}

static bool one_of(const char *word, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0)
            return true;
    }
    return false;
}

/* --- dictionaries --------------------------------------------------------------------------- */

struct keys {
    char **names; /* owns */
    size_t count;
};

static void keys_clear(struct keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        free(keys->names[i]);
    free((void *)keys->names);
    *keys = (struct keys){0};
}

/* A copy: the library has one place only for where it stands in a dictionary. */
static struct keys keys_of(struct job *job, qpdf_oh dictionary)
{
    struct keys keys = {0};

    qpdf_oh_begin_dict_key_iter(job->pdf, dictionary);
    while (qpdf_oh_dict_more_keys(job->pdf)) {
        char **names = (char **)realloc((void *)keys.names, (keys.count + 1) * sizeof *names);
        char *name = strdup(qpdf_oh_dict_next_key(job->pdf));

        if (names)
            keys.names = names;
        if (!names || !name) {
            free(name);
            job->err = job->err ? job->err : UP_NO_MEMORY;
            break;
        }
        keys.names[keys.count++] = name;
    }
    return keys;
}

static void keep_only(struct job *job, qpdf_oh dictionary, const char *const *words, size_t count)
{
    struct keys keys = keys_of(job, dictionary);

    for (size_t i = 0; i < keys.count; i++) {
        if (!one_of(keys.names[i], words, count))
            qpdf_oh_remove_key(job->pdf, dictionary, keys.names[i]);
    }
    keys_clear(&keys);
}

static bool is_name(struct job *job, qpdf_oh dictionary, const char *key, const char *name)
{
    qpdf_oh value = qpdf_oh_get_key(job->pdf, dictionary, key);
    const bool is =
        qpdf_oh_is_name(job->pdf, value) && strcmp(qpdf_oh_get_name(job->pdf, value), name) == 0;

    qpdf_oh_release(job->pdf, value);
    return is;
}

/* --- streams -------------------------------------------------------------------------------- */

static void no_memory(struct job *job)
{
    if (!job->err)
        job->err = UP_NO_MEMORY;
}

/* The value that belongs to the last filter is taken off; a single one is the last. */
static qpdf_oh take_last(struct job *job, qpdf_oh dictionary, const char *key, int filters)
{
    qpdf_oh value = qpdf_oh_get_key(job->pdf, dictionary, key);
    const int count =
        qpdf_oh_is_array(job->pdf, value) ? qpdf_oh_get_array_n_items(job->pdf, value) : 0;

    if (count == 0) {
        qpdf_oh_remove_key(job->pdf, dictionary, key);
        return filters == 1 ? value : qpdf_oh_new_null(job->pdf);
    }
    if (count != filters) {
        refuse(job, damaged);
        return value;
    }
    qpdf_oh last = qpdf_oh_get_array_item(job->pdf, value, count - 1);
    qpdf_oh others = qpdf_oh_new_array(job->pdf); /* the array may be shared with another stream */
    for (int i = 0; i < count - 1; i++)
        qpdf_oh_append_item(job->pdf, others, qpdf_oh_get_array_item(job->pdf, value, i));
    qpdf_oh_replace_key(job->pdf, dictionary, key, others);
    return last;
}

/* A photograph keeps its bytes, without the segments that tell of camera and place. */
static void strip_picture(struct job *job, qpdf_oh stream, qpdf_oh dictionary, int filters)
{
    qpdf_oh filter = take_last(job, dictionary, "/Filter", filters);
    qpdf_oh parameters = take_last(job, dictionary, "/DecodeParms", filters);
    QPDF_BOOL filtered = QPDF_FALSE;
    unsigned char *data = NULL;
    size_t len = 0;
    struct up_bytes stripped = {0};

    if (job->err)
        return;
    if (qpdf_oh_get_stream_data(job->pdf, stream, qpdf_dl_generalized, &filtered, &data, &len) !=
            QPDF_SUCCESS ||
        !data || (filters > 1 && !filtered)) {
        refuse(job, damaged);
    } else if (clean_jpeg_strip(up_view_of(data, len), &stripped)) {
        refuse(job, "A photograph in the PDF is damaged; print it to a new PDF and attach that.");
    } else {
        qpdf_oh_replace_stream_data(job->pdf, stream, stripped.data, stripped.len, filter,
                                    parameters);
        up_bytes_wipe(&stripped);
    }
    free(data);
}

/* Pictures and metadata can also stand inside a page's own text, where nothing of them can be taken away. */
static void search(struct job *job, qpdf_oh stream)
{
    static const struct {
        const char *bytes;
        size_t len;
    } marks[] = {{"Exif\0", 5}, {"ns.adobe.com/xap", 16}, {"<?xpacket", 9}, {"Photoshop 3.0", 13}};
    unsigned char *data = NULL;
    size_t len = 0;

    if (qpdf_oh_get_stream_data(job->pdf, stream, qpdf_dl_generalized, NULL, &data, &len) !=
        QPDF_SUCCESS)
        refuse(job, damaged);
    for (size_t i = 0; data && i < COUNT(marks); i++) {
        if (memmem(data, len, marks[i].bytes, marks[i].len))
            refuse(job, "A page of the PDF holds a picture with hidden data that can't be taken "
                        "out; save the pages as JPEG or PNG and attach those.");
    }
    free(data);
}

static void walk_stream(struct job *job, qpdf_oh stream, qpdf_oh dictionary)
{
    qpdf_oh filter = qpdf_oh_get_key(job->pdf, dictionary, "/Filter");
    const bool many = qpdf_oh_is_array(job->pdf, filter);
    int count = 1;
    bool is_photograph = false;

    if (many)
        count = qpdf_oh_get_array_n_items(job->pdf, filter);
    else if (qpdf_oh_is_null(job->pdf, filter))
        count = 0;
    for (int i = 0; i < count; i++) {
        qpdf_oh item = many ? qpdf_oh_get_array_item(job->pdf, filter, i) : filter;
        const char *name = qpdf_oh_is_name(job->pdf, item) ? qpdf_oh_get_name(job->pdf, item) : "";

        is_photograph = i == count - 1 && strcmp(name, "/DCTDecode") == 0;
        if (!is_photograph && !one_of(name, plain_filters, COUNT(plain_filters)))
            refuse(job, "A picture in the PDF is of a kind that can't be made anew (JPEG 2000, for "
                        "example); save the pages as JPEG or PNG and attach those.");
    }
    for (size_t i = 0; i < COUNT(dropped_stream_keys); i++)
        qpdf_oh_remove_key(job->pdf, dictionary, dropped_stream_keys[i]);
    if (job->err)
        return;
    if (is_photograph)
        strip_picture(job, stream, dictionary, count);
    else if (!is_name(job, dictionary, "/Subtype", "/Image"))
        search(job, stream);
}

/* --- the walk ------------------------------------------------------------------------------- */

static void walk_value(struct job *job, qpdf_oh value, unsigned depth);

static void walk_dictionary(struct job *job, qpdf_oh dictionary, unsigned depth)
{
    struct keys keys = {0};

    if (is_name(job, dictionary, "/Type", "/Pages"))
        keep_only(job, dictionary, tree_keys, COUNT(tree_keys));
    keys = keys_of(job, dictionary);
    for (size_t i = 0; i < keys.count && !job->err; i++) {
        if (one_of(keys.names[i], dropped_keys, COUNT(dropped_keys))) {
            qpdf_oh_remove_key(job->pdf, dictionary, keys.names[i]);
        } else {
            qpdf_oh value = qpdf_oh_get_key(job->pdf, dictionary, keys.names[i]);

            walk_value(job, value, depth + 1);
            qpdf_oh_release(job->pdf, value);
        }
    }
    keys_clear(&keys);
}

static void walk_inside(struct job *job, qpdf_oh value, unsigned depth)
{
    if (depth > UP_PDF_DEPTH_MAX) {
        refuse(job, damaged);
    } else if (qpdf_oh_is_stream(job->pdf, value)) {
        qpdf_oh dictionary = qpdf_oh_get_dict(job->pdf, value);

        walk_stream(job, value, dictionary);
        walk_dictionary(job, dictionary, depth + 1);
        qpdf_oh_release(job->pdf, dictionary);
    } else if (qpdf_oh_is_dictionary(job->pdf, value)) {
        walk_dictionary(job, value, depth);
    } else if (qpdf_oh_is_array(job->pdf, value)) {
        const int count = qpdf_oh_get_array_n_items(job->pdf, value);

        for (int i = 0; i < count && !job->err; i++) {
            qpdf_oh item = qpdf_oh_get_array_item(job->pdf, value, i);

            walk_value(job, item, depth + 1);
            qpdf_oh_release(job->pdf, item);
        }
    }
}

/* What stands here is walked at once, what is referred to is put aside: the stack grows by neither. */
static void walk_value(struct job *job, qpdf_oh value, unsigned depth)
{
    if (!qpdf_oh_is_indirect(job->pdf, value)) {
        walk_inside(job, value, depth);
        return;
    }
    const int number = qpdf_oh_get_object_id(job->pdf, value);
    if (number <= 0 || (unsigned)number >= UP_PDF_OBJECTS_MAX) {
        refuse(job, damaged);
    } else if (!job->seen[number]) {
        job->seen[number] = 1;
        job->waiting[2 * job->waiting_count] = number;
        job->waiting[2 * job->waiting_count + 1] = qpdf_oh_get_generation(job->pdf, value);
        job->waiting_count++;
    }
}

static void walk(struct job *job, qpdf_oh root)
{
    walk_value(job, root, 0);
    while (job->waiting_count > 0 && !job->err) {
        job->waiting_count--;
        qpdf_oh value = qpdf_get_object_by_id(job->pdf, job->waiting[2 * job->waiting_count],
                                              job->waiting[2 * job->waiting_count + 1]);
        walk_inside(job, value, 0);
        qpdf_oh_release(job->pdf, value);
        if (qpdf_has_error(job->pdf))
            refuse(job, damaged);
    }
}

/* --- pages ---------------------------------------------------------------------------------- */

/* Is it part of what is seen? If so, only its appearance stays. */
static bool keep_annotation(struct job *job, qpdf_oh annotation)
{
    enum { HIDDEN = 1 << 1, NO_VIEW = 1 << 5 };
    int flags = 0;

    if (!qpdf_oh_is_dictionary(job->pdf, annotation))
        return false;
    if (is_name(job, annotation, "/Subtype", "/Redact"))
        refuse(job, "In the PDF, something is marked to be blacked out, but is still in it; finish "
                    "that, print it to a new PDF and attach that.");
    qpdf_oh subtype = qpdf_oh_get_key(job->pdf, annotation, "/Subtype");
    qpdf_oh appearance = qpdf_oh_get_key(job->pdf, annotation, "/AP");
    qpdf_oh flag_value = qpdf_oh_get_key(job->pdf, annotation, "/F");
    if (!qpdf_oh_is_name(job->pdf, subtype) || !qpdf_oh_is_dictionary(job->pdf, appearance) ||
        !one_of(qpdf_oh_get_name(job->pdf, subtype), shown, COUNT(shown)))
        return false;
    if (qpdf_oh_is_integer(job->pdf, flag_value))
        flags = qpdf_oh_get_int_value_as_int(job->pdf, flag_value);
    if (flags & (HIDDEN | NO_VIEW))
        return false;
    keep_only(job, annotation, annotation_keys, COUNT(annotation_keys));
    keep_only(job, appearance, appearance_keys, COUNT(appearance_keys));
    /* a field without its form is not shown by every program; a stamp is */
    qpdf_oh_replace_key(job->pdf, annotation, "/Subtype", qpdf_oh_new_name(job->pdf, "/Stamp"));
    return true;
}

static void clean_page(struct job *job, qpdf_oh page)
{
    qpdf_oh annotations = 0;
    qpdf_oh kept = 0;

    keep_only(job, page, page_keys, COUNT(page_keys));
    annotations = qpdf_oh_get_key(job->pdf, page, "/Annots");
    if (!qpdf_oh_is_array(job->pdf, annotations)) {
        qpdf_oh_remove_key(job->pdf, page, "/Annots");
        return;
    }
    kept = qpdf_oh_new_array(job->pdf);
    for (int i = 0; i < qpdf_oh_get_array_n_items(job->pdf, annotations); i++) {
        qpdf_oh annotation = qpdf_oh_get_array_item(job->pdf, annotations, i);

        if (keep_annotation(job, annotation))
            qpdf_oh_append_item(job->pdf, kept, annotation);
    }
    qpdf_oh_replace_key(job->pdf, page, "/Annots", kept);
}

static void refuse_live_form(struct job *job, qpdf_oh root)
{
    qpdf_oh form = qpdf_oh_get_key(job->pdf, root, "/AcroForm");
    qpdf_oh needs = 0;

    if (!qpdf_oh_is_dictionary(job->pdf, form))
        return;
    needs = qpdf_oh_get_key(job->pdf, form, "/NeedAppearances");
    if (qpdf_oh_has_key(job->pdf, form, "/XFA") ||
        (qpdf_oh_is_bool(job->pdf, needs) && qpdf_oh_get_bool_value(job->pdf, needs)))
        refuse(job, "The PDF is a form whose answers are drawn only when it is opened; print it to "
                    "a new PDF and attach that.");
}

static void clean_document(struct job *job)
{
    qpdf_oh root = qpdf_get_root(job->pdf);
    qpdf_oh trailer = qpdf_get_trailer(job->pdf);
    int pages = 0;

    if (!qpdf_oh_is_dictionary(job->pdf, root)) {
        refuse(job, damaged);
        return;
    }
    refuse_live_form(job, root);
    keep_only(job, root, root_keys, COUNT(root_keys));
    keep_only(job, trailer, trailer_keys,
              COUNT(trailer_keys)); /* also /ID, the same in all versions */
    pages = qpdf_get_num_pages(job->pdf);
    if (pages < 1 || pages > (int)UP_PDF_PAGES_MAX ||
        qpdf_push_inherited_attributes_to_page(job->pdf) != QPDF_SUCCESS) {
        refuse(job, pages > (int)UP_PDF_PAGES_MAX
                        ? "The PDF has more than 2,000 pages; attach the pages that matter."
                        : damaged);
        return;
    }
    for (int i = 0; i < pages && !job->err; i++) {
        qpdf_oh page = qpdf_get_page_n(job->pdf, (size_t)i);

        clean_page(job, page);
    }
    if (!job->err)
        walk(job, root);
}

static void write_document(struct job *job, struct up_bytes *ret_out)
{
    struct up_bytes out = {0};

    if (qpdf_init_write_memory(job->pdf) != QPDF_SUCCESS) {
        refuse(job, damaged);
        return;
    }
    qpdf_set_deterministic_ID(job->pdf, QPDF_TRUE);
    qpdf_set_preserve_encryption(job->pdf, QPDF_FALSE);
    qpdf_set_object_stream_mode(job->pdf, qpdf_o_generate);
    if (qpdf_write(job->pdf) != QPDF_SUCCESS || qpdf_more_warnings(job->pdf))
        refuse(job, damaged);
    else if (up_bytes_copy(up_view_of(qpdf_get_buffer(job->pdf), qpdf_get_buffer_length(job->pdf)),
                           &out))
        no_memory(job);
    else
        *ret_out = out;
}

enum up_err clean_pdf(struct up_view in, struct up_bytes *ret_out, struct up_why *why)
{
    struct job job = {0};
    enum up_err err = UP_OK;

    job.seen = calloc(UP_PDF_OBJECTS_MAX, 1);
    job.waiting = calloc(UP_PDF_OBJECTS_MAX, 2 * sizeof *job.waiting);
    job.pdf = qpdf_init();
    if (!job.seen || !job.waiting || !job.pdf) {
        no_memory(&job);
        goto out;
    }
    qpdf_silence_errors(job.pdf);
    qpdf_set_suppress_warnings(job.pdf, QPDF_TRUE);
    qpdf_set_attempt_recovery(job.pdf, QPDF_FALSE); /* what is guessed is not what was there */
    if (qpdf_read_memory(job.pdf, "file", (const char *)in.data, in.len, NULL) != QPDF_SUCCESS) {
        refuse(&job,
               qpdf_has_error(job.pdf) &&
                       qpdf_get_error_code(job.pdf, qpdf_get_error(job.pdf)) == qpdf_e_password
                   ? "The PDF has a password; print it to a new PDF and attach that."
                   : damaged);
        goto out;
    }
    clean_document(&job);
    if (!job.err && qpdf_has_error(job.pdf))
        refuse(&job, damaged);
    if (!job.err)
        write_document(&job, ret_out);
out:
    err = job.err;
    if (err)
        (void)up_why_set(why, err, "%s", job.sentence ? job.sentence : up_err_text(err));
    /* or the library would tell standard error, in words of the file */
    if (job.pdf && qpdf_has_error(job.pdf))
        (void)qpdf_get_error(job.pdf);
    if (job.pdf)
        qpdf_cleanup(&job.pdf);
    free(job.seen);
    free(job.waiting);
    return err;
}
