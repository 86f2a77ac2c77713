/* SPDX-License-Identifier: MIT
 * The questions are a table; a new one is a line. */
#include "nodes/cli/wizard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "nodes/cli/ask.h"
#include "nodes/cli/client.h"
#include "nodes/cli/fields.h"
#include "nodes/cli/names.h"
#include "nodes/cli/print.h"
#include "upstander/json.h"
#include "upstander/limits.h"

enum { LINE_LEN_MAX = 1024, STEP_GO_ON = 0, STEP_LEFT = 1, STEP_STOP = 2 };

struct wizard {
    struct cli *cli;
    struct arena *arena;
    Up__Report *report;
    const char *draft_path;
    const struct sharing *sharing;
};

struct question;
typedef int (*question_ask)(struct wizard *wizard, const struct question *question);

struct question {
    question_ask ask;
    const char *path; /* of the field that the answer goes to */
    const char *text;
};

static int out_of_memory(void)
{
    (void)print_fault("%s", up_err_text(UP_NO_MEMORY));
    return STEP_STOP;
}

/* --- kinds of question ------------------------------------------------------------------------ */

static int ask_line(struct wizard *wizard, const struct question *question)
{
    char line[LINE_LEN_MAX];

    if (!ask_text(question->text, line, sizeof line))
        return STEP_LEFT;
    if (line[0] != '\0' && fields_text(&wizard->report->base, question->path, line, wizard->arena))
        return out_of_memory();
    return STEP_GO_ON;
}

static int ask_lines(struct wizard *wizard, const struct question *question)
{
    char *text = arena_alloc(wizard->arena, UP_NARRATIVE_LEN_MAX + 1);

    if (!text)
        return out_of_memory();
    if (!ask_long(question->text, text, UP_NARRATIVE_LEN_MAX + 1))
        return STEP_LEFT;
    if (text[0] != '\0' && fields_text(&wizard->report->base, question->path, text, wizard->arena))
        return out_of_memory();
    return STEP_GO_ON;
}

bool wizard_time_is_formed(const char *time)
{
    static const char pattern[] = "dddd-dd-ddTdd:dd";
    size_t len = strlen(time);

    if (len != 4 && len != 7 && len != 10 && len != 13 && len != 16)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (pattern[i] == 'd' ? time[i] < '0' || time[i] > '9' : time[i] != pattern[i])
            return false;
    }
    return true;
}

static int ask_time(struct wizard *wizard, const struct question *question)
{
    char line[LINE_LEN_MAX];

    for (;;) {
        if (!ask_text(question->text, line, sizeof line))
            return STEP_LEFT;
        if (line[0] == '\0')
            return STEP_GO_ON;
        if (strlen(line) > 10 && line[10] == ' ')
            line[10] = 'T';
        if (wizard_time_is_formed(line))
            break;
        (void)puts(
            "Please type as much as is known: 2026, 2026-11, 2026-11-03 or 2026-11-03 14:25.");
    }
    return fields_text(&wizard->report->base, question->path, line, wizard->arena) ? out_of_memory()
                                                                                   : STEP_GO_ON;
}

static int ask_date(struct wizard *wizard, const struct question *question)
{
    char line[LINE_LEN_MAX];

    for (;;) {
        if (!ask_text(question->text, line, sizeof line))
            return STEP_LEFT;
        if (line[0] == '\0')
            return STEP_GO_ON;
        if (names_date_is_formed(line))
            break;
        (void)puts("Please type it as 1990-11-03, or leave it open.");
    }
    return fields_text(&wizard->report->base, question->path, line, wizard->arena) ? out_of_memory()
                                                                                   : STEP_GO_ON;
}

/* The enum's own words, in the schema's order. */
static size_t options_make(struct wizard *wizard, const char *path,
                           const ProtobufCEnumValue **ret_values, const char **ret_words)
{
    size_t count = fields_values(&wizard->report->base, path, wizard->arena, ret_values);

    for (size_t i = 0; i < count; i++) {
        char *words = arena_alloc(wizard->arena, NAMES_LEN_MAX);

        if (!words)
            return 0;
        names_enum(ret_values[i]->name, words);
        ret_words[i] = words;
    }
    return count;
}

