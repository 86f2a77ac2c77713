/* SPDX-License-Identifier: MIT
 * upstander-clean: a file on standard input, the same without metadata on standard output. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "nodes/clean/clean.h"
#include "upstander/limits.h"

enum { EXIT_BAD_FILE = 1, EXIT_NOT_TAKEN = 2 };

static const char too_large[] = "The file is larger than 25 MiB; make it smaller and attach that.";
static const char too_long[] =
    "The file takes too long to read; save it as JPEG, PNG or PDF again and attach that.\n";

static _Noreturn void leave(int status, const char *sentence)
{
    (void)fprintf(stderr, "%s\n", sentence);
    _exit(status); /* nothing of libraries' own clean-up runs in the sandbox */
}

static void out_of_time(int number)
{
    (void)number;
    if (write(STDERR_FILENO, too_long, sizeof too_long - 1) < 0)
        _exit(EXIT_BAD_FILE);
    _exit(EXIT_BAD_FILE);
}

static struct up_bytes read_all(void)
{
    struct up_bytes file = {0};
    ssize_t got = 0;
    size_t len = 0;

    if (up_bytes_new((size_t)UP_ATTACHMENT_LEN_MAX + 1, &file))
        leave(EXIT_BAD_FILE, up_err_text(UP_NO_MEMORY));
    while (len < file.len) {
        got = read(STDIN_FILENO, file.data + len, file.len - len);
        if (got == 0)
            break;
        if (got > 0)
            len += (size_t)got;
        else if (errno != EINTR)
            leave(EXIT_BAD_FILE, up_err_text(UP_IO));
    }
    if (len > UP_ATTACHMENT_LEN_MAX)
        leave(EXIT_BAD_FILE, too_large);
    file.len = len;
    return file;
}

static void write_all(struct up_view view)
{
    while (view.len > 0) {
        const ssize_t put = write(STDOUT_FILENO, view.data, view.len);

        if (put < 0 && errno != EINTR)
            leave(EXIT_BAD_FILE, up_err_text(UP_IO));
        if (put > 0)
            view = up_view_of(view.data + put, view.len - (size_t)put);
    }
}

int main(int argc, char **argv)
{
    struct up_bytes in = {0};
    struct up_bytes out = {0};
    struct up_why why = {0};
    enum up_err err = UP_INVALID;
    enum clean_kind kind = CLEAN_OTHER;

    if (argc > 1 && strcmp(argv[1], "--version") == 0) {
        (void)puts("upstander-clean " UPSTANDER_VERSION);
        return EXIT_SUCCESS;
    }
    if (argc > 1) {
        const bool help = strcmp(argv[1], "--help") == 0;

        (void)fputs("usage: upstander-clean <FILE >NEWFILE\n"
                    "Makes a JPEG, PNG or PDF anew, without metadata.\n"
                    "Exit status: 0 done, 1 a bad file, 2 a kind that is not taken.\n",
                    help ? stdout : stderr);
        return help ? EXIT_SUCCESS : EXIT_BAD_FILE;
    }
    const struct sigaction action = {.sa_handler = out_of_time};
    const struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigaction(SIGXCPU, &action, NULL) != 0 || sigaction(SIGPIPE, &ignore, NULL) != 0 ||
        sigaction(SIGXFSZ, &ignore, NULL) != 0 || clean_sandbox() != UP_OK)
        leave(EXIT_BAD_FILE, "The sandbox can't be set up here, so no file is read.");
    in = read_all();
    kind = clean_kind_of(up_bytes_view(&in));
    if (clean_hint(kind))
        leave(EXIT_NOT_TAKEN, clean_hint(kind));
    if (kind == CLEAN_JPEG)
        err = clean_jpeg(up_bytes_view(&in), &out, &why);
    else if (kind == CLEAN_PNG)
        err = clean_png(up_bytes_view(&in), &out, &why);
    else
        err = clean_pdf(up_bytes_view(&in), &out, &why);
    if (err)
        leave(EXIT_BAD_FILE, why.text[0] != '\0' ? why.text : up_err_text(err));
    if (out.len > UP_ATTACHMENT_LEN_MAX)
        leave(EXIT_BAD_FILE, too_large);
    write_all(up_bytes_view(&out));
    _exit(EXIT_SUCCESS);
}
