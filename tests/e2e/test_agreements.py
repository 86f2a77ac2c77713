#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Sharing agreements between real nodes: signed by their parties, suspended by one, compared before a directory is signed.

BIN names the folder of the programs.
"""
import json
import os
import shutil
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "deploy/demo"))
import federation  # noqa: E402  pylint: disable=wrong-import-position

CHARITY, FORCE, COUNCIL = "stop-hate-uk", "leics-police", "leicester-council"
MEMBERS = [m for m in federation.MEMBERS if m[0] in (CHARITY, FORCE, COUNCIL)]
AGREEMENTS = [("charity", "police", "identified"), ("charity", "council", "anonymised")]
TO_FORCE, TO_COUNCIL = "charity-police-1", "charity-council-2"
PASSED, FAILED = [], []


def check(good, what, more=""):
    (PASSED if good else FAILED).append(what)
    if not good:
        print(f"FAILED: {what}\n    {more}")


def says(done, status, *texts):
    said = done.stdout + done.stderr
    check(done.returncode == status and all(text in said for text in texts),
          f"exit {status} and {texts}", f"exit {done.returncode}: {said[-900:]}")


def saved(fed, **more):
    report = {
        "incident": {"strands": [{"code": "RELIGION"}], "types": ["VERBAL_ABUSE"],
                     "place": {"localAuthority": "E06000016", "vintage": 2025},
                     "occurredFrom": "2026-11-03", "reportedAt": "2026-11-04", "narrative": "planted story"},
        "choice": {"roles": [{"role": "POLICE", "entitlement": {"level": "IDENTIFIED"}, "preset": "all",
                              "lawfulBasis": "legitimate-interests"}]}, **more}
    return json.loads(fed.at(CHARITY, "report", "-", "--json", text=json.dumps(report)))["ref"]


def line(fed, ref, member=FORCE):
    return [one for one in fed.ask(CHARITY, "sent", ref)["lines"] if one["member"] == member][0]


def inbox(fed):
    return len(fed.ask(FORCE, "inbox").get("lines", []))


def agreement(fed, member, which=TO_FORCE):
    return [one for one in fed.ask(member, "agreement", "show")["agreements"] if one["id"] == which][0]


# --- the parts --------------------------------------------------------------------------------------

def signed_by_parties(fed):
    """Drawn up, signed by the charity alone: nothing goes, and it is said. Then by the force too."""
    fed.run("agreement", "sign", "roster", "--key", f"{CHARITY}/keys")
    says(fed.run("agreement", "sign", "roster", TO_COUNCIL, "--key", f"{FORCE}/keys", ok=False), 1, "is no party")
    says(fed.run("agreement", "sign", "roster", "nothing", "--key", f"{FORCE}/keys", ok=False), 1, "lists no agreement")
    says(fed.run("agreement", "sign", "roster", "--key", "s1/keys", ok=False), 1, "no key file")
    fed.sign()
    fed.start_all()
    ref = saved(fed)
    said = fed.at(CHARITY, "send", ref, "--yes")
    check("no sharing agreement" in said, "the preview says that nobody signed for it", said)
    told = line(fed, ref)
    check(told["status"] == "can't be sent" and "the other organisation has not signed" in told["detail"],
          "what no agreement carries is told to the operator", told)
    says(fed.at(CHARITY, "status", ok=False), 1, "CAN'T BE SENT", "no agreement carries", "has not signed it")
    check(inbox(fed) == 0, "and nothing arrives")
    copy = fed.path("copy")
    shutil.copy(fed.path("roster"), copy)
    said = fed.run("agreement", "sign", "copy", "--key", f"{FORCE}/keys")
    check("From charities to police forces: everything" in said and "1 agreement signed for leics-police" in said,
          "what is signed is printed in plain English", said)
    said = fed.run("agreement", "collect", "roster", "copy")
    check("1 signature" in said, "signatures are brought together", said)
    fed.sign()
    for member in (CHARITY, FORCE, COUNCIL):
        fed.at(member, "roster", "install", "roster")
    fed.at(CHARITY, "send", ref, "--yes")
    fed.wait("it goes out once it is signed", lambda: line(fed, ref)["status"] == "delivered", (CHARITY, FORCE))
    check(inbox(fed) == 1, "once")
    check(not fed.status(CHARITY).get("cantBeShared"), "nothing is red any more", fed.status(CHARITY))
    said = fed.at(CHARITY, "agreement", "show", TO_FORCE, "--prose")
    check("Stop Hate UK" in said and "Leicestershire Police" in said and "Signed by" in said, "shown in plain English",
          said)
    said = fed.at(FORCE, "agreement", "show")
    check("NOT SIGNED" in said and "in force" in said, "and as a table", said)


def suspended(fed):
    """The recipient suspends: nothing more goes to it, visibly at both, also after a stop; nobody else lifts it."""
    held = inbox(fed)
    fed.kill(CHARITY)
    fed.at(FORCE, "agreement", "suspend", TO_FORCE)
    check(agreement(fed, FORCE)["suspendedBy"] == [FORCE], "at once where it was said")
    says(fed.at(FORCE, "status", ok=False), 1, f"agreement {TO_FORCE}: SUSPENDED by {FORCE}")
    fed.start(CHARITY)
    fed.wait("the sender is told", lambda: fed.status(CHARITY) and agreement(fed, CHARITY).get("suspendedBy") == [FORCE],
             (CHARITY, FORCE))
    ref = saved(fed)
    fed.at(CHARITY, "send", ref, "--yes")
    check(line(fed, ref)["status"] == "can't be sent" and "suspended" in line(fed, ref)["detail"],
          "nothing more is sent", line(fed, ref))
    fed.at(CHARITY, "agreement", "resume", TO_FORCE)
    check(agreement(fed, CHARITY)["suspendedBy"] == [FORCE], "the sender can't lift it")
    fed.kill(CHARITY)
    fed.start(CHARITY)
    fed.wait_connected(CHARITY)
    check(agreement(fed, CHARITY)["suspendedBy"] == [FORCE], "it outlives a stop")
    says(fed.at(CHARITY, "status", ok=False), 1, f"agreement {TO_FORCE}: SUSPENDED by {FORCE}", "CAN'T BE SENT")
    says(fed.at(COUNCIL, "agreement", "suspend", TO_FORCE, ok=False), 1, "has not signed")
    says(fed.at(COUNCIL, "agreement", "suspend", "nothing", ok=False), 1, "no such agreement")
    fed.at(CHARITY, "send", ref, "--yes")
    check(inbox(fed) == held, "and nothing arrived", inbox(fed))
    actions = [entry["action"] for entry in fed.ask(CHARITY, "audit")["entries"]]
    check("agreement-suspended" in actions, "it stands in the log", actions[-8:])
    fed.at(FORCE, "agreement", "resume", TO_FORCE)
    fed.wait("the sender is told", lambda: not agreement(fed, CHARITY).get("suspendedBy"), (CHARITY, FORCE))
    fed.at(CHARITY, "send", ref, "--yes")
    fed.wait("it goes on", lambda: line(fed, ref)["status"] == "delivered", (CHARITY, FORCE))


def suspended_by_sender(fed):
    """What waits stays: the sender suspends while the report is on its way to a broker that is away."""
    held = inbox(fed)
    fed.kill("hub")
    fed.wait("the broker is missed", lambda: not fed.status(CHARITY).get("connected"), (CHARITY,))
    ref = saved(fed)
    fed.at(CHARITY, "send", ref, "--yes")
    fed.at(CHARITY, "agreement", "suspend", TO_FORCE)
    fed.start("hub")
    fed.wait_connected(CHARITY)
    fed.wait("the force is told", lambda: agreement(fed, FORCE).get("suspendedBy") == [CHARITY], (CHARITY, FORCE))
    fed.wait("what waits stays here", lambda: line(fed, ref)["status"] == "can't be sent", (CHARITY,))
    check(inbox(fed) == held, "nothing arrived", inbox(fed))
    fed.at(CHARITY, "agreement", "resume", TO_FORCE)
    fed.wait("what waited goes on its way", lambda: line(fed, ref)["status"] == "delivered", (CHARITY, FORCE))


def bases(fed):
    """The lead's basis replaces what a worker wrote."""
    path = os.path.join(ROOT, "deploy/presets/bases-example.json")
    fed.settings_change(CHARITY, "    store = store\n", f"    store = store\n    bases = \"{path}\"\n")
    fed.settings_change(CHARITY, "operators\n", f"member-ceilings\n    {FORCE} = withheld\noperators\n")
    fed.kill(CHARITY)
    fed.start(CHARITY)
    fed.wait_connected(CHARITY)
    ref = saved(fed)
    kept = fed.ask(CHARITY, "show", ref)["choice"]["roles"][0]
    check((kept["lawfulBasis"], kept["specialCondition"]) == ("consent", "explicit-consent"),
          "what a preset relies on comes from the lead", kept)
    fed.at(CHARITY, "send", ref, "--yes")
    check(line(fed, ref)["status"] == "not shared" and "own limit" in line(fed, ref)["decidedBy"],
          "this node's limit for one organisation", line(fed, ref))