static int ask_one(struct wizard *wizard, const struct question *question)
{
    const ProtobufCEnumValue *values[FIELDS_VALUES_MAX];
    const char *words[FIELDS_VALUES_MAX];
    size_t count = options_make(wizard, question->path, values, words);
    int chosen = 0;

    if (count == 0)
        return out_of_memory();
    chosen = ask_choice(question->text, words, count);
    if (chosen < 0)
        return STEP_LEFT;
    if (chosen > 0 && fields_number(&wizard->report->base, question->path,
                                    values[chosen - 1]->value, wizard->arena))
        return out_of_memory();
    return STEP_GO_ON;
}

static int ask_bool(struct wizard *wizard, const struct question *question)
{
    int yes = ask_yes(question->text, 0);

    if (yes < 0)
        return STEP_LEFT;
    return fields_number(&wizard->report->base, question->path, yes, wizard->arena)
               ? out_of_memory()
               : STEP_GO_ON;
}

/* --- questions with a rule of their own ------------------------------------------------------- */

static int ask_strands(struct wizard *wizard, const struct question *question)
{
    static const char *const words[] = {"disability",
                                        "race",
                                        "religion or belief",
                                        "sexual orientation",
                                        "transgender identity",
                                        "sex",
                                        "age",
                                        "alternative subculture",
                                        "something else"};
    Up__Incident *incident = wizard->report->incident;
    unsigned long chosen = 0;

    do {
        if (!ask_many(question->text, words, 9, &chosen))
            return STEP_LEFT;
    } while (chosen == 0 && puts("Please choose at least one."));
    incident->strands = arena_alloc(wizard->arena, 9 * sizeof(Up__Strand *));
    incident->n_strands = 0;
    for (unsigned i = 0; incident->strands && i < 9; i++) {
        Up__Strand *strand = NULL;

        if (!(chosen >> i & 1))
            continue;
        strand = arena_alloc(wizard->arena, sizeof *strand);
        if (!strand)
            return out_of_memory();
        up__strand__init(strand);
        strand->code = (Up__Strand__Code)(i + 1);
        incident->strands[incident->n_strands++] = strand;
    }
    return incident->strands ? STEP_GO_ON : out_of_memory();
}

static int ask_types(struct wizard *wizard, const struct question *question)
{
    const ProtobufCEnumValue *values[FIELDS_VALUES_MAX];
    const char *words[FIELDS_VALUES_MAX];
    Up__Incident *incident = wizard->report->incident;
    size_t count = options_make(wizard, question->path, values, words);
    unsigned long chosen = 0;

    if (count == 0)
        return out_of_memory();
    if (!ask_many(question->text, words, count, &chosen))
        return STEP_LEFT;
    incident->types = arena_alloc(wizard->arena, count * sizeof *incident->types);
    incident->n_types = 0;
    for (size_t i = 0; incident->types && i < count; i++) {
        if (chosen >> i & 1)
            incident->types[incident->n_types++] = (Up__IncidentType__Code)values[i]->value;
    }
    return incident->types ? STEP_GO_ON : out_of_memory();
}

static int ask_area(struct wizard *wizard, const struct question *question)
{
    static const struct {
        const char *begin;
        const char *path;
    } kinds[] = {{"E01", "incident.place.lsoa"},        {"W01", "incident.place.lsoa"},
                 {"E05", "incident.place.ward"},        {"W05", "incident.place.ward"},
                 {"E23", "incident.place.police_area"}, {"W15", "incident.place.police_area"}};
    char line[LINE_LEN_MAX];
    const char *path = "incident.place.local_authority";

    for (;;) {
        if (!ask_text(question->text, line, sizeof line))
            return STEP_LEFT;
        if (line[0] == '\0' ||
            (strlen(line) == 9 && strchr("EW", line[0]) && strspn(line + 1, "0123456789") == 8))
            break;
        (void)puts("Please type the code of an area, a letter and eight digits: E06000016.");
    }
    if (line[0] == '\0')
        return STEP_GO_ON;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strncmp(line, kinds[i].begin, 3) == 0)
            path = kinds[i].path;
    }
    return fields_text(&wizard->report->base, path, line, wizard->arena) ? out_of_memory()
                                                                         : STEP_GO_ON;
}

/* The node refuses such a report while no call was made, and says whom to ring: its sentence goes to standard error. */
static void numbers_print(struct wizard *wizard)
{
    struct client_request request = {
        .method = "POST", .path = "/v1/reports", .body = &wizard->report->base};
    struct up_bytes reply = {0};

    (void)client_call(wizard->cli, &request, &reply);
    up_bytes_wipe(&reply);
}

