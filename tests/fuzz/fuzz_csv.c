/* SPDX-License-Identifier: MIT */
/* rooms: intake proto */
/* A CSV file: the reader always goes on, and what it calls a row stands in the file. */
#include "nodes/intake/csv.h"
#include "proto/scan.h"
#include "tests/lib/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct csv *csv = NULL;
    struct csv_row row = {0};
    struct up_why why = {0};
    const uint8_t *reached = data;
    size_t columns = 0;
    unsigned line = 0;
    enum up_err err = UP_OK;

    fuzz_require(csv_new(up_view_of(data, len), &csv) == UP_OK);
    while ((err = csv_next(csv, &row, &why)) != UP_NOT_FOUND) {
        fuzz_require(err == UP_OK || err == UP_MALFORMED || err == UP_TOO_LARGE ||
                     err == UP_BAD_TEXT);
        fuzz_require(row.raw.len > 0 && row.raw.data >= reached);
        reached = row.raw.data + row.raw.len;
        fuzz_require(reached <= data + len);
        fuzz_require(row.line > line);
        line = row.line;
        fuzz_require((err == UP_OK) == (row.count > 0) && row.count <= UP_CSV_COLUMNS_MAX);
        fuzz_require(!err || (why.err == err && why.text[0] != '\0'));
        if (err)
            continue;
        fuzz_require(columns == 0 || row.count == columns);
        columns = row.count;
        for (size_t i = 0; i < row.count; i++)
            fuzz_require(scan_text(row.fields[i]));
    }
    fuzz_require(csv_next(csv, &row, &why) == UP_NOT_FOUND);
    csv_destroy(&csv);
    return 0;
}
