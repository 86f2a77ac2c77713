/* SPDX-License-Identifier: MIT
 * upstander-node: reads its settings, opens what it needs, serves its operators and the bus until it is told to stop. */
#include <stdio.h>
#include <string.h>

#include "base/clean.h"
#include "base/clock.h"
#include "base/config.h"
#include "base/file.h"
#include "base/guard.h"
#include "base/log.h"
#include "base/secrets.h"
#include "nodes/api/api.h"
#include "nodes/courier.h"
#include "upstander/ids.h"
#include "upstander/limits.h"

enum { OPERATORS_MAX = 256, LIMITS_MAX = 512, AREAS_LEN_MAX = 16 << 20 };

static const struct config_key keys[] = {
    {"node", CONFIG_SECTION, true, "the node's settings"},
    {"node/member", CONFIG_TEXT, true, "id of this organisation in the directory"},
    {"node/keys", CONFIG_PATH, true, "key file, mode 0600"},
    {"node/passphrase-file", CONFIG_PATH, false, "file of mode 0600 with the keys' passphrase"},
    {"node/roster", CONFIG_PATH, true, "the signed directory"},
    {"node/stewards", CONFIG_TEXT, true, "digest of the directory's signatories, 64 digits"},
    {"node/store", CONFIG_PATH, true, "folder of the store"},
    {"node/socket", CONFIG_PATH, true, "Unix socket of the local API"},
    {"node/areas", CONFIG_PATH, false, "table of areas, when it is not the installed one"},
    {"node/codes", CONFIG_PATH, false,
     "folder with the lists of codes, when it is not the installed one"},
    {"node/bases", CONFIG_PATH, false, "what each preset relies on, from the information lead"},
    {"ceilings", CONFIG_SECTION, false, "the most that leaves this node, by role"},
    {"ceilings/police", CONFIG_TEXT, false,
     "withheld, counted, anonymised, pseudonymised, identified"},
    {"ceilings/council", CONFIG_TEXT, false, "the same"},
    {"ceilings/casework", CONFIG_TEXT, false, "the same"},
    {"ceilings/charity", CONFIG_TEXT, false, "the same"},
    {"ceilings/governance", CONFIG_TEXT, false, "the same"},
    {"member-ceilings", CONFIG_SECTION, false, "the most that leaves this node, by organisation"},
    {"member-ceilings/*", CONFIG_TEXT, false, "the same, for one organisation by its id"},
    API_OPERATOR_KEYS,
};

static const char usage[] =
    "usage: upstander-node --config FILE [--check]\n"
    "Keeps an organisation's reports, shares of them what was agreed, and takes in what others "
    "share.\n"
    "  --config FILE   settings (ZPL); `upstander init` writes a first one\n"
    "  --check         check settings, keys and directory, then stop\n"
    "  --help          this text\n"
    "  --version       the version\n"
    "SIGTERM stops it, SIGUSR1 logs its counters.\n"
    "Exit status: 0 stopped as asked, 1 could not go on, 2 wrong words or settings.\n";

struct node {
    struct config *config;
    struct keyfile keyfile;
    struct service service;
    struct entitlement ceilings[ROLE_GOVERNANCE + 1];
    struct entitlement_limit limits[LIMITS_MAX];
    struct arena *bases; /* what service.bases lives in */
    struct api_operator operators[OPERATORS_MAX];
    size_t operator_count;
    struct courier *courier;
    struct api *api;
    char clean_program[CLEAN_PATH_LEN_MAX];
};

static const char *setting(const struct node *node, const char *path)
{
    return config_text(node->config, path, "");
}

/* --- settings --------------------------------------------------------------------------------------- */

static enum up_err stewards_read(struct node *node, struct up_why *why)
{
    const char *hex = setting(node, "node/stewards");
    struct digest *to = &node->service.stewards;

    if (strlen(hex) != 64 || ids_unhex(up_view_of(hex, 32), to->bytes) ||
        ids_unhex(up_view_of(hex + 32, 32), to->bytes + 16))
        return up_why_set(why, UP_CONFIG,
                          "node/stewards is not 64 lower-case hexadecimal digits; a signatory you "
                          "know can read it out to you (upstander roster stewards FILE)");
    return UP_OK;
}

static enum up_err ceiling_read(const char *path, const char *text, struct entitlement *ret_ceiling,
                                struct up_why *why)
{
    static const char *const words[] = {"withheld", "counted", "anonymised", "pseudonymised",
                                        "identified"};

