/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "nodes/clean/clean.h"
#include "upstander/limits.h"

/* libpng leaves by longjmp; all that must be released then stands here. */
struct job {
    jmp_buf fault;
    enum up_err err;
    struct up_view in; /* what is not read yet */
    struct up_bytes out;
    size_t room; /* bytes taken for out */
    png_structp from;
    png_infop from_info;
    png_structp to;
    png_infop to_info;
    uint8_t *pixels;
    png_bytep *rows; /* into pixels */
    size_t row_len;
};

static _Noreturn void fault(struct job *job, enum up_err err)
{
    job->err = err;
    longjmp(job->fault, 1);
}

static _Noreturn void on_error(png_structp png, png_const_charp text)
{
    (void)text; /* may hold bytes of the file */
    fault(png_get_error_ptr(png), UP_MALFORMED);
}

/* libpng warns of what it puts right by itself, such as a transparent colour that can't be. */
static void be_silent(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

static void on_read(png_structp png, png_bytep to, size_t len)
{
    struct job *job = png_get_io_ptr(png);

    if (len > job->in.len)
        fault(job, UP_MALFORMED);
    memcpy(to, job->in.data, len);
    job->in = up_view_of(job->in.data + len, job->in.len - len);
}

static void on_write(png_structp png, png_bytep from, size_t len)
{
    struct job *job = png_get_io_ptr(png);

    if (len > job->room - job->out.len) {
        const size_t room = (job->room + len) * 2;
        uint8_t *data = realloc(job->out.data, room);

        if (!data)
            fault(job, UP_NO_MEMORY);
        job->out.data = data;
        job->room = room;
    }
    memcpy(job->out.data + job->out.len, from, len);
    job->out.len += len;
}

static void on_flush(png_structp png)
{
    (void)png;
}

static void decode(struct job *job)
{
    png_structp png = job->from;
    const size_t len = job->in.len;
    unsigned height = 0;

    png_set_read_fn(png, job, on_read);
    png_set_user_limits(png, UP_ATTACHMENT_PIXELS_MAX, UP_ATTACHMENT_PIXELS_MAX);
    png_read_info(png, job->from_info);
    height = png_get_image_height(png, job->from_info);
    if ((uint64_t)height * png_get_image_width(png, job->from_info) > UP_ATTACHMENT_PIXELS_MAX)
        fault(job, UP_TOO_LARGE);
    (void)png_set_interlace_handling(png);
    png_read_update_info(png, job->from_info);
    job->row_len = png_get_rowbytes(png, job->from_info);
    /* deflate makes at most 1032 bytes of one: more than that the file can't hold */
    if (job->row_len * height / 1032 > len)
        fault(job, UP_MALFORMED);
    job->pixels = calloc(height, job->row_len);
    job->rows = calloc(height, sizeof *job->rows);
    if (!job->pixels || !job->rows)
        fault(job, UP_NO_MEMORY);
    for (unsigned y = 0; y < height; y++)
        job->rows[y] = job->pixels + y * job->row_len;
    png_read_image(png, job->rows);
    png_read_end(png, NULL); /* what is behind the end is gone */
}

/* The palette and which of its colours, or which one colour, can be seen through: without them the pixels mean
 * something else. */
static void copy_meaning(struct job *job)
{
    png_colorp palette = NULL;
    png_bytep alpha = NULL;
    png_color_16p colour = NULL;
    int count = 0;
    const bool indexed = png_get_color_type(job->from, job->from_info) == PNG_COLOR_TYPE_PALETTE;

    if (indexed && png_get_PLTE(job->from, job->from_info, &palette, &count) != 0)
        png_set_PLTE(job->to, job->to_info, palette, count);
    if (png_get_tRNS(job->from, job->from_info, &alpha, &count, &colour) != 0)
        png_set_tRNS(job->to, job->to_info, alpha, count, colour);
}

static void encode(struct job *job)
{
    const int type = png_get_color_type(job->from, job->from_info);

    png_set_write_fn(job->to, job, on_write, on_flush);
    png_set_IHDR(job->to, job->to_info, png_get_image_width(job->from, job->from_info),
                 png_get_image_height(job->from, job->from_info),
                 png_get_bit_depth(job->from, job->from_info), type, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    copy_meaning(job);
    png_write_info(job->to, job->to_info);
    png_write_image(job->to, job->rows);
    png_write_end(job->to, NULL);
}

/* The chunks that the pixels need, copied; the others never reach libpng, which takes memory for some of them by what
 * their header says of their length (eXIf, 2 GiB). What is behind IEND is left out. */
static enum up_err keep_chunks(struct up_view in, struct up_bytes *ret_kept)
{
    static const char kept_types[][5] = {"IHDR", "PLTE", "tRNS", "IDAT", "IEND"};
    enum { SIGNATURE_LEN = 8, FRAME_LEN = 12 };
    struct up_bytes kept = {0};
    size_t at = SIGNATURE_LEN;
    size_t len = SIGNATURE_LEN;
    bool ended = false;

    if (in.len < SIGNATURE_LEN)
        return UP_MALFORMED;
    if (up_bytes_new(in.len, &kept))
        return UP_NO_MEMORY;
    memcpy(kept.data, in.data, SIGNATURE_LEN);
    while (!ended && in.len - at >= FRAME_LEN) {
        const uint8_t *chunk = in.data + at;
        const size_t body_len = png_get_uint_32(chunk);
        bool keep = false;

        if (body_len > in.len - at - FRAME_LEN)
            break;
        for (size_t i = 0; i < sizeof kept_types / sizeof kept_types[0]; i++)
            keep = keep || memcmp(chunk + 4, kept_types[i], 4) == 0;
        if (!keep && !(chunk[4] & 0x20)) /* critical, and unknown: the pixels would be wrong */
            break;
        if (keep) {
            memcpy(kept.data + len, chunk, FRAME_LEN + body_len);
            len += FRAME_LEN + body_len;
        }
        ended = memcmp(chunk + 4, "IEND", 4) == 0;
        at += FRAME_LEN + body_len;
    }
    if (!ended) {
        up_bytes_wipe(&kept);
        return UP_MALFORMED;
    }
    kept.len = len;
    *ret_kept = kept;
    return UP_OK;
}

static enum up_err tell(enum up_err err, struct up_why *why)
{
    if (err == UP_TOO_LARGE)
        return up_why_set(why, err,
                          "The picture has more than 64 million pixels; make it smaller "
                          "and attach that.");
    if (err == UP_NO_MEMORY)
        return up_why_set(why, err,
                          "The picture needs more memory than is given to it; make it "
                          "smaller and attach that.");
    return up_why_set(why, err,
                      "The PNG picture is damaged or not complete; save it anew and "
                      "attach that.");
}

enum up_err clean_png(struct up_view in, struct up_bytes *ret_out, struct up_why *why)
{
    struct job *job = NULL;
    struct up_bytes kept = {0};
    enum up_err err = keep_chunks(in, &kept);

    if (err)
        return tell(err, why);
    job = calloc(1, sizeof *job);
    if (!job) {
        up_bytes_wipe(&kept);
        return tell(UP_NO_MEMORY, why);
    }
    job->in = up_bytes_view(&kept);
    if (setjmp(job->fault) == 0) {
        job->from = png_create_read_struct(PNG_LIBPNG_VER_STRING, job, on_error, be_silent);
        job->to = png_create_write_struct(PNG_LIBPNG_VER_STRING, job, on_error, be_silent);
        job->from_info = job->from ? png_create_info_struct(job->from) : NULL;
        job->to_info = job->to ? png_create_info_struct(job->to) : NULL;
        if (!job->from_info || !job->to_info)
            fault(job, UP_NO_MEMORY);
        decode(job);
        encode(job);
        *ret_out = job->out;
        job->out.data = NULL;
    }
    err = job->err ? tell(job->err, why) : UP_OK;
    png_destroy_read_struct(&job->from, &job->from_info, NULL);
    png_destroy_write_struct(&job->to, &job->to_info);
    free(job->pixels);
    free(job->rows);
    free(job->out.data);
    up_bytes_wipe(&kept);
    free(job);
    return err;
}
