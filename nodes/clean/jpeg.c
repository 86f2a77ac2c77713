/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

#include "nodes/clean/clean.h"
#include "upstander/limits.h"

enum { QUALITY = 90, MARKER_SOI = 0xd8, MARKER_EOI = 0xd9, MARKER_SOS = 0xda, MARKER_COM = 0xfe };

/* libjpeg leaves by longjmp; all that must be released then stands here. */
struct job {
    struct jpeg_error_mgr manager; /* first: libjpeg hands out its address */
    jmp_buf fault;
    enum up_err err;
    struct jpeg_progress_mgr progress;
    struct jpeg_decompress_struct from;
    struct jpeg_compress_struct to;
    uint8_t *pixels; /* turned as they are to be seen */
    uint8_t *row;
    size_t pixel_len; /* bytes */
    unsigned width;   /* as stored */
    unsigned height;
    unsigned orientation; /* 1 to 8, as in EXIF */
    J_COLOR_SPACE space;
    unsigned char *written; /* by libjpeg, with malloc */
    unsigned long written_len;
};

static _Noreturn void fault(struct job *job, enum up_err err)
{
    job->err = err;
    longjmp(job->fault, 1);
}

static void on_error(j_common_ptr common)
{
    struct job *job = (struct job *)(void *)common->err;

    fault(job, common->err->msg_code == JERR_OUT_OF_MEMORY ? UP_NO_MEMORY : UP_MALFORMED);
}

static void on_message(j_common_ptr common, int level)
{
    /* A warning means that pixels were made up. Surplus bytes before a marker cost none, and some cameras write them. */
    if (level < 0 && common->err->msg_code != JWRN_EXTRANEOUS_DATA)
        fault((struct job *)(void *)common->err, UP_MALFORMED);
}

static void be_silent(j_common_ptr common)
{
    (void)common;
}

static void on_progress(j_common_ptr common)
{
    if (common->is_decompressor) {
        const struct jpeg_decompress_struct *from = (const struct jpeg_decompress_struct *)common;

        if ((unsigned)from->input_scan_number > UP_ATTACHMENT_SCANS_MAX)
            fault((struct job *)(void *)common->err, UP_MALFORMED);
    }
}

/* What a TIFF header says, whose numbers are in either order. */
struct tiff {
    struct up_view view;
    bool big_endian;
};

static unsigned tiff_u16(const struct tiff *tiff, size_t at)
{
    const unsigned one = tiff->view.data[at];
    const unsigned two = tiff->view.data[at + 1];

    return tiff->big_endian ? one << 8 | two : two << 8 | one;
}

static size_t tiff_u32(const struct tiff *tiff, size_t at)
{
    const size_t one = tiff_u16(tiff, at);
    const size_t two = tiff_u16(tiff, at + 2);

    return tiff->big_endian ? one << 16 | two : two << 16 | one;
}

/* The orientation in an APP1 segment; 1, upright, when it tells none that makes sense. */
static unsigned orientation_of(struct up_view segment)
{
    static const char mark[] = "Exif\0";
    struct tiff tiff = {0};
    size_t at = 0;
    unsigned count = 0;

    if (segment.len < sizeof mark + 8 || memcmp(segment.data, mark, sizeof mark) != 0)
        return 1;
    tiff.view = up_view_of(segment.data + sizeof mark, segment.len - sizeof mark);
    tiff.big_endian = memcmp(tiff.view.data, "MM", 2) == 0;
    if (!tiff.big_endian && memcmp(tiff.view.data, "II", 2) != 0)
        return 1;
    at = tiff_u32(&tiff, 4);
    if (at > tiff.view.len - 2)
        return 1;
    count = tiff_u16(&tiff, at);
    at += 2;
    for (unsigned i = 0; i < count && tiff.view.len - at >= 12; i++, at += 12) {
        const unsigned value = tiff_u16(&tiff, at + 8);

        if (tiff_u16(&tiff, at) == 0x0112 && tiff_u16(&tiff, at + 2) == 3)
            return value >= 1 && value <= 8 ? value : 1;
    }
    return 1;
}

