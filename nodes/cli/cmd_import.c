/* SPDX-License-Identifier: MIT
 * import: a CSV file through a mapping file. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "nodes/cli/args.h"
#include "nodes/cli/client.h"
#include "nodes/cli/print.h"
#include "upstander/json.h"
#include "upstander/limits.h"

static const char help[] = "usage: upstander import FILE.csv --mapping FILE [--skip-bad BADFILE]\n"
                           "Saves each row as a report at this node and prints the number of the "
                           "import. If any row is bad,\n"
                           "nothing is saved and every bad row is named, unless --skip-bad.\n"
                           "  --mapping FILE      says which column is what\n"
                           "  --skip-bad BADFILE  save the good rows; the bad ones go to BADFILE "
                           "as they stood, with the\n"
                           "                      reason in a first column, to be mended and "
                           "imported again\n";

enum { BAD_SHOWN_MAX = 50, REASON_LEN_MAX = 320 };
#define REASON_COLUMN "why_not_imported,"

/* The heading line, so that what is mended can be imported as it is. */
static struct up_view heading_of(struct up_view csv)
{
    bool quoted = false;
    size_t at = 0;

    for (; at < csv.len; at++) {
        if (csv.data[at] == '"')
            quoted = !quoted;
        if (csv.data[at] == '\n' && !quoted)
            return up_view_of(csv.data, at + 1);
    }
    return csv;
}

static void append(struct up_bytes *out, size_t *at, const void *data, size_t len)
{
    if (len > 0)
        memcpy(out->data + *at, data, len);
    *at += len;
}

/* A first column says why; the rest is as it stood, even where that is no good CSV. Without quotes in it a reason
 * needs no escapes, and what is mended is imported as it is: no mapping asks for that column. */
static void reason_append(struct up_bytes *out, size_t *at, const Up__BadRow *bad)
{
    char reason[REASON_LEN_MAX];
    int len = snprintf(reason, sizeof reason, "line %u%s%.64s: %.160s", bad->line,
                       bad->field[0] ? ", " : "", bad->field, bad->reason);

    for (char *sign = reason; *sign; sign++) {
        if (*sign == '"')
            *sign = '\'';
    }
    append(out, at, "\"", 1);
    append(out, at, reason, (size_t)len);
    append(out, at, "\",", 2);
}

/* Without the reason of the time before. */
static struct up_view reason_cut(struct up_view row)
{
    const uint8_t *end =
        row.len > 1 && row.data[0] == '"' ? memchr(row.data + 1, '"', row.len - 1) : NULL;
    size_t len = end ? (size_t)(end - row.data) + 1 : 0;

    if (len == 0 || len >= row.len || row.data[len] != ',')
        return row;
    return up_view_of(row.data + len + 1, row.len - len - 1);
}

static enum up_err bad_write(const char *path, struct up_view csv, const Up__ImportResult *import,
                             struct up_why *why)
{
    struct up_view heading = heading_of(csv);
    struct up_bytes out = {0};
    size_t len = heading.len + REASON_LEN_MAX;
    size_t at = 0;
    bool again = false; /* these are the bad rows of an earlier import */
    enum up_err err = UP_OK;

    for (size_t i = 0; i < import->n_bad; i++)
        len += import->bad[i]->row.len + REASON_LEN_MAX + 1;
    err = up_bytes_new(len, &out);
    if (err)
        return err;
    if (heading.len >= 3 && memcmp(heading.data, "\xef\xbb\xbf", 3) == 0) /* a spreadsheet's mark */
        heading = up_view_of(heading.data + 3, heading.len - 3);
    again = heading.len >= strlen(REASON_COLUMN) &&
            memcmp(heading.data, REASON_COLUMN, strlen(REASON_COLUMN)) == 0;
    if (!again)
        append(&out, &at, REASON_COLUMN, strlen(REASON_COLUMN));
    append(&out, &at, heading.data, heading.len);
    for (size_t i = 0; i < import->n_bad; i++) {
        struct up_view row = up_view_of(import->bad[i]->row.data, import->bad[i]->row.len);

        if (again)
            row = reason_cut(row);
        /* a row with two bad fields is named twice, and kept once */
        if (row.len == 0 || (i > 0 && import->bad[i - 1]->line == import->bad[i]->line))
            continue;
        reason_append(&out, &at, import->bad[i]);
        append(&out, &at, row.data, row.len);
        if (row.data[row.len - 1] != '\n')
            out.data[at++] = '\n';
    }
    err = file_write(path, up_view_of(out.data, at), 0600, why);
    up_bytes_wipe(&out);
    return err;
}

