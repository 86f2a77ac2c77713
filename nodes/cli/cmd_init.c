/* SPDX-License-Identifier: MIT
 * init: a folder with keys, settings to edit, and the public part for the directory's signatories.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/secrets.h"
#include "nodes/cli/args.h"
#include "nodes/cli/ask.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "upstander/ids.h"
#include "upstander/json.h"

enum { PATH_LEN_MAX = 1024, CONFIG_LEN_MAX = 4096, NAME_LEN_MAX = 128 };

static const char help[] =
    "usage: upstander init DIR --member ID --role ROLE [options]     a node\n"
    "       upstander init DIR --broker --member ID --endpoint URL   a broker\n"
    "       upstander init DIR --steward --member ID                 a directory signatory\n"
    "Makes DIR (mode 0700) with fresh keys and settings, and a public part to hand to the "
    "signatories\n"
    "of the directory. On a terminal it asks for what is missing. It never replaces keys.\n"
    "  --member ID     [a-z][a-z0-9-]*, 3 to 32 signs; also the name of a broker or a signatory\n"
    "  --role ROLE     police, council, casework, charity or governance\n"
    "  --name TEXT     name for people (else the ID)\n"
    "  --telephone-24h NUMBER   to ring at any hour when a life is at risk\n"
    "  --endpoint URL  where the broker listens and is found: tcp://address:port\n"
    "  --stewards HEX  digest of the signatories, if it is known already\n"
    "  --operator NAME who may use this node (else the name of your account); one word\n"
    "  --passphrase-file FILE   lock the keys under the first line of FILE (mode 0600); not for a\n"
    "                  broker, which starts by itself\n";

struct init {
    const char *folder;
    const char *member;
    const char *role_word;
    const char *name;
    const char *telephone;
    const char *endpoint;
    const char *stewards;
    const char *person;
    const char *passphrase_file;
    bool broker;
    bool steward;
    bool json;
    Up__Role__Code role;
    char asked[3][NAME_LEN_MAX]; /* answers, where the words above were missing */
    struct up_why why;
};

static enum up_err path_of(struct init *init, const char *name, char ret_path[static PATH_LEN_MAX])
{
    if (snprintf(ret_path, PATH_LEN_MAX, "%s/%s", init->folder, name) >= PATH_LEN_MAX)
        return up_why_set(&init->why, UP_INVALID, "the path is too long");
    return UP_OK;
}

static enum up_err text_write(struct init *init, const char *name, struct up_view text,
                              unsigned mode)
{
    char path[PATH_LEN_MAX];
    enum up_err err = path_of(init, name, path);

    return err ? err : file_write_new(path, text, mode, &init->why);
}

/* The public part, in the shape that `roster` reads; also shown, so that it can be compared by
 * voice. */
static enum up_err public_write(struct init *init, const char *name,
                                const ProtobufCMessage *message)
{
    struct up_bytes text = {0};
    enum up_err err = json_format(message, true, &text);

    if (!err)
        err = text_write(init, name, up_bytes_view(&text), 0644);
    if (!err && !init->json)
        (void)printf("Public part, for the signatories of the directory (%s/%s):\n", init->folder,
                     name);
    if (!err)
        print_json(up_bytes_view(&text));
    up_bytes_wipe(&text);
    return err;
}

static enum up_err member_write(struct init *init, struct keyfile *keyfile)
{
    Up__Member member;
    char id[UP_MEMBER_LEN_MAX + 1];
    char name[NAME_LEN_MAX];
    char telephone[NAME_LEN_MAX];

    up__member__init(&member);
    (void)snprintf(id, sizeof id, "%s", init->member);
    (void)snprintf(name, sizeof name, "%s", init->name ? init->name : init->member);
    (void)snprintf(telephone, sizeof telephone, "%s", init->telephone ? init->telephone : "");
    member.id = id;
    member.name = name;
    member.role = init->role;
    member.telephone_24h = telephone;
    member.identity_key = (ProtobufCBinaryData){.len = 32, .data = keyfile->identity.bytes};
    member.transport_key = (ProtobufCBinaryData){.len = 32, .data = keyfile->transport.bytes};
    return public_write(init, "member.json", &member.base);
}

static enum up_err broker_write(struct init *init, struct keyfile *keyfile)
{
    Up__Broker broker;
    char id[UP_MEMBER_LEN_MAX + 1];
    char endpoint[PATH_LEN_MAX];

    up__broker__init(&broker);
    (void)snprintf(id, sizeof id, "%s", init->member);
    (void)snprintf(endpoint, sizeof endpoint, "%s", init->endpoint);
    broker.id = id;
    broker.endpoint = endpoint;
    broker.transport_key = (ProtobufCBinaryData){.len = 32, .data = keyfile->transport.bytes};
    return public_write(init, "broker.json", &broker.base);
}

