/* SPDX-License-Identifier: MIT
 * Every bound of the product: value, unit, reason. Nothing that somebody else sends us is unbounded. */
#ifndef UPSTANDER_LIMITS_H
#define UPSTANDER_LIMITS_H

#include <stdint.h>

/* --- sealing ------------------------------------------------------------------------------- */
/* Four sealed sizes (bytes): a broker learns no more of a length than one of four (protocol.md 2). */
#define UP_SEALED_LEN_CLASSES {4096u, 16384u, 65536u, 262144u}
#define UP_SEALED_LEN_MAX 262144u
/* A batch must leave room for signature, field headers, padding mark and the 48 bytes of a sealed box. */
#define UP_BATCH_LEN_MAX 261000u
#define UP_BATCH_MESSAGES_MAX 256u /* messages in one batch: bounds work done before the first receipt */
#define UP_HEADER_LEN_MAX 256u     /* two member ids, three ids and fixed fields come to under 150 bytes */
#define UP_ENVELOPE_LEN_MAX (UP_SEALED_LEN_MAX + UP_HEADER_LEN_MAX + 32u)
#define UP_ENVELOPE_TTL_S_MAX (INT64_C(14) * 86400) /* longest life (protocol.md 2) */
#define UP_ENVELOPE_CLOCK_SLACK_S 3600     /* a recipient accepts expiries this far beyond it */

/* --- parsing ------------------------------------------------------------------------------- */
#define UP_FRAME_LEN_MAX (4u << 20)  /* one ZeroMQ part: 15 envelopes of the largest class */
#define UP_LOAD_BYTES_MAX (2u << 20) /* envelopes in one load: a Deliver stays well below a frame */
#define UP_FRAME_ENVELOPES_MAX 64u            /* past 64 in one part nothing is gained (measured) */
#define UP_ROSTER_LEN_MAX (2u << 20) /* 1,000 members with agreements come to about 0.5 MiB */
#define UP_MESSAGE_DEPTH_MAX 8u    /* the schemas nest 6 deep; no type is recursive */
#define UP_MESSAGE_FIELDS_MAX 65536u /* fields in one message tree: empty submessages amplify 61 times */
#define UP_ARENA_LEN_MAX (16u << 20) /* one unpacked tree; the largest real one needs 3 MiB */
#define UP_JSON_LEN_MAX (1u << 20)   /* one JSON document: a report is under 64 KiB */

/* --- text ---------------------------------------------------------------------------------- */
#define UP_NARRATIVE_LEN_MAX 60000u /* bytes: a narrative must fit one envelope with room to spare */
#define UP_TEXT_LEN_MAX 4000u       /* bytes of any other text field */

/* --- roster -------------------------------------------------------------------------------- */
#define UP_MEMBERS_MAX 4096u
#define UP_STEWARDS_MAX 16u
#define UP_AGREEMENTS_MAX 4096u
#define UP_NOTICES_PER_MEMBER_MAX 256u /* kept of one member about agreements that are not listed here: it may be hostile */
#define UP_ROSTER_GRACE_S (INT64_C(30) * 86400) /* relations go on after expiry (protocol.md 4) */

/* --- broker -------------------------------------------------------------------------------- */
#define UP_SOCKET_HWM 32          /* parts in a ZeroMQ pipe; the real queue is the store */
/* Messages in the broker's pipe to one node, which is cut off beyond: an Accepted for each of 1,024 Sends, a Deliver for
 * each of its credit and some to spare; twice, because a pipe is told only by the half what was taken from it. */
#define UP_ANSWERS_HWM (2 * (1024 + 256 + 64))
#define UP_CREDIT_MAX 256u        /* envelopes in flight to one node */
#define UP_MAILBOX_MESSAGES_MAX 200000u
#define UP_MAILBOX_BYTES_MAX (2ull * 1024 * 1024 * 1024)
#define UP_SENDER_BYTES_MAX (1ull * 1024 * 1024 * 1024) /* waiting bytes of one sender in all mailboxes */
#define UP_GROUP_COMMIT_MAX 512u  /* envelopes in one fsync */
#define UP_GROUP_COMMIT_MS 2      /* and the longest that one waits for company */

