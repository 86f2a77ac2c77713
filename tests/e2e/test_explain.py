#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `upstander explain` says, held against texts in tests/data/explain: of the demo's twelve reports, of some
imported ones, and of one that was received. The clocks of all nodes stand on one day; references are masked.

BIN and BIN_TESTS name the folders of the programs. UPDATE=1 writes the texts anew: read them aloud before they are kept.
"""
import datetime
import difflib
import glob
import json
import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "deploy/demo"))
import federation  # noqa: E402  pylint: disable=wrong-import-position

FAULTS = os.path.abspath(os.path.join(os.environ.get("BIN_TESTS", os.path.join(federation.BIN, "../tests")), "e2e"))
TEXTS = os.path.join(ROOT, "tests/data/explain")
DAY = datetime.datetime(2026, 12, 1, 12, tzinfo=datetime.timezone.utc)
OFFSET = {"CLOCK_OFFSET_S": str(int(DAY.timestamp() - datetime.datetime.now().timestamp()))}
CHARITY, FORCE = "stop-hate-uk", "leics-police"
PASSED, FAILED = [], []


def check(good, what, more=""):
    (PASSED if good else FAILED).append(what)
    if not good:
        print(f"FAILED: {what}\n    {more}")


def masked(text):
    text = re.sub(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}\b", "REF-ERENCE", text)
    return re.sub(r"(1 December 2026, )\d\d:\d\d", r"\1HH:MM", text)


def golden(name, text):
    """Is the text the one that was read and kept?"""
    path = os.path.join(TEXTS, name)
    text = masked(text)
    if os.environ.get("UPDATE"):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    with open(path, encoding="utf-8") as file:
        kept = file.read()
    check(text == kept, f"tests/data/explain/{name}", "\n    ".join(
        difflib.unified_diff(kept.splitlines(), text.splitlines(), "kept", "now", lineterm="", n=1)))
    long = [line for line in text.splitlines() if len(line) > 80]
    check(not long, f"{name}: no line is longer than 80", long)


def written(fed):
    """The demo's twelve."""
    taken = {}
    for path in sorted(glob.glob(os.path.join(ROOT, "deploy/demo/reports/*.json"))):
        number, member, _, _ = os.path.basename(path).split(".")
        taken[number] = (member, fed.ask(member, "report", path)["ref"])
    member, ref = taken["01"]
    golden("01-not-sent.txt", fed.at(member, "explain", ref, FORCE))
    for member, ref in taken.values():
        fed.at(member, "send", ref, "--yes")
    fed.wait_quiet()
    for member in {member for member, _ in taken.values()}:
        fed.at(member, "publish")  # else some are counted by the node's own clock, and some not yet
    for number, (member, ref) in taken.items():
        golden(f"{number}.txt", fed.at(member, "explain", ref))
    return taken


def imported(fed):
    """Of the real records: one that was released, one that is held because of small numbers, one that nobody gets."""
    done = json.loads(fed.at(CHARITY, "import", os.path.join(ROOT, "deploy/demo/data/toronto_hate_crimes_2018_2023.csv"),
                             "--mapping", os.path.join(ROOT, "deploy/demo/toronto.mapping"), "--skip-bad",
                             fed.path("bad.csv"), "--json"))
    fed.at(CHARITY, "send", "--import", done["importId"], "--yes")
    lines = fed.ask(CHARITY, "sent", "--import", done["importId"], "--all")["lines"]
    states = {}
    for line in lines:
        states.setdefault(line["ref"], {})[line["member"]] = line["status"]
    council = "leicester-council"

    def first(*wanted):
        return next(ref for ref, of in states.items() if all(of[m] == s for m, s in wanted))
    golden("import-released.txt", fed.at(CHARITY, "explain", first((council, "released")), council))
    near = "north-northants-council"
    golden("import-held.txt", fed.at(CHARITY, "explain", first((near, "pooled")), near))
    golden("import-counted.txt", fed.at(CHARITY, "explain", first(("northants-governance", "counted")),
                                        "northants-governance"))
    nothing = next(ref for ref, of in states.items() if set(of.values()) == {"not shared"})
    golden("import-nothing.txt", fed.at(CHARITY, "explain", nothing))


