/* SPDX-License-Identifier: MIT
 * Error codes of the whole product, with a text for people. One X-macro; the texts name no data. */
#ifndef UPSTANDER_ERR_H
#define UPSTANDER_ERR_H

#define UP_CHECKED __attribute__((warn_unused_result))

/* code, text */
#define UP_ERR_LIST(X)                                                                             \
    X(UP_OK, "done")                                                                               \
    X(UP_MALFORMED, "the bytes are not what the format allows")                                    \
    X(UP_TOO_LARGE, "larger than the limit")                                                       \
    X(UP_TOO_DEEP, "nested deeper than the limit")                                                 \
    X(UP_NO_MEMORY, "out of memory, or over the memory budget of one message")                     \
    X(UP_BAD_TEXT, "text is not valid UTF-8, or holds a NUL")                                      \
    X(UP_UNKNOWN_FIELD, "a field that this version does not know")                                 \
    X(UP_BAD_SIGNATURE, "a signature does not verify")                                             \
    X(UP_WRONG_KEY, "the key does not open this")                                                  \
    X(UP_NOT_ENOUGH_SIGNATURES, "fewer valid signatures than the threshold")                       \
    X(UP_EXPIRED, "past its expiry")                                                               \
    X(UP_ROLLBACK, "older than what was seen before")                                              \
    X(UP_WRONG_FEDERATION, "belongs to another federation, or mixes exercise and live")            \
    X(UP_UNKNOWN_MEMBER, "no such member in the roster")                                           \
    X(UP_NOT_PERMITTED, "not permitted")                                                           \
    X(UP_DUPLICATE, "already there")                                                               \
    X(UP_NOT_FOUND, "no such thing here")                                                          \
    X(UP_FULL, "a quota would be passed")                                                          \
    X(UP_IO, "the disk or the operating system refused")                                           \
    X(UP_BUSY, "another process holds it")                                                         \
    X(UP_TOO_NEW, "written by a newer version of this program")                                    \
    X(UP_UNSAFE_MODE, "others can read the file; set its mode to 0600")                            \
    X(UP_CONFIG, "the configuration is wrong")                                                     \
    X(UP_NO_PREKEY, "no current prekey of the recipient is known yet")                             \
    X(UP_UNREACHABLE, "the other side does not answer")                                            \
    X(UP_INVALID, "the input does not make sense")

#define UP_ERR_ENUM(code, text) code,
enum up_err { UP_ERR_LIST(UP_ERR_ENUM) UP_ERR_COUNT };
#undef UP_ERR_ENUM

/* An error that a person must act on: what is wrong and what to do next. Never holds data of a report. */
struct up_why {
    enum up_err err;
    char text[240];
};

/* up_err_text: the text for people, never NULL. */
const char *up_err_text(enum up_err err);

/* up_why_set: fill why (may be NULL) with a formatted sentence; returns err, so that callers can
 * write `return up_why_set(why, UP_CONFIG, "...")`. Truncates silently at the buffer's end. */
enum up_err up_why_set(struct up_why *why, enum up_err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* up_assert: our own bugs only, never input. Stays on in release; prints file and line, no data. */
#define up_assert(condition) ((condition) ? (void)0 : up_assert_failed(__FILE__, __LINE__))
_Noreturn void up_assert_failed(const char *file, int line);

#endif
