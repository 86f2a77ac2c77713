#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A council that kept every release looks for people in it.

Written from what releases say of themselves, not from the program that makes them. It is told nothing but the releases;
the truth is only asked whether a finding is right. It finds somebody when it can name attributes and a number from 1 to
k - 1 and in truth there are so many incidents with those attributes, of fewer than k victims, and none of them is known
to be another's.

  differences   row minus row, of a cell and one inside it or the same, over all revisions
  complements   row minus all the finer rows inside it
  revisions     what is told of a region now minus what was told before
  forced        knowing from how many on a finer row would have been given: sums that leave only one answer
  split apart   not an attack: sets of fewer than k that someone could cut out who knew of each row whom it holds

  attack.py            a few runs in each mode, for make test
  attack.py all        every file, k, window, audience and way of coming in: SEED=n repeats a run"""
import itertools
import os
import sys
import time

import incidents as real

FULL, TYPES, STRANDS, QUARTER, YEAR, POLICE_AREA, ANY_STRAND = range(1, 8)
RUNGS = {"FULL": FULL, "TYPES": TYPES, "STRANDS": STRANDS, "QUARTER": QUARTER, "YEAR": YEAR, "POLICE_AREA": POLICE_AREA,
         "ANY_STRAND": ANY_STRAND}
STRAND_NAMES = ("", "DISABILITY", "RACE", "RELIGION", "SEXUAL_ORIENTATION", "TRANSGENDER", "SEX", "AGE", "ALT_SUBCULTURE", "OTHER")
PLACE_NAMES = {"": 0, "GROUP_HOME": 1, "GROUP_PUBLIC": 2, "GROUP_INSTITUTION": 3, "GROUP_ONLINE": 4}
POLICE = {"E06000016": "E23000021", "E06000061": "E23000022", "E06000062": "E23000022"}


# --- cells: (area, period, strands or None, types or None, place or None); None is "any" ------------------

def cell_of(row):
    cell, rung = row["cell"], RUNGS[row["rung"]]
    return (cell["area"], cell["period"],
            None if rung == ANY_STRAND else tuple(cell.get("strands", [])),
            None if rung > TYPES else tuple(cell.get("types", [])),
            None if rung > FULL else cell.get("place", ""))


def period_within(fine, coarse):
    if len(coarse) == 4:
        return fine[:4] == coarse
    if "Q" in coarse and "Q" not in fine and len(fine) == 7:
        return fine[:4] == coarse[:4] and (int(fine[5:]) - 1) // 3 + 1 == int(coarse[6])
    return fine == coarse


def inside(fine, coarse):
    return (fine[0] == coarse[0] or POLICE.get(fine[0]) == coarse[0]) and period_within(fine[1], coarse[1]) and \
        all(c is None or f == c for f, c in zip(fine[2:], coarse[2:]))


class Row:
    def __init__(self, release, row):
        self.key = (release["releaseId"], release["revision"], row["number"])
        self.cell = cell_of(row)
        self.rung = RUNGS[row["rung"]]
        self.number = row["number"]
        self.count = row["incidents"]
        self.not_in = set(row.get("remainderOf", []))


class Books:
    """What was received: of each release its revisions in order, each a list of rows."""

    def __init__(self, received, statistics):
        self.statistics = statistics
        self.releases = {}
        for release in received:
            rows = [Row(release, row) for row in release.get("rows", [])]
            revisions = self.releases.setdefault(release["releaseId"], [])
            if not revisions or [(r.cell, r.count, r.number) for r in rows] != [(r.cell, r.count, r.number) for r in revisions[-1]]:
                revisions.append(rows)


# --- the truth, asked of each claim -----------------------------------------------------------------------

class Judge:
    def __init__(self, incidents, stands, k):
        self.one = {one["id"]: one for one in incidents}
        self.stands = stands
        self.k = k
        self.claims = {}
        self.found = {}

    def ids(self, rows):
        total = [self.stands[row.key[:2]].get(row.number, set()) for row in rows]
        together = set().union(*total)
        return together if len(together) == sum(map(len, total)) else None  # counted twice: no set

    def victims(self, ids):
        return len({(self.one[i]["originator"], self.one[i]["victim"]) for i in ids})

    def claim(self, way, count, plus, minus=(), where=None):
        """The incidents of these rows that are in none of those, and of those attributes, are so many."""
        self.claims[way] = self.claims.get(way, 0) + 1
        whole, taken = self.ids(plus), self.ids(minus)
        if whole is None or taken is None or not taken <= whole:
            return
        left = frozenset(i for i in whole - taken if where is None or inside(self.fine(i), where))
        if len(left) == count and 0 < self.victims(left) < self.k:
            self.found.setdefault(left, (way, count, plus, minus, where))

    def fine(self, number):
        one = self.one[number]
        return (one["area"], one["period"], tuple(STRAND_NAMES[s] for s in one["strands"]), None, None)

    def split_apart(self):
        """Sets of incidents that were always told of together, and never quite with others, of fewer than k victims."""
        signatures = {}
        for (release, revision), rows in self.stands.items():
            for number, ids in rows.items():
                for i in ids:
                    signatures.setdefault(i, []).append((release, revision, number))
        atoms = {}
        for i, signature in signatures.items():
            atoms.setdefault(tuple(signature), set()).add(i)
        return [ids for ids in atoms.values() if self.victims(ids) < self.k]


# --- the attacks -------------------------------------------------------------------------------------------

def small(count, k):
    return 1 <= count < k


def differences(revisions, judge, k, honour):
    """honour: believe what a row says it is the remainder of."""
    seen, by_cell = set(), {}
    for rows in revisions:
        for row in rows:
            mark = (row.cell, row.rung, row.count, row.number)
            if mark not in seen:
                seen.add(mark)
                by_cell.setdefault(row.cell, []).append(row)
    for fine, coarse in itertools.product(by_cell, by_cell):
        if not inside(fine, coarse):
            continue
        for one, other in itertools.product(by_cell[coarse], by_cell[fine]):
            if small(one.count - other.count, k) and not (honour and other.number in one.not_in):
                judge.claim("difference", one.count - other.count, [one], [other])


def complements(revisions, judge, k):
    """In one revision, and of the rows of one with the finer ones of the revision before or after."""
    for at, rows in enumerate(revisions):
        for finer in revisions[max(0, at - 1):at + 2]:
            for row in rows:
                below = [r for r in finer if r.rung < row.rung and inside(r.cell, row.cell)]
                for rung in {r.rung for r in below}:
                    level = [r for r in below if r.rung == rung]
                    if small(row.count - sum(r.count for r in level), k):
                        judge.claim("complement", row.count - sum(r.count for r in level), [row], level)
                widest = [r for r in below if not any(r is not o and r.rung < o.rung and inside(r.cell, o.cell) for o in below)]
                if small(row.count - sum(r.count for r in widest), k):
                    judge.claim("complement", row.count - sum(r.count for r in widest), [row], widest)


def regions(rows):
    """Everything that rows could be summed over."""
    found = set()
    for row in rows:
        area, period, strands = row.cell[:3]
        for one in {area, POLICE.get(area, area)}:
            for when in {period, period[:4]} | ({f"{period[:4]}-Q{(int(period[5:]) + 2) // 3}"} if period[5:].isdigit() else set()):
                found |= {(one, when, strands, None, None), (one, when, None, None, None)}
    return found


def between_revisions(revisions, judge, k):
    for before, now in itertools.pairwise(revisions):
        was, new = {(r.cell, r.rung, r.count) for r in before}, {(r.cell, r.rung, r.count) for r in now}
        for region in regions([r for r in before + now if (r.cell, r.rung, r.count) in was ^ new]):
            for rung in range(8):  # tables of one grain, or all rows together
                old = [r for r in before if rung in (0, r.rung) and inside(r.cell, region)]
                new = [r for r in now if rung in (0, r.rung) and inside(r.cell, region)]
                change = sum(r.count for r in new) - sum(r.count for r in old)
                if small(change, k):
                    judge.claim("revision", change, new, old)
                elif small(-change, k):
                    judge.claim("revision", -change, old, new)


def parts_of(row, window, audience):
    """The cells one rung finer that a row can have been made from, where there are few; each would have been a row of its
    own from k victims on. [(cell, rung)]"""
    area, period, strands = row.cell[:3]
    if row.rung == QUARTER:
        months = [f"{period[:4]}-{m:02}" for m in range(int(period[6]) * 3 - 2, int(period[6]) * 3 + 1)]
        return [((area, month, strands, None, None), STRANDS) for month in months]
    if row.rung == YEAR:
        return [((area, f"{period}-Q{q}", strands, None, None), QUARTER if window == "month" else STRANDS) for q in range(1, 5)]
    if row.rung == POLICE_AREA and all(code in audience for code, police in POLICE.items() if police == area):
        return [((code, period, strands, None, None), YEAR) for code, police in POLICE.items() if police == area]
    return None


def most_without_a_row(books, k):
    """What a cell without a row can hold at most. Rows are given from k + 1 on, the last of the ladder from k; whoever sees
    another of k knows that they are given from k on."""
    given, last = {}, POLICE_AREA if books.statistics else ANY_STRAND
    for release, revisions in books.releases.items():
        for row in itertools.chain(*revisions):
            if row.rung < last or (row.rung == last == POLICE_AREA):
                given.setdefault((release, row.number), row.count)
    return k - 1 if min(given.values(), default=k + 1) <= k else k


def forced(revisions, judge, most, window, audience):
    """A row when it was first given: of each part either a row came with it, and took all, or no more than `most` were left.
    Where the sum is all that there can be, every part is known."""
    known = set()
    for rows in revisions:
        fresh = [row for row in rows if row.number not in known]
        known |= {row.number for row in rows}
        for row in fresh:
            parts = parts_of(row, window, audience)
            if parts is None:
                continue
            open_parts = [cell for cell, rung in parts if not any(r.rung == rung and r.cell == cell for r in fresh)]
            if row.count == len(open_parts) * most:
                for cell in open_parts:
                    judge.claim("forced", most, [row], where=cell)


def forced_in_statistics(revisions, judge, most):
    """A statistic gives all of a period, or holds all that is left of it, whatever the strand."""
    known = set()
    for rows in revisions:
        fresh = [row for row in rows if row.number not in known]
        known |= {row.number for row in rows}
        for period in {row.cell[1] for row in fresh if len(row.cell[1]) == 4 or "Q" in row.cell[1]}:
            of_period = [row for row in fresh if row.cell[1] == period]
            area, year = of_period[0].cell[0], period[:4]
            for parts in ([f"{year}-Q{q}" for q in range(1, 5)] if len(period) == 4 else
                          [f"{year}-{m:02}" for m in range(int(period[6]) * 3 - 2, int(period[6]) * 3 + 1)],):
                open_parts = [part for part in parts if not any(row.cell[1] == part for row in fresh)]
                if sum(row.count for row in of_period) == len(open_parts) * most:
                    for part in open_parts:
                        judge.claim("forced", most, of_period, where=(area, part, None, None, None))


def forced_in_tables(revisions, judge, k, window, audience):
    """The same of tables: a cell that is not told of holds fewer than k, and the sum leaves one answer."""
    for rows in revisions:
        for row in rows:
            parts = parts_of(row, window, audience)
            if parts is None:
                continue
            told = [r for r in rows if any(r.rung == rung and r.cell == cell for cell, rung in parts)]
            open_parts = [cell for cell, rung in parts if not any(r.rung == rung and r.cell == cell for r in rows)]
            if open_parts and row.count - sum(r.count for r in told) == len(open_parts) * (k - 1):
                for cell in open_parts:
                    judge.claim("forced", k - 1, [row], told, where=cell)


def attack(received, stands, incidents, setting):
    judge = Judge(incidents, stands, setting["k"])
    own = setting["own"].split(",")
    audience = {code for code, police in POLICE.items() if code in own or police in own}
    books = Books(received, setting.get("statistics"))
    most = most_without_a_row(books, setting["k"])
    for revisions in books.releases.values():
        differences(revisions, judge, setting["k"], False)
        differences(revisions, judge, setting["k"], True)
        complements(revisions, judge, setting["k"])
        between_revisions(revisions, judge, setting["k"])
        if setting["mode"] == "naive":
            forced_in_tables(revisions, judge, setting["k"], setting["window"], audience)
        elif books.statistics:
            forced_in_statistics(revisions, judge, most)
        else:
            forced(revisions, judge, most, setting["window"], audience)
    return judge


# --- runs ------------------------------------------------------------------------------------------------------

COMING = {"month by month": {}, "one import": {"at_once": True}, "one import, each its own victim": {"at_once": True, "distinct": True},
          "month by month, each its own victim": {"distinct": True}}
AUDIENCES = {"one council": "E06000061", "two councils' area": "E06000061,E06000062", "both police areas": "E23000021,E23000022"}
SAFE = ("ladder", "statistics")
MODES = {"ladder": "releases", "statistics": "statistics", "minus-one": "showing who withdraws", "naive": "plain tables"}
WAYS = ("difference", "complement", "revision", "forced")


def run(name, seed, coming, setting):
    incidents = real.read(name)
    first, rounds = real.draw(incidents, seed, **COMING[coming])
    received, stands, _ = real.play(incidents, first, rounds, **setting)
    return attack(received, stands, incidents, setting)


def show(judge):
    way, count, plus, minus, where = min(judge.found.values(), key=lambda f: (len(f[2]) + len(f[3]), f[1]))
    def rows(list_of):
        return ", ".join(f"[row {r.number} of revision {r.key[1]}: {r.cell}, {r.count}]" for r in list_of)
    return (f"{way}: {count} of {rows(plus)}" + (f" without {rows(minus)}" if minus else "") +
            (f", those of {where[:3]}" if where else ""))


def settings(whole):
    """What is run: the product in every way; what it is compared with only as often as it takes."""
    for name, k, window, audience, coming in itertools.product(real.FILES, (3, 5, 10), ("month", "quarter"), AUDIENCES, COMING):
        common = {"k": k, "window": window, "own": AUDIENCES[audience]}
        about = f"{name}, k {k}, {window}, {audience}, {coming}"
        if whole or (audience != "both police areas" and coming != "month by month, each its own victim"):
            yield name, coming, about, "ladder", common
            if audience == "both police areas" or not whole and audience == "two councils' area":
                yield name, coming, about, "statistics", {**common, "own": "E23000021,E23000022"}
        if whole or (window == "month" and coming == "month by month" and audience == "two councils' area"):
            yield name, coming, about, "minus-one", common
            yield name, coming, about, "naive", common


def main():
    whole = sys.argv[1:] == ["all"]
    seed = int(os.environ.get("SEED", time.time_ns() % 1000000 if whole else 1))
    print(f"SEED={seed}")
    sums = {}
    for name, coming, about, mode, setting in settings(whole):
        setting |= {"mode": "ladder", "statistics": 1} if mode == "statistics" else {"mode": mode}
        judge = run(name, seed, coming, setting)
        cell = sums.setdefault((name, setting["k"], mode), dict.fromkeys(WAYS + ("runs", "claims", "sets", "people", "apart"), 0))
        cell["runs"] += 1
        cell["claims"] += sum(judge.claims.values())
        cell["sets"] += len(judge.found)
        cell["people"] += len(frozenset().union(*judge.found))
        cell["apart"] += len(judge.split_apart())
        for way, *_ in judge.found.values():
            cell[way] += 1
        if mode in SAFE and judge.found:
            print(f"FOUND in {mode}, {about}: {show(judge)}")
    print(f"{'file':9}{'k':>3}  {'published as':22}{'runs':>5}{'guesses':>9}{'people':>8}{'sets':>7} =" +
          "".join(f"{way:>12}" for way in WAYS) + f"{'split apart':>13}")
    for (name, k, mode), s in sorted(sums.items(), key=lambda item: (list(MODES).index(item[0][2]))):
        print(f"{name:9}{k:>3}  {MODES[mode]:22}{s['runs']:>5}{s['claims']:>9}{s['people']:>8}{s['sets']:>7}  " +
              "".join(f"{s[way]:>12}" for way in WAYS) + f"{s['apart']:>13}")
    # without a ladder many must be found, or the attack is too weak: one in fifty of a file, if k is not large
    size = {name: len(real.read(name)) for name in real.FILES}
    good = [s["sets"] == 0 and s["apart"] == 0 if mode in SAFE else s["people"] >= s["runs"] and s["sets"] * 50 >= size[name]
            for (name, k, mode), s in sums.items() if mode in SAFE or mode == "naive"]
    print(f"{sum(good)} passed, {len(good) - sum(good)} failed")
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
