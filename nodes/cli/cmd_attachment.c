/* SPDX-License-Identifier: MIT
 * attachment: writes one to a file. */
#include <stdio.h>

#include "base/file.h"
#include "nodes/cli/args.h"
#include "nodes/cli/client.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"

static const char help[] = "usage: upstander attachment REF [NUMBER] --out FILE\n"
                           "Writes an attachment of a report or of a received item to FILE (mode "
                           "0600), once it is all here.\n"
                           "NUMBER counts from 1, as `upstander show` lists them. A file that is "
                           "there is not overwritten.\n";

/* There are at most nine; 0: it is none. */
static unsigned digit_of(const char *word)
{
    return word[0] >= '1' && word[0] <= '9' && word[1] == '\0' ? (unsigned)(word[0] - '0') : 0;
}

static int run(struct cli *cli, int argc, char **argv)
{
    const char *out = NULL;
    struct args_list words = {0};
    const struct args_option options[] = {{"--out", ARGS_TEXT, (void *)&out}};
    const struct args_spec spec = {.help = help,
                                   .options = options,
                                   .option_count = 1,
                                   .words = &words,
                                   .words_min = 1,
                                   .words_max = 2};
    char path[128];
    unsigned number = 1;
    const struct client_request request = {.method = "GET", .path = path};
    struct up_bytes file = {0};
    struct up_why why = {0};
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result != ARGS_GO_ON)
        return result;
    if (!names_is_ref(words.items[0]))
        return print_fault("no reference looks like that");
    if (words.count == 2)
        number = digit_of(words.items[1]);
    if (!out || number == 0)
        return args_wrong("give --out FILE, and the number as a digit");
    (void)snprintf(path, sizeof path, "/v1/attachments/%s?number=%u", words.items[0], number);
    result = client_call(cli, &request, &file);
    if (result == CLI_OK)
        err = file_write_new(out, up_bytes_view(&file), 0600, &why);
    if (err)
        result = print_why(err, &why);
    else if (result == CLI_OK)
        (void)printf("%s: %zu bytes\n", out, file.len);
    up_bytes_wipe(&file);
    return result;
}

const struct cli_command cmd_attachment_command = {"attachment", "write an attachment to a file",
                                                   help, run};
