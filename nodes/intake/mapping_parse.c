/* SPDX-License-Identifier: MIT
 * The text of a mapping file to rules: line by line, a keyword each (docs/mapping.md). */
#include <stdlib.h>
#include <string.h>

#include "nodes/intake/mapping_private.h"
#include "proto/scan.h"

struct token {
    const char *text;
    bool quoted;
};

struct parse {
    struct arena *arena;
    struct up_why *why;
    unsigned line;
    struct token tokens[MAPPING_TOKENS_MAX];
    size_t count;
    size_t rule_count;
    struct rule *first;
    struct rule *last;
    struct rule *block;  /* the table or choice that an indented line belongs to */
    struct entry *entry; /* its last */
    unsigned roles;      /* that a choice was stated for */
    bool versioned;
    Up__Report scratch; /* fixed values are put into it, to see whether they fit */
    Up__RoleChoice scratch_grant;
};

static enum up_err wrong(struct parse *parse, const char *what)
{
    return up_why_set(parse->why, UP_INVALID, "mapping, line %u: %s", parse->line, what);
}

static enum up_err wrong_word(struct parse *parse, const char *what, const char *word)
{
    return up_why_set(parse->why, UP_INVALID, "mapping, line %u: %s \"%.64s\"", parse->line, what,
                      word);
}

static enum up_err tokens_read(struct parse *parse, const char *line, size_t len)
{
    size_t at = 0;

    parse->count = 0;
    for (;;) {
        size_t from = 0;
        bool quoted = false;
        char *text = NULL;

        while (at < len && (line[at] == ' ' || line[at] == '\t' || line[at] == '\r'))
            at++;
        if (at == len || line[at] == '#')
            return UP_OK;
        quoted = line[at] == '"';
        at += quoted;
        from = at;
        while (at < len && (quoted ? line[at] != '"' : !strchr(" \t\r\"", line[at])))
            at++;
        if (quoted && at == len)
            return wrong(parse, "a quote that is never closed");
        if (!quoted && at < len && line[at] == '"')
            return wrong(parse, "a quote in the middle of a word");
        text = arena_text(parse->arena, up_view_of(line + from, at - from));
        at += quoted;
        if (quoted && at < len && !strchr(" \t\r", line[at]))
            return wrong(parse, "something follows a closing quote; put a blank between");
        if (!text)
            return UP_NO_MEMORY;
        if (parse->count == MAPPING_TOKENS_MAX)
            return wrong(parse, "too many words");
        parse->tokens[parse->count++] = (struct token){.text = text, .quoted = quoted};
    }
}

static bool is_word(const struct parse *parse, size_t index, const char *word)
{
    return index < parse->count && !parse->tokens[index].quoted &&
           strcmp(parse->tokens[index].text, word) == 0;
}

static enum up_err rule_add(struct parse *parse, enum rule_kind kind, struct rule **ret_rule)
{
    struct rule *rule = arena_alloc(parse->arena, sizeof *rule);

    if (!rule)
        return UP_NO_MEMORY;
    if (++parse->rule_count > MAPPING_RULES_MAX)
        return wrong(parse, "too many statements");
    rule->kind = kind;
    if (parse->last)
        parse->last->next = rule;
    else
        parse->first = rule;
    parse->last = rule;
    *ret_rule = rule;
    return UP_OK;
}

static enum up_err column_add(struct parse *parse, struct rule *rule, size_t index)
{
    if (index >= parse->count || parse->tokens[index].text[0] == '\0')
        return wrong(parse, "the name of a column is missing");
    if (rule->column_count == MAPPING_COLUMNS_MAX)
        return wrong(parse, "too many columns");
    rule->columns[rule->column_count++].name = parse->tokens[index].text;
    return UP_OK;
}

/* Words from..upto as the rule's values. */
static enum up_err values_take(struct parse *parse, struct rule *rule, size_t from, size_t upto)
{
    const char **values = arena_alloc(parse->arena, (upto - from + 1) * sizeof *values);

    if (!values)
        return UP_NO_MEMORY;
    if (from >= upto)
        return wrong(parse, "a value is missing");
    for (size_t i = from; i < upto; i++)
        values[rule->value_count++] = parse->tokens[i].text;
    rule->values = values;
    return UP_OK;
}

/* "KEYWORD FIELD = ..." */
static enum up_err field_take(struct parse *parse, struct rule *rule)
{
    enum up_err err = UP_OK;