static int ask_danger(struct wizard *wizard, const struct question *question)
{
    static const struct question where = {
        ask_area, "incident.place", "Where? Code of the area, to find the number of its force"};
    int yes = ask_yes(question->text, 0);
    int taken = STEP_GO_ON;

    if (yes < 0)
        return STEP_LEFT;
    if (yes == 0)
        return STEP_GO_ON;
    (void)puts("\nRING 999 FIRST. This report does not replace the call.\n");
    wizard->report->urgent = true;
    wizard->report->call_was_made = false;
    if (fields_number(&wizard->report->base, "incident.risk.now", UP__RISK__NOW__RISK_TO_LIFE,
                      wizard->arena))
        return out_of_memory();
    taken = ask_area(wizard, &where);
    if (taken != STEP_GO_ON)
        return taken;
    numbers_print(wizard);
    yes = ask_yes("\nWas the call made?", -1);
    if (yes != 1) {
        (void)puts("Ring 999 now. Then go on with: upstander report --ask");
        return STEP_STOP;
    }
    wizard->report->call_was_made = true;
    return STEP_GO_ON;
}

static int ask_account(struct wizard *wizard, const struct question *question)
{
    Up__Incident *incident = wizard->report->incident;
    int yes = 0;

    (void)puts(
        "Organisations that may know what happened but not who it happened to read a text of its\n"
        "own. Leave out names, addresses, contact details, background, faith and health, and who\n"
        "did it.");
    if (ask_lines(wizard, question) == STEP_LEFT)
        return STEP_LEFT;
    if (!incident->account || !incident->account->text || incident->account->text[0] == '\0') {
        incident->account = NULL;
        return STEP_GO_ON;
    }
    yes = ask_yes("Does it leave all of that out?", -1);
    if (yes < 0)
        return STEP_LEFT;
    if (yes == 0) {
        (void)puts(
            "Then it is not used; only the answers to the other questions are shared there.");
        incident->account = NULL;
        return STEP_GO_ON;
    }
    incident->account->approved_without =
        arena_alloc(wizard->arena, 4 * sizeof *incident->account->approved_without);
    if (!incident->account->approved_without)
        return out_of_memory();
    incident->account->n_approved_without = 4;
    for (unsigned i = 0; i < 4; i++)
        incident->account->approved_without[i] = (Up__Entitlement__Group)(i + 1);
    return STEP_GO_ON;
}

/* A role that is left open was not asked about, and gets nothing. */
static int ask_sharing(struct wizard *wizard, const struct question *question)
{
    Up__SharingChoice *choice = NULL;
    char now[CLOCK_TEXT_LEN];
    char today[11];
    struct sharing sharing = *wizard->sharing;
    bool left = false;

    clock_london(clock_wall_s(), now);
    memcpy(today, now, 10);
    today[10] = '\0';
    sharing.today = today;
    (void)puts(question->text);
    if (sharing_ask(&sharing, wizard->arena, &choice, &left))
        return out_of_memory();
    if (left)
        return STEP_LEFT;
    wizard->report->choice = choice;
    if (fields_text(&wizard->report->base, "choice.given_at", now, wizard->arena))
        return out_of_memory();
    return STEP_GO_ON;
}

/* Codes that the schema keeps as text. */
static int ask_code(struct wizard *wizard, const struct question *question,
                    const char *const *codes, size_t count)
{
    int chosen = ask_choice(question->text, codes, count);

    if (chosen < 0)
        return STEP_LEFT;
    if (chosen > 0 &&
        fields_text(&wizard->report->base, question->path, codes[chosen - 1], wizard->arena))
        return out_of_memory();
    return STEP_GO_ON;
}

static int ask_giver(struct wizard *wizard, const struct question *question)
{
    static const char *const codes[] = {"person", "parent", "advocate"};

    return ask_code(wizard, question, codes, 3);
}

static int ask_manner(struct wizard *wizard, const struct question *question)
{
    static const char *const codes[] = {"spoken", "bsl", "written", "web", "text"};

    return ask_code(wizard, question, codes, 5);
}

/* --- the questions ---------------------------------------------------------------------------- */

