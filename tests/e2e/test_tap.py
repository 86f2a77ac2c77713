#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""All that a broker handles, searched: the parts of every frame after CURVE, its database and its WAL.

Reports, a release and counts cross it between real nodes. Nothing of them may be found: no text, area, strand or level.
UNSEALED=1 says that the programs in BIN were built without sealing; then every needle must be found in the frames,
which shows that the search can fail. BIN and BIN_TESTS name the folders of the programs.
"""
import glob
import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "deploy/demo"))
import federation  # noqa: E402  pylint: disable=wrong-import-position

UNSEALED = os.environ.get("UNSEALED") == "1"
TAP_BROKER = os.path.abspath(os.path.join(
    os.environ.get("BIN_TESTS", os.path.join(federation.BIN, "../tests")), "e2e/broker_tap"))
MEMBERS = [m for m in federation.MEMBERS
           if m[0] in ("leics-police", "leicester-council", "stop-hate-uk", "northants-governance")]
MARKERS = ["planted-name-71c3", "planted-street-9d02", "planted-story-44be", "planted-suspect-0f6a",
           "planted-detail-b7e8"]

REPORT = {
    "incident": {
        "codesVersion": 1,
        "strands": [{"code": "RACE", "subStrand": MARKERS[4]}],
        "types": ["THREAT"],
        "placeKind": "STREET",
        "identity": {"name": MARKERS[0]},
        "contactRule": "ANY",
        "contact": {"address": MARKERS[1]},
        "suspects": [{"description": MARKERS[3]}],
        "place": {"localAuthority": "E06000016", "vintage": 2025},
        "occurredFrom": "2026-11-03T17:40",
        "reportedAt": "2026-11-04T10:05",
        "narrative": MARKERS[2],
        "channel": "TELEPHONE",
    },
    "choice": {"roles": [{"role": "POLICE", "entitlement": {"level": "IDENTIFIED"}}]},
    "reportedBefore": "NO",
}

# As bytes of a message: what they are of, and what they look like there (SPEC 1).
ENCODED = {
    "the level IDENTIFIED, before codes and strands": bytes.fromhex("0a0208051801 22"),
    "the strand RACE with its detail": bytes([0x08, 2, 0x12, len(MARKERS[4])]) + MARKERS[4].encode(),
    "the type THREAT, the kind of place STREET": bytes([0x2a, 1, 2, 0x30, 6]),
    "the strand set RACE of a release's cell, place and area": b"\x0a\x01\x02\x22\x09E06000016",
}


def needles():
    found = {marker: marker.encode() for marker in MARKERS}
    found["the area E06000016"] = b"E06000016"
    found["the police area E23000022 of a count"] = b"E23000022"
    found.update(ENCODED)
    return found


def traffic(fed):
    path = fed.path("report.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(REPORT, file)
    ref = fed.ask("stop-hate-uk", "report", path)["ref"]
    fed.at("stop-hate-uk", "send", ref, "--yes")
    import_id = json.loads(fed.at(
        "stop-hate-uk", "import", os.path.join(ROOT, "deploy/demo/data/toronto_hate_crimes_2018_2023.csv"),
        "--mapping", os.path.join(ROOT, "deploy/demo/toronto.mapping"), "--skip-bad", fed.path("bad"),
        "--json"))["importId"]
    fed.at("stop-hate-uk", "send", "--import", import_id, "--yes")
    fed.wait_quiet()
    received = {m: len(fed.ask(m, "inbox").get("lines", [])) for m, *_ in MEMBERS}
    assert received["leics-police"] > 100 and received["leicester-council"] > 5, received
    assert received["northants-governance"] > 5, received


def main():
    fed = federation.Federation(MEMBERS)
    passed = failed = 0

    def verdict(good, what):
        nonlocal passed, failed
        passed, failed = passed + bool(good), failed + (not good)
        if not good:
            print(f"FAILED: {what}")
    try:
        fed.set_up()
        fed.start("hub", program=TAP_BROKER, env={"TAP": fed.path("tap")})
        fed.start_all()
        traffic(fed)
        fed.kill("hub")  # at once: the WAL stays
        with open(fed.path("tap"), "rb") as file:
            tapped = file.read()
        stored = b""
        for path in sorted(glob.glob(fed.path("hub", "mail.db*"))):
            with open(path, "rb") as file:
                stored += file.read()
        verdict(len(tapped) > 1 << 17 and b"leics-police" in tapped, "the tap holds the frames")
        verdict(len(stored) > 1 << 16 and os.path.exists(fed.path("hub", "mail.db-wal")),
                "the database and its WAL are there")
        for what, needle in needles().items():
            if UNSEALED:
                verdict(needle in tapped, f"sealing is off, and this is not found in the frames: {what}")
            else:
                verdict(needle not in tapped, f"found in the frames: {what}")
                verdict(needle not in stored, f"found in the broker's files: {what}")
        if UNSEALED:
            verdict(MARKERS[2].encode() in stored, "sealing is off, and the files do not show it")
        print(f"{len(tapped)} bytes of frames and {len(stored)} bytes of files searched")
    finally:
        fed.remove()
    print(f"{passed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
