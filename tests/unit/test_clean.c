/* SPDX-License-Identifier: MIT */
/* rooms: clean proto */
/* Files with planted metadata of every kind, made here, so that it is known what must not come through. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <jpeglib.h>
#include <png.h>
#include <qpdf/qpdf-c.h>

#include "nodes/clean/clean.h"
#include "upstander/limits.h"

typedef enum up_err (*cleaner)(struct up_view in, struct up_bytes *ret_out, struct up_why *why);

/* stands in every piece of metadata that is planted */
#define SECRET "PLANTED-51.5034N"

static struct up_bytes out;
static struct up_why why;

static int tear_down(void **state)
{
    (void)state;
    up_bytes_wipe(&out);
    return 0;
}

/* Growing bytes. */
struct made {
    uint8_t *data;
    size_t len;
};

static void put(struct made *made, const void *bytes, size_t len)
{
    made->data = realloc(made->data, made->len + len + 1);
    assert_non_null(made->data);
    memcpy(made->data + made->len, bytes, len);
    made->len += len;
}

static void put_text(struct made *made, const char *text)
{
    put(made, text, strlen(text));
}

static bool holds(struct up_view view, const char *bytes, size_t len)
{
    for (size_t i = 0; i + len <= view.len; i++) {
        if (memcmp(view.data + i, bytes, len) == 0)
            return true;
    }
    return false;
}

#define HOLDS(view, text) holds(view, text, sizeof(text) - 1)

/* A copy of its exact length, so that a read past the end is found. */
static enum up_err run(cleaner clean, const uint8_t *data, size_t len)
{
    uint8_t *copy = malloc(len > 0 ? len : 1);
    enum up_err err = UP_OK;

    assert_non_null(copy);
    if (len > 0)
        memcpy(copy, data, len);
    up_bytes_wipe(&out);
    memset(&why, 0, sizeof why);
    err = clean(up_view_of(copy, len), &out, &why);
    free(copy);
    assert_true(err ? out.data == NULL && why.err == err && strlen(why.text) > 20 : out.len > 0);
    return err;
}

/* Each way to cut it short is refused; each change of a byte gives either nothing or, of a picture, something clean. */
static void must_survive(cleaner clean, const struct made *file, size_t cut_step)
{
    uint8_t *copy = malloc(file->len);
    unsigned taken = 0;

    assert_non_null(copy);
    for (size_t len = 0; len + 12 < file->len; len += cut_step)
        assert_int_not_equal(run(clean, file->data, len), UP_OK);
    for (size_t i = 0; i < file->len; i += cut_step) {
        memcpy(copy, file->data, file->len);
        copy[i] ^= (uint8_t)(1u + i % 255u);
        if (run(clean, copy, file->len) == UP_OK) {
            taken++;
            /* in a PDF, a changed key is one that nobody knows */
            assert_true(clean == clean_pdf || !HOLDS(up_bytes_view(&out), SECRET));
        }
    }
    assert_true(taken < file->len);
    free(copy);
}

/* --- JPEG ----------------------------------------------------------------------------------- */

enum { WIDTH = 48, HEIGHT = 32 };

/* Four fields of one colour each: top left red, top right green, below left blue, below right white. */
static void colour_at(unsigned x, unsigned y, uint8_t *rgb)
{
    static const uint8_t colours[4][3] = {{255, 0, 0}, {0, 255, 0}, {0, 0, 255}, {255, 255, 255}};

    memcpy(rgb, colours[(y >= HEIGHT / 2 ? 2 : 0) + (x >= WIDTH / 2 ? 1 : 0)], 3);
}

struct jpeg_options {
    unsigned orientation; /* 0: no EXIF */
    bool big_endian;
    bool progressive;
    J_COLOR_SPACE space; /* JCS_RGB, JCS_GRAYSCALE, JCS_CMYK */
    unsigned scans;      /* besides the first; 0: libjpeg's own choice */
    unsigned width;      /* 0: WIDTH */
    unsigned height;
};

static void put_number(struct made *made, size_t value, unsigned len, bool big_endian)
{
    for (unsigned i = 0; i < len; i++) {
        const uint8_t byte = (uint8_t)(value >> (8 * (big_endian ? len - 1 - i : i)));

        put(made, &byte, 1);
    }
}

/* EXIF with an orientation, a GPS folder, an artist, and a thumbnail that is a JPEG of its own. */
static struct made exif(unsigned orientation, bool big)
{
    struct made made = {0};

