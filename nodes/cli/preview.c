/* SPDX-License-Identifier: MIT */
#include "nodes/cli/preview.h"

#include <stdio.h>
#include <string.h>

#include "nodes/cli/client.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "nodes/cli/render.h"
#include "nodes/cli/table.h"

static enum up_err verdicts_print(const Up__Preview *preview)
{
    static const char *const headings[] = {"Organisation", "Role", "May see", "Why", "How it goes"};
    struct table *table = NULL;
    enum up_err err = table_new(headings, 5, &table);

    for (size_t i = 0; !err && i < preview->n_recipients; i++) {
        const Up__RecipientPreview *to = preview->recipients[i];
        char may_see[NAMES_LEN_MAX];
        const char *cells[] = {to->name[0] != '\0' ? to->name : to->member, names_role(to->role),
                               may_see, to->decided_by, to->delivery};

        names_entitlement(to->entitlement, may_see);
        err = table_add(table, cells);
    }
    if (!err)
        table_print(table, stdout);
    table_destroy(&table);
    return err;
}

static const char *fate_of(const Up__RecipientPreview *to, const char *path)
{
    for (size_t i = 0; i < to->n_fields; i++) {
        if (strcmp(to->fields[i]->path, path) == 0)
            return strcmp(to->fields[i]->fate, "kept") == 0          ? "shared"
                   : strcmp(to->fields[i]->fate, "generalised") == 0 ? "made coarser"
                                                                     : "-";
    }
    return "-";
}

/* Side by side: a row for each field, a column for each organisation that gets anything about the
 * incident. */
static enum up_err fields_print(const Up__Preview *preview)
{
    const char *headings[TABLE_COLUMNS_MAX] = {"Field"};
    const Up__RecipientPreview *columns[TABLE_COLUMNS_MAX] = {NULL};
    const Up__RecipientPreview *longest = NULL;
    struct table *table = NULL;
    size_t count = 1;
    enum up_err err = UP_OK;

    for (size_t i = 0; i < preview->n_recipients && count < TABLE_COLUMNS_MAX; i++) {
        const Up__RecipientPreview *to = preview->recipients[i];

        if (!to->entitlement || to->entitlement->level < UP__ENTITLEMENT__LEVEL__ANONYMISED)
            continue;
        columns[count] = to;
        headings[count++] = to->member;
        if (!longest || to->n_fields > longest->n_fields)
            longest = to;
    }
    if (!longest || longest->n_fields == 0)
        return UP_OK;
    err = table_new(headings, count, &table);
    for (size_t i = 0; !err && i < longest->n_fields; i++) {
        const char *cells[TABLE_COLUMNS_MAX] = {longest->fields[i]->path};

        for (size_t j = 1; j < count; j++)
            cells[j] = fate_of(columns[j], cells[0]);
        err = table_add(table, cells);
    }
    if (!err) {
        (void)putchar('\n');
        table_print(table, stdout);
    }
    table_destroy(&table);
    return err;
}

static void warnings_print(const Up__Preview *preview)
{
    for (size_t i = 0; i < preview->n_recipients; i++) {
        const Up__RecipientPreview *to = preview->recipients[i];

        for (size_t j = 0; j < to->n_warnings; j++) {
            (void)printf("\nTake care, %s: ", to->member);
            print_safe(stdout, to->warnings[j], 4);
        }
        if (to->telephone_24h[0] != '\0') {
            (void)printf("\n%s at any hour: ", to->member);
            print_safe(stdout, to->telephone_24h, 4);
        }
    }
    (void)puts("\nIn an emergency ring 999 first.");
}

static void full_print(const Up__Preview *preview)
{
    for (size_t i = 0; i < preview->n_recipients; i++) {
        if (!preview->recipients[i]->disclosure)
            continue;
        (void)printf("\n== What %s would receive\n\n", preview->recipients[i]->member);
        render_incident(stdout, preview->recipients[i]->disclosure);
    }
}

int preview_at(struct cli *cli, const char *path, bool full)
{
    struct client_request request = {.method = "GET", .path = path};
    ProtobufCMessage *message = NULL;
    const Up__Preview *preview = NULL;
    enum up_err err = UP_OK;
    int result = CLI_OK;

    if (cli->json)
        return client_print(cli, path);
    result = client_banner(cli, stdout, NULL);
    if (result == CLI_OK)
        result = client_ask(cli, &request, &up__preview__descriptor, &message, NULL);
    if (result != CLI_OK)
        return result;
    preview = (const Up__Preview *)message;
    (void)fputs("Report ", stdout);
    print_safe(stdout, preview->ref, 0);
    (void)fputs("\n\n", stdout);
    if (preview->n_recipients == 0)
        (void)puts("The directory names no organisation that it could go to.");
    else
        err = verdicts_print(preview);
    if (!err)
        err = fields_print(preview);
    if (err)
        return print_why(err, NULL);
    if (full)
        full_print(preview);
    warnings_print(preview);
    return CLI_OK;
}

int preview_report(struct cli *cli, const char *ref, bool full)
{
    char path[128];

    if (!names_is_ref(ref))
        return print_fault("no reference looks like that; `upstander sent` lists them");
    (void)snprintf(path, sizeof path, "/v1/reports/%s/preview", ref);
    return preview_at(cli, path, full);
}

int preview_import(struct cli *cli, const char *import_id)
{
    static const char *const headings[] = {"Organisation", "Everything", "Without who",
                                           "Figures",      "Count only", "Not shared"};
    char path[128];
    struct client_request request = {.method = "GET", .path = path};
    ProtobufCMessage *message = NULL;
    const Up__ImportPreview *preview = NULL;
    struct table *table = NULL;
    enum up_err err = UP_OK;
    int result = CLI_OK;

    if (!names_is_ref(import_id))
        return print_fault("no import number looks like that");
    (void)snprintf(path, sizeof path, "/v1/imports/%s/preview", import_id);
    if (cli->json)
        return client_print(cli, path);
    result = client_banner(cli, stdout, NULL);
    if (result == CLI_OK)
        result = client_ask(cli, &request, &up__import_preview__descriptor, &message, NULL);
    if (result != CLI_OK)
        return result;
    preview = (const Up__ImportPreview *)message;
    err = table_new(headings, 6, &table);
    for (size_t i = 0; !err && i < preview->n_lines; i++) {
        const Up__ImportPreviewLine *line = preview->lines[i];
        const uint32_t numbers[] = {line->identified, line->pseudonymised, line->anonymised,
                                    line->counted, line->withheld};
        char texts[5][16];
        const char *cells[6] = {line->name[0] != '\0' ? line->name : line->member};

        for (size_t j = 0; j < 5; j++) {
            (void)snprintf(texts[j], sizeof texts[j], "%u", numbers[j]);
            cells[j + 1] = texts[j];
        }
        err = table_add(table, cells);
    }
    if (!err) {
        (void)printf("Import %s: %u reports\n\n", import_id, preview->reports);
        table_print(table, stdout);
    }
    table_destroy(&table);
    return err ? print_why(err, NULL) : CLI_OK;
}