static void read_orientation(struct job *job)
{
    job->orientation = 1;
    for (const struct jpeg_marker_struct *marker = job->from.marker_list; marker;
         marker = marker->next) {
        if (job->orientation == 1)
            job->orientation = orientation_of(up_view_of(marker->data, marker->data_length));
    }
}

static bool is_turned(const struct job *job)
{
    return job->orientation >= 5;
}

/* Put a stored row where it is to be seen. */
static void place_row(struct job *job, unsigned y)
{
    const unsigned o = job->orientation;
    const bool flip_x = o == 2 || o == 3 || o == 7 || o == 8;
    const bool flip_y = o == 3 || o == 4 || o == 6 || o == 7;
    const size_t seen_width = is_turned(job) ? job->height : job->width;
    const size_t seen_y = flip_y ? job->height - 1 - y : y;

    for (unsigned x = 0; x < job->width; x++) {
        const size_t seen_x = flip_x ? job->width - 1 - x : x;
        const size_t to =
            is_turned(job) ? seen_x * seen_width + seen_y : seen_y * seen_width + seen_x;

        memcpy(job->pixels + to * job->pixel_len, job->row + x * job->pixel_len, job->pixel_len);
    }
}

static void decode(struct job *job, struct up_view in)
{
    struct jpeg_decompress_struct *from = &job->from;

    jpeg_create_decompress(from);
    from->progress = &job->progress;
    jpeg_mem_src(from, in.data, (unsigned long)in.len);
    jpeg_save_markers(from, JPEG_APP0 + 1, 0xffff);
    (void)jpeg_read_header(from, TRUE);
    if ((uint64_t)from->image_width * from->image_height > UP_ATTACHMENT_PIXELS_MAX)
        fault(job, UP_TOO_LARGE);
    /* Each block of 8 x 8 has at least one bit in Huffman's code: more than that the bytes can't hold. */
    if (!from->arith_code &&
        (uint64_t)from->image_width * from->image_height / 512 > (uint64_t)in.len)
        fault(job, UP_MALFORMED);
    read_orientation(job);
    /* CMYK stays as it is, since its inks can't be told in RGB without a profile */
    if (from->jpeg_color_space == JCS_CMYK || from->jpeg_color_space == JCS_YCCK)
        from->out_color_space = JCS_CMYK;
    else if (from->jpeg_color_space == JCS_GRAYSCALE)
        from->out_color_space = JCS_GRAYSCALE;
    else
        from->out_color_space = JCS_RGB;
    job->space = from->out_color_space;
    (void)jpeg_start_decompress(from);
    job->width = from->output_width;
    job->height = from->output_height;
    job->pixel_len = (size_t)from->output_components;
    job->pixels = malloc((size_t)job->width * job->height * job->pixel_len);
    job->row = malloc(job->width * job->pixel_len);
    if (!job->pixels || !job->row)
        fault(job, UP_NO_MEMORY);
    while (from->output_scanline < from->output_height) {
        const unsigned y = from->output_scanline;

        if (jpeg_read_scanlines(from, &job->row, 1) != 1)
            fault(job, UP_MALFORMED);
        place_row(job, y);
    }
    (void)jpeg_finish_decompress(from);
    jpeg_destroy_decompress(from); /* before the encoder takes memory of its own */
}

static void encode(struct job *job)
{
    struct jpeg_compress_struct *to = &job->to;

    jpeg_create_compress(to);
    jpeg_mem_dest(to, &job->written, &job->written_len);
    to->image_width = is_turned(job) ? job->height : job->width;
    to->image_height = is_turned(job) ? job->width : job->height;
    to->input_components = (int)job->pixel_len;
    to->in_color_space = job->space;
    jpeg_set_defaults(to);
    jpeg_set_quality(to, QUALITY, TRUE);
    jpeg_start_compress(to, TRUE);
    while (to->next_scanline < to->image_height) {
        JSAMPROW row = job->pixels + (size_t)to->next_scanline * to->image_width * job->pixel_len;

        (void)jpeg_write_scanlines(to, &row, 1);
    }
    jpeg_finish_compress(to);
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
                      "The JPEG picture is damaged or not complete; save it anew and "
                      "attach that.");
}