    for (int level = LEVEL_WITHHELD; level <= LEVEL_IDENTIFIED; level++) {
        if (strcmp(words[level], text) == 0) {
            *ret_ceiling = (struct entitlement){.level = (enum level)level};
            return UP_OK;
        }
    }
    return up_why_set(why, UP_CONFIG,
                      "%s is one of withheld, counted, anonymised, pseudonymised, identified",
                      path);
}

static enum up_err ceilings_read(struct node *node, struct up_why *why)
{
    static const char *const paths[] = {[ROLE_POLICE] = "ceilings/police",
                                        [ROLE_COUNCIL] = "ceilings/council",
                                        [ROLE_CASEWORK] = "ceilings/casework",
                                        [ROLE_CHARITY] = "ceilings/charity",
                                        [ROLE_GOVERNANCE] = "ceilings/governance"};
    enum up_err err = UP_OK;

    for (int role = ROLE_POLICE; !err && role <= ROLE_GOVERNANCE; role++)
        err = ceiling_read(paths[role], config_text(node->config, paths[role], "identified"),
                           &node->ceilings[role], why);
    node->service.ceilings = node->ceilings;
    return err;
}

static enum up_err limits_read(struct node *node, struct up_why *why)
{
    size_t count = 0;
    const char *name = NULL;

    while ((name = config_child(node->config, "member-ceilings", count))) {
        char path[160];
        struct member_id id;
        enum up_err err = UP_OK;

        if (count == LIMITS_MAX)
            return up_why_set(why, UP_CONFIG, "more than %d member-ceilings", LIMITS_MAX);
        (void)snprintf(path, sizeof path, "member-ceilings/%s", name);
        if (ids_member_parse(up_view_of(name, strlen(name)), &id))
            return up_why_set(why, UP_CONFIG, "%s: no organisation has such an id", path);
        node->limits[count].member = name;
        err = ceiling_read(path, config_text(node->config, path, ""), &node->limits[count].ceiling,
                           why);
        if (err)
            return err;
        count++;
    }
    node->service.member_ceilings = node->limits;
    node->service.member_ceiling_count = count;
    return UP_OK;
}

static enum up_err bases_read(struct node *node, struct up_why *why)
{
    const char *path = config_text(node->config, "node/bases", NULL);
    struct up_bytes text = {0};
    struct up_why line = {0};
    Up__PresetBases *bases = NULL;
    enum up_err err = UP_OK;

    if (!path)
        return UP_OK;
    err = file_read(path, UP_JSON_LEN_MAX, &text, why);
    if (!err)
        err = arena_new(UP_ARENA_LEN_MAX, &node->bases);
    if (err)
        goto out;
    err = service_bases_parse(up_bytes_view(&text), node->bases, &bases, &line);
    if (err)
        err = up_why_set(why, UP_CONFIG, "node/bases %s: %.200s", path,
                         line.text[0] ? line.text : up_err_text(err));
    node->service.bases = bases;
out:
    up_bytes_wipe(&text);
    return err;
}

static enum up_err member_read(struct node *node, struct up_why *why)
{
    const char *text = setting(node, "node/member");
    struct member_id id;

    if (ids_member_parse(up_view_of(text, strlen(text)), &id))
        return up_why_set(why, UP_CONFIG,
                          "node/member is not an id: small letters, digits and -, 3 to 32 signs");
    memcpy(node->service.member, id.text, sizeof node->service.member);
    return UP_OK;
}

static enum up_err areas_read(struct node *node, struct up_why *why)
{
    const char *path = config_text(node->config, "node/areas", UPSTANDER_DATA "/areas.csv");
    struct up_bytes text = {0};
    struct up_why line = {0};
    enum up_err err = file_read(path, AREAS_LEN_MAX, &text, why);

    if (err)
        return err;
    err = areas_parse(up_bytes_view(&text), &node->service.areas, &line);
    if (err)
        (void)up_why_set(why, UP_CONFIG, "table of areas %s: %s", path,
                         line.text[0] ? line.text : up_err_text(err));
    up_bytes_wipe(&text);
    return err;
}

/* One list of codes; codes_file names it. */
static enum up_err code_list_read(struct node *node, enum codes_list list, const char *folder,
                                  struct up_why *why)
{
    char path[1024];
    struct up_bytes text = {0};
    struct up_why line = {0};
    int len = snprintf(path, sizeof path, "%s/%s", folder, codes_file(list));
    enum up_err err = UP_OK;