    if (parse->count < 4 || !is_word(parse, 2, "="))
        return wrong(parse, "not \"KEYWORD FIELD = ...\"");
    err = rule->kind == RULE_GRANT ? mapping_field_of_grant(parse->tokens[1].text, &rule->field)
                                   : mapping_field_of_report(parse->tokens[1].text, &rule->field);
    if (err == UP_NOT_PERMITTED)
        return wrong_word(parse, "a mapping can't fill the field", parse->tokens[1].text);
    return err ? wrong_word(parse, "there is no field", parse->tokens[1].text) : UP_OK;
}

/* A fixed value must be one that the field can have: found out now, not at the first row. */
static enum up_err value_check(struct parse *parse, const struct rule *rule, const char *value)
{
    ProtobufCMessage *scratch =
        rule->kind == RULE_GRANT ? &parse->scratch_grant.base : &parse->scratch.base;
    enum up_err err =
        mapping_field_put(&rule->field, up_view_of(value, strlen(value)), parse->arena, scratch);

    return err == UP_INVALID ? wrong_word(parse, "the field has no value", value) : err;
}

static enum up_err parse_version(struct parse *parse, struct rule *rule)
{
    (void)rule;
    if (parse->versioned || parse->count != 2 || !is_word(parse, 1, "1"))
        return wrong(parse, "\"mapping 1\" stands once, at the top");
    parse->versioned = true;
    return UP_OK;
}

static enum up_err parse_bad(struct parse *parse, struct rule *rule)
{
    size_t colon = 3;
    size_t len = 1;
    size_t at = 0;
    char *reason = NULL;
    enum up_err err = column_add(parse, rule, 1);

    if (err)
        return err;
    rule->condition = is_word(parse, 2, "contains") ? CONDITION_CONTAINS : CONDITION_IS;
    if (!is_word(parse, 2, "=") && rule->condition == CONDITION_IS)
        return wrong(parse, "not \"bad COLUMN = VALUE : reason\"");
    while (colon < parse->count && !is_word(parse, colon, ":"))
        colon++;
    if (colon + 1 >= parse->count)
        return wrong(parse, "the reason is missing: \"bad COLUMN = VALUE : reason\"");
    for (size_t i = colon + 1; i < parse->count; i++)
        len += strlen(parse->tokens[i].text) + 1;
    reason = arena_alloc(parse->arena, len);
    if (!reason)
        return UP_NO_MEMORY;
    for (size_t i = colon + 1; i < parse->count; i++) {
        size_t token_len = strlen(parse->tokens[i].text);

        if (at > 0)
            reason[at++] = ' ';
        memcpy(reason + at, parse->tokens[i].text, token_len + 1);
        at += token_len;
    }
    rule->text = reason;
    return values_take(parse, rule, 3, colon);
}

static enum up_err parse_set(struct parse *parse, struct rule *rule)
{
    enum up_err err = field_take(parse, rule);

    if (!err && rule->kind == RULE_GRANT && parse->roles == 0)
        err = wrong(parse, "\"grant\" stands below the choices that it is about");
    if (!err && parse->count != 4)
        err = wrong(parse, "one value, in quotes if it has blanks");
    if (err)
        return err;
    rule->text = parse->tokens[3].text;
    return value_check(parse, rule, rule->text);
}

static enum up_err parse_copy(struct parse *parse, struct rule *rule)
{
    enum up_err err = field_take(parse, rule);

    if (!err)
        err = column_add(parse, rule, 3);
    if (err || parse->count == 4)
        return err;
    if (!is_word(parse, 4, "unless"))
        return wrong(parse, "not \"copy FIELD = COLUMN unless VALUE ...\"");
    return values_take(parse, rule, 5, parse->count);
}

static enum up_err parse_hash(struct parse *parse, struct rule *rule)
{
    enum up_err err = field_take(parse, rule);

    if (!err)
        err = column_add(parse, rule, 3);
    if (!err && !is_word(parse, 4, "over"))
        err = wrong(parse, "not \"hash FIELD = COLUMN over CODE ...\"");
    if (!err)
        err = values_take(parse, rule, 5, parse->count);
    for (size_t i = 0; !err && i < rule->value_count; i++)
        err = value_check(parse, rule, rule->values[i]);
    return err;
}

static enum up_err parse_time(struct parse *parse, struct rule *rule)
{
    enum up_err err = field_take(parse, rule);
    size_t at = 4;