    put(&made, "Exif\0", 6);
    put_text(&made, big ? "MM" : "II");
    put_number(&made, 42, 2, big);
    put_number(&made, 8, 4, big);
    put_number(&made, 3, 2, big);
    put_number(&made, 0x0112, 2, big); /* orientation */
    put_number(&made, 3, 2, big);
    put_number(&made, 1, 4, big);
    put_number(&made, orientation, 2, big);
    put_number(&made, 0, 2, big);
    put_number(&made, 0x013b, 2, big); /* artist */
    put_number(&made, 2, 2, big);
    put_number(&made, sizeof SECRET, 4, big);
    put_number(&made, 68, 4, big);
    put_number(&made, 0x8825, 2, big); /* GPS */
    put_number(&made, 4, 2, big);
    put_number(&made, 1, 4, big);
    put_number(&made, 50, 4, big);
    put_number(&made, 0, 4, big);
    put_number(&made, 1, 2, big);
    put_number(&made, 0x0002, 2, big);
    put_number(&made, 2, 2, big);
    put_number(&made, sizeof SECRET, 4, big);
    put_number(&made, 68, 4, big);
    put(&made, SECRET, sizeof SECRET);
    put_text(&made, "\xff\xd8\xff\xe1 thumbnail " SECRET "\xff\xd9");
    return made;
}

static void plant(struct jpeg_compress_struct *to, const struct jpeg_options *options)
{
    static const char icc[] = "ICC_PROFILE\0\1\1" SECRET;
    static const char iptc[] = "Photoshop 3.0\0"
                               "8BIM" SECRET;
    static const char xmp[] = "http://ns.adobe.com/xap/1.0/\0<x>" SECRET "</x>";
    struct made made = {0};

    if (options->orientation == 0)
        return;
    made = exif(options->orientation, options->big_endian);
    jpeg_write_marker(to, JPEG_APP0 + 1, made.data, (unsigned)made.len);
    jpeg_write_marker(to, JPEG_APP0 + 1, (const JOCTET *)xmp, sizeof xmp);
    jpeg_write_marker(to, JPEG_APP0 + 2, (const JOCTET *)icc, sizeof icc);
    jpeg_write_marker(to, JPEG_APP0 + 13, (const JOCTET *)iptc, sizeof iptc);
    jpeg_write_marker(to, JPEG_COM, (const JOCTET *)SECRET, sizeof SECRET);
    free(made.data);
}

static struct made make_jpeg(struct jpeg_options options)
{
    struct jpeg_error_mgr manager;
    struct jpeg_compress_struct to = {.err = jpeg_std_error(&manager)};
    unsigned long len = 0;
    struct made made = {0};
    const unsigned width = options.width ? options.width : WIDTH;
    const unsigned height = options.height ? options.height : HEIGHT;
    uint8_t *row = calloc(width, 4);
    JSAMPROW rows[1] = {row};

    assert_non_null(row);
    jpeg_create_compress(&to);
    jpeg_mem_dest(&to, &made.data, &len);
    to.image_width = width;
    to.image_height = height;
    to.in_color_space = options.space ? options.space : JCS_RGB;
    to.input_components = to.in_color_space == JCS_CMYK ? 4 : to.in_color_space == JCS_RGB ? 3 : 1;
    jpeg_set_defaults(&to);
    jpeg_set_quality(&to, 98, TRUE);
    if (options.progressive)
        jpeg_simple_progression(&to);
    jpeg_scan_info scans[190] = {{.comps_in_scan = 3, .component_index = {0, 1, 2}}};
    for (unsigned i = 0; i < options.scans; i++) {
        const int coefficient = 1 + (int)i / 3;

        scans[i + 1] = (jpeg_scan_info){.comps_in_scan = 1,
                                        .component_index = {(int)i % 3},
                                        .Ss = coefficient,
                                        .Se = coefficient};
    }
    if (options.scans) {
        to.scan_info = scans;
        to.num_scans = (int)options.scans + 1;
    }
    jpeg_start_compress(&to, TRUE);
    plant(&to, &options);
    while (to.next_scanline < height) {
        for (unsigned x = 0; x < width; x++) {
            uint8_t rgb[4] = {0};

            colour_at(x, to.next_scanline, rgb);
            memcpy(row + x * (size_t)to.input_components, rgb, (size_t)to.input_components);
        }
        (void)jpeg_write_scanlines(&to, rows, 1);
    }
    jpeg_finish_compress(&to);
    jpeg_destroy_compress(&to);
    free(row);
    made.len = len;
    return made;
}

struct picture {
    unsigned width;
    unsigned height;
    unsigned components;
    uint8_t pixels[WIDTH * HEIGHT * 4];
};

static struct picture decode_jpeg(struct up_view view)
{
    struct jpeg_error_mgr manager;
    struct jpeg_decompress_struct from = {.err = jpeg_std_error(&manager)};
    struct picture picture = {0};

    jpeg_create_decompress(&from);
    jpeg_mem_src(&from, view.data, view.len);
    (void)jpeg_read_header(&from, TRUE);
    (void)jpeg_start_decompress(&from);
    picture.width = from.output_width;
    picture.height = from.output_height;
    picture.components = (unsigned)from.output_components;
    assert_true((size_t)picture.width * picture.height <= (size_t)WIDTH * HEIGHT);
    while (from.output_scanline < from.output_height) {
        JSAMPROW row =
            picture.pixels + (size_t)from.output_scanline * picture.width * picture.components;

        (void)jpeg_read_scanlines(&from, &row, 1);
    }
    (void)jpeg_finish_decompress(&from);
    jpeg_destroy_decompress(&from);
    return picture;
}

