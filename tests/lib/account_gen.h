/* SPDX-License-Identifier: MIT
 * Sentences with British personal data in them, and where it stands: the slots of the templates in tests/data/text
 * filled from a seed. Written without regard to how accounts are drafted. */
#ifndef TESTS_LIB_ACCOUNT_GEN_H
#define TESTS_LIB_ACCOUNT_GEN_H

#include "incident.pb-c.h"
#include "tests/lib/incident_gen.h"

enum { ACCOUNT_GEN_PARTS_MAX = 24, ACCOUNT_GEN_TEMPLATES_MAX = 512 };

/* What stands at a place of a sentence. */
enum account_gen_what {
    ACCOUNT_GEN_VALUE,  /* personal data with a form of its own: to be found without a hint */
    ACCOUNT_GEN_OWN,    /* a value, or a part of one, that stands elsewhere in the report */
    ACCOUNT_GEN_TITLED, /* a name with a title before it */
    ACCOUNT_GEN_BARE,   /* a name or street without any hint: nobody promises to find it */
    ACCOUNT_GEN_STRAND, /* a nationality or religion: must stay */
};
struct account_gen_part {
    size_t offset; /* bytes in the narrative */
    size_t len;
    enum account_gen_what what;
    const char *kind; /* "telephone", "e-mail", ... as in a placeholder; a strand: "strand" */
};
struct account_sample {
    Up__Incident *incident; /* its narrative is the sentence; values that stand elsewhere are in its fields */
    struct account_gen_part parts[ACCOUNT_GEN_PARTS_MAX];
    size_t count;
};

struct account_gen {
    struct gen gen; /* its arena holds the samples; may be reset between them */
    char *text;     /* owns */
    const char *templates[ACCOUNT_GEN_TEMPLATES_MAX];
    size_t template_count;
    size_t next;
};

/* account_gen_open: read the templates below the folder (tests/data/text). False: can't be read. */
bool account_gen_open(struct account_gen *gen, const char *folder, uint64_t seed);
void account_gen_close(struct account_gen *gen);
/* account_gen_sample: the next template, filled. Those without a slot come too: nothing stands in them. */
void account_gen_sample(struct account_gen *gen, struct account_sample *ret_sample);

#endif