static const struct question questions[] = {
    {ask_danger, "", "Is a life at risk now?"},
    {ask_one, "incident.channel", "How did it reach you?"},
    {ask_one, "incident.reporter_role", "Who is telling you?"},
    {ask_strands, "incident.strands", "Which type of hostility was it? (the person's view counts)"},
    {ask_types, "incident.types", "What happened?"},
    {ask_time, "incident.occurred_from",
     "When did it happen, or begin? (2026-11-03 14:25, or less)"},
    {ask_time, "incident.occurred_to", "When did it end? (Enter: the same)"},
    {ask_area, "incident.place", "Where? Code of the area"},
    {ask_one, "incident.place_kind", "What kind of place?"},
    {ask_line, "incident.place.address", "The place in words"},
    {ask_bool, "incident.place.public_spot",
     "Is it a public spot, not near the person's home, work or worship?"},
    {ask_lines, "incident.narrative", "What happened, in the person's own words?"},
    {ask_line, "incident.identity.name", "Name of the person it happened to (Enter: not given)"},
    {ask_date, "incident.identity.date_of_birth", "Date of birth (1990-11-03)"},
    {ask_line, "incident.contact.telephones", "Telephone"},
    {ask_line, "incident.contact.emails", "E-mail"},
    {ask_line, "incident.contact.address", "Address"},
    {ask_line, "incident.contact.postcode", "Postcode"},
    {ask_one, "incident.contact_rule", "May the person be contacted? (open: not at all)"},
    {ask_line, "incident.safety.safe_times", "When is it safe to make contact?"},
    {ask_line, "incident.safety.contact_instructions", "How is it safe?"},
    {ask_bool, "incident.safety.no_visit", "Must nobody visit?"},
    {ask_line, "incident.safety.interpreter", "Interpreter, or other needs"},
    {ask_one, "incident.characteristics.ethnicity", "Ethnicity, as the person states it"},
    {ask_line, "incident.characteristics.religion", "Religion"},
    {ask_one, "incident.characteristics.disability", "Disability?"},
    {ask_line, "incident.characteristics.gender", "Gender"},
    {ask_line, "incident.characteristics.sexual_orientation", "Sexual orientation"},
    {ask_one, "incident.victim_kind", "Whom or what was it against?"},
    {ask_one, "incident.risk.injury", "Was anybody hurt?"},
    {ask_one, "incident.risk.ongoing", "Does it go on?"},
    {ask_one, "incident.risk.repeat_victim", "Did it happen to this person before?"},
    {ask_one, "reported_before",
     "Has this person or household reported something like this here before?"},
    {ask_account, "incident.account.text", "What may they read?"},
    {ask_sharing, "choice",
     "\nNow the person's choice. Say this first: once the police have recorded it, they may have "
     "to keep\n"
     "it. Read out the sentences; leave open what was not asked, and nothing goes there."},
    {ask_giver, "choice.given_by", "Who chose?"},
    {ask_manner, "choice.manner", "How was it told?"},
    {ask_line, "choice.language", "In which language?"},
};
enum { QUESTION_COUNT = sizeof questions / sizeof questions[0] };

/* --- the draft -------------------------------------------------------------------------------- */

enum up_err wizard_draft_format(const Up__Report *report, size_t step, struct up_bytes *ret_bytes)
{
    struct up_bytes json = {0};
    struct up_bytes out = {0};
    char head[32];
    int len = snprintf(head, sizeof head, "step %zu\n", step);
    enum up_err err = json_format(&report->base, true, &json);

    if (!err)
        err = up_bytes_new((size_t)len + json.len, &out);
    if (!err) {
        memcpy(out.data, head, (size_t)len);
        memcpy(out.data + len, json.data, json.len);
        *ret_bytes = out;
    }
    up_bytes_wipe(&json);
    return err;
}

enum up_err wizard_draft_parse(struct up_view bytes, struct arena *arena, Up__Report **ret_report,
                               size_t *ret_step)
{
    ProtobufCMessage *message = NULL;
    size_t step = 0;
    size_t at = 5;
    enum up_err err = UP_OK;

    if (bytes.len < 7 || memcmp(bytes.data, "step ", 5) != 0)
        return UP_MALFORMED;
    for (; at < bytes.len && at < 10 && bytes.data[at] >= '0' && bytes.data[at] <= '9'; at++)
        step = step * 10 + (size_t)(bytes.data[at] - '0');
    if (at == 5 || at >= bytes.len || bytes.data[at] != '\n' || step > QUESTION_COUNT)
        return UP_MALFORMED;
    err = json_parse(&up__report__descriptor, up_view_of(bytes.data + at + 1, bytes.len - at - 1),
                     arena, &message, NULL);
    if (err)
        return err;
    *ret_report = (Up__Report *)message;
    *ret_step = step;
    return UP_OK;
}

