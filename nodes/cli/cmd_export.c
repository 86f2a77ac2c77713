/* SPDX-License-Identifier: MIT
 * export: each received item once, as files. An item is marked only when its files are on disk, so
 * that a stop in between gives a file twice and never loses one. */
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "nodes/cli/args.h"
#include "nodes/cli/client.h"
#include "nodes/cli/figures.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "nodes/cli/render.h"
#include "upstander/json.h"

static const char help[] =
    "usage: upstander export DIR\n"
    "Writes each item that was not exported yet to DIR: REF.json for "
    "programs, REF.txt for people. The\n"
    "files have mode 0600 and appear whole. An item is given once. Figures are also "
    "written to\nfigures-FROM-AREA-YEAR.csv and .json (counts-... for returns): a "
    "later revision replaces them.\n";

enum { PATH_LEN_MAX = 1024 };
#define EXPORT_PAGE                                                                                \
    "3" /* three of the largest items fit in one JSON document (UP_JSON_LEN_MAX)                   \
         */

static enum up_err text_make(const Up__InboxItem *item, bool exercise, struct up_bytes *ret_text)
{
    char *memory = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&memory, &len);
    struct up_bytes text = {0};
    enum up_err err = UP_OK;

    if (!out)
        return UP_NO_MEMORY;
    render_item(out, item, exercise);
    if (fclose(out))
        err = UP_NO_MEMORY;
    if (!err)
        err = up_bytes_copy(up_view_of(memory, len), ret_text);
    text = (struct up_bytes){.data = (uint8_t *)memory, .len = len};
    up_bytes_wipe(&text);
    return err;
}

/* Figures also under a name that stays, for spreadsheets and programs: a later revision takes their place. */
static enum up_err figures_write(struct cli *cli, const char *folder, const Up__InboxItem *item,
                                 struct up_why *why)
{
    char name[FIGURES_NAME_MAX];
    char path[PATH_LEN_MAX];
    char *memory = NULL;
    size_t len = 0;
    FILE *out = NULL;
    Up__Figures *figures = NULL;
    struct up_bytes text = {0};
    enum up_err err = UP_OK;

    if (!figures_name(item, name))
        return up_why_set(why, UP_MALFORMED, "the node gave figures without a usable name");
    if (snprintf(path, sizeof path, "%s/%s.json", folder, name) >= (int)sizeof path)
        return up_why_set(why, UP_INVALID, "the path is too long");
    err = figures_make(item, cli->arena, &figures);
    if (!err)
        err = json_format(&figures->base, true, &text);
    if (!err)
        err = file_write(path, up_bytes_view(&text), 0600, why);
    up_bytes_wipe(&text);
    if (err)
        return err;
    out = open_memstream(&memory, &len);
    if (!out)
        return UP_NO_MEMORY;
    figures_csv(out, item);
    if (fclose(out))
        err = UP_NO_MEMORY;
    (void)snprintf(path, sizeof path, "%s/%s.csv", folder, name);
    if (!err)
        err = file_write(path, up_view_of(memory, len), 0600, why);
    free(memory);
    return err;
}

struct export
{
    const char *folder;
    bool exercise;
};

static enum up_err item_write(struct cli *cli, const struct export *to, const Up__InboxItem *item,
                              struct up_why *why)
{
    const char *folder = to->folder;
    char path[PATH_LEN_MAX];
    struct up_bytes text = {0};
    enum up_err err = UP_OK;

    if (!item->line || !names_is_ref(item->line->ref))
        return up_why_set(why, UP_MALFORMED, "the node gave an item without a usable reference");
    if (snprintf(path, sizeof path, "%s/%s.json", folder, item->line->ref) >= (int)sizeof path)
        return up_why_set(why, UP_INVALID, "the path is too long");
    if (figures_is(item))
        err = figures_write(cli, folder, item, why);
    if (!err)
        err = json_format(&item->base, true, &text);
    if (!err)
        err = file_write(path, up_bytes_view(&text), 0600, why);
    up_bytes_wipe(&text);
    if (err)
        return err;
    (void)snprintf(path, sizeof path, "%s/%s.txt", folder, item->line->ref);
    err = text_make(item, to->exercise, &text);
    if (!err)
        err = file_write(path, up_bytes_view(&text), 0600, why);
    up_bytes_wipe(&text);
    return err;
}

/* Only now, with the files on disk. */
static int done_post(struct cli *cli, const Up__ExportBatch *batch)
{
    Up__ExportDone done;
    struct client_request request = {
        .method = "POST", .path = "/v1/export/done", .body = &done.base};
    struct up_bytes text = {0};
    int result = CLI_OK;

    up__export_done__init(&done);
    done.refs = arena_alloc(cli->arena, batch->n_items * sizeof *done.refs);
    if (!done.refs)
        return print_fault("%s", up_err_text(UP_NO_MEMORY));
    for (size_t i = 0; i < batch->n_items; i++)
        done.refs[done.n_refs++] = batch->items[i]->line->ref;
    result = client_call(cli, &request, &text);
    up_bytes_wipe(&text);
    return result;
}

/* One page; ret_count is 0 when nothing is left. */
static int page(struct cli *cli, const struct export *to, size_t *ret_count)
{
    struct client_request request = {.method = "GET", .path = "/v1/export?limit=" EXPORT_PAGE};
    ProtobufCMessage *message = NULL;
    const Up__ExportBatch *batch = NULL;
    struct up_why why = {0};
    enum up_err err = UP_OK;
    int result = client_ask(cli, &request, &up__export_batch__descriptor, &message, NULL);

    if (result != CLI_OK)
        return result;
    batch = (const Up__ExportBatch *)message;
    for (size_t i = 0; !err && i < batch->n_items; i++)
        err = item_write(cli, to, batch->items[i], &why);
    if (err)
        return print_why(err, &why);
    *ret_count = batch->n_items;
    return batch->n_items > 0 ? done_post(cli, batch) : CLI_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct args_list words = {0};
    const struct args_spec spec = {.help = help, .words = &words, .words_min = 1, .words_max = 1};
    struct up_why why = {0};
    struct export to = {.exercise = false};
    size_t total = 0;
    size_t count = 1;
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result != ARGS_GO_ON)
        return result;
    if (cli->json)
        cli->banner_shown = true;
    result = client_banner(cli, stdout, &to.exercise);
    if (result != CLI_OK)
        return result;
    to.folder = words.items[0];
    err = file_make_folder(to.folder, &why);
    if (err)
        return print_why(err, &why);
    while (result == CLI_OK && count > 0) {
        arena_reset(cli->arena);
        result = page(cli, &to, &count);
        if (result == CLI_OK)
            total += count;
        if (total > 100000000) /* the node gives what was marked again and again */
            return print_fault("the node does not mark what was exported; stopped");
    }
    if (result == CLI_OK)
        (void)printf(cli->json ? "{\"exported\":%zu}\n" : "%zu items exported\n", total);
    return result;
}

const struct cli_command cmd_export_command = {"export", "write received items to files, each once",
                                               help, run};
