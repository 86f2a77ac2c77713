#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""SIGKILL of the broker and of nodes at random moments while reports are taken and shared, each started again at once.

Each report that was accepted must arrive once at each member that is entitled to it, and nowhere else.
    REPORTS=2000 ROUNDS=50 SEED=n   BIN names the folder of the programs
"""
import collections
import http.client
import os
import random
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "deploy/demo"))
import federation  # noqa: E402  pylint: disable=wrong-import-position

REPORTS = int(os.environ.get("REPORTS", "2000"))
ROUNDS = int(os.environ.get("ROUNDS", "50"))
SEED = int(os.environ.get("SEED", str(random.SystemRandom().getrandbits(32))))
MEMBERS = [m for m in federation.MEMBERS if m[0] in (
    "leics-police", "northants-police", "leicester-council", "stop-hate-uk", "stamp-it-out")]
TAKERS = ["stop-hate-uk", "stamp-it-out"]
EVERYTHING = {"level": "IDENTIFIED"}
WITHOUT_WHO = {"level": "PSEUDONYMISED"}


def report(number, rng):
    """A report with its number in the shared summary, and who must get it."""
    area, police = rng.choice([("E06000016", "leics-police"), ("E06000062", "northants-police")])
    taker = rng.choice(TAKERS)
    other = next(t for t in TAKERS if t != taker)
    roles, entitled = [], set()
    if rng.random() < 0.8:
        roles.append({"role": "POLICE", "entitlement": rng.choice([EVERYTHING, WITHOUT_WHO])})
        entitled.add(police)
    if rng.random() < 0.5:
        roles.append({"role": "CHARITY", "entitlement": WITHOUT_WHO})
        if other == "stop-hate-uk" or area == "E06000016":
            entitled.add(other)
    if rng.random() < 0.5:
        roles.append({"role": "COUNCIL", "entitlement": {"level": "ANONYMISED"}})
    body = {
        "incident": {
            "strands": [{"code": "RACE"}], "types": ["THREAT"], "placeKind": "STREET",
            "contactRule": "NONE", "place": {"localAuthority": area, "vintage": 2025},
            "occurredFrom": "2026-11-03T17:40", "reportedAt": "2026-11-04T10:05",
            "narrative": "x" * rng.randrange(1, 3000), "channel": "TELEPHONE",
            "account": {"text": f"chaos-{number:05d}",
                        "approvedWithout": ["CONTACT", "CHARACTERISTIC", "SUSPECT", "PLACE"]},
        },
        "choice": {"roles": roles},
        "reportedBefore": "NO",
    }
    return taker, body, entitled


class Load:
    """Takes and shares reports at both takers; a request without an answer is made again."""

    def __init__(self, fed):
        self.fed = fed
        self.lock = threading.Lock()
        self.next = 0
        self.done = 0
        self.unanswered = 0
        self.expected = {}  # number: members
        self.error = None

    def insist(self, member, method, path, body=None):
        end = time.monotonic() + federation.WAIT_S
        while True:
            try:
                status, reply = self.fed.call(member, method, path, body)
            except (OSError, http.client.HTTPException, ValueError):
                with self.lock:
                    self.unanswered += 1
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
                continue
            if status in (200, 201):
                return reply
            raise federation.Failed(f"{method} {path} at {member}: {status} {reply.get('detail')}")

    def run(self):
        try:
            while True:
                with self.lock:
                    number = self.next
                    self.next += 1
                if number >= REPORTS or self.error:
                    return
                taker, body, entitled = report(number, random.Random(SEED * 100003 + number))
                # saved twice when the first answer was lost; only the one that is known is shared
                ref = self.insist(taker, "POST", "/v1/reports", body)["ref"]
                self.insist(taker, "POST", f"/v1/reports/{ref}/send")
                with self.lock:
                    self.expected[number] = entitled
                    self.done += 1
        except (OSError, http.client.HTTPException, ValueError, federation.Failed) as error:
            self.error = error


def chaos(fed, load):
    """ROUNDS kills, spread over the load; what is killed at once is started again."""
    rng = random.Random(SEED)
    kills = collections.Counter()
    places = ["hub"] * 2 + [m for m, *_ in MEMBERS]
    for number in range(ROUNDS):
        target = (number + rng.random()) * REPORTS / ROUNDS
        while load.done < target and not load.error:
            time.sleep(0.002)
        if load.error:
            break
        time.sleep(rng.random() * 0.03)
        place = rng.choice(places)
        fed.kill(place)
        kills[place] += 1
        fed.start(place)
    return kills


def received(fed, member):
    """How often each report is held there."""
    found = collections.Counter()
    while True:
        status, batch = fed.call(member, "GET", "/v1/export")
        assert status == 200, batch
        items = batch.get("items", [])
        if not items:
            return found
        for item in items:
            text = item.get("incident", {}).get("account", {}).get("text")
            if text:
                found[int(text.removeprefix("chaos-"))] += 1
        status, _ = fed.call(member, "POST", "/v1/export/done", {"refs": [i["line"]["ref"] for i in items]})
        assert status == 200, status


def main():
    print(f"SEED={SEED} {REPORTS} reports, {ROUNDS} kills")
    fed = federation.Federation(MEMBERS)
    load = Load(fed)
    bad = []
    try:
        fed.set_up()
        fed.start_all()
        begin = time.monotonic()
        threads = [threading.Thread(target=load.run) for _ in range(4)]
        for thread in threads:
            thread.start()
        kills = chaos(fed, load)
        for thread in threads:
            thread.join()
        if load.error:
            raise load.error
        under_load = time.monotonic() - begin
        for member, *_ in MEMBERS:
            fed.wait_connected(member)
        fed.wait_quiet()
        print(f"killed {dict(kills)}; {load.unanswered} requests without an answer; {under_load:.1f} s of load, "
              f"quiet after {time.monotonic() - begin - under_load:.1f} s more")
        copies = 0
        for member, *_ in MEMBERS:
            held = received(fed, member)
            copies += sum(held.values())
            for number, entitled in load.expected.items():
                expected = 1 if member in entitled else 0
                if held.pop(number, 0) != expected:
                    bad.append(f"report {number} at {member}: not {expected}")
            bad += [f"report {number} at {member}: never accepted" for number in held]
        audits = [fed.ask(member, "audit")["chainHolds"] for member, *_ in MEMBERS]
        if not all(audits):
            bad.append("a log of decisions does not hold")
        print(f"{len(load.expected)} reports, {copies} copies")
    finally:
        fed.remove()
    for line in bad[:20]:
        print(f"FAILED: {line}")
    good = len(load.expected) == REPORTS and not bad
    print(f"{int(good)} passed, {int(not good)} failed")
    return not good


if __name__ == "__main__":
    sys.exit(main())