static enum up_err draft_save(const struct wizard *wizard, size_t step, struct up_why *why)
{
    struct up_bytes bytes = {0};
    enum up_err err = wizard_draft_format(wizard->report, step, &bytes);

    if (!err)
        err = file_write(wizard->draft_path, up_bytes_view(&bytes), 0600, why);
    up_bytes_wipe(&bytes);
    return err;
}

/* An earlier draft, if there is one and the worker wants it; else a new report. */
static int begin(struct wizard *wizard, size_t *ret_step)
{
    struct up_bytes bytes = {0};
    struct up_why why = {0};
    enum up_err err = file_read_secret(wizard->draft_path, UP_JSON_LEN_MAX, &bytes, &why);
    const ProtobufCFieldDescriptor *field = NULL;
    char now[CLOCK_TEXT_LEN];
    int yes = 0;

    *ret_step = 0;
    if (!err)
        err = wizard_draft_parse(up_bytes_view(&bytes), wizard->arena, &wizard->report, ret_step);
    up_bytes_wipe(&bytes);
    if (!err) {
        yes = ask_yes("There is a draft. Go on with it? (n: it is thrown away)", 1);
        if (yes < 0)
            return CLI_FAILED;
        if (yes == 1)
            return CLI_OK;
        *ret_step = 0;
    } else if (err != UP_NOT_FOUND) {
        (void)print_fault("%s is no draft that can be read (%s); move it away first",
                          wizard->draft_path, why.text[0] ? why.text : up_err_text(err));
        return CLI_FAILED;
    }
    wizard->report = arena_alloc(wizard->arena, sizeof *wizard->report);
    if (!wizard->report) {
        (void)out_of_memory();
        return CLI_FAILED;
    }
    up__report__init(wizard->report);
    clock_london(clock_wall_s(), now);
    if (!fields_at(&wizard->report->base, "incident.entitlement.level", wizard->arena, &field) ||
        fields_number(&wizard->report->base, "incident.entitlement.level",
                      UP__ENTITLEMENT__LEVEL__IDENTIFIED, wizard->arena) ||
        fields_text(&wizard->report->base, "incident.reported_at", now, wizard->arena)) {
        (void)out_of_memory();
        return CLI_FAILED;
    }
    return CLI_OK;
}

/* The incident is what questions write to directly. */
static int ready(struct wizard *wizard)
{
    const ProtobufCFieldDescriptor *field = NULL;

    if (fields_at(&wizard->report->base, "incident.narrative", wizard->arena, &field))
        return CLI_OK;
    (void)out_of_memory();
    return CLI_FAILED;
}

int wizard_run(struct cli *cli, const char *draft_path, const struct sharing *sharing,
               Up__Report **ret_report)
{
    struct wizard wizard = {
        .cli = cli, .arena = cli->arena, .draft_path = draft_path, .sharing = sharing};
    struct up_why why = {0};
    size_t step = 0;
    int result = CLI_OK;

    (void)puts("In an emergency ring 999 first. Enter leaves a question open.\n"
               "Each answer is kept; Ctrl-D leaves, and the same command goes on from there.\n");
    result = begin(&wizard, &step);
    if (result == CLI_OK)
        result = ready(&wizard);
    for (; result == CLI_OK && step < QUESTION_COUNT; step++) {
        int taken = STEP_GO_ON;
        enum up_err err = UP_OK;

        (void)printf("\n[%zu of %d] ", step + 1, (int)QUESTION_COUNT);
        taken = questions[step].ask(&wizard, &questions[step]);
        if (taken != STEP_GO_ON) {
            if (taken == STEP_LEFT)
                (void)printf("\nThe draft is kept in %s.\n", draft_path);
            return CLI_FAILED;
        }
        err = draft_save(&wizard, step + 1, &why);
        if (err)
            result = print_why(err, &why);
    }
    if (result == CLI_OK)
        *ret_report = wizard.report;
    return result;
}
