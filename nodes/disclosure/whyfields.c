/* SPDX-License-Identifier: MIT */
#include "nodes/disclosure/whyfields.h"

#include <stdio.h>
#include <string.h>

#include "nodes/disclosure/classes.h"

enum { LIST_LEN_MAX = 2048, LISTS_MAX = WHYFIELDS_MAX };

/* Why a field was dropped, each a sentence of its own; the order is that of the answer. */
enum why_dropped {
    DROPPED_WHO,     /* below IDENTIFIED */
    DROPPED_CONTACT, /* the groups, in their order */
    DROPPED_CHARACTERISTIC,
    DROPPED_SUSPECT,
    DROPPED_PLACE,
    DROPPED_PLACE_FINE, /* finer than PSEUDONYMISED gives */
    DROPPED_NARRATIVE,
    DROPPED_ACCOUNT,
    DROPPED_CODE,
    DROPPED_COUNT,
};

struct list {
    char text[LIST_LEN_MAX];
    size_t len;
};

struct job {
    struct entitlement entitlement;
    struct list kept;
    struct list coarser;
    struct list dropped[DROPPED_COUNT];
};

static void list_add(struct list *list, const char *words)
{
    size_t len = strlen(words);
    char *at = list->text;

    if (len == 0 || list->len + len + 3 > sizeof list->text)
        return;
    for (; *at != '\0'; at += strcspn(at, ",") + (at[strcspn(at, ",")] == ',' ? 2 : 0)) {
        if (strcspn(at, ",") == len && strncmp(at, words, len) == 0)
            return; /* two fields of the same words */
    }
    list->len += (size_t)snprintf(list->text + list->len, sizeof list->text - list->len, "%s%s",
                                  list->len > 0 ? ", " : "", words);
}

void whyfields_words(const char *path, char ret_words[static 64])
{
    static const char *const words[][2] = {
        {"strands", "the hostility"},
        {"types", "what kind of incident"},
        {"place_kind", "what kind of place"},
        {"reporter_role", "in which role it was reported"},
        {"victim_kind", "who or what was targeted"},
        {"identity.identifiers", "numbers that identify the person"},
        {"identity.age_band", "age"},
        {"contact.telephones", "telephone"},
        {"contact.emails", "e-mail"},
        {"contact.address", "home address"},
        {"contact.postcode", "home postcode"},
        {"contact_rule", "how the person may be contacted"},
        {"safety.no_visit", "no visits"},
        {"safety.officer_preference", "which officer is asked for"},
        {"safety.contact_instructions", "how to get in touch safely"},
        {"characteristics.disabilities", "which disability"},
        {"suspects", "who did it"},
        {"witnesses", "witnesses"},
        {"place.address", "address of the place"},
        {"place.postcode", "postcode of the place"},
        {"place.latitude_microdegrees", "point on the map"},
        {"place.longitude_microdegrees", "point on the map"},
        {"place.lsoa", "neighbourhood"},
        {"place.vintage", ""},
        {"place.public_spot", ""},
        {"place.url", "web address"},
        {"occurred_from", "when it happened"},
        {"occurred_to", "when it ended"},
        {"reported_at", "when it was reported"},
        {"narrative", "the words as they were taken down"},
        {"account.text", "the text written for sharing"},
        {"account.approved_without", ""},
        {"risk.medical", "medical help"},
        {"risk.repeat_victim", "whether it happened before"},
        {"risk.times_before", "how often before"},
        {"risk.ongoing", "whether it goes on"},
        {"risk.now", "risk now"},
        {"police.classification", "police classification"},
        {"police.crime_reference", "crime number"},
        {"police.incident_reference", "police incident number"},
        {"channel", "how it was reported"},
    };
    const char *leaf = strrchr(path, '.');

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i][0], path) == 0) {
            (void)snprintf(ret_words, 64, "%s", words[i][1]);
            return;
        }
    }
    if (strncmp(path, "onward", 6) == 0 || strncmp(path, "cell", 4) == 0)
        leaf = path[0] == 'o' ? "what may be passed on" : "";
    else
        leaf = leaf ? leaf + 1 : path;
    (void)snprintf(ret_words, 64, "%.63s", leaf);
    for (char *at = ret_words; *at != '\0'; at++) {
        if (*at == '_')
            *at = ' ';
    }
}

static bool names_group(enum why_dropped why, const char *class_name)
{
    static const char *const classes[] = {[DROPPED_CONTACT] = "contact",
                                          [DROPPED_CHARACTERISTIC] = "characteristic",
                                          [DROPPED_SUSPECT] = "suspect",
                                          [DROPPED_PLACE] = "place"};

    return strcmp(classes[why], class_name) == 0;
}

static enum why_dropped dropped_by(const struct job *job, const struct field_note *note)
{
    for (int why = DROPPED_CONTACT; why <= DROPPED_PLACE; why++) {
        if (job->entitlement.withheld >> (why - DROPPED_CONTACT) & 1u &&
            names_group((enum why_dropped)why, note->class_name))
            return (enum why_dropped)why;
    }
    if (strcmp(note->class_name, "narrative") == 0)
        return DROPPED_NARRATIVE;
    if (strcmp(note->class_name, "account") == 0)
        return DROPPED_ACCOUNT;
    if (strcmp(note->class_name, "place") == 0)
        return DROPPED_PLACE_FINE;
    if (strcmp(note->class_name, "police") == 0)
        return DROPPED_CODE;
    return DROPPED_WHO;
}

