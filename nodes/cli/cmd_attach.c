/* SPDX-License-Identifier: MIT
 * attach: a photo or document to a report that was not sent yet. */
#include <stdio.h>

#include "base/file.h"
#include "nodes/cli/args.h"
#include "nodes/cli/client.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "upstander/limits.h"

static const char help[] = "usage: upstander attach REF FILE\n"
                           "Keeps a photo (JPEG, PNG) or a document (PDF) with the report REF, "
                           "before it is sent. The file\n"
                           "is made anew first: place, camera and author stand in none of it any "
                           "more. What it shows is not\n"
                           "changed. It goes only to whom the person lets see everything.\n";

static int run(struct cli *cli, int argc, char **argv)
{
    struct args_list words = {0};
    const struct args_spec spec = {.help = help, .words = &words, .words_min = 2, .words_max = 2};
    char path[128];
    struct client_request request = {.method = "POST", .path = path};
    struct up_bytes file = {0};
    struct up_bytes text = {0};
    struct up_why why = {0};
    ProtobufCMessage *reply = NULL;
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result != ARGS_GO_ON)
        return result;
    if (!names_is_ref(words.items[0]))
        return print_fault("no reference looks like that");
    err = file_read(words.items[1], UP_ATTACHMENT_LEN_MAX, &file, &why);
    if (err)
        return print_why(err, &why);
    if (file.len == 0) {
        up_bytes_wipe(&file);
        return print_fault("the file is empty");
    }
    request.file = up_bytes_view(&file);
    (void)snprintf(path, sizeof path, "/v1/reports/%s/attachments", words.items[0]);
    result = client_ask(cli, &request, &up__attachment__descriptor, &reply, &text);
    if (result == CLI_OK && cli->json)
        print_json(up_bytes_view(&text));
    else if (result == CLI_OK)
        (void)printf("attached, made anew: %u bytes\n", ((Up__Attachment *)reply)->length);
    up_bytes_wipe(&file);
    up_bytes_wipe(&text);
    return result;
}

const struct cli_command cmd_attach_command = {"attach", "keep a photo or document with a report",
                                               help, run};
