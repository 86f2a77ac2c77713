/* SPDX-License-Identifier: MIT
 * upstander-broker: reads its config, opens what it needs, serves until it is told to stop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/file.h"
#include "base/guard.h"
#include "base/log.h"
#include "broker/mailstore.h"
#include "broker/wire.h"
#include "upstander/ids.h"
#include "upstander/keys.h"
#include "upstander/limits.h"
#include "upstander/roster.h"

static const struct config_key keys[] = {
    {"broker", CONFIG_SECTION, true, "the broker's settings"},
    {"broker/id", CONFIG_TEXT, true, "name of this broker"},
    {"broker/endpoint", CONFIG_TEXT, true, "tcp://address:port to listen on"},
    {"broker/keys", CONFIG_PATH, true, "key file, mode 0600"},
    {"broker/roster", CONFIG_PATH, true, "the signed directory"},
    {"broker/stewards", CONFIG_TEXT, true, "digest of the directory's signatories, 64 digits"},
    {"broker/store", CONFIG_PATH, true, "mail store"},
};

static const char usage[] =
    "usage: upstander-broker --config FILE [--check]\n"
    "Relays sealed envelopes between the organisations of a directory and keeps them until "
    "collected.\n"
    "  --config FILE   settings (ZPL)\n"
    "  --check         check settings, keys and directory, then stop\n"
    "  --help          this text\n"
    "  --version       the version\n"
    "SIGTERM stops it, SIGHUP reads the directory again, SIGUSR1 logs its counters.\n"
    "Exit status: 0 stopped as asked, 1 could not go on, 2 wrong words or settings.\n";

struct broker {
    struct config *config;
    struct keyfile keyfile;
    struct digest stewards;
    struct roster *roster;
    struct mailstore *store;
    struct wire *wire;
};

static enum up_err stewards_read(const char *hex, struct digest *ret_digest, struct up_why *why)
{
    if (strlen(hex) != 64 || ids_unhex(up_view_of(hex, 32), ret_digest->bytes) ||
        ids_unhex(up_view_of(hex + 32, 32), ret_digest->bytes + 16))
        return up_why_set(
            why, UP_CONFIG,
            "broker/stewards is not 64 lower-case hexadecimal digits; a signatory you "
            "know can read it out to you (upstander roster stewards FILE)");
    return UP_OK;
}

static enum up_err roster_load(struct broker *broker, struct roster **ret_roster,
                               struct up_why *why)
{
    const char *path = config_text(broker->config, "broker/roster", "");
    struct up_bytes bytes = {0};
    enum up_err err = file_read(path, UP_ROSTER_LEN_MAX, &bytes, why);

    if (err)
        return err;
    err = roster_open(up_bytes_view(&bytes), broker->roster, &broker->stewards, ret_roster);
    if (err)
        (void)up_why_set(why, err, "directory %s: %s; get it again from a signatory", path,
                         up_err_text(err));
    up_bytes_wipe(&bytes);
    if (!err && !roster_is_usable(*ret_roster, clock_wall_s())) {
        roster_destroy(ret_roster);
        return up_why_set(
            why, UP_EXPIRED,
            "directory %s ran out more than 30 days ago; get a new one from a signatory", path);
    }
    if (!err && roster_is_expired(*ret_roster, clock_wall_s()))
        log_warn("directory-expired",
                 "it has run out; its organisations are served for 30 days. Get a new one");
    return err;
}

static enum up_err keys_load(struct broker *broker, struct up_why *why)
{
    const char *path = config_text(broker->config, "broker/keys", "");
    struct up_bytes bytes = {0};
    enum up_err err = file_read_secret(path, 4096, &bytes, why);

    if (err)
        return err;
    err = keyfile_parse(up_bytes_view(&bytes), up_view_of(NULL, 0), &broker->keyfile);
    if (!err && broker->keyfile.kind != KEYFILE_BROKER)
        err = UP_WRONG_KEY;
    up_bytes_wipe(&bytes);
    return err ? up_why_set(why, err, "%s is not a broker's key file without passphrase", path)
               : UP_OK;
}

static enum up_err set_up(struct broker *broker, const char *file, struct up_why *why)
{
    enum up_err err = config_load(file, keys, sizeof keys / sizeof keys[0], &broker->config, why);

    if (!err)
        err = stewards_read(config_text(broker->config, "broker/stewards", ""), &broker->stewards,
                            why);
    if (!err)
        err = keys_load(broker, why);
    return err ? err : roster_load(broker, &broker->roster, why);
}

static void reload(struct broker *broker)
{
    struct roster *next = NULL;
    struct up_why why = {0};
    enum up_err err = roster_load(broker, &next, &why);

    if (err) {
        log_error("reload", "kept version %llu: %s",
                  (unsigned long long)roster_version(broker->roster), why.text);
        return;
    }
    wire_use_roster(broker->wire, next);
    roster_destroy(&broker->roster);
    broker->roster = next;
    log_info("reload", "directory version %llu is in force",
             (unsigned long long)roster_version(next));
}

static enum up_err serve(struct broker *broker, struct up_why *why)
{
    static const struct mailstore_quotas quotas = {.mailbox_messages_max = UP_MAILBOX_MESSAGES_MAX,
                                                   .mailbox_bytes_max = UP_MAILBOX_BYTES_MAX,
                                                   .sender_bytes_max = UP_SENDER_BYTES_MAX};
    struct wire_config config = {.broker = config_text(broker->config, "broker/id", ""),
                                 .endpoint = config_text(broker->config, "broker/endpoint", ""),
                                 .keys = &broker->keyfile,
                                 .roster = broker->roster,
                                 .signal_fd = guard_signals()};
    enum up_err err = mailstore_sqlite_open(config_text(broker->config, "broker/store", ""),
                                            &quotas, &broker->store, why);

    if (err)
        return err;
    config.store = broker->store;
    err = wire_new(&config, &broker->wire, why);
    if (err)
        return err;
    log_info("started", "endpoint=%s directory=%llu%s", wire_endpoint(broker->wire),
             (unsigned long long)roster_version(broker->roster),
             roster_is_exercise(broker->roster) ? " exercise" : "");
    while (!err && !guard_stop_asked()) {
        err = wire_run(broker->wire);
        guard_drain();
        if (guard_reload_asked())
            reload(broker);
        if (guard_report_asked())
            log_info("counters", "refused=%llu damaged=%llu",
                     (unsigned long long)wire_refused(broker->wire),
                     (unsigned long long)mailstore_damaged(broker->store));
    }
    if (err)
        (void)up_why_set(why, err, "the mail store failed (%s); free the disk, then start again",
                         up_err_text(err));
    else
        log_info("stopped", "as asked");
    return err;
}

int main(int argc, char **argv)
{
    struct broker broker = {0};
    struct up_why why = {0};
    const char *file = NULL;
    bool check = false;
    enum up_err err = UP_OK;

    guard_process();
    log_open("upstander-broker");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--config") == 0 && i + 1 < argc) {
            file = argv[++i];
        } else if (strcmp(argv[i], "--check") == 0) {
            check = true;
        } else if (strcmp(argv[i], "--help") == 0) {
            (void)fputs(usage, stdout);
            return 0;
        } else if (strcmp(argv[i], "--version") == 0) {
            (void)puts("upstander-broker " UPSTANDER_VERSION);
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
        err = set_up(&broker, file, &why);
    if (err)
        check = true;
    if (!err && check)
        (void)puts("settings, keys and directory are in order");
    if (!check)
        err = serve(&broker, &why);
    if (err)
        log_error("failed", "%s", why.text[0] ? why.text : up_err_text(err));
    wire_destroy(&broker.wire);
    mailstore_close(&broker.store);
    roster_destroy(&broker.roster);
    keyfile_clear(&broker.keyfile);
    config_destroy(&broker.config);
    return err == UP_OK ? 0 : err == UP_CONFIG ? 2 : 1;
}
