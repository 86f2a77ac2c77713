/* SPDX-License-Identifier: MIT */
#include "nodes/cli/names.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char *const role_words[] = {"not stated", "police",  "council",
                                         "casework",   "charity", "governance"};
static const char *const level_words[] = {"not stated", "withheld",      "counted",
                                          "anonymised", "pseudonymised", "identified"};
static const char *const level_plain[] = {"not shared",
                                          "not shared",
                                          "a count only",
                                          "figures in which nobody can be picked out",
                                          "what happened, without who",
                                          "everything"};
static const char *const group_words[] = {"not stated", "contact", "characteristic", "suspect",
                                          "place"};
#define COUNT(list) (sizeof(list) / sizeof(list)[0])

static size_t word_find(const char *const *words, size_t count, const char *word, size_t len)
{
    for (size_t i = 1; i < count; i++) {
        if (strlen(words[i]) == len && strncasecmp(words[i], word, len) == 0)
            return i;
    }
    return 0;
}

enum up_err names_role_parse(const char *word, Up__Role__Code *ret_role)
{
    size_t found = word_find(role_words, COUNT(role_words), word, strlen(word));

    if (found == 0)
        return UP_INVALID;
    *ret_role = (Up__Role__Code)found;
    return UP_OK;
}

enum up_err names_level_parse(const char *word, Up__Entitlement__Level *ret_level)
{
    size_t found = word_find(level_words, COUNT(level_words), word, strlen(word));

    if (found == 0)
        return UP_INVALID;
    *ret_level = (Up__Entitlement__Level)found;
    return UP_OK;
}

enum up_err names_groups_parse(const char *words,
                               Up__Entitlement__Group ret_groups[static NAMES_GROUPS_MAX],
                               size_t *ret_count)
{
    bool has[COUNT(group_words)] = {false};
    size_t count = 0;

    while (*words != '\0') {
        size_t len = strcspn(words, ",");
        size_t found = word_find(group_words, COUNT(group_words), words, len);

        if (found == 0)
            return UP_INVALID;
        has[found] = true;
        words += len;
        words += *words == ',';
    }
    for (size_t i = 1; i < COUNT(group_words); i++) {
        if (has[i])
            ret_groups[count++] = (Up__Entitlement__Group)i;
    }
    *ret_count = count;
    return UP_OK;
}

const char *names_role(Up__Role__Code role)
{
    return (size_t)role < COUNT(role_words) ? role_words[role] : "unknown";
}

const char *names_level(Up__Entitlement__Level level)
{
    return (size_t)level < COUNT(level_plain) ? level_plain[level] : "not shared";
}

void names_entitlement(const Up__Entitlement *entitlement, char ret_text[static NAMES_LEN_MAX])
{
    size_t at = (size_t)snprintf(ret_text, NAMES_LEN_MAX, "%s",
                                 entitlement ? names_level(entitlement->level) : "not shared");
    const char *before = " (without ";

    if (!entitlement || entitlement->level <= UP__ENTITLEMENT__LEVEL__ANONYMISED)
        return;
    for (size_t i = 0; i < entitlement->n_withheld && i < NAMES_GROUPS_MAX; i++) {
        size_t group = (size_t)entitlement->withheld[i];

        at += (size_t)snprintf(ret_text + at, NAMES_LEN_MAX - at, "%s%s", before,
                               group < COUNT(group_words) ? group_words[group] : "unknown");
        before = ", ";
    }
    if (entitlement->n_withheld > 0)
        (void)snprintf(ret_text + at, NAMES_LEN_MAX - at, ")");
}

const char *names_status(const char *status)
{
    static const char *const words[][2] = {
        {"stored", "saved here"},
        {"accepted", "on its way"},
        {"delivered", "arrived"},
        {"seen", "read by a person"},
        {"recorded", "has a police number"},
        {"held", "held for figures"},
        {"pooled", "counted; shown once enough"},
        {"released", "in figures published"},
        {"counted", "counted"},
    };

    for (size_t i = 0; i < COUNT(words); i++) {
        if (strcmp(words[i][0], status) == 0)
            return words[i][1];
    }
    return status;
}

void names_enum(const char *value, char ret_text[static NAMES_LEN_MAX])
{
    size_t at = 0;

    if (strcmp(value, "BSL") == 0) { /* British Sign Language stays in capitals */
        (void)snprintf(ret_text, NAMES_LEN_MAX, "BSL");
        return;
    }
    for (; value[at] != '\0' && at + 1 < NAMES_LEN_MAX; at++) {
        if (value[at] == '_')
            ret_text[at] = ' ';
        else if (value[at] >= 'A' && value[at] <= 'Z')
            ret_text[at] = (char)(value[at] - 'A' + 'a');
        else
            ret_text[at] = value[at];
    }
    ret_text[at] = '\0';
}

bool names_date_is_formed(const char *date)
{
    static const char pattern[] = "dddd-dd-dd";

    if (strlen(date) != sizeof pattern - 1)
        return false;
    for (size_t i = 0; i < sizeof pattern - 1; i++) {
        if (pattern[i] == 'd' ? date[i] < '0' || date[i] > '9' : date[i] != '-')
            return false;
    }
    return memcmp(date + 5, "01", 2) >= 0 && memcmp(date + 5, "12", 2) <= 0 &&
           memcmp(date + 8, "01", 2) >= 0 && memcmp(date + 8, "31", 2) <= 0;
}

bool names_is_ref(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        bool letter = (text[i] >= 'a' && text[i] <= 'z') || (text[i] >= 'A' && text[i] <= 'Z');

        if (!letter && (text[i] < '0' || text[i] > '9') && text[i] != '-')
            return false;
    }
    return len > 0 && len <= 64;
}