/* Where a stored pixel is seen, as the EXIF standard's table has it. */
static void seen_at(unsigned orientation, unsigned *x, unsigned *y)
{
    const unsigned right = WIDTH - 1 - *x;
    const unsigned below = HEIGHT - 1 - *y;
    const unsigned table[9][2] = {{*x, *y},       {*x, *y},       {right, *y},
                                  {right, below}, {*x, below},    {*y, *x},
                                  {below, *x},    {below, right}, {*y, right}};

    *x = table[orientation][0];
    *y = table[orientation][1];
}

static void must_near(const struct picture *picture, unsigned orientation)
{
    for (unsigned y = 4; y < HEIGHT; y += 8) {
        for (unsigned x = 4; x < WIDTH; x += 8) {
            uint8_t rgb[3];
            unsigned to_x = x;
            unsigned to_y = y;
            const uint8_t *pixel = NULL;

            colour_at(x, y, rgb);
            seen_at(orientation, &to_x, &to_y);
            pixel = picture->pixels + ((size_t)to_y * picture->width + to_x) * 3;
            for (unsigned i = 0; i < 3; i++)
                assert_in_range(pixel[i] + 16, rgb[i], rgb[i] + 32u);
        }
    }
}

static void jpeg_loses_metadata_and_is_turned(void **state)
{
    (void)state;
    for (unsigned orientation = 1; orientation <= 8; orientation++) {
        for (unsigned i = 0; i < 4; i++) {
            struct made file = make_jpeg((struct jpeg_options){
                .orientation = orientation, .big_endian = i & 1, .progressive = i & 2});
            struct picture picture;

            assert_true(HOLDS(up_view_of(file.data, file.len), SECRET));
            assert_int_equal(run(clean_jpeg, file.data, file.len), UP_OK);
            for (size_t at = 0; at + 1 < out.len; at++) /* APP0, JFIF, is all there is */
                assert_false(out.data[at] == 0xff &&
                             (out.data[at + 1] == 0xfe ||
                              (out.data[at + 1] > 0xe0 && out.data[at + 1] <= 0xef)));
            assert_false(HOLDS(up_bytes_view(&out), SECRET));
            assert_false(HOLDS(up_bytes_view(&out), "Exif"));
            picture = decode_jpeg(up_bytes_view(&out));
            assert_int_equal(picture.width, orientation >= 5 ? HEIGHT : WIDTH);
            must_near(&picture, orientation);
            free(file.data);
        }
    }
}

static void jpeg_in_grey_and_for_print(void **state)
{
    static const J_COLOR_SPACE spaces[] = {JCS_GRAYSCALE, JCS_CMYK};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct made file = make_jpeg((struct jpeg_options){.orientation = 6, .space = spaces[i]});
        struct picture picture;

        assert_int_equal(run(clean_jpeg, file.data, file.len), UP_OK);
        assert_false(HOLDS(up_bytes_view(&out), SECRET));
        picture = decode_jpeg(up_bytes_view(&out));
        assert_int_equal(picture.width, HEIGHT);
        assert_int_equal(picture.components, i == 0 ? 1 : 4);
        /* stored at 4, 4 (red: 255), turned to the right above */
        assert_in_range(
            picture.pixels[(size_t)(4 * picture.width + HEIGHT - 5) * picture.components], 239,
            255);
        free(file.data);
    }
}

static void jpeg_that_is_damaged(void **state)
{
    struct made file = make_jpeg((struct jpeg_options){.orientation = 6});
    struct made progressive =
        make_jpeg((struct jpeg_options){.orientation = 3, .progressive = true});
    const struct made behind = make_jpeg((struct jpeg_options){0});

    (void)state;
    must_survive(clean_jpeg, &file, 3);
    must_survive(clean_jpeg, &progressive, 3);
    put_text(&file, "a film behind the picture " SECRET);
    put(&file, behind.data, behind.len);
    assert_int_equal(run(clean_jpeg, file.data, file.len), UP_OK);
    assert_false(HOLDS(up_bytes_view(&out), SECRET));
    free(file.data);
    free(progressive.data);
    free(behind.data);
}

/* Width and height in the header are changed to far more than there is. */
static void jpeg_bomb(void **state)
{
    struct made file = make_jpeg((struct jpeg_options){0});

    (void)state;
    for (size_t i = 0; i + 9 < file.len; i++) {
        if (file.data[i] == 0xff && file.data[i + 1] == 0xc0) {
            memset(file.data + i + 5, 0xf0, 4);
            break;
        }
    }
    assert_int_equal(run(clean_jpeg, file.data, file.len), UP_TOO_LARGE);
    free(file.data);
}