def received(fed, taken):
    """What a force may pass on of what it got; and what became of it once it has a number."""
    member, ref = taken["01"]
    own = fed.ask(member, "show", ref)["incident"]
    for line in fed.ask(FORCE, "inbox")["lines"]:
        item = fed.ask(FORCE, "show", line["ref"])
        if item.get("incident", {}).get("narrative") == own["narrative"]:
            break
    golden("received.txt", fed.at(FORCE, "explain", line["ref"]))
    fed.at(FORCE, "recorded", line["ref"], "26*000101", "--may-tell")
    fed.wait("the police number is back", lambda: "26*000101" in fed.at(member, "sent", ref), (member, FORCE))
    golden("01-recorded.txt", fed.at(member, "explain", ref, FORCE))


def lists(fed):
    """An area that is no more, and a code that no list has: told as what they became."""
    with open(os.path.join(ROOT, "deploy/demo/reports/11.leics-police.call-101.json"), encoding="utf-8") as file:
        report = json.load(file)
    incident = report["incident"]
    incident["place"] = {"localAuthority": "E07000150", "vintage": 2015}
    incident["police"] = {"classification": "star-crime", "crimeReference": "26*1"}
    report["choice"]["roles"] = [{"role": "POLICE", "entitlement": {"level": "PSEUDONYMISED"}},
                                 {"role": "COUNCIL", "entitlement": {"level": "ANONYMISED"}}]
    ref = json.loads(fed.at(FORCE, "report", "-", "--json", text=json.dumps(report)))["ref"]
    golden("corby-force.txt", fed.at(FORCE, "explain", ref, "northants-police"))
    golden("corby-council.txt", fed.at(FORCE, "explain", ref, "north-northants-council"))
    seen = next(to["disclosure"] for to in fed.ask(FORCE, "preview", ref)["recipients"]
                if to["member"] == "northants-police")
    check(seen["place"] == {"localAuthority": "E06000061", "policeArea": "E23000022", "vintage": 2021},
          "only the successor is told", seen["place"])
    check(seen["police"] == {"crimeReference": "26*1"} and seen["codesVersion"] == 1, "no code that no list has", seen)
    report["choice"]["roles"][0]["lawfulBasis"] = "concent"
    done = fed.at(FORCE, "report", "-", "--json", text=json.dumps(report), ok=False)
    check(done.returncode == 1 and "lawfulBasis: not in the list of codes; like it are consent, contract"
          in done.stderr, "the nearest codes are named", done.stderr)


def words(fed, taken):
    """Whatever is asked wrongly is answered in words; whatever the width, no word is lost."""
    member, ref = taken["08"]
    at = ["--socket", fed.path(member, "node.sock")]

    def run(*more, **env):
        return subprocess.run([os.path.join(federation.BIN, "upstander"), "explain", *more, *at], text=True,
                              capture_output=True, check=False, env={**os.environ, **env})
    wide, narrow = run(ref, COLUMNS="500"), run(ref, COLUMNS="30")
    check(wide.stdout.replace("- ", "").split() == narrow.stdout.replace("- ", "").split(), "no word is lost")
    check(max(map(len, narrow.stdout.splitlines())) <= 30, "no line is longer than 30")
    for more, status, text in (((ref, "nobody-here"), 1, "names no other organisation"),
                               ((ref, "no body"), 1, "no organisation's id looks like that"),
                               (("ZZZZ-ZZZZ",), 1, "`upstander sent` and `upstander inbox`"),
                               ((), 2, "something is missing")):
        done = run(*more)
        check(done.returncode == status and text in done.stdout + done.stderr, f"explain {more}: {text}",
              done.stdout + done.stderr)
    told = json.loads(run(ref, FORCE, "--json").stdout)["members"]
    check([m["member"] for m in told] == [FORCE] and told[0]["sees"] == "everything", "--json tells of one", told)
    entries = [entry for entry in fed.ask(member, "audit")["entries"] if entry["action"] == "explained"]
    check(any(entry["subject"] == f"{ref} for {FORCE}" for entry in entries), "the audit log has it", entries[-1:])


def main():
    fed = federation.Federation()
    try:
        fed.set_up()
        fed.start("hub", program=os.path.join(FAULTS, "broker_faults"), env=OFFSET)
        for member, *_ in fed.members:
            fed.start(member, program=os.path.join(FAULTS, "node_faults"), env=OFFSET)
        for member, *_ in fed.members:
            fed.wait_connected(member)
        taken = written(fed)
        imported(fed)
        received(fed, taken)
        lists(fed)
        words(fed, taken)
    except (federation.Failed, StopIteration) as error:
        check(False, "the federation works", repr(error))
    finally:
        fed.remove()
    print(f"{len(PASSED)} passed, {len(FAILED)} failed")
    return 1 if FAILED or not PASSED else 0


if __name__ == "__main__":
    sys.exit(main())