def compared(fed):
    """Before a directory is signed, it is compared with the one before."""
    shutil.copy(fed.path("roster"), fed.path("old"))
    words = ["roster", "agreement", "roster", "--id", TO_COUNCIL, "--from", "charity", "--to", "council", "--area",
             federation.LEICESTERSHIRE, "--retention-days", "365", "--contact", "Lead", "--valid-from", "2026-01-01",
             "--review", "2027-01-01"]
    fed.run("roster", "revoke", "roster", "--member", FORCE)
    says(fed.run("roster", "sign", "roster", "--key", "s1/keys", ok=False), 1, "AREA CUT OFF", "E23000021", "police",
         "--really")
    says(fed.run("agreement", "diff", "old", "roster", "--areas", federation.AREAS, ok=False), 0,
         "Stop Hate UK to Leicestershire Police", "everything -> not shared", "0 give more")
    says(fed.run("agreement", "diff", "old", "roster", "--areas", "nowhere", ok=False), 1, "--areas")
    says(fed.run("roster", "sign", "roster", "--key", "s1/keys", "--really", ok=False), 0, "AREA CUT OFF", "signed by 1")
    shutil.copy(fed.path("old"), fed.path("roster"))
    fed.run(*words, "--level", "anonymised", "--k", "6")
    fed.run("agreement", "sign", "roster", "--key", f"{CHARITY}/keys")
    fed.run("agreement", "sign", "roster", "--key", f"{COUNCIL}/keys")
    fed.sign()
    shutil.copy(fed.path("roster"), fed.path("old"))
    fed.run(*words, "--level", "pseudonymised", "--k", "5")
    fed.run("agreement", "sign", "roster", "--key", f"{CHARITY}/keys")
    fed.run("agreement", "sign", "roster", "--key", f"{COUNCIL}/keys")
    says(fed.run("roster", "sign", "roster", "--key", "s1/keys", ok=False), 1, "RAISED", "LOWERED", "5 people instead of 6")
    says(fed.run("agreement", "diff", "old", "roster", "--areas", federation.AREAS, ok=False), 1, "give more",
         "Stop Hate UK to Leicester City Council")
    says(fed.run("agreement", "diff", "old", "old", "--areas", federation.AREAS, ok=False), 0, "0 of ")
    says(fed.run("roster", "sign", "roster", "--key", "s1/keys", "--before", "roster", ok=False), 0, "signed by 1")


def stop(fed):
    codes = fed.stop_all()
    check(set(codes.values()) == {0}, "SIGTERM stops each cleanly", codes)
    for place in ["hub"] + [m for m, *_ in MEMBERS]:
        log = fed.log(place)
        check("planted story" not in log, f"no report in the log of {place}")
        check("ERROR: AddressSanitizer" not in log and "runtime error" not in log, f"no fault in the log of {place}",
              log[-1500:])
    check("event=agreement" in fed.log(CHARITY), "alarms stand in the log")


def main():
    fed = federation.Federation(MEMBERS)
    try:
        fed.agree = lambda: None  # the parties sign when a part says so
        signing, fed.sign = fed.sign, lambda *words: None
        fed.set_up(agreements=AGREEMENTS)
        fed.sign = signing
        for part in (signed_by_parties, suspended, suspended_by_sender, bases, compared, stop):
            part(fed)
    finally:
        fed.remove()
    print(f"{len(PASSED)} passed, {len(FAILED)} failed")
    return bool(FAILED)


if __name__ == "__main__":
    sys.exit(main())