/* A scan for each coefficient of each component: a decoder that is let do so walks over all pixels for each. */
static void jpeg_with_too_many_scans(void **state)
{
    struct made file = make_jpeg((struct jpeg_options){.scans = 189});

    (void)state;
    assert_int_equal(run(clean_jpeg, file.data, file.len), UP_MALFORMED);
    free(file.data);
    file = make_jpeg((struct jpeg_options){.scans = UP_ATTACHMENT_SCANS_MAX - 1});
    assert_int_equal(run(clean_jpeg, file.data, file.len), UP_OK);
    free(file.data);
}

/* --- PNG ------------------------------------------------------------------------------------ */

static void png_chunk(struct made *made, const char *type, const void *data, size_t len)
{
    struct made body = {0};
    uint32_t crc = ~0u;

    put_text(&body, type);
    put(&body, data, len);
    for (size_t i = 0; i < body.len; i++) {
        crc ^= body.data[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xedb88320u : crc >> 1;
    }
    put_number(made, len, 4, true);
    put(made, body.data, body.len);
    put_number(made, ~crc & 0xffffffffu, 4, true);
    free(body.data);
}

static void to_made(png_structp png, png_bytep data, size_t len)
{
    put(png_get_io_ptr(png), data, len);
}

static void no_flush(png_structp png)
{
    (void)png;
}

/* Rows of numbers that repeat nowhere. */
static void fill(uint8_t *rows, size_t len, unsigned modulus)
{
    for (size_t i = 0; i < len; i++)
        rows[i] = (uint8_t)((i * 37 + i / 7) % modulus);
}

enum { PNG_SIDE = 16 };

static struct made make_png(int type, int depth, bool interlaced)
{
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png_create_info_struct(png);
    png_color palette[16] = {{0}};
    png_byte alpha[16] = {0, 128, 255};
    png_color_16 colour = {.red = 1, .green = 1, .blue = 1, .gray = 1};
    static const char text[] = "Comment\0" SECRET;
    static const uint8_t time[] = {7, 0xea, 11, 25, 9, 30, 0};
    struct made plain = {0};
    struct made made = {0};

    png_set_write_fn(png, &plain, to_made, no_flush);
    png_set_IHDR(png, info, PNG_SIDE, PNG_SIDE, depth, type,
                 interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE, 0, 0);
    for (unsigned i = 0; i < 16; i++)
        palette[i] = (png_color){(uint8_t)(i * 16), (uint8_t)(255 - i), (uint8_t)i};
    if (type == PNG_COLOR_TYPE_PALETTE)
        png_set_PLTE(png, info, palette, 1 << depth);
    if (!(type & PNG_COLOR_MASK_ALPHA))
        png_set_tRNS(png, info, alpha, type == PNG_COLOR_TYPE_PALETTE ? 2 : 0, &colour);
    png_write_info(png, info);
    const size_t row_len = png_get_rowbytes(png, info);
    uint8_t *pixels = malloc(row_len * PNG_SIDE);
    png_bytep rows[PNG_SIDE];
    assert_non_null(pixels);
    fill(pixels, row_len * PNG_SIDE, 251);
    for (size_t y = 0; y < PNG_SIDE; y++)
        rows[y] = pixels + y * row_len;
    (void)png_set_interlace_handling(png);
    png_write_image(png, rows);
    png_write_end(png, info);
    png_destroy_write_struct(&png, &info);
    free(pixels);

    const size_t ihdr_end = 8 + 25;
    struct made body = exif(6, true);
    put(&made, plain.data, ihdr_end);
    png_chunk(&made, "tEXt", text, sizeof text - 1);
    png_chunk(&made, "zTXt", text, sizeof text - 1); /* not deflated: a warning */
    png_chunk(&made, "iTXt", "XML:com.adobe.xmp\0\0\0\0\0" SECRET, 22 + sizeof SECRET - 1);
    png_chunk(&made, "eXIf", body.data + 6, body.len - 6);
    png_chunk(&made, "tIME", time, sizeof time);
    png_chunk(&made, "iCCP", SECRET "\0\0x", sizeof SECRET + 2);
    png_chunk(&made, "gAMA", "\0\0\xb1\x8f", 4);
    png_chunk(&made, "prVt", SECRET, sizeof SECRET);
    put(&made, plain.data + ihdr_end, plain.len - ihdr_end);
    put_text(&made, "behind the end " SECRET);
    free(plain.data);
    free(body.data);
    return made;
}

struct source {
    struct up_view view;
};

static void from_source(png_structp png, png_bytep to, size_t len)
{
    struct source *source = png_get_io_ptr(png);

    assert_true(len <= source->view.len);
    memcpy(to, source->view.data, len);
    source->view = up_view_of(source->view.data + len, source->view.len - len);
}

static void ignore_warning(png_structp png, png_const_charp text)
{
    (void)png;
    (void)text;
}

/* What is shown, as RGBA of 16 bits. */
static void decode_png(struct up_view view, uint8_t pixels[PNG_SIDE * PNG_SIDE * 8])
{
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, ignore_warning);
    png_infop info = png_create_info_struct(png);
    struct source source = {view};
    png_bytep rows[PNG_SIDE];

    png_set_read_fn(png, &source, from_source);
    png_read_info(png, info);
    png_set_expand_16(png);
    png_set_gray_to_rgb(png);
    png_set_tRNS_to_alpha(png);
    png_set_add_alpha(png, 0xffff, PNG_FILLER_AFTER);
    (void)png_set_interlace_handling(png);
    png_read_update_info(png, info);
    assert_int_equal(png_get_rowbytes(png, info), PNG_SIDE * 8);
    for (size_t y = 0; y < PNG_SIDE; y++)
        rows[y] = pixels + y * PNG_SIDE * 8;
    png_read_image(png, rows);
    png_destroy_read_struct(&png, &info, NULL);
}

