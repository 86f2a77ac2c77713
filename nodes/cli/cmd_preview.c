/* SPDX-License-Identifier: MIT */
#include "nodes/cli/args.h"
#include "nodes/cli/preview.h"

static const char help[] =
    "usage: upstander preview REF [--full]\n"
    "       upstander preview --import ID\n"
    "Shows what each organisation would receive, and why. Nothing is shared by this.\n"
    "  --full          also what each would read\n"
    "  --import ID     counts for a whole import\n";

static int run(struct cli *cli, int argc, char **argv)
{
    const char *import_id = NULL;
    bool full = false;
    struct args_list words = {0};
    const struct args_option options[] = {{"--import", ARGS_TEXT, (void *)&import_id},
                                          {"--full", ARGS_FLAG, &full}};
    const struct args_spec spec = {
        .help = help, .options = options, .option_count = 2, .words = &words, .words_max = 1};
    int result = args_parse(cli, &spec, argc, argv);

    if (result != ARGS_GO_ON)
        return result;
    if ((words.count == 1) == (import_id != NULL))
        return args_wrong("give a reference, or --import ID");
    return import_id ? preview_import(cli, import_id) : preview_report(cli, words.items[0], full);
}

const struct cli_command cmd_preview_command = {
    "preview", "show what each organisation would receive", help, run};