    if (!err)
        err = column_add(parse, rule, 3);
    if (!err && at < parse->count && !is_word(parse, at, "as"))
        err = column_add(parse, rule, at++);
    if (err)
        return err;
    err = value_check(parse, rule, "2026-01-31"); /* a field of text */
    if (err)
        return err;
    rule->text = "YYYY-MM-DD";
    if (at == parse->count)
        return UP_OK;
    if (at + 2 != parse->count || !is_word(parse, at, "as"))
        return wrong(parse, "not \"time FIELD = DATE-COLUMN TIME-COLUMN as PATTERN\"");
    rule->text = parse->tokens[at + 1].text;
    if (!strstr(rule->text, "YYYY") || !strstr(rule->text, "MM") || !strstr(rule->text, "DD") ||
        strlen(rule->text) > 10)
        return wrong(parse, "a pattern of a date has YYYY, MM and DD");
    return UP_OK;
}

static enum up_err parse_table(struct parse *parse, struct rule *rule)
{
    if (parse->count != 2)
        return wrong(parse, "not \"table NAME\"");
    for (const struct rule *other = parse->first; other; other = other->next) {
        if (other != rule && other->kind == RULE_TABLE &&
            strcmp(other->text, parse->tokens[1].text) == 0)
            return wrong_word(parse, "there is already a table", other->text);
    }
    rule->text = parse->tokens[1].text;
    parse->block = rule;
    return UP_OK;
}

static enum up_err parse_look(struct parse *parse, struct rule *rule)
{
    const struct rule *table = parse->first;
    enum up_err err = field_take(parse, rule);

    if (!err)
        err = column_add(parse, rule, 3);
    if (!err && (parse->count != 6 || !is_word(parse, 4, "in")))
        err = wrong(parse, "not \"look FIELD = COLUMN in TABLE\"");
    if (err)
        return err;
    while (table && (table->kind != RULE_TABLE || strcmp(table->text, parse->tokens[5].text) != 0))
        table = table->next;
    if (!table)
        return wrong_word(parse, "above stands no table", parse->tokens[5].text);
    rule->entries = table->entries;
    for (const struct entry *entry = rule->entries; !err && entry; entry = entry->next) {
        if (entry->value && entry->value[0] != '\0')
            err = value_check(parse, rule, entry->value);
    }
    return err;
}

static enum up_err code_read(struct parse *parse, const ProtobufCEnumDescriptor *codes,
                             size_t index, const char *what, int *ret_code)
{
    const ProtobufCEnumValue *code = NULL;

    if (index < parse->count)
        code = protobuf_c_enum_descriptor_get_value_by_name(codes, parse->tokens[index].text);
    if (!code || code->value == 0)
        return wrong_word(parse, what, index < parse->count ? parse->tokens[index].text : "");
    *ret_code = code->value;
    return UP_OK;
}

static enum up_err parse_strand(struct parse *parse, struct rule *rule)
{
    int code = 0;
    size_t at = 3;
    size_t upto = parse->count;
    enum up_err err =
        code_read(parse, &up__strand__code__descriptor, 1, "no strand is called", &code);

    if (err)
        return err;
    rule->code = (Up__Strand__Code)code;
    if (parse->count == 3 && is_word(parse, 2, "otherwise")) {
        rule->condition = CONDITION_OTHERWISE;
        return UP_OK;
    }
    if (!is_word(parse, 2, "="))
        return wrong(parse, "not \"strand CODE = COLUMN ... unless VALUE ...\"");
    while (!err && at < parse->count && !is_word(parse, at, "unless") &&
           !is_word(parse, at, "is") && !is_word(parse, at, "contains"))
        err = column_add(parse, rule, at++);
    if (!err && (rule->column_count == 0 || at == parse->count))
        err = wrong(parse, "not \"strand CODE = COLUMN ... unless VALUE ...\"");
    if (err)
        return err;
    rule->condition = is_word(parse, at, "unless") ? CONDITION_UNLESS
                      : is_word(parse, at, "is")   ? CONDITION_IS
                                                   : CONDITION_CONTAINS;
    rule->detail = is_word(parse, upto - 1, "detail");
    return values_take(parse, rule, at + 1, upto - rule->detail);
}

static bool number_read(const char *text, unsigned max, unsigned *ret_number, const char **ret_rest)
{
    unsigned number = 0;

    if (*text < '0' || *text > '9')
        return false;
    for (; *text >= '0' && *text <= '9'; text++) {
        number = number * 10 + (unsigned)(*text - '0');
        if (number > max)
            return false;
    }
    *ret_number = number;
    *ret_rest = text;
    return true;
}

