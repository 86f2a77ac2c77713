/* SPDX-License-Identifier: MIT */
#include "nodes/disclosure/classes.h"

#include "incident.pb-c.h"

#define ROW(name, class_, identified_, pseudonymised_)                                             \
    {.field = #name,                                                                               \
     .class = CLASS_##class_,                                                                      \
     .identified = RULE_##identified_,                                                             \
     .pseudonymised = RULE_##pseudonymised_},
#define ROWS(message, list) static const struct field_row rows_##message[] = {list(ROW)};
FIELD_CLASS_MESSAGES(ROWS)

#define TABLE(message_, list)                                                                      \
    {.message = &up__##message_##__descriptor,                                                     \
     .rows = rows_##message_,                                                                      \
     .row_count = sizeof rows_##message_ / sizeof rows_##message_[0]},
static const struct class_table tables[] = {FIELD_CLASS_MESSAGES(TABLE)};

const struct class_table *classes_all(size_t *ret_count)
{
    *ret_count = sizeof tables / sizeof tables[0];
    return tables;
}

const struct class_table *classes_find(const ProtobufCMessageDescriptor *message)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (tables[i].message == message)
            return &tables[i];
    }
    return NULL;
}

const char *classes_name(enum field_class class)
{
    switch (class) {
    case CLASS_CONTROL:
        return "control";
    case CLASS_CATEGORY:
        return "category";
    case CLASS_IDENTITY:
        return "identity";
    case CLASS_CONTACT:
        return "contact";
    case CLASS_SAFETY:
        return "safety";
    case CLASS_CHARACTERISTIC:
        return "characteristic";
    case CLASS_SUSPECT:
        return "suspect";
    case CLASS_PLACE:
        return "place";
    case CLASS_TIME:
        return "time";
    case CLASS_NARRATIVE:
        return "narrative";
    case CLASS_ACCOUNT:
        return "account";
    case CLASS_RISK:
        return "risk";
    case CLASS_POLICE:
        return "police";
    case CLASS_CHANNEL:
        return "channel";
    case CLASS_ONWARD:
        return "onward";
    case CLASS_COUNT:
        break;
    }
    return "control";
}