static void must_only_chunks(struct up_view view)
{
    size_t at = 8;

    while (at + 12 <= view.len) {
        const uint8_t *chunk = view.data + at;

        assert_true(memcmp(chunk + 4, "IHDR", 4) == 0 || memcmp(chunk + 4, "PLTE", 4) == 0 ||
                    memcmp(chunk + 4, "tRNS", 4) == 0 || memcmp(chunk + 4, "IDAT", 4) == 0 ||
                    memcmp(chunk + 4, "IEND", 4) == 0);
        at += 12 +
              ((size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 | chunk[3]);
    }
    assert_int_equal(at, view.len);
}

static const struct {
    int type;
    int depth;
} formats[] = {{PNG_COLOR_TYPE_GRAY, 1},       {PNG_COLOR_TYPE_GRAY, 8},
               {PNG_COLOR_TYPE_GRAY, 16},      {PNG_COLOR_TYPE_PALETTE, 4},
               {PNG_COLOR_TYPE_RGB, 8},        {PNG_COLOR_TYPE_RGB, 16},
               {PNG_COLOR_TYPE_GRAY_ALPHA, 8}, {PNG_COLOR_TYPE_RGB_ALPHA, 16}};

static void png_loses_metadata_and_keeps_pixels(void **state)
{
    static uint8_t before[PNG_SIDE * PNG_SIDE * 8];
    static uint8_t after[PNG_SIDE * PNG_SIDE * 8];

    (void)state;
    for (size_t i = 0; i < 2 * sizeof formats / sizeof formats[0]; i++) {
        struct made file = make_png(formats[i / 2].type, formats[i / 2].depth, i % 2);

        assert_int_equal(run(clean_png, file.data, file.len), UP_OK);
        assert_false(HOLDS(up_bytes_view(&out), SECRET));
        must_only_chunks(up_bytes_view(&out));
        decode_png(up_view_of(file.data, file.len), before);
        decode_png(up_bytes_view(&out), after);
        assert_memory_equal(before, after, sizeof before);
        free(file.data);
    }
}

static void png_that_is_damaged(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        struct made file = make_png(formats[i].type, formats[i].depth, i % 2);

        file.len -= sizeof "behind the end " SECRET - 1;
        must_survive(clean_png, &file, 5);
        free(file.data);
    }
}

static void png_bomb(void **state)
{
    struct made made = {0};
    static const uint8_t head[] = {0, 0, 0x40, 0, 0, 0, 0x40, 0, 8, 6, 0, 0, 0};

    (void)state;
    put(&made, "\x89PNG\r\n\x1a\n", 8);
    png_chunk(&made, "IHDR", head, sizeof head);
    png_chunk(&made, "IDAT", "x", 1);
    png_chunk(&made, "IEND", "", 0);
    assert_int_equal(run(clean_png, made.data, made.len), UP_TOO_LARGE);
    free(made.data);
}

/* A chunk that claims two GiB, and a critical one that nobody knows. */
static void png_with_odd_chunks(void **state)
{
    struct made made = make_png(PNG_COLOR_TYPE_RGB, 8, false);
    struct made claims = {0};
    struct made critical = {0};
    const size_t head = 8 + 25;

    (void)state;
    put(&claims, made.data, head);
    put(&claims,
        "\x7f\xff\xff\xff"
        "eXIf",
        8);
    put(&claims, made.data + head, made.len - head);
    assert_int_equal(run(clean_png, claims.data, claims.len), UP_MALFORMED);
    put(&critical, made.data, head);
    png_chunk(&critical, "CgBI", "", 0);
    put(&critical, made.data + head, made.len - head);
    assert_int_equal(run(clean_png, critical.data, critical.len), UP_MALFORMED);
    free(made.data);
    free(claims.data);
    free(critical.data);
}

/* --- PDF ------------------------------------------------------------------------------------ */

enum { OBJECTS_MAX = 24 };

struct pdf {
    struct made made;
    size_t at[OBJECTS_MAX];
    unsigned count; /* object 0 is none */
};