/* How a field was made coarser; NULL: its words will do. */
static const char *coarser_words(const char *path)
{
    static const char *const words[][2] = {
        {"identity.age_band", "the age is given as a band"},
        {"contact_rule", "the person is reached through whoever took the report"},
        {"characteristics.ethnicity", "ethnicity is given as one of five broad groups"},
        {"characteristics.disability", "only whether there is a disability"},
        {"occurred_from", "times are given to the hour"},
        {"occurred_to", "times are given to the hour"},
        {"reported_at", "times are given to the hour"},
        {"strands", "the hostility is given without its finer kind"},
        {"place.local_authority", "the council area as it is today"},
    };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i][0], path) == 0)
            return words[i][1];
    }
    return NULL;
}

static void note_take(struct job *job, const struct field_note *note)
{
    char words[64];
    const char *coarser = coarser_words(note->path);

    whyfields_words(note->path, words);
    switch (note->fate) {
    case FATE_KEPT:
        list_add(&job->kept, words);
        break;
    case FATE_GENERALISED:
        list_add(&job->coarser, coarser ? coarser : words);
        break;
    case FATE_DROPPED:
        list_add(&job->dropped[dropped_by(job, note)], words);
        break;
    }
}

static const char *sentence(struct arena *arena, const char *before, const struct list *list)
{
    char text[LIST_LEN_MAX + 256];
    int len = snprintf(text, sizeof text, "%s: %s.", before, list->text);

    return len < 0 ? NULL : arena_text(arena, up_view_of(text, (size_t)len));
}

static enum up_err sentences_make(const struct job *job, struct arena *arena, const char **list,
                                  size_t *ret_count)
{
    static const char *const dropped[DROPPED_COUNT] = {
        [DROPPED_WHO] = "Not shared, because it may not see who",
        [DROPPED_CONTACT] = "Left out, because it may not learn how to reach the person",
        [DROPPED_CHARACTERISTIC] =
            "Left out, because it may not learn the person's characteristics",
        [DROPPED_SUSPECT] = "Left out",
        [DROPPED_PLACE] = "Left out, because it may not learn the exact place",
        [DROPPED_PLACE_FINE] = "Not shared, because so exact a place could lead to the person",
        [DROPPED_NARRATIVE] = "Not shared, because they could tell what is left out",
        [DROPPED_ACCOUNT] = "Not shared, because it was not approved for what is left out here",
        [DROPPED_CODE] = "Not shared, because the lists of codes here do not know it",
    };
    size_t count = 0;

    if (job->kept.len > 0)
        list[count++] = sentence(arena, "Shared as it was taken", &job->kept);
    if (job->coarser.len > 0)
        list[count++] = sentence(arena, "Shared less exactly", &job->coarser);
    for (size_t i = 0; i < DROPPED_COUNT; i++) {
        if (job->dropped[i].len > 0)
            list[count++] = sentence(arena, dropped[i], &job->dropped[i]);
    }
    for (size_t i = 0; i < count; i++) {
        if (!list[i])
            return UP_NO_MEMORY;
    }
    *ret_count = count;
    return UP_OK;
}

/* What little of a report can count below PSEUDONYMISED. */
static const char *sum_of(enum level level)
{
    if (level == LEVEL_COUNTED)
        return "Of the report at most this counts in the number: the hostility, the police area, "
               "and "
               "the months. All else stays here.";
    if (level == LEVEL_ANONYMISED)
        return "Of the report at most this counts in the figures: the hostility, what kind of "
               "incident, what kind of place, the council or police area, and the month. All else "
               "stays here.";
    return NULL;
}

static enum up_err notes_take(struct job *job, const Up__Incident *incident,
                              const Up__Incident *disclosure, struct arena *arena)
{
    const struct field_note *notes = NULL;
    size_t count = 0;
    enum up_err err = disclose_explain(incident, disclosure, arena, &notes, &count);

    for (size_t i = 0; !err && i < count; i++)
        note_take(job, &notes[i]);
    if (!err && incident->identity && incident->identity->date_of_birth[0] != '\0' &&
        disclosure->identity && disclosure->identity->date_of_birth[0] == '\0' &&
        disclosure->identity->age_band != UP__AGE_BAND__CODE__NOT_STATED)
        list_add(&job->coarser, "the age is given as a band");
    return err;
}

enum up_err whyfields_make(const Up__Incident *incident, const Up__Incident *disclosure,
                           struct arena *arena, const char *const **ret_sentences,
                           size_t *ret_count)
{
    struct job *job = arena_alloc(arena, sizeof *job);
    const char **list = arena_alloc(arena, WHYFIELDS_MAX * sizeof *list);
    size_t count = 0;
    enum up_err err = UP_OK;

    if (!job || !list)
        return UP_NO_MEMORY;
    job->entitlement = entitlement_read(disclosure->entitlement);
    if (job->entitlement.level > LEVEL_ANONYMISED) {
        err = notes_take(job, incident, disclosure, arena);
        if (!err)
            err = sentences_make(job, arena, list, &count);
    } else if (sum_of(job->entitlement.level)) {
        list[count++] = sum_of(job->entitlement.level);
    }
    if (err)
        return err;
    *ret_sentences = list;
    *ret_count = count;
    return UP_OK;
}
