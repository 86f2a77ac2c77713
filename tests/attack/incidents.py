# SPDX-License-Identifier: MIT
"""Real incidents as coded attributes: the three files of records, read as an originator would code them, placed in
Leicestershire and Northamptonshire by a hash of where they happened (as the demo does), and played to the ladder by
tests/attack/release_run.c. Who reported, how late, who withdrew and who was harmed twice is drawn from a seed."""
import csv
import hashlib
import json
import os
import random
import subprocess
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TORONTO = os.path.join(ROOT, "deploy/demo/data/toronto_hate_crimes_2018_2023.csv")
DENVER = os.path.join(ROOT, "tests/data/incidents/denver_bias_motivated_crimes_2010_2018.csv")
AUSTIN = os.path.join(ROOT, "tests/data/incidents/austin_hate_crimes_2017_2022.csv")
AREAS = os.path.join(ROOT, "deploy/areas/areas.csv")

# numbers of proto/schema/incident.proto
DISABILITY, RACE, RELIGION, ORIENTATION, TRANSGENDER, SEX, AGE, _, OTHER = range(1, 10)
THREAT, HARASSMENT, ASSAULT, SEXUAL, DAMAGE, GRAFFITI, ARSON, THEFT, CALLS, OTHER_TYPE = 2, 3, 4, 6, 7, 8, 9, 10, 12, 19
NOT_STATED, HOME, PUBLIC, INSTITUTION, ONLINE = range(5)


def first(text, table, otherwise):
    """The value of the first word of the table that the text has."""
    text = text.lower()
    return next((value for word, value in table if word in text), otherwise)


TYPES = (("graffiti", GRAFFITI), ("sex", SEXUAL), ("murder", ASSAULT), ("threat", THREAT), ("menac", THREAT), ("intimid", THREAT),
         ("communicat", CALLS), ("harass", HARASSMENT), ("disturb", HARASSMENT), ("restraining", HARASSMENT),
         ("arson", ARSON), ("robbery", THEFT), ("theft", THEFT), ("burglary", THEFT), ("assault", ASSAULT), ("aslt", ASSAULT),
         ("injury", ASSAULT), ("child", ASSAULT), ("mischief", DAMAGE), ("vandal", DAMAGE), ("destruction", DAMAGE),
         ("verbal", 1))
PLACES = (("residence", HOME), ("apartment", HOME), ("house (", HOME), ("highway", PUBLIC), ("street", PUBLIC), ("park", PUBLIC),
          ("air/", PUBLIC), ("bar", PUBLIC), ("store", PUBLIC), ("restaurant", PUBLIC), ("transport", PUBLIC), ("field", PUBLIC),
          ("lake", PUBLIC), ("market", PUBLIC), ("retail", PUBLIC), ("gas/", PUBLIC), ("school", INSTITUTION), ("education", INSTITUTION),
          ("church", INSTITUTION), ("worship", INSTITUTION), ("government", INSTITUTION), ("office", INSTITUTION),
          ("hospital", INSTITUTION), ("medical", INSTITUTION), ("hotel", INSTITUTION), ("jail", INSTITUTION),
          ("shelter", INSTITUTION), ("commercial", INSTITUTION), ("center", INSTITUTION), ("daycare", INSTITUTION))
BIASES = (("disability", DISABILITY), ("black", RACE), ("white", RACE), ("hispanic", RACE), ("asian", RACE), ("indian", RACE),
          ("ethnicity", RACE), ("racial", RACE), ("arab", RACE), ("jewish", RELIGION), ("islamic", RELIGION), ("catholic", RELIGION),
          ("religion", RELIGION), ("buddhist", RELIGION))


def biases(text):
    """Strands of a bias of the two files of the United States."""
    found = set()
    for part in text.lower().split(";"):
        here = {TRANSGENDER} if "transgender" in part else set()
        if any(word in part for word in ("homosexual", "gay", "lesbian", "bisexual")):
            here.add(ORIENTATION)
        found |= here or {first(part, BIASES, OTHER)}
    return tuple(sorted(found))


def toronto():
    with open(TORONTO, encoding="utf-8") as file:
        for row in csv.DictReader(file):
            def says(*columns):
                return any(row[c].strip() not in ("None", "NO", "") for c in columns)
            strands = [code for code, stated in (
                (DISABILITY, says("MENTAL_OR_PHYSICAL_DISABILITY")), (RACE, says("RACE_BIAS", "ETHNICITY_BIAS", "LANGUAGE_BIAS")),
                (RELIGION, says("RELIGION_BIAS")), (ORIENTATION, says("SEXUAL_ORIENTATION_BIAS")),
                (TRANSGENDER, "Transgender" in row["GENDER_BIAS"]), (SEX, row["GENDER_BIAS"] == "Woman"),
                (AGE, says("AGE_BIAS"))) if stated]
            yield {"period": row["OCCURRENCE_DATE"][:7], "where": row["NEIGHBOURHOOD_158"],
                   "strands": tuple(strands or [OTHER]), "types": (first(row["PRIMARY_OFFENCE"], TYPES, OTHER_TYPE),),
                   "place": first(row["LOCATION_TYPE"], PLACES, NOT_STATED)}