static void pdf_object(struct pdf *pdf, const char *dictionary, const void *stream, size_t len)
{
    char line[64];

    assert_true(++pdf->count < OBJECTS_MAX);
    if (pdf->made.len == 0)
        put_text(&pdf->made, "%PDF-1.7\n");
    pdf->at[pdf->count] = pdf->made.len;
    (void)snprintf(line, sizeof line, "%u 0 obj\n", pdf->count);
    put_text(&pdf->made, line);
    if (stream) {
        (void)snprintf(line, sizeof line, "<</Length %zu ", len);
        put_text(&pdf->made, line);
        put_text(&pdf->made, dictionary + 2); /* behind its << */
        put_text(&pdf->made, "\nstream\n");
        put(&pdf->made, stream, len);
        put_text(&pdf->made, "\nendstream");
    } else {
        put_text(&pdf->made, dictionary);
    }
    put_text(&pdf->made, "\nendobj\n");
}

static void pdf_end(struct pdf *pdf, const char *trailer)
{
    const size_t start = pdf->made.len;
    char line[64];

    (void)snprintf(line, sizeof line, "xref\n0 %u\n0000000000 65535 f \n", pdf->count + 1);
    put_text(&pdf->made, line);
    for (unsigned i = 1; i <= pdf->count; i++) {
        (void)snprintf(line, sizeof line, "%010zu 00000 n \n", pdf->at[i]);
        put_text(&pdf->made, line);
    }
    (void)snprintf(line, sizeof line, "trailer\n<</Size %u/Root 1 0 R", pdf->count + 1);
    put_text(&pdf->made, line);
    put_text(&pdf->made, trailer);
    (void)snprintf(line, sizeof line, ">>\nstartxref\n%zu\n%%%%EOF\n", start);
    put_text(&pdf->made, line);
}

#define TEXT "BT /F1 12 Tf (what happened) Tj ET /Im0 Do"

/* A page with a photograph, and with everything planted that a PDF has for it. */
static struct made make_pdf(const char *root_more, const char *annotations_more, const char *filter)
{
    struct pdf pdf = {0};
    struct made photograph = make_jpeg((struct jpeg_options){.orientation = 6});
    char text[600];

    (void)snprintf(text, sizeof text,
                   "<</Type/Catalog/Pages 2 0 R/Metadata 7 0 R/OpenAction 8 0 R/Lang(" SECRET ")"
                   "/Names<</EmbeddedFiles<</Names[(a)9 0 R]>>/JavaScript<</Names[(b)8 0 R]>>>>"
                   "/AF[9 0 R]/Outlines 11 0 R/PieceInfo<</X<</Private(" SECRET ")>>>>%s>>",
                   root_more);
    pdf_object(&pdf, text, NULL, 0);
    pdf_object(&pdf, "<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 200 200]/Who(" SECRET ")>>",
               NULL, 0);
    (void)snprintf(
        text, sizeof text,
        "<</Type/Page/Parent 2 0 R/Contents 4 0 R/Thumb 7 0 R/AA<</O 8 0 R>>/Metadata 7 0 R"
        "/LastModified(" SECRET ")/Resources<</XObject<</Im0 5 0 R>>/Font<</F1 6 0 R>>>>"
        "/Annots[12 0 R 13 0 R 14 0 R%s]>>",
        annotations_more);
    pdf_object(&pdf, text, NULL, 0);
    pdf_object(&pdf, "<<>>", TEXT, sizeof TEXT - 1);
    (void)snprintf(text, sizeof text,
                   "<</Type/XObject/Subtype/Image/Width 48/Height 32/BitsPerComponent 8"
                   "/ColorSpace/DeviceRGB/Metadata 7 0 R/Filter%s>>",
                   filter);
    pdf_object(&pdf, text, photograph.data, photograph.len);
    pdf_object(&pdf, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", NULL, 0);
    pdf_object(&pdf, "<</Type/Metadata/Subtype/XML>>", "<?xpacket " SECRET, 10 + sizeof SECRET - 1);
    pdf_object(&pdf, "<</S/JavaScript/JS(" SECRET ")>>", NULL, 0);
    pdf_object(&pdf, "<</Type/Filespec/F(a)/EF<</F 10 0 R>>>>", NULL, 0);
    pdf_object(&pdf, "<</Type/EmbeddedFile>>", SECRET, sizeof SECRET - 1);
    pdf_object(&pdf, "<</Type/Outlines/Title(" SECRET ")>>", NULL, 0);
    pdf_object(&pdf, "<</Type/Annot/Subtype/Link/Rect[0 0 9 9]/A<</S/URI/URI(" SECRET ")>>>>", NULL,
               0);
    pdf_object(&pdf,
               "<</Type/Annot/Subtype/Text/Rect[0 0 9 9]/Contents(" SECRET ")/T(" SECRET ")>>",
               NULL, 0);
    pdf_object(&pdf,
               "<</Type/Annot/Subtype/Widget/FT/Tx/V(" SECRET ")/T(" SECRET ")/Rect[0 0 9 9]"
               "/AP<</N 15 0 R>>>>",
               NULL, 0);
    pdf_object(&pdf, "<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/LastModified(" SECRET ")>>",
               "0 0 7 7 re f", 12);
    pdf_object(&pdf, "<</Author(" SECRET ")/Producer(" SECRET ")/CreationDate(D:20261125)>>", NULL,
               0);
    pdf_end(&pdf, "/Info 16 0 R/ID[<5043414e><5043414e>]");
    free(photograph.data);
    return pdf.made;
}

/* The same with nothing deflated and no object inside another, so that a search sees it all. */
static struct up_bytes opened(struct up_view view)
{
    qpdf_data pdf = qpdf_init();
    struct up_bytes plain = {0};