    if (len < 0 || (size_t)len >= sizeof path)
        return up_why_set(why, UP_CONFIG, "node/codes: the path is too long");
    err = file_read(path, UP_CODES_LEN_MAX, &text, why);
    if (err)
        return err;
    err = codes_add(node->service.codes, list, up_bytes_view(&text), &line);
    if (err)
        (void)up_why_set(why, UP_CONFIG, "lists of codes in %s: %s", folder,
                         line.text[0] ? line.text : up_err_text(err));
    up_bytes_wipe(&text);
    return err ? UP_CONFIG : UP_OK;
}

static enum up_err codes_read(struct node *node, struct up_why *why)
{
    const char *folder = config_text(node->config, "node/codes", UPSTANDER_DATA "/codes");
    struct up_why fault = {0};
    enum up_err err = codes_new(&node->service.codes);

    for (int list = 0; !err && list < CODES_LIST_COUNT; list++)
        err = code_list_read(node, (enum codes_list)list, folder, why);
    if (!err && codes_check(node->service.codes, &fault))
        err = up_why_set(why, UP_CONFIG, "lists of codes in %s: %s", folder, fault.text);
    return err;
}

static enum up_err roster_read(struct node *node, struct up_why *why)
{
    const char *path = setting(node, "node/roster");
    struct service *service = &node->service;
    struct up_bytes bytes = {0};
    const Up__Member *self = NULL;
    enum up_err err = file_read(path, UP_ROSTER_LEN_MAX, &bytes, why);

    if (err == UP_NOT_FOUND)
        return up_why_set(why, err, "there is no directory yet: put the signed one at %s", path);
    if (err)
        return err;
    err = roster_open(up_bytes_view(&bytes), NULL, &service->stewards, &service->roster);
    up_bytes_wipe(&bytes);
    if (err)
        return up_why_set(why, err, "directory %s: %s; get it again from a signatory", path,
                          up_err_text(err));
    service->roster_path = path;
    clean_find(node->clean_program);
    service->clean_program = node->clean_program;
    self = service_self(service);
    if (!self)
        return up_why_set(why, UP_UNKNOWN_MEMBER,
                          "the directory %s does not name %s; ask a signatory", path,
                          service->member);
    if (memcmp(self->identity_key.data, node->keyfile.identity.bytes, 32) != 0 ||
        memcmp(self->transport_key.data, node->keyfile.transport.bytes, 32) != 0)
        return up_why_set(why, UP_WRONG_KEY,
                          "the directory %s names other keys for %s than those in %s; put back the "
                          "right key file, or hand its public part to a signatory",
                          path, service->member, setting(node, "node/keys"));
    if (roster_is_expired(service->roster, clock_wall_s()))
        log_warn(
            "directory-expired",
            "it has run out; what was agreed goes on for 30 days. Ask a signatory for a new one");
    return UP_OK;
}

static enum up_err set_up(struct node *node, const char *file, struct up_why *why)
{
    enum up_err err = config_load(file, keys, sizeof keys / sizeof keys[0], &node->config, why);

    if (!err)
        err = member_read(node, why);
    if (!err)
        err = stewards_read(node, why);
    if (!err)
        err = ceilings_read(node, why);
    if (!err)
        err = limits_read(node, why);
    if (!err)
        err = bases_read(node, why);
    if (!err)
        err = api_operators_load(node->config, OPERATORS_MAX, node->operators,
                                 &node->operator_count, why);
    if (!err)
        err = secrets_read(setting(node, "node/keys"),
                           config_text(node->config, "node/passphrase-file", NULL), KEYFILE_NODE,
                           &node->keyfile, why);
    if (!err)
        err = areas_read(node, why);
    if (!err)
        err = codes_read(node, why);
    return err ? err : roster_read(node, why);
}

/* --- serving ---------------------------------------------------------------------------------------- */

/* The highest directory ever in force is kept outside of backups: an older one is not taken again. */
static enum up_err rollback_check(struct service *service, struct up_why *why)
{
    int64_t highest = nodestore_number(service->store, "keys/roster-version", 0);
    int64_t version = (int64_t)roster_version(service->roster);
    enum up_err err = UP_OK;

