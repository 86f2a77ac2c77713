#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Builds areas.csv from source/: lines "code,parent,name", and "code,,name,successors,ended" for what was abolished,
as nodes/disclosure/areas.h reads them.

    deploy/areas/build.py            writes areas.csv beside this script
    deploy/areas/build.py --check    fails when areas.csv is not what source/ gives

The format knows no quotes: a comma in a name is dropped.
"""
import csv
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CODE = re.compile(r"[EWSN][0-9]{8}")
HEAD = """\
# Areas of England and Wales: code,parent,name; of abolished authorities code,,name,successors,ended.
# Built by build.py from source/; see README.md.
# Source: Office for National Statistics licensed under the Open Government Licence v.3.0.
# Contains OS data (c) Crown copyright and database right.
# Local authority names, codes and successors: mySociety, CC BY 4.0.
# LSOAs (2021) and wards (May 2025): Leicestershire and Northamptonshire police areas.
"""


def rows(name):
    with open(os.path.join(HERE, "source", name), encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def collect():
    """Every area as code -> (parent, name)."""
    areas = {}

    def add(code, parent, name):
        name = " ".join(name.replace(",", "").split())
        if not CODE.fullmatch(code) or (parent and not CODE.fullmatch(parent)) or not name:
            sys.exit(f"build.py: not an area: {code!r} {parent!r} {name!r}")
        if areas.setdefault(code, (parent, name)) != (parent, name):
            sys.exit(f"build.py: {code} stands there twice, and differs")

    for row in rows("lad_pfa_2025.csv"):
        add(row["pfa_code"], "", row["pfa_name"])
        add(row["lad_code"], row["pfa_code"], row["lad_name"])
    for row in rows("wards2025_leics_northants.csv"):
        add(row["ward_code"], row["lad_code"], row["ward_name"])
    for row in rows("lsoa21_msoa21_lad_leics_northants.csv"):
        add(row["lsoa21_code"], row["lad_code"], row["lsoa21_name"])
    for code, (parent, _) in areas.items():
        if parent and parent not in areas:
            sys.exit(f"build.py: {code} names a parent that is not there: {parent}")
    return areas


def abolished(areas):
    """Lines of authorities that are no more; each successor stands in the table, or has successors of its own."""
    old = {row["code"]: row for row in rows("abolished_authorities.csv")}
    for code, row in sorted(old.items()):
        ended = row["ended"]
        if not CODE.fullmatch(code) or code in areas or not re.fullmatch(r"(\d{4}-\d\d-\d\d)?", ended):
            sys.exit(f"build.py: not an abolished authority: {code!r} {ended!r}")
        for successor in row["successors"].split():
            if successor not in areas and successor not in old:
                sys.exit(f"build.py: {code} names a successor that is not there: {successor}")
        yield f"{code},,{row['name'].replace(',', '')},{row['successors']},{ended}\n"


def text():
    areas = collect()
    depth = {code: 0 if not p else 1 if not areas[p][0] else 2 for code, (p, _) in areas.items()}
    order = sorted(areas, key=lambda code: (depth[code], code))
    lines = [f"{code},{areas[code][0]},{areas[code][1]}\n" for code in order]
    return HEAD + "".join(lines) + "".join(abolished(areas))


def main():
    path = os.path.join(HERE, "areas.csv")
    if sys.argv[1:] == ["--check"]:
        with open(path, encoding="utf-8", newline="") as file:
            if file.read() != text():
                sys.exit("areas.csv is not what source/ gives: run deploy/areas/build.py")
        return
    if sys.argv[1:]:
        sys.exit(__doc__)
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(text())


if __name__ == "__main__":
    main()