static enum up_err parse_choice(struct parse *parse, struct rule *rule)
{
    size_t at = 1;
    const char *rest = NULL;
    enum up_err err = UP_OK;

    while (!err && at < parse->count && !is_word(parse, at, "=")) {
        int role = 0;

        err = code_read(parse, &up__role__code__descriptor, at++, "no role is called", &role);
        if (!err && parse->roles >> role & 1)
            err = wrong(parse, "a role has its choice already");
        parse->roles |= err ? 0u : 1u << role;
        rule->roles |= err ? 0u : 1u << role;
    }
    if (!err && rule->roles == 0)
        err = wrong(parse, "not \"choice ROLE ... = COLUMN\"");
    if (!err)
        err = column_add(parse, rule, at + 1);
    if (err)
        return err;
    parse->block = rule;
    if (at + 2 == parse->count)
        return UP_OK;
    if (at + 4 != parse->count || !is_word(parse, at + 2, "modulo") ||
        !number_read(parse->tokens[at + 3].text, MAPPING_MODULO_MAX, &rule->modulo, &rest) ||
        *rest != '\0' || rule->modulo == 0)
        return wrong(parse, "not \"choice ROLE ... = COLUMN modulo NUMBER\"");
    return UP_OK;
}

static const struct {
    const char *word;
    enum rule_kind kind;
    enum up_err (*parse)(struct parse *, struct rule *);
} statements[] = {
    {"bad", RULE_BAD, parse_bad},          {"set", RULE_SET, parse_set},
    {"copy", RULE_COPY, parse_copy},       {"hash", RULE_HASH, parse_hash},
    {"time", RULE_TIME, parse_time},       {"table", RULE_TABLE, parse_table},
    {"look", RULE_LOOK, parse_look},       {"strand", RULE_STRAND, parse_strand},
    {"choice", RULE_CHOICE, parse_choice}, {"grant", RULE_GRANT, parse_set},
};

/* The last block must hold something; then nothing may be added to it. */
static enum up_err block_close(struct parse *parse)
{
    const struct rule *block = parse->block;

    parse->block = NULL;
    parse->entry = NULL;
    return block && !block->entries ? wrong(parse, "nothing stands below the table or choice above")
                                    : UP_OK;
}

static enum up_err statement_read(struct parse *parse)
{
    enum up_err err = block_close(parse);

    if (err)
        return err;
    if (is_word(parse, 0, "mapping"))
        return parse_version(parse, NULL);
    if (!parse->versioned)
        return wrong(parse, "\"mapping 1\" must stand first");
    for (size_t i = 0; i < sizeof statements / sizeof statements[0]; i++) {
        struct rule *rule = NULL;

        if (!is_word(parse, 0, statements[i].word))
            continue;
        err = rule_add(parse, statements[i].kind, &rule);
        return err ? err : statements[i].parse(parse, rule);
    }
    return wrong_word(parse, "no statement is called", parse->tokens[0].text);
}

static enum up_err range_read(struct parse *parse, struct entry *entry)
{
    const struct rule *block = parse->block;
    const char *rest = parse->tokens[0].text;

    entry->range = true;
    if (!number_read(rest, MAPPING_MODULO_MAX, &entry->from, &rest))
        return wrong(parse, "not a number or a range such as 2-3");
    entry->to = entry->from;
    if (*rest == '-' && !number_read(rest + 1, MAPPING_MODULO_MAX, &entry->to, &rest))
        return wrong(parse, "not a number or a range such as 2-3");
    if (*rest != '\0' || entry->to < entry->from || entry->to >= block->modulo)
        return wrong(parse, "not a range below the modulus");
    for (const struct entry *other = block->entries; other; other = other->next) {
        if (entry->from <= other->to && other->from <= entry->to)
            return wrong(parse, "overlaps a range above");
    }
    return UP_OK;
}

/* "LEVEL" or "LEVEL without GROUP ..." */
static enum up_err entitled_read(struct parse *parse, struct entry *entry)
{
    Up__Entitlement *made = arena_alloc(parse->arena, sizeof *made);
    Up__Entitlement__Group *groups = arena_alloc(parse->arena, 8 * sizeof *groups);
    int code = 0;
    unsigned withheld = 0;
    enum up_err err =
        code_read(parse, &up__entitlement__level__descriptor, 2, "no level is called", &code);

