/* SPDX-License-Identifier: MIT
 * Files made anew without what they tell beside what is seen: no place, camera, author, time or software. A program of
 * its own (upstander-clean), so that a mistake of an image library meets no key, no record and no network.
 *
 * All cleaners: `in` is the whole file from outside; ret_out is owned by the caller (up_bytes_wipe) and untouched on
 * failure. They do no I/O and keep nothing. Errors: UP_MALFORMED (truncated, corrupted, or more than can be answered
 * for), UP_TOO_LARGE (more pixels than UP_ATTACHMENT_PIXELS_MAX, told by its header before memory is taken),
 * UP_NO_MEMORY; why (may be NULL) gets a fixed sentence that says what to do next. Not for several threads. */
#ifndef NODES_CLEAN_CLEAN_H
#define NODES_CLEAN_CLEAN_H

#include "upstander/view.h"

enum clean_kind { CLEAN_OTHER, CLEAN_JPEG, CLEAN_PNG, CLEAN_PDF, CLEAN_HEIC, CLEAN_WORD, CLEAN_VIDEO };

/* clean_kind_of: by the file's first bytes, never by a name. */
enum clean_kind clean_kind_of(struct up_view in);
/* clean_hint: for a kind that is not taken, the sentence that says how to convert it; else NULL. */
const char *clean_hint(enum clean_kind kind);

/* clean_jpeg: decoded, turned as its EXIF orientation says, encoded again at quality 90. A decoder's warning counts as
 * corruption, except surplus bytes between markers. Colour profiles go: a photograph of a wide gamut pales a little. */
UP_CHECKED enum up_err clean_jpeg(struct up_view in, struct up_bytes *ret_out, struct up_why *why);
/* clean_png: the same pixels in the same format; of the chunks only IHDR, PLTE, tRNS, IDAT and IEND. Of an animation
 * the first picture. */
UP_CHECKED enum up_err clean_png(struct up_view in, struct up_bytes *ret_out, struct up_why *why);
/* clean_pdf: the pages and what is needed to show them. Gone: /Info, XMP, embedded files, JavaScript, actions, links,
 * bookmarks, thumbnails, comments, form fields (their appearance stays), tags; segments of embedded JPEGs that hold
 * anything but the picture. Refused: passwords, unfinished redactions, forms without appearances, JPEG 2000, and
 * what is damaged. */
UP_CHECKED enum up_err clean_pdf(struct up_view in, struct up_bytes *ret_out, struct up_why *why);
/* clean_jpeg_strip: a JPEG stream without APPn and comment segments; the picture's own bytes stay as they are. Of APP14
 * the 12 bytes that say how colours are meant stay. UP_MALFORMED, UP_NO_MEMORY. */
UP_CHECKED enum up_err clean_jpeg_strip(struct up_view in, struct up_bytes *ret_out);

/* clean_sandbox: from here on this process can read and write what it has open as 0, 1 and 2, take memory and end;
 * nothing else, and it can't go back. Call before a byte from outside is looked at. UP_IO: it does not hold; end. */
UP_CHECKED enum up_err clean_sandbox(void);

#endif