static enum up_err steward_write(struct init *init, struct keyfile *keyfile)
{
    Up__Steward steward;
    char name[NAME_LEN_MAX];

    up__steward__init(&steward);
    (void)snprintf(name, sizeof name, "%s", init->name ? init->name : init->member);
    steward.name = name;
    steward.key = (ProtobufCBinaryData){.len = 32, .data = keyfile->identity.bytes};
    return public_write(init, "steward.json", &steward.base);
}

static void stewards_line(const struct init *init, char *ret_line, size_t len_max)
{
    if (init->stewards)
        (void)snprintf(ret_line, len_max, "    stewards = %s\n", init->stewards);
    else
        (void)snprintf(
            ret_line, len_max,
            "    # Take away the \"#\" and put the digest here; have it read out to you by a\n"
            "    # signatory you know (upstander roster stewards FILE):\n"
            "    # stewards = \n");
}

static enum up_err broker_config_write(struct init *init)
{
    char text[CONFIG_LEN_MAX];
    char stewards[512];
    int len = 0;

    stewards_line(init, stewards, sizeof stewards);
    len =
        snprintf(text, sizeof text,
                 "# Settings of upstander-broker. Four spaces of indentation; paths are told from\n"
                 "# this file's folder.\n"
                 "broker\n"
                 "    id = %s\n"
                 "    # where it listens; nodes find it by what the directory says\n"
                 "    endpoint = \"%s\"\n"
                 "    keys = keys\n"
                 "    # the signed directory; after a new one: kill -HUP\n"
                 "    roster = roster\n"
                 "%s"
                 "    store = mail.db\n",
                 init->member, init->endpoint, stewards);
    if (len < 0 || (size_t)len >= sizeof text)
        return up_why_set(&init->why, UP_INVALID, "the endpoint is too long");
    return text_write(init, "broker.conf", up_view_of(text, (size_t)len), 0600);
}

/* The config tells paths from its own folder, the caller from where it stands. */
static bool path_absolute(const char *path, char ret_path[static PATH_LEN_MAX])
{
    char here[PATH_LEN_MAX];

    if (path[0] == '/')
        return snprintf(ret_path, PATH_LEN_MAX, "%s", path) < PATH_LEN_MAX;
    return getcwd(here, sizeof here) &&
           snprintf(ret_path, PATH_LEN_MAX, "%s/%s", here, path) < PATH_LEN_MAX;
}

static enum up_err node_config_write(struct init *init)
{
    char text[CONFIG_LEN_MAX];
    char stewards[512];
    char passphrase[PATH_LEN_MAX] = "";
    int len = 0;

    if (init->passphrase_file && !path_absolute(init->passphrase_file, passphrase))
        return up_why_set(&init->why, UP_INVALID, "the path of the passphrase is too long");
    stewards_line(init, stewards, sizeof stewards);
    len = snprintf(
        text, sizeof text,
        "# Settings of upstander-node; upstander-node.conf(5) explains each. Four spaces of\n"
        "# indentation; paths are told from this file's folder. No secret belongs in here.\n"
        "node\n"
        "    member = %s\n"
        "    keys = keys\n"
        "%s%s%s"
        "    # the signed directory as it was last installed (upstander roster install FILE)\n"
        "    roster = roster\n"
        "%s"
        "    store = store\n"
        "    # where the command `upstander` finds this node\n"
        "    socket = node.sock\n"
        "\n"
        "# Who may use this node: the account's uid, what the person may do (take-reports, "
        "approve,\n"
        "# override, keys, read-only, audit) and, if it ends, the last day. One account, one "
        "person.\n"
        "operators\n"
        "    %s\n"
        "        uid = %u\n"
        "        roles = \"take-reports, approve, keys, audit\"\n"
        "        # ends = 2027-12-31\n",
        init->member, init->passphrase_file ? "    passphrase-file = " : "",
        init->passphrase_file ? passphrase : "", init->passphrase_file ? "\n" : "", stewards,
        init->person, (unsigned)getuid());
    if (len < 0 || (size_t)len >= sizeof text)
        return up_why_set(&init->why, UP_INVALID, "a value is too long");
    return text_write(init, "node.conf", up_view_of(text, (size_t)len), 0600);
}

static enum up_err make(struct init *init)
{
    struct keyfile keyfile = {0};
    char path[PATH_LEN_MAX];
    enum keyfile_kind kind = init->broker    ? KEYFILE_BROKER
                             : init->steward ? KEYFILE_STEWARD
                                             : KEYFILE_NODE;
    enum up_err err = path_of(init, "keys", path);

    if (!err)
        err = file_make_folder(init->folder, &init->why);
    if (err)
        return err;
    keyfile_generate(kind, &keyfile);
    err = secrets_write_new(path, init->passphrase_file, &keyfile, &init->why);
    if (!err && init->broker)
        err = broker_config_write(init);
    if (!err && !init->broker && !init->steward)
        err = node_config_write(init);
    if (!err)
        err = init->broker    ? broker_write(init, &keyfile)
              : init->steward ? steward_write(init, &keyfile)
                              : member_write(init, &keyfile);
    keyfile_clear(&keyfile);
    return err;
}