    if (err)
        return err;
    if (!made || !groups)
        return UP_NO_MEMORY;
    up__entitlement__init(made);
    made->level = (Up__Entitlement__Level)code;
    if (parse->count > 3 && (!is_word(parse, 3, "without") || parse->count == 4))
        return wrong(parse, "not \"VALUE = LEVEL without GROUP ...\"");
    for (size_t i = 4; !err && i < parse->count; i++) {
        err = code_read(parse, &up__entitlement__group__descriptor, i, "no group is called", &code);
        withheld |= err ? 0u : 1u << code;
    }
    made->withheld = groups;
    for (int group = 1; group <= UP__ENTITLEMENT__GROUP__PLACE; group++) {
        if (withheld >> group & 1)
            groups[made->n_withheld++] = (Up__Entitlement__Group)group;
    }
    entry->entitled = made;
    return err;
}

static enum up_err entry_read(struct parse *parse)
{
    struct rule *block = parse->block;
    struct entry *entry = arena_alloc(parse->arena, sizeof *entry);
    enum up_err err = UP_OK;

    if (!entry)
        return UP_NO_MEMORY;
    if (!block)
        return wrong(parse, "an indented line belongs below a table or a choice");
    if (parse->count < 3 || !is_word(parse, 1, "="))
        return wrong(parse, "not \"VALUE = ...\"");
    if (parse->entry && !parse->entry->range && !parse->entry->key)
        return wrong(parse, "nothing may follow \"other\"");
    if (block->modulo > 0)
        err = range_read(parse, entry);
    else if (!is_word(parse, 0, "other"))
        entry->key = parse->tokens[0].text;
    for (const struct entry *e = block->entries; !err && entry->key && e; e = e->next) {
        if (strcmp(e->key, entry->key) == 0)
            err = wrong(parse, "the value stands above already");
    }
    if (err)
        return err;
    if (!is_word(parse, 2, "bad") || parse->count != 3) {
        if (block->kind == RULE_CHOICE)
            err = entitled_read(parse, entry);
        else if (parse->count != 3)
            err = wrong(parse, "one value, in quotes if it has blanks");
        else
            entry->value = is_word(parse, 2, "nothing") ? "" : parse->tokens[2].text;
    }
    if (parse->entry)
        parse->entry->next = entry;
    else
        block->entries = entry;
    parse->entry = entry;
    return err;
}

static enum up_err lines_read(struct parse *parse, struct up_view text)
{
    enum up_err err = UP_OK;

    for (size_t at = 0; !err && at < text.len;) {
        const char *line = (const char *)text.data + at;
        const char *end = memchr(line, '\n', text.len - at);
        size_t len = end ? (size_t)(end - line) : text.len - at;

        parse->line++;
        at += len + 1;
        err = tokens_read(parse, line, len);
        if (err || parse->count == 0)
            continue;
        err = line[0] == ' ' || line[0] == '\t' ? entry_read(parse) : statement_read(parse);
    }
    if (!err)
        err = block_close(parse);
    if (!err && !parse->versioned)
        err = wrong(parse, "\"mapping 1\" must stand first");
    return err;
}

enum up_err mapping_parse(struct up_view text, struct mapping **ret_mapping, struct up_why *why)
{
    struct parse *parse = NULL;
    struct arena *arena = NULL;
    struct mapping *mapping = NULL;
    enum up_err err = UP_OK;

    if (text.len > UP_CONFIG_LEN_MAX)
        return up_why_set(why, UP_TOO_LARGE, "the mapping is larger than %u bytes",
                          UP_CONFIG_LEN_MAX);
    if (!scan_text(text))
        return up_why_set(why, UP_BAD_TEXT, "mapping: %s", up_err_text(UP_BAD_TEXT));
    err = arena_new(UP_ARENA_LEN_MAX, &arena);
    if (err)
        return err;
    parse = arena_alloc(arena, sizeof *parse);
    mapping = arena_alloc(arena, sizeof *mapping);
    if (!parse || !mapping) {
        err = UP_NO_MEMORY;
        goto out;
    }
    parse->arena = arena;
    parse->why = why;
    up__report__init(&parse->scratch);
    up__role_choice__init(&parse->scratch_grant);
    err = lines_read(parse, text);
    if (err)
        goto out;
    mapping->arena = arena;
    mapping->rules = parse->first;
    *ret_mapping = mapping;
    arena = NULL;
out:
    arena_destroy(&arena);
    return err;
}
