/* SPDX-License-Identifier: MIT
 * Who may see what: the lattice of entitlements and its meet (disclosure.md 1). Pure. */
#ifndef NODES_DISCLOSURE_ENTITLEMENT_H
#define NODES_DISCLOSURE_ENTITLEMENT_H

#include <stdbool.h>

#include "consent.pb-c.h"
#include "incident.pb-c.h"
#include "roster.pb-c.h"
#include "nodes/disclosure/areas.h"
#include "upstander/err.h"

enum level {
    LEVEL_WITHHELD = 0,
    LEVEL_COUNTED = 1,
    LEVEL_ANONYMISED = 2,
    LEVEL_PSEUDONYMISED = 3,
    LEVEL_IDENTIFIED = 4,
};

/* Bits of the withheld set. */
enum group {
    GROUP_CONTACT = 1,
    GROUP_CHARACTERISTIC = 2,
    GROUP_SUSPECT = 4,
    GROUP_PLACE = 8,
};
#define GROUPS_ALL 15u

struct entitlement {
    enum level level;
    unsigned withheld; /* union of enum group */
};

enum role {
    ROLE_UNKNOWN = 0,
    ROLE_POLICE,
    ROLE_COUNCIL,
    ROLE_CASEWORK,
    ROLE_CHARITY,
    ROLE_GOVERNANCE
};

/* Which input decided the level, for the preview and the audit log. */
enum decided_by {
    BY_NOTHING = 0,    /* nothing lowered it */
    BY_NO_CHOICE,      /* no sharing choice on record */
    BY_ROLE_NOT_ASKED, /* the person was not asked about this role */
    BY_ROLE_CHOICE,
    BY_MEMBER_CHOICE,
    BY_CHOICE_EXPIRED,
    BY_NO_AGREEMENT,
    BY_AGREEMENT,
    BY_HARD_CEILING, /* what no agreement can pass */
    BY_NODE_CEILING,
    BY_RECEIVED, /* what this node itself was entitled to */
    BY_ONWARD,   /* the onward ceilings that came with it */
    BY_ROLE_UNKNOWN,
    BY_MALFORMED,
    BY_NOT_IN_AREA, /* jurisdiction does not cover the place */
    BY_NOT_ACTIVE,  /* the member is leaving or revoked */
    BY_NOT_NAMED,   /* a casework team that the person did not ask for by name */
    BY_STATUTORY,   /* nobody asked; the agreement's standing basis: statutory function */
    BY_DEPERSONALISED, /* nobody asked; its standing basis: depersonalised data */
    BY_NO_FEEDS,       /* a casework team gets no counts and no releases */
    BY_OVERRIDE,    /* raised by a safeguarding override (override.h) */
    BY_COUNT,
};

/* What each input of a decision allows by itself, in the order in which they were met. An input that limits nothing and
 * one that was not there are left out. */
enum { ENTITLEMENT_PARTS_MAX = 24 };
struct entitlement_part {
    enum decided_by by;
    struct entitlement allows;
};

/* What an agreement lacks to be in force between two members for an area; the later, the nearer it is. */
enum agreement_lack {
    AGREEMENT_NONE = 0,    /* none names both */
    AGREEMENT_ELSEWHERE,   /* it does not list the area */
    AGREEMENT_NOT_YET,     /* it begins later */
    AGREEMENT_ENDED,
    AGREEMENT_UNSIGNED,    /* this node's member did not sign it with the key in the directory */
    AGREEMENT_UNSIGNED_BY_OTHER,
    AGREEMENT_SUSPENDED,   /* in its text, or by a party's notice */
    AGREEMENT_IN_FORCE,
};

struct verdict {
    struct entitlement entitlement;
    enum decided_by decided_by; /* what lowered the level last; ties: the first in order */
    struct entitlement_part parts[ENTITLEMENT_PARTS_MAX];
    size_t part_count;
    enum agreement_lack lack;   /* of the nearest agreement; says more where decided_by is BY_NO_AGREEMENT */
};