static void bad_print(const Up__ImportResult *import)
{
    for (size_t i = 0; i < import->n_bad && i < BAD_SHOWN_MAX; i++)
        (void)print_fault("line %u, %s: %s", import->bad[i]->line, import->bad[i]->field,
                          import->bad[i]->reason);
    if (import->n_bad > BAD_SHOWN_MAX)
        (void)print_fault("and %zu more", import->n_bad - BAD_SHOWN_MAX);
}

static int finish(struct cli *cli, struct up_view text, struct up_view csv, const char *bad_path)
{
    ProtobufCMessage *message = NULL;
    const Up__ImportResult *import = NULL;
    struct up_why why = {0};
    enum up_err err = json_parse(&up__import_result__descriptor, text, cli->arena, &message, &why);

    if (err == UP_TOO_LARGE && bad_path) {
        /* too many bad rows to sort out here: keep what the node said, nothing is lost */
        err = file_write(bad_path, text, 0600, &why);
        if (err)
            return print_why(err, &why);
        return print_fault("too many bad rows to list; the node's whole answer is in %s, as JSON",
                           bad_path);
    }
    if (err == UP_TOO_LARGE)
        return print_fault(
            "very many rows are bad, and nothing was saved; does the mapping fit the "
            "file?");
    if (err)
        return print_why(err, &why);
    import = (const Up__ImportResult *)message;
    if (cli->json)
        print_json(text);
    else
        bad_print(import);
    if (bad_path && import->n_bad > 0) {
        err = bad_write(bad_path, csv, import, &why);
        if (err)
            return print_why(err, &why);
    }
    if (import->import_id[0] == '\0')
        return cli->json
                   ? CLI_FAILED
                   : print_fault("nothing was saved; mend the rows, or say --skip-bad BADFILE");
    if (!cli->json)
        (void)printf("import %s: %u of %u rows saved\nnext: upstander preview --import %s\n",
                     import->import_id, import->imported, import->rows, import->import_id);
    return CLI_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
    const char *mapping_path = NULL;
    const char *bad_path = NULL;
    struct args_list words = {0};
    const struct args_option options[] = {{"--mapping", ARGS_TEXT, (void *)&mapping_path},
                                          {"--skip-bad", ARGS_TEXT, (void *)&bad_path}};
    const struct args_spec spec = {.help = help,
                                   .options = options,
                                   .option_count = 2,
                                   .words = &words,
                                   .words_min = 1,
                                   .words_max = 1};
    struct client_form form = {0};
    struct client_request request = {.method = "POST", .path = "/v1/imports", .form = &form};
    struct up_bytes csv = {0};
    struct up_bytes mapping = {0};
    struct up_bytes text = {0};
    struct up_why why = {0};
    const char *slash = NULL;
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result != ARGS_GO_ON)
        return result;
    if (!mapping_path)
        return args_wrong("--mapping is missing");
    err = file_read(words.items[0], UP_HTTP_BODY_LEN_MAX - UP_CONFIG_LEN_MAX - 4096, &csv, &why);
    if (!err)
        err = file_read(mapping_path, UP_CONFIG_LEN_MAX, &mapping, &why);
    if (err) {
        result = print_why(err, &why);
        goto out;
    }
    slash = strrchr(words.items[0], '/');
    form = (struct client_form){.name = slash ? slash + 1 : words.items[0],
                                .mapping = up_bytes_view(&mapping),
                                .csv = up_bytes_view(&csv),
                                .skip_bad = bad_path != NULL};
    result = cli->json ? CLI_OK : client_banner(cli, stdout, NULL);
    if (result == CLI_OK)
        result = client_call(cli, &request, &text);
    if (result == CLI_OK)
        result = finish(cli, up_bytes_view(&text), up_bytes_view(&csv), bad_path);
out:
    up_bytes_wipe(&csv);
    up_bytes_wipe(&mapping);
    up_bytes_wipe(&text);
    return result;
}

const struct cli_command cmd_import_command = {"import", "save the rows of a CSV file as reports",
                                               help, run};