enum up_err clean_jpeg(struct up_view in, struct up_bytes *ret_out, struct up_why *why)
{
    struct job *job = calloc(1, sizeof *job);
    enum up_err err;

    if (!job)
        return tell(UP_NO_MEMORY, why);
    job->from.err = job->to.err = jpeg_std_error(&job->manager);
    job->manager.error_exit = on_error;
    job->manager.emit_message = on_message;
    job->manager.output_message = be_silent;
    job->progress.progress_monitor = on_progress;
    if (setjmp(job->fault) == 0) {
        decode(job, in);
        encode(job);
        *ret_out = (struct up_bytes){.data = job->written, .len = job->written_len};
        job->written = NULL;
    }
    err = job->err ? tell(job->err, why) : UP_OK;
    jpeg_destroy_decompress(&job->from);
    jpeg_destroy_compress(&job->to);
    free(job->pixels);
    free(job->row);
    free(job->written);
    free(job);
    return err;
}

/* --- a JPEG stream inside a PDF ------------------------------------------------------------ */

static bool is_bare(unsigned marker)
{
    return marker == 0x01 || (marker >= 0xd0 && marker <= 0xd8);
}

/* Bytes of a segment that stay, of its len; marker and length are counted. */
static size_t kept_of(const uint8_t *segment, unsigned marker, size_t len)
{
    enum { ADOBE = JPEG_APP0 + 14, ADOBE_LEN = 4 + 12 };

    if (marker == ADOBE && len >= ADOBE_LEN && memcmp(segment + 4, "Adobe", 5) == 0)
        return ADOBE_LEN;
    if ((marker >= JPEG_APP0 && marker <= JPEG_APP0 + 15) || marker >= 0xf0)
        return 0; /* a segment that tells */
    return len;
}

enum up_err clean_jpeg_strip(struct up_view in, struct up_bytes *ret_out)
{
    struct up_bytes out = {0};
    enum up_err err = UP_MALFORMED;
    size_t at = 2;
    size_t len = 2;

    if (in.len < 4 || in.data[0] != 0xff || in.data[1] != MARKER_SOI)
        return UP_MALFORMED;
    if (up_bytes_new(in.len, &out)) /* it never grows */
        return UP_NO_MEMORY;
    memcpy(out.data, in.data, 2);
    while (in.len - at >= 2) {
        unsigned marker = in.data[at + 1];
        size_t segment = 2;
        size_t kept = 2;

        if (in.data[at] != 0xff)
            goto out;
        if (marker == 0xff) { /* fill bytes */
            at++;
            continue;
        }
        if (marker == MARKER_EOI) {
            memcpy(out.data + len, in.data + at, 2);
            out.len = len + 2;
            err = UP_OK;
            goto out; /* what is behind the end is gone */
        }
        if (marker == 0 || marker == MARKER_SOI)
            goto out;
        if (!is_bare(marker)) {
            if (in.len - at < 4)
                goto out;
            segment = 2 + ((size_t)in.data[at + 2] << 8 | in.data[at + 3]);
            if (segment < 4 || segment > in.len - at)
                goto out;
            kept = kept_of(in.data + at, marker, segment);
        }
        memcpy(out.data + len, in.data + at, kept);
        if (kept > 2 && kept < segment) {
            out.data[len + 2] = (uint8_t)((kept - 2) >> 8);
            out.data[len + 3] = (uint8_t)(kept - 2);
        }
        len += kept;
        at += segment;
        if (marker != MARKER_SOS)
            continue;
        /* the picture's bytes, up to a marker that is neither an escaped 0xff nor a restart */
        while (in.len - at >= 2 && (in.data[at] != 0xff || in.data[at + 1] == 0 ||
                                    (in.data[at + 1] >= 0xd0 && in.data[at + 1] <= 0xd7)))
            out.data[len++] = in.data[at++];
    }
out:
    if (err)
        up_bytes_wipe(&out);
    else
        *ret_out = out;
    return err;
}
