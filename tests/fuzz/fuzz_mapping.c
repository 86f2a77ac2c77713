/* SPDX-License-Identifier: MIT */
/* rooms: intake proto */
/* A mapping file, a NUL, and a CSV file that it is put on; an empty mapping stands for a good one,
 * no CSV for a good one. */
#include <string.h>

#include "nodes/intake/mapping.h"
#include "tests/lib/fuzz.h"

static const char good_mapping[] = "mapping 1\n"
                                   "bad Id = \"\" : no number\n"
                                   "table places\n"
                                   "    Home = HOME\n"
                                   "    Street = STREET\n"
                                   "    Other = nothing\n"
                                   "    other = bad\n"
                                   "set choice.manner = written\n"
                                   "copy narrative = Text unless - none\n"
                                   "time occurred_from = Date Time as DD/MM/YYYY\n"
                                   "look place_kind = Where in places\n"
                                   "strand RACE = Race unless \"\" No\n"
                                   "strand DISABILITY = Text contains wheelchair detail\n"
                                   "strand OTHER otherwise\n"
                                   "hash place.local_authority = Id over E06000016 E06000062\n"
                                   "choice POLICE COUNCIL = Id modulo 10\n"
                                   "    0-4 = IDENTIFIED without CONTACT SUSPECT\n"
                                   "    5-9 = ANONYMISED\n"
                                   "choice CHARITY = Race\n"
                                   "    Yes = PSEUDONYMISED\n"
                                   "    other = WITHHELD\n"
                                   "grant lawful_basis = consent\n";
static const char good_csv[] =
    "Id,Date,Time,Where,Race,Text\n1,03/11/2026,14:25,Home,Yes,\"a \"\"word\"\"\"\n"
    "2,31/02/2026,,Street,No,wheelchair\n3,1/1/2026,7:05,Shop,,-\nx,,,,,\n";

static void rows_read(struct mapping *mapping, struct csv *csv)
{
    struct arena *arena = NULL;
    struct csv_row row = {0};
    bool bound = false;
    enum up_err err = UP_OK;

    fuzz_require(arena_new(UP_ARENA_LEN_MAX, &arena) == UP_OK);
    while ((err = csv_next(csv, &row, NULL)) != UP_NOT_FOUND) {
        struct mapping_fault fault = {.column = NULL};
        Up__Report *report = NULL;
        struct up_why why = {0};

        if (err)
            continue;
        if (!bound) {
            err = mapping_bind(mapping, &row, &why);
            fuzz_require(why.err == err && (!err || (err == UP_INVALID && why.text[0] != '\0')));
            if (err)
                break;
            bound = true;
            continue;
        }
        err = mapping_apply(mapping, &row, arena, &report, &fault);
        fuzz_require(err == UP_OK || err == UP_INVALID || err == UP_NO_MEMORY);
        fuzz_require((err == UP_OK) == (report != NULL));
        fuzz_require(err != UP_INVALID || (fault.column && fault.reason));
        if (report)
            fuzz_round(&report->base);
        arena_reset(arena);
    }
    arena_destroy(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const uint8_t *nul = len > 0 ? memchr(data, '\0', len) : NULL;
    struct up_view text = up_view_of(data, nul ? (size_t)(nul - data) : len);
    struct up_view table = up_view_of(good_csv, sizeof good_csv - 1);
    struct mapping *mapping = NULL;
    struct csv *csv = NULL;
    struct up_why why = {0};
    enum up_err err = UP_OK;

    if (nul && text.len + 1 < len)
        table = up_view_of(nul + 1, len - text.len - 1);
    if (text.len == 0)
        text = up_view_of(good_mapping, sizeof good_mapping - 1);
    err = mapping_parse(text, &mapping, &why);
    fuzz_require((err == UP_OK) == (mapping != NULL));
    fuzz_require(!err || err == UP_NO_MEMORY || (why.err == err && why.text[0] != '\0'));
    fuzz_require(!err || text.data == data); /* the good one is good */
    if (err)
        return 0;
    fuzz_require(csv_new(table, &csv) == UP_OK);
    rows_read(mapping, csv);
    csv_destroy(&csv);
    mapping_destroy(&mapping);
    return 0;
}