def denver():
    with open(DENVER, encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            month, _, year = row["OCC_DATE"].split(" ")[0].split("/")
            yield {"period": f"{int(year):04}-{int(month):02}", "where": row["DeIdentifiedLocation"],
                   "strands": biases(row["Bias Type"]), "types": (first(row["OFFENSE_DESC"], TYPES, OTHER_TYPE),),
                   "place": first(row["Location_Description"], PLACES, NOT_STATED)}


def austin():
    with open(AUSTIN, encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            yield {"period": row["incident_date"][:7], "where": row["incident_number"], "strands": biases(row["bias"]),
                   "types": (first(row["offense"], TYPES, OTHER_TYPE),), "place": first(row["offense_loc"], PLACES, NOT_STATED)}


FILES = {"Toronto": toronto, "Denver": denver, "Austin": austin}
AUTHORITIES = ("E06000016", "E06000061", "E06000062")  # Leicester; North and West Northamptonshire


def month_number(period):
    return int(period[:4]) * 12 + int(period[5:7]) - 1


def read(name):
    """The file's incidents with ids from 1 and their local authority."""
    found = []
    for number, one in enumerate(FILES[name](), 1):
        one["id"] = number
        one["area"] = AUTHORITIES[hashlib.sha256(one["where"].encode()).digest()[0] % len(AUTHORITIES)]
        found.append(one)
    return found


def draw(incidents, seed, at_once=False, distinct=False, quiet=False):
    """How they come in: originators, lateness, withdrawals, repeated victims. Returns first month and number of rounds.
    at_once: an import of everything after the last month; distinct: each has its own victim, as an import can state;
    quiet: nothing is late and nobody withdraws."""
    rng = random.Random(seed)
    start = min(month_number(one["period"]) for one in incidents)
    end = max(month_number(one["period"]) for one in incidents)
    if at_once:
        start = end = end // 12 * 12 + 11
    rounds = end - start + 1 + (0 if quiet else 9)
    known = {}
    for one in incidents:
        one["originator"] = rng.choices(("police", "charity", "council", "other"), (55, 20, 15, 10))[0]
        late = 0 if quiet else rng.choices((0, rng.randint(1, 2), rng.randint(3, 8)), (80, 12, 8))[0]
        one["round"] = max(0, month_number(one["period"]) - start) + late
        gone = not quiet and rng.random() < 0.08
        one["withdrawn"] = one["round"] + rng.randint(1, 8) if gone else None
        before = known.setdefault(one["originator"], [])
        chance = 1 if distinct else rng.random()
        one["victim"] = "-" if chance < 0.05 else rng.choice(before) if chance < 0.15 and before else f"v{one['id']}"
        before.append(one["victim"])
    return f"{start // 12:04}-{start % 12 + 1:02}", rounds


def line(one):
    def numbers(values):
        return ",".join(map(str, values)) or "-"
    gone = "-" if one["withdrawn"] is None else one["withdrawn"]
    return (f"{one['id']} {one['round']} {one['originator']} {one['area']} {one['period']} {numbers(one['strands'])} "
            f"{numbers(one['types'])} {one['place']} {one['victim']} {gone}\n")


def play(incidents, start, rounds, **options):
    """What the audience received, a list of revisions, and the truth: {(release id, revision): {row number: ids}}.
    options: k, window, own, mode, statistics."""
    program = os.path.join(os.environ.get("BIN_TESTS", os.path.join(ROOT, "build/release/tests")), "attack/release_run")
    with tempfile.TemporaryDirectory() as folder:
        areas, truth = os.path.join(folder, "areas"), os.path.join(folder, "truth")
        with open(AREAS, encoding="utf-8") as source, open(areas, "w", encoding="utf-8") as file:
            file.writelines(text for text in source if not text.startswith(("E01", "E05", "W01", "W05")))
        done = subprocess.run([program, f"areas={areas}", f"truth={truth}", f"first={start}", f"rounds={rounds}"] +
                              [f"{name}={value}" for name, value in options.items()], check=True, text=True,
                              input="".join(map(line, incidents)), capture_output=True)
        received = [json.loads(text) for text in done.stdout.splitlines()]
        stands = {}
        with open(truth, encoding="utf-8") as file:
            for text, release in zip(file, received, strict=True):
                now = json.loads(text)
                assert (now["area"], now["year"], now["revision"]) == (release["area"], release["year"], release["revision"])
                rows = stands[release["releaseId"], release["revision"]] = {}
                for number, row in now["stands"]:
                    rows.setdefault(row, set()).add(number)
                assert {row["number"]: row["incidents"] for row in release.get("rows", [])} == \
                    {row: len(ids) for row, ids in rows.items()}, "a row's number is not what stands in it"
    return received, stands, done.stderr.strip()