    if (version < highest)
        return up_why_set(why, UP_ROLLBACK,
                          "the directory %s is version %lld, and version %lld was in force here "
                          "before; get the newest from a signatory",
                          service->roster_path, (long long)version, (long long)highest);
    if (version == highest)
        return UP_OK;
    err = nodestore_begin(service->store);
    if (!err)
        err = nodestore_number_put(service->store, "keys/roster-version", version);
    if (!err)
        err = service_audit_add(service, "node", "roster-changed", "version %lld",
                                (long long)version);
    if (!err)
        return nodestore_commit(service->store);
    nodestore_rollback(service->store);
    return err;
}

static enum up_err open_all(struct node *node, struct up_why *why)
{
    struct service *service = &node->service;
    struct exchange_config exchange = {.member = service->member,
                                       .identity = &node->keyfile.identity_secret,
                                       .roster = service->roster};
    struct api_config api = {.socket_path = setting(node, "node/socket"),
                             .operators = node->operators,
                             .operator_count = node->operator_count,
                             .service = service,
                             .config_file = "the settings of this node"};
    enum up_err err =
        nodestore_open(setting(node, "node/store"), &node->keyfile.store, &service->store, why);

    service->keys = &node->keyfile;
    if (!err)
        err = rollback_check(service, why);
    if (!err)
        err = arena_new(UP_ARENA_LEN_MAX, &service->scratch);
    if (!err)
        err = service_agreements_apply_to(service, service->roster);
    if (!err) {
        exchange.incarnation = (uint64_t)nodestore_number(service->store, "incarnation", 1);
        err = exchange_new(&exchange, &service->exchange);
    }
    if (!err)
        err = courier_new(service, &node->courier);
    return err ? err : api_new(&api, &node->api, why);
}

static enum up_err serve(struct node *node, struct up_why *why)
{
    struct service *service = &node->service;
    enum up_err err = open_all(node, why);
    int fds[2] = {-1, -1};

    if (err)
        return err;
    fds[0] = guard_signals(); /* after ZeroMQ's own */
    fds[1] = api_fd(node->api);
    log_info("started", "member=%s directory=%llu%s", service->member,
             (unsigned long long)roster_version(service->roster),
             roster_is_exercise(service->roster) ? " exercise" : "");
    while (!err && !guard_stop_asked()) {
        courier_wait(node->courier, fds, 2, api_timeout_ms(node->api));
        guard_drain();
        err = api_run_ready(node->api);
        courier_run(node->courier);
        if (guard_report_asked())
            log_info("counters", "refused=%llu damaged=%llu", (unsigned long long)service->refused,
                     (unsigned long long)nodestore_damaged(service->store));
    }
    if (!err)
        log_info("stopped", "as asked");
    return err;
}

static void close_all(struct node *node)
{
    api_destroy(&node->api);
    courier_destroy(&node->courier);
    exchange_destroy(&node->service.exchange);
    arena_destroy(&node->service.scratch);
    nodestore_close(&node->service.store);
    roster_destroy(&node->service.roster);
    roster_destroy(&node->service.roster_old);
    areas_destroy(&node->service.areas);
    codes_destroy(&node->service.codes);
    arena_destroy(&node->bases);
    keyfile_clear(&node->keyfile);
    config_destroy(&node->config);
}

int main(int argc, char **argv)
{
    static struct node node;
    struct up_why why = {0};
    const char *file = NULL;
    bool check = false;
    enum up_err err = UP_OK;

    guard_process();
    log_open("upstander-node");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            file = argv[++i];
        } else if (strcmp(argv[i], "--check") == 0) {
            check = true;
        } else if (strcmp(argv[i], "--help") == 0) {
            (void)fputs(usage, stdout);
            return 0;
        } else if (strcmp(argv[i], "--version") == 0) {
            (void)puts("upstander-node " UPSTANDER_VERSION);
            return 0;
        } else {
            file = NULL;
            break;
        }
    }
    if (!file) {
        (void)fputs(usage, stderr);
        return 2;
    }
    err = keys_init();
    if (!err)
        err = set_up(&node, file, &why);
    if (!err && check)
        (void)puts("settings, keys and directory are in order");
    else if (!err)
        err = serve(&node, &why);
    if (err)
        log_error("failed", "%s", why.text[0] ? why.text : up_err_text(err));
    close_all(&node);
    return err == UP_OK ? 0 : err == UP_CONFIG ? 2 : 1;
}
