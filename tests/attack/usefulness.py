#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What releases are still good for: of a hundred reports, how many an audience is told of, and how precisely. And what it
gains when one organisation publishes for all. Prints tables; asserts nothing. SEED=n draws other people."""
import csv
import os
import random

import incidents as real

COLUMNS = (("FULL", "all details"), ("TYPES", "no place"), ("STRANDS", "no offence"), ("QUARTER", "quarter"), ("YEAR", "year"),
           ("POLICE_AREA", "county"), ("ANY_STRAND", "any reason"))
FORCES = os.path.join(real.ROOT, "tests/data/incidents/uk_hate_crime_force_strand_2017_2019.csv")
POPULATION = os.path.join(real.ROOT, "deploy/areas/source/lad_pfa_2025.csv")
STRANDS = (("Race", real.RACE), ("Total Religion", real.RELIGION), ("Sexual orientation", real.ORIENTATION),
           ("Disability", real.DISABILITY), ("Transgender", real.TRANSGENDER))


def told(incidents, start, rounds, **options):
    """How many reports stand in rows of each kind at the end."""
    received, _, _ = real.play(incidents, start, rounds, mode="ladder", **options)
    last = {release["releaseId"]: release for release in received}
    sums = dict.fromkeys((rung for rung, _ in COLUMNS), 0)
    for release in last.values():
        for row in release.get("rows", []):
            sums[row["rung"]] += row["incidents"]
    return sums


def heading(first):
    print(f"{first:34}{'reports':>8}" + "".join(f"{name:>12}" for _, name in COLUMNS) + f"{'not told':>10}")


def table_line(title, total, sums):
    print(f"{title:34}{total:>8}" + "".join(f"{100 * sums[rung] / total:>10.0f} %" for rung, _ in COLUMNS) +
          f"{100 * (total - sum(sums.values())) / total:>8.0f} %")


def records(seed):
    print("Three files of real reports, over three local authorities; the audience is both counties' area. Of 100 reports:\n")
    heading("file, smallest number k, window")
    for name in real.FILES:
        for k in (3, 5, 10):
            for window in ("month", "quarter"):
                found = real.read(name)
                start, rounds = real.draw(found, seed, distinct=True, quiet=True)
                rounds += (11 - (real.month_number(start) + rounds - 1) % 12)  # until the last year is past
                table_line(f"{name}, k {k}, {window}", len(found),
                           told(found, start, rounds, k=k, window=window, own="E23000021,E23000022"))
        print()


def force(name, seed):
    """A year of a force's reports: numbers by strand as published, the rest as in Toronto's file. And its codes."""
    rng = random.Random(f"{seed} {name}")
    with open(FORCES, encoding="utf-8") as file:
        figures = next(row for row in csv.DictReader(file) if row["Force"] == name and row["Year"] == "2018-19")
    with open(POPULATION, encoding="utf-8") as file:
        places = [row for row in csv.DictReader(file) if row["pfa_name"].lower() == name.lower()]
    kinds = [(one["types"], one["place"]) for one in real.read("Toronto")]
    found = []
    for column, strand in STRANDS:
        for _ in range(int(figures[column].replace(",", ""))):
            types, place = rng.choice(kinds)
            area = rng.choices(places, [float(row["pop_mid2020"]) for row in places])[0]["lad_code"]
            origin = rng.choices(("police", "council", "charity-a", "charity-b"), (80, 8, 6, 6))[0]
            found.append({"id": len(found) + 1, "round": 0, "originator": origin, "area": area, "types": types, "place": place,
                          "period": f"2019-{rng.randint(1, 12):02}", "strands": (strand,), "victim": f"v{len(found) + 1}",
                          "withdrawn": None})
    return found, places[0]["pfa_code"]


def pooled(seed):
    print("A year of a police force's reports (numbers by reason as the Home Office published them for 2018-19; month, offence\n"
          "and place drawn), k 5, monthly. Pooled: one organisation publishes for all. Alone: each publishes its own.\n")
    heading("force, who publishes")
    for name in ("Dyfed-Powys", "Northamptonshire", "Leicestershire", "Kent"):
        found, code = force(name, seed)
        options = {"k": 5, "window": "month", "own": code}
        table_line(f"{name}, pooled", len(found), told(found, "2019-01", 12, **options))
        whole = dict.fromkeys((rung for rung, _ in COLUMNS), 0)
        parts = []
        for origin in ("police", "council", "charity-a", "charity-b"):
            own = [one for one in found if one["originator"] == origin]
            sums = told(own, "2019-01", 12, **options)
            parts.append((origin, own, sums))
            whole = {rung: whole[rung] + sums[rung] for rung in whole}
        table_line(f"{name}, each alone", len(found), whole)
        for origin, own, sums in parts:
            table_line(f"    of these: {origin}", len(own), sums)
        print()


def main():
    seed = int(os.environ.get("SEED", 1))
    print(f"SEED={seed}\n")
    records(seed)
    pooled(seed)
    print("all details: local authority, month (or quarter), reason, offence, kind of place.  no place, no offence: without it.\n"
          "quarter, year: reason in a local authority, over a longer time.  county: reason in the county over the year.\n"
          "any reason: hate incidents of the county over the year.  not told: fewer than k were left.")


if __name__ == "__main__":
    main()