/* --- node ---------------------------------------------------------------------------------- */
#define UP_PREKEY_WEEKS 8          /* weekly prekeys published ahead */
#define UP_PREKEYS_PER_MEMBER_MAX 16u
#define UP_RESEND_AFTER_MS (INT64_C(60) * 1000)      /* no Accepted: send the envelope again */
#define UP_RESEAL_AFTER_MS (INT64_C(24) * 3600 * 1000) /* accepted, no receipt: seal again */
#define UP_RETRY_PAUSE_MS_MAX (INT64_C(5) * 60 * 1000) /* growing pauses are capped in minutes */
#define UP_OUTBOX_IN_FLIGHT_MAX 1024u       /* messages under way to brokers at once */
#define UP_ASIDE_MAX 1000u         /* messages kept that nobody here understood: for a person, not an archive */
#define UP_IMPORT_ROWS_MAX 200000u
#define UP_CSV_ROW_LEN_MAX 65536u
#define UP_CSV_COLUMNS_MAX 256u
#define UP_HTTP_BODY_LEN_MAX (64u << 20) /* an import file is one body */
#define UP_CONFIG_LEN_MAX 65536u
#define UP_AREAS_MAX 65536u        /* rows of the area table: England and Wales have 35,672 LSOAs */

#define UP_AREA_SUCCESSORS_MAX 16u /* of one abolished authority: a county is split into a handful */
#define UP_AREA_STEPS_MAX 8u       /* from an abolished authority to one of today: one reorganisation in ten years */
#define UP_CODES_MAX 512u          /* of one list: the longest has some thirty */
#define UP_CODE_LEN_MAX 64u        /* bytes of a code */
#define UP_CODES_LEN_MAX 262144u   /* one list's file, with a sentence for each code */
#define UP_OVERRIDE_DAYS_MAX 31 /* a risk that goes on for longer is looked at again by two people */
#define UP_ONWARD_TOLD_MAX 32u /* members told onward of one disclosure: their line stays within UP_TEXT_LEN_MAX */

/* --- attachments --------------------------------------------------------------------------- */
#define UP_ATTACHMENT_LEN_MAX (25u << 20) /* before and after cleaning: what mail takes; a telephone's photograph is under 10 MiB */
#define UP_ATTACHMENTS_MAX 8u /* of one report: photos of one event, and a letter */
#define UP_ATTACHMENT_CHUNK_LEN 196608u /* with what stands around it, a chunk fits the largest envelope */
#define UP_ATTACHMENT_CHUNKS_MAX ((UP_ATTACHMENT_LEN_MAX + UP_ATTACHMENT_CHUNK_LEN - 1) / UP_ATTACHMENT_CHUNK_LEN)
#define UP_ATTACHMENT_EARLY_MAX 150u /* chunks of one sender that are kept before their report is there */
#define UP_ATTACHMENT_CLEAN_MS 10000 /* longest that a file is made anew: 62 million pixels take 4 s; the node waits meanwhile,
                                        and its broker is not given up before 15 s */
#define UP_ATTACHMENT_PIXELS_MAX 64000000u /* telephones take 12 to 50 million; at 8 bytes each it is 512 MB */
#define UP_ATTACHMENT_SCANS_MAX 100u /* of a progressive JPEG, each is a walk over all pixels; cameras write about 10 */
#define UP_PDF_OBJECTS_MAX 200000u /* of a file within UP_ATTACHMENT_LEN_MAX; a book of 1,000 pages has about 20,000 */
#define UP_PDF_PAGES_MAX 2000u
#define UP_PDF_DEPTH_MAX 64u /* arrays and dictionaries in each other: a page's resources are about 6 deep */
#define UP_CLEAN_MEMORY_MAX (1u << 30) /* address space of upstander-clean: pixels at 8 bytes, file, copy, libraries */
#define UP_CLEAN_CPU_S_MAX 20u /* 64 million pixels take 2 s as JPEG, 8 s as PNG of 16 bits */

/* --- action items -------------------------------------------------------------------------- */
#define UP_ACTION_TEXT_LEN_MAX 1000u /* bytes of each text: where and what, for a crew on its way */

/* --- disclosure ---------------------------------------------------------------------------- */
#define UP_K_DEFAULT 5 /* distinct victims in a released cell; a node may only raise it (disclosure.md 5) */
#define UP_K_MIN 3
#define UP_K_MAX 1000000u /* above what any agreement asks for, and one more is still a number */
/* Cells of a police area and year, of all that pool for one audience: what closes within UP_ARENA_LEN_MAX. Forces record
 * up to 5,000 incidents in one, London's 26,000: its boroughs would pool apart. */
#define UP_RELEASE_CELLS_MAX 10000u
#define UP_RELEASE_INCIDENTS_MAX 100000000u /* of one cell: sums stay far from what a number holds */
#define UP_RELEASE_GRACE_DAYS 4 /* of a month, in which others count the month before; then it is closed */

#endif