struct entitlement entitlement_meet(struct entitlement a, struct entitlement b);
bool entitlement_le(struct entitlement a, struct entitlement b); /* a = meet(a, b) */
/* entitlement_read: NULL or anything unknown reads as WITHHELD with all groups withheld. */
struct entitlement entitlement_read(const Up__Entitlement *from);
enum role entitlement_role(Up__Role__Code role);
/* entitlement_hard_ceiling: what no agreement can pass (disclosure.md 2). */
struct entitlement entitlement_hard_ceiling(enum role role);
const char *entitlement_level_text(enum level level);     /* "IDENTIFIED" ... */
const char *entitlement_decided_text(enum decided_by by); /* plain English, one clause */
/* entitlement_reason: the same, and for want of an agreement also what is amiss with the nearest one. */
const char *entitlement_reason(const struct verdict *verdict);

/* The most that leaves this node for one member (disclosure.md 1). */
struct entitlement_limit {
    const char *member;
    struct entitlement ceiling;
};

struct entitlement_inputs {
    const Up__Incident *incident;    /* its own entitlement and onward part */
    const Up__SharingChoice *choice; /* NULL: none on record; not read when received is true */
    bool received; /* this node got it from another: onward ceilings apply, not choice */
    const Up__Roster *roster;
    const Up__Member *sender; /* this node's member */
    const Up__Member *recipient;
    const struct entitlement *ceilings_by_role; /* the node's own, by enum role; NULL: none */
    const struct entitlement_limit *ceilings_by_member; /* and by member, each once; may be NULL */
    size_t ceiling_by_member_count;
    const struct areas *areas; /* NULL reads as an empty table: everything WITHHELD */
    const char *today;         /* "YYYY-MM-DD", Europe/London */
    bool wide; /* asked for rows of a whole police area: it is enough that the recipient is in that of the incident, and
                  nothing above ANONYMISED comes of it */
};
/* entitlement_decide: the one decision function. Never fails: what it can't read is WITHHELD. */
struct verdict entitlement_decide(const struct entitlement_inputs *inputs);
/* entitlement_agreement: ceiling of the agreements in force between the two members for the incident's area
 * (the meet, where several apply); WITHHELD when none, and when one of them is suspended: suspending never gives more.
 * An agreement covers an area when it lists it, or the police area above it. It binds two members when each is a party
 * on its side and signed it (signed_by). */
struct entitlement entitlement_agreement(const struct entitlement_inputs *inputs);
/* entitlement_k: the largest k of the agreements between them that both signed, whose days have come and are not past;
 * UP_K_DEFAULT when none says one; never below UP_K_MIN. */
unsigned entitlement_k(const Up__Roster *roster, const Up__Member *sender,
                       const Up__Member *recipient, const char *today);
/* entitlement_publisher: who makes releases and statistics of the incident's area for the recipient, by the agreements in
 * force: NULL: each for itself. false: they name different ones, so nobody does. */
bool entitlement_publisher(const struct entitlement_inputs *inputs, const char **ret_member);
/* entitlement_window: how often, by the agreements in force between their roles: the coarsest that one says. */
Up__ReleaseWindow__Code entitlement_window(const Up__Roster *roster, const Up__Member *sender,
                                           const Up__Member *recipient, const char *today);
/* entitlement_state: how one agreement stands between two members, whatever the area. */
enum agreement_lack entitlement_state(const Up__Agreement *agreement, const Up__Member *sender,
                                      const Up__Member *recipient, const char *today);
/* entitlement_area: where the incident belongs: its local authority if known to the table, else its police
 * area; NULL when neither is. entitlement_covers: is that area, or the one above it, among these codes? */
const char *entitlement_area(const Up__Incident *incident, const struct areas *areas);
bool entitlement_covers(char *const *codes, size_t code_count, const char *area,
                        const struct areas *areas);

#endif