/* Asks on a terminal; elsewhere a missing word is an error. */
static bool fill(struct init *init, const char **value, size_t slot, const char *question)
{
    if (*value)
        return true;
    if (!ask_is_terminal() || !ask_text(question, init->asked[slot], NAME_LEN_MAX))
        return false;
    *value = init->asked[slot];
    return init->asked[slot][0] != '\0';
}

/* What stands in the configs must be one plain word: it is written as it is. */
static bool is_word(const char *text, const char *more)
{
    size_t len = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");

    while (text[len] != '\0' && strchr(more, text[len]))
        len += 1 + strspn(text + len + 1,
                          "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");
    return text[0] != '\0' && text[len] == '\0' && len < 200;
}

static int check(struct init *init)
{
    struct member_id id;

    if (init->broker && init->steward)
        return args_wrong("--broker or --steward, not both");
    if (init->broker && init->passphrase_file)
        return args_wrong("a broker's keys have no passphrase: it starts by itself");
    if (!fill(init, &init->member, 0, "Id (a-z, 0-9, hyphens, e.g. northford-charity)"))
        return args_wrong("--member is missing");
    if (ids_member_parse(up_view_of(init->member, strlen(init->member)), &id))
        return args_wrong("--member is not [a-z][a-z0-9-]*, 3 to 32 signs");
    if (init->broker && !fill(init, &init->endpoint, 1, "Endpoint (tcp://address:port)"))
        return args_wrong("--endpoint is missing");
    if (init->broker &&
        (strncmp(init->endpoint, "tcp://", 6) != 0 || !is_word(init->endpoint + 6, ".:-[]*") ||
         !strchr(init->endpoint + 6, ':')))
        return args_wrong("--endpoint is not tcp://address:port");
    if (!init->broker && !init->steward) {
        if (!fill(init, &init->role_word, 1,
                  "Role (police, council, casework, charity, governance)"))
            return args_wrong("--role is missing");
        if (names_role_parse(init->role_word, &init->role))
            return args_wrong("--role is police, council, casework, charity or governance");
        if (!init->telephone && ask_is_terminal())
            (void)fill(init, &init->telephone, 2, "Telephone at any hour, for risk to life");
    }
    if (init->stewards &&
        (strlen(init->stewards) != 64 || strspn(init->stewards, "0123456789abcdef") != 64))
        return args_wrong("--stewards is not 64 lower-case hexadecimal digits");
    if (!init->person)
        init->person = getlogin();
    if (!init->person || !is_word(init->person, "-_."))
        init->person = "operator-1";
    if (init->name && strlen(init->name) >= NAME_LEN_MAX)
        return args_wrong("--name is too long");
    return ARGS_GO_ON;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct init init = {0};
    struct args_list words = {0};
    const struct args_option options[] = {
        {"--member", ARGS_TEXT, (void *)&init.member},
        {"--role", ARGS_TEXT, (void *)&init.role_word},
        {"--name", ARGS_TEXT, (void *)&init.name},
        {"--telephone-24h", ARGS_TEXT, (void *)&init.telephone},
        {"--endpoint", ARGS_TEXT, (void *)&init.endpoint},
        {"--stewards", ARGS_TEXT, (void *)&init.stewards},
        {"--operator", ARGS_TEXT, (void *)&init.person},
        {"--passphrase-file", ARGS_TEXT, (void *)&init.passphrase_file},
        {"--broker", ARGS_FLAG, &init.broker},
        {"--steward", ARGS_FLAG, &init.steward},
    };
    const struct args_spec spec = {.help = help,
                                   .options = options,
                                   .option_count = sizeof options / sizeof options[0],
                                   .words = &words,
                                   .words_min = 1,
                                   .words_max = 1};
    int result = args_parse(cli, &spec, argc, argv);
    enum up_err err = UP_OK;

    if (result != ARGS_GO_ON)
        return result;
    init.folder = words.items[0];
    init.json = cli->json;
    result = check(&init);
    if (result != ARGS_GO_ON)
        return result;
    err = make(&init);
    if (err)
        return print_why(err, &init.why);
    if (init.json)
        return CLI_OK;
    if (init.steward)
        (void)printf("Keep %s/keys on a medium of its own, away from networks.\n", init.folder);
    else
        (void)printf("Next: edit %s/%s, then put the signed directory at %s/roster.\n", init.folder,
                     init.broker ? "broker.conf" : "node.conf", init.folder);
    return CLI_OK;
}

const struct cli_command cmd_init_command = {
    "init", "make keys and settings for a node, broker or signatory", help, run};
