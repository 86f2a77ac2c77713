/* SPDX-License-Identifier: MIT */
/* rooms: disclosure proto */
/* Law 5: each field of each descriptor that can stand in an Incident has a class and a rule at each level. */
#include <setjmp.h>
#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "incident.pb-c.h"
#include "nodes/disclosure/classes.h"

static void check_rows(const ProtobufCMessageDescriptor *message)
{
    const struct class_table *table = classes_find(message);

    if (!table)
        fail_msg("%s has no class table", message->name);
    for (unsigned i = 0; i < message->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->fields[i];

        if (i >= table->row_count || strcmp(table->rows[i].field, field->name) != 0)
            fail_msg("%s.%s has no row where it should stand", message->name, field->name);
        assert_true(table->rows[i].class < CLASS_COUNT);
        assert_true(table->rows[i].identified < RULE_COUNT);
        assert_true(table->rows[i].pseudonymised < RULE_COUNT);
        if (field->type == PROTOBUF_C_TYPE_MESSAGE)
            check_rows(field->descriptor);
    }
    if (table->row_count != message->n_fields)
        fail_msg("%s: the table names a field that is gone", message->name);
}

static void every_field_has_a_class(void **state)
{
    (void)state;
    check_rows(&up__incident__descriptor);
}

static bool reaches(const ProtobufCMessageDescriptor *from, const ProtobufCMessageDescriptor *to)
{
    if (from == to)
        return true;
    for (unsigned i = 0; i < from->n_fields; i++) {
        if (from->fields[i].type == PROTOBUF_C_TYPE_MESSAGE &&
            reaches(from->fields[i].descriptor, to))
            return true;
    }
    return false;
}

static void no_table_of_a_message_that_is_gone(void **state)
{
    size_t count = 0;
    const struct class_table *tables = classes_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        if (!reaches(&up__incident__descriptor, tables[i].message))
            fail_msg("%s stands in no incident", tables[i].message->name);
    }
}

/* What drops at IDENTIFIED without any group withheld would be a field nobody can ever get. */
static void nothing_is_dropped_from_the_full_report(void **state)
{
    size_t count = 0;
    const struct class_table *tables = classes_all(&count);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < tables[i].row_count; j++)
            assert_int_not_equal(tables[i].rows[j].identified, RULE_DROP);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_has_a_class),
        cmocka_unit_test(no_table_of_a_message_that_is_gone),
        cmocka_unit_test(nothing_is_dropped_from_the_full_report),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