    assert_int_equal(qpdf_read_memory(pdf, "file", (const char *)view.data, view.len, NULL), 0);
    assert_int_equal(qpdf_init_write_memory(pdf), 0);
    qpdf_set_qdf_mode(pdf, QPDF_TRUE);
    qpdf_set_object_stream_mode(pdf, qpdf_o_disable);
    assert_int_equal(qpdf_write(pdf), 0);
    assert_int_equal(
        up_bytes_copy(up_view_of(qpdf_get_buffer(pdf), qpdf_get_buffer_length(pdf)), &plain),
        UP_OK);
    qpdf_cleanup(&pdf);
    return plain;
}

static void pdf_loses_metadata(void **state)
{
    struct made file = make_pdf("", "", "/DCTDecode");
    static const char *const gone[] = {
        "/Info", "/Metadata", "/Names",    "/OpenAction", "/JavaScript", "/Thumb",  "/Outlines",
        "Exif",  "ns.adobe",  "Photoshop", "ICC_PROF",    "PieceInfo",   "5043414e"};

    (void)state;
    assert_int_equal(run(clean_pdf, file.data, file.len), UP_OK);
    struct up_bytes before = opened(up_view_of(file.data, file.len));
    struct up_bytes after = opened(up_bytes_view(&out));
    assert_true(HOLDS(up_bytes_view(&before), SECRET));
    assert_false(HOLDS(up_bytes_view(&after), SECRET));
    for (size_t i = 0; i < sizeof gone / sizeof gone[0]; i++) {
        assert_true(holds(up_bytes_view(&before), gone[i], strlen(gone[i])));
        if (holds(up_bytes_view(&after), gone[i], strlen(gone[i])))
            fail_msg("%s is still there", gone[i]);
    }
    /* what is seen stays: the text, the photograph, and how the field was filled in */
    assert_true(HOLDS(up_bytes_view(&after), TEXT));
    assert_true(HOLDS(up_bytes_view(&after), "0 0 7 7 re f"));
    assert_true(HOLDS(up_bytes_view(&after), "/Stamp"));
    assert_true(HOLDS(up_bytes_view(&after), "/DCTDecode"));
    up_bytes_wipe(&before);
    up_bytes_wipe(&after);
    free(file.data);
}

static void pdf_photograph_is_the_same(void **state)
{
    struct made file = make_pdf("", "", "[/DCTDecode]");
    struct made photograph = make_jpeg((struct jpeg_options){.orientation = 6});
    struct up_bytes stripped = {0};
    struct picture before = decode_jpeg(up_view_of(photograph.data, photograph.len));
    struct picture after;

    (void)state;
    assert_int_equal(run(clean_pdf, file.data, file.len), UP_OK);
    assert_int_equal(clean_jpeg_strip(up_view_of(photograph.data, photograph.len), &stripped),
                     UP_OK);
    assert_true(stripped.len < photograph.len);
    assert_false(HOLDS(up_bytes_view(&stripped), SECRET));
    assert_true(holds(up_bytes_view(&out), (const char *)stripped.data, stripped.len));
    after = decode_jpeg(up_bytes_view(&stripped));
    assert_memory_equal(&before, &after, sizeof before);
    up_bytes_wipe(&stripped);
    free(photograph.data);
    free(file.data);
}

static void must_refuse(const char *root_more, const char *annotations_more, const char *filter,
                        const char *word)
{
    struct made file = make_pdf(root_more, annotations_more, filter);

    assert_int_equal(run(clean_pdf, file.data, file.len), UP_MALFORMED);
    if (!strstr(why.text, word))
        fail_msg("\"%s\" does not say \"%s\"", why.text, word);
    free(file.data);
}

static void pdf_that_is_refused(void **state)
{
    (void)state;
    must_refuse("", "", "/JPXDecode", "JPEG 2000");
    must_refuse("", "", "[/DCTDecode/FlateDecode]", "JPEG 2000");
    must_refuse("/AcroForm<</XFA(x)>>", "", "/DCTDecode", "form");
    must_refuse("/AcroForm<</NeedAppearances true>>", "", "/DCTDecode", "form");
    must_refuse("", "<</Subtype/Redact/Rect[0 0 1 1]>>", "/DCTDecode", "blacked out");
}

/* A photograph written into the page's own text. */
static void pdf_with_an_inline_picture(void **state)
{
    static const char page[] = "BI /W 1 /H 1 /F /DCT ID \xff\xd8\xff\xe1\0\x20"
                               "Exif\0\0" SECRET " EI";
    struct pdf pdf = {0};

    (void)state;
    pdf_object(&pdf, "<</Type/Catalog/Pages 2 0 R>>", NULL, 0);
    pdf_object(&pdf, "<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 9 9]>>", NULL, 0);
    pdf_object(&pdf, "<</Type/Page/Parent 2 0 R/Contents 4 0 R>>", NULL, 0);
    pdf_object(&pdf, "<<>>", page, sizeof page - 1);
    pdf_end(&pdf, "");
    assert_int_equal(run(clean_pdf, pdf.made.data, pdf.made.len), UP_MALFORMED);
    assert_non_null(strstr(why.text, "hidden data"));
    free(pdf.made.data);
}

/* Arrays in each other by the thousand, and a page tree that bites its tail. */
static void pdf_without_an_end(void **state)
{
    struct pdf deep = {0};
    struct pdf round = {0};
    char brackets[401];

    (void)state;
    memset(brackets, '[', 200);
    memset(brackets + 200, ']', 200);
    brackets[400] = '\0';
    pdf_object(&deep, "<</Type/Catalog/Pages 2 0 R/OCProperties 4 0 R>>", NULL, 0);
    pdf_object(&deep, "<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 9 9]>>", NULL, 0);
    pdf_object(&deep, "<</Type/Page/Parent 2 0 R>>", NULL, 0);
    pdf_object(&deep, brackets, NULL, 0);
    pdf_end(&deep, "");
    assert_int_equal(run(clean_pdf, deep.made.data, deep.made.len), UP_MALFORMED);
    pdf_object(&round, "<</Type/Catalog/Pages 2 0 R>>", NULL, 0);
    pdf_object(&round, "<</Type/Pages/Kids[2 0 R]/Count 1/MediaBox[0 0 9 9]>>", NULL, 0);
    pdf_end(&round, "");
    assert_int_equal(run(clean_pdf, round.made.data, round.made.len), UP_MALFORMED);
    free(deep.made.data);
    free(round.made.data);
}

static void pdf_that_is_damaged(void **state)
{
    struct made file = make_pdf("", "", "/DCTDecode");

    (void)state;
    must_survive(clean_pdf, &file, 29);
    free(file.data);
}

static void kinds_are_told_by_bytes(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
        enum clean_kind kind;
    } cases[] = {{"\xff\xd8\xff\xe0", 4, CLEAN_JPEG},
                 {"\x89PNG\r\n\x1a\n", 8, CLEAN_PNG},
                 {"%PDF-1.4", 8, CLEAN_PDF},
                 {"\0\0\0\x18"
                  "ftypheic",
                  12, CLEAN_HEIC},
                 {"\0\0\0\x18"
                  "ftypisom",
                  12, CLEAN_VIDEO},
                 {"\0\0\0\x18"
                  "ftyp",
                  8, CLEAN_VIDEO},
                 {"\x1a\x45\xdf\xa3", 4, CLEAN_VIDEO},
                 {"PK\x03\x04", 4, CLEAN_WORD},
                 {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 8, CLEAN_WORD},
                 {"GIF89a", 6, CLEAN_OTHER},
                 {"\xff\xd8", 2, CLEAN_OTHER},
                 {"", 0, CLEAN_OTHER}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(clean_kind_of(up_view_of(cases[i].bytes, cases[i].len)), cases[i].kind);
        assert_int_equal(clean_hint(cases[i].kind) == NULL, cases[i].kind == CLEAN_JPEG ||
                                                                cases[i].kind == CLEAN_PNG ||
                                                                cases[i].kind == CLEAN_PDF);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(jpeg_loses_metadata_and_is_turned, tear_down),
        cmocka_unit_test_teardown(jpeg_in_grey_and_for_print, tear_down),
        cmocka_unit_test_teardown(jpeg_that_is_damaged, tear_down),
        cmocka_unit_test_teardown(jpeg_bomb, tear_down),
        cmocka_unit_test_teardown(jpeg_with_too_many_scans, tear_down),
        cmocka_unit_test_teardown(png_loses_metadata_and_keeps_pixels, tear_down),
        cmocka_unit_test_teardown(png_that_is_damaged, tear_down),
        cmocka_unit_test_teardown(png_bomb, tear_down),
        cmocka_unit_test_teardown(png_with_odd_chunks, tear_down),
        cmocka_unit_test_teardown(pdf_loses_metadata, tear_down),
        cmocka_unit_test_teardown(pdf_photograph_is_the_same, tear_down),
        cmocka_unit_test_teardown(pdf_that_is_refused, tear_down),
        cmocka_unit_test_teardown(pdf_with_an_inline_picture, tear_down),
        cmocka_unit_test_teardown(pdf_without_an_end, tear_down),
        cmocka_unit_test_teardown(pdf_that_is_damaged, tear_down),
        cmocka_unit_test(kinds_are_told_by_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
