#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What goes on from one organisation to the next, and what two named people may override: real nodes, real operators.

BIN names the folder of the programs.
"""
import datetime
import json
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "deploy/demo"))
import federation  # noqa: E402  pylint: disable=wrong-import-position

CITY, COUNTY_COUNCIL = "E06000016", "E06000017"
CHARITY, FORCE, FORCE2, COUNCIL, OTHER, HELPERS = ("stop-hate-uk", "leics-police", "second-force", "leicester-council",
                                                  "other-council", "helpers")
MEMBERS = [
    (FORCE, "police", "Leicestershire Police", [federation.LEICESTERSHIRE]),
    (FORCE2, "police", "Second force", [federation.LEICESTERSHIRE]),
    (COUNCIL, "council", "Leicester City Council", [CITY]),
    (OTHER, "council", "Another council of the city", [CITY]),
    (CHARITY, "charity", "Stop Hate UK", [federation.LEICESTERSHIRE]),
    (HELPERS, "charity", "Helpers", [federation.LEICESTERSHIRE]),
]
AGREEMENTS = [
    ("charity", "police", "identified"), ("police", "police", "identified"), ("police", "council", "pseudonymised"),
    ("charity", "council", "anonymised"), ("council", "charity", "anonymised"), ("police", "charity", "identified"),
    ("charity", "charity", "pseudonymised"),
]
SECOND, THIRD = 20051, 20052  # uids of other operators
PASSED, FAILED = [], []


def check(good, what, more=""):
    (PASSED if good else FAILED).append(what)
    if not good:
        print(f"FAILED: {what}\n    {more}")


def says(done, status, *texts):
    """Did a command end so, and say so?"""
    said = done.stdout + done.stderr
    check(done.returncode == status and all(text in said for text in texts),
          f"exit {status} and {texts}", f"exit {done.returncode}: {said[-900:]}")


def report(roles, members=(), **more):
    return {
        "incident": {
            "strands": [{"code": "RELIGION"}], "types": ["VERBAL_ABUSE"], "placeKind": "SHOP",
            "identity": {"name": "Planted Person"}, "contactRule": "ANY",
            "contact": {"telephones": ["01632 960999"]},
            "suspects": [{"description": "planted suspect"}],
            "place": {"localAuthority": CITY, "vintage": 2025},
            "occurredFrom": "2026-11-03T14:20", "reportedAt": "2026-11-04", "channel": "TELEPHONE",
            "narrative": "planted story",
        },
        "choice": {"roles": [{"role": role, "entitlement": {"level": level, **({"withheld": out} if out else {})}}
                             for role, level, out in roles],
                   "members": [{"member": member, "entitlement": {"level": "WITHHELD"}} for member in members]},
        "reportedBefore": "NO", **more,
    }


def saved(fed, body):
    return json.loads(fed.at(CHARITY, "report", "-", "--json", text=json.dumps(body)))["ref"]


def lines(fed, at, ref=None):
    return fed.ask(at, "sent", *([ref] if ref else [])).get("lines", [])


def line_of(fed, at, ref, member):
    return next((line for line in lines(fed, at, ref) if line["member"] == member), {})


def newest(fed, at):
    """The reference and content of what came last."""
    ref = fed.ask(at, "inbox")["lines"][-1]["ref"]
    return ref, fed.ask(at, "show", ref)


def arrived(fed, at, count):
    fed.wait(f"{at} has {count} items", lambda: len(fed.ask(at, "inbox").get("lines", [])) == count, ("hub", at))


# --- forwarding -------------------------------------------------------------------------------------

def three_hops(fed):
    """A charity to a force, to a council and to another force, and on; each source is told of each hop."""
    ref = saved(fed, report([("POLICE", "IDENTIFIED", ["CONTACT"]), ("COUNCIL", "PSEUDONYMISED", [])], [OTHER]))
    preview = fed.call(CHARITY, "GET", f"/v1/reports/{ref}/preview")[1]
    would = next(to["disclosure"] for to in preview["recipients"] if to["member"] == FORCE)
    fed.at(CHARITY, "send", ref, "--yes")
    arrived(fed, FORCE, 1)
    arrived(fed, FORCE2, 1)
    got, item = newest(fed, FORCE)
    onward = item["incident"]["onward"]
    check(item["incident"] == would, "what was shown is what came", (item["incident"], would))
    check(onward["permittedMembers"] == [COUNCIL, FORCE2], "only who is not excluded is named", onward)
    check(OTHER not in json.dumps(item), "the excluded one is named nowhere", item)
    check([c["role"] for c in onward["ceilings"]] == ["POLICE", "COUNCIL"] and
          all("CONTACT" in c["entitlement"]["withheld"] for c in onward["ceilings"]),
          "no ceiling is above what the force holds", onward)

    says(fed.at(FORCE, "forward", got, COUNCIL, "--preview", "--full", ok=False), 0, "without who", COUNCIL)
    says(fed.at(FORCE, "forward", got, COUNCIL, ok=False), 1, "--yes")
    says(fed.at(FORCE, "forward", got, OTHER, "--yes", ok=False), 1, "may not have it", "the terms that it came with")
    says(fed.at(FORCE, "forward", got, CHARITY, "--yes", ok=False), 1, "has it already")
    says(fed.at(FORCE, "forward", got, "nobody-here", "--yes", ok=False), 1, "no such organisation")
    says(fed.at(FORCE, "forward", "AAAA-BBBB", COUNCIL, "--yes", ok=False), 1, "nothing was received")
    says(fed.at(FORCE, "forward", got, COUNCIL, "--yes", ok=False), 0, "on its way")
    says(fed.at(FORCE, "forward", got, COUNCIL, "--yes", ok=False), 0, "was told already")
    arrived(fed, COUNCIL, 1)
    there, second = newest(fed, COUNCIL)
    text = json.dumps(second)
    check(second["line"]["level"] == "PSEUDONYMISED" and second.get("forwarded"), "it came through the force", text)
    check(not any(word in text for word in ("Planted Person", "planted suspect", "960999", "planted story", OTHER)),
          "and nothing that the council may not see", text)
    says(fed.at(COUNCIL, "show", there, ok=False), 0, "passed it on")
    fed.wait("the charity is told", lambda: line_of(fed, CHARITY, ref, FORCE).get("onward"), ("hub", FORCE, CHARITY))
    told = line_of(fed, CHARITY, ref, FORCE)["onward"]
    check(len(told) == 1 and told[0].startswith(f"council {COUNCIL}, PSEUDONYMISED"), "of whom and how much", told)
    says(fed.at(CHARITY, "sent", ref, ok=False), 0, "passed on to", f"council {COUNCIL}")
    check(any(e["action"] == "forwarded" and FORCE in e["subject"] and COUNCIL in e["subject"]
              for e in fed.ask(CHARITY, "audit")["entries"]), "and it stands in the audit log")
    check(line_of(fed, FORCE, got, COUNCIL).get("status") in ("stored", "accepted", "delivered"),
          "the force lists what it passed on", lines(fed, FORCE, got))
    check(any(line["member"] == COUNCIL and line["ref"] == got for line in lines(fed, FORCE)), "without REF as well")


def chain(fed):
    """What was passed on is passed on again: the originator hears of the last hop too."""
    ref = saved(fed, report([("POLICE", "IDENTIFIED", []), ("COUNCIL", "PSEUDONYMISED", [])], [FORCE2]))
    fed.at(CHARITY, "send", ref, "--yes")
    arrived(fed, FORCE, 2)
    got, item = newest(fed, FORCE)
    check(item["incident"]["onward"]["permittedMembers"] == [COUNCIL, OTHER], "an excluded force is not permitted",
          item["incident"]["onward"])
    says(fed.at(FORCE, "forward", got, FORCE2, "--yes", ok=False), 1, "may not have it")
    says(fed.at(FORCE, "forward", got, HELPERS, "--yes", ok=False), 1, "may not have it")
    ref = saved(fed, report([("POLICE", "IDENTIFIED", []), ("CHARITY", "IDENTIFIED", ["SUSPECT"])]))
    fed.at(CHARITY, "send", ref, "--yes")
    arrived(fed, FORCE, 3)
    got, item = newest(fed, FORCE)
    check(fed.ask(HELPERS, "inbox")["lines"][-1]["level"] == "PSEUDONYMISED", "the agreement of charities is lower")
    says(fed.at(FORCE, "forward", got, HELPERS, "--yes", ok=False), 0, "on its way")
    arrived(fed, HELPERS, 2)
    there, item = newest(fed, HELPERS)
    check(item["line"]["level"] == "IDENTIFIED" and "planted suspect" not in json.dumps(item) and
          "Planted Person" in json.dumps(item), "as far as the person agreed", item)
    says(fed.at(HELPERS, "forward", there, FORCE2, "--yes", ok=False), 0, "on its way")
    fed.wait("the charity is told of both",
             lambda: len(line_of(fed, CHARITY, ref, FORCE).get("onward", [])) == 2, ("hub", FORCE, HELPERS, CHARITY))
    told = line_of(fed, CHARITY, ref, FORCE)["onward"]
    check(told[1].startswith(f"police {FORCE2}, IDENTIFIED"), "the second hop as well", told)
    check(line_of(fed, FORCE, got, HELPERS)["onward"] == [told[1]], "and so is the force in between",
          lines(fed, FORCE, got))


# --- the safeguarding override ----------------------------------------------------------------------

def asked(**more):
    until = (datetime.date.today() + datetime.timedelta(days=3)).isoformat()
    return json.dumps({"reason": "adult-at-risk", "purpose": "planted purpose", "justification": "planted justification",
                       "withheld": ["CHARACTERISTIC"], "endsOn": until, "personTold": "NO", **more})


def as_uid(fed, uid, *words, text=""):
    """The command as another account of the machine."""
    return subprocess.run([fed.path("upstander"), *words, "--socket", fed.path(CHARITY, "node.sock")],
                          cwd="/", text=True, input=text, capture_output=True, check=False, user=uid, group=0,
                          extra_groups=[])


def more_operators(fed):
    """Two more people at the charity, with accounts of their own."""
    conf = fed.path(CHARITY, "node.conf")
    with open(conf, encoding="utf-8") as file:
        text = file.read()
    text = text.replace("take-reports, approve, keys, audit", "take-reports, approve, override, keys, audit")
    text += "".join(f"    {name}\n        uid = {uid}\n        roles = \"override\"\n"
                    for name, uid in (("second-person", SECOND), ("third-person", THIRD)))
    with open(conf, "w", encoding="utf-8") as file:
        file.write(text)
    # a copy: the tree may stand in a home that others can't enter
    shutil.copy(os.path.join(federation.BIN, "upstander"), fed.path("upstander"))
    for path in (fed.folder, fed.path(CHARITY), fed.path("upstander")):
        os.chmod(path, 0o750)
    fed.kill(CHARITY)
    fed.start(CHARITY)
    fed.wait_connected(CHARITY)


def by_two(fed):
    """Nothing leaves before a second person, with another account, has said yes; then one force sees more."""
    ref = saved(fed, report([("POLICE", "COUNTED", [])]))
    fed.at(CHARITY, "send", ref, "--yes")
    before, before2 = (len(fed.ask(force, "inbox")["lines"]) for force in (FORCE, FORCE2))
    says(fed.at(CHARITY, "override", ref, COUNCIL, "-", text=asked(), ok=False), 1, "one force")
    says(fed.at(CHARITY, "override", ref, FORCE, "-", text=asked(reason="because"), ok=False), 1, "no such code")
    says(fed.at(CHARITY, "override", ref, FORCE, "-", text=asked(justification=""), ok=False), 1, "justification")
    says(fed.at(CHARITY, "override", ref, FORCE, "-", text=asked(personTold="NOT_KNOWN"), ok=False), 1, "personTold")
    says(fed.at(CHARITY, "override", ref, FORCE, "-", text=asked(endsOn="2199-01-01"), ok=False), 1, "endsOn")
    says(fed.at(CHARITY, "override", ref, FORCE, "-", text=asked(endsOn="2020-01-01"), ok=False), 1, "endsOn")
    says(fed.at(CHARITY, "override", ref, FORCE, "-", "--alone", text=asked(), ok=False), 1, "a second person must")
    says(fed.at(CHARITY, "override", ref, FORCE, "-", text=asked(exclusion="x"), ok=False), 1, "did not exclude")
    says(fed.at(CHARITY, "override", ref, FORCE, "-", text=asked(reason=7), ok=False), 1, "standard input", "reason")
    until = (datetime.date.today() + datetime.timedelta(days=1)).isoformat()
    answers = f"4\nplanted purpose\nfirst line\nsecond line\n.\n2 3\n{until}\n"
    says(fed.at(CHARITY, "override", ref, FORCE, text=answers, ok=False), 1, "ring 999", "not every question")
    done = fed.at(CHARITY, "override", ref, FORCE, text=answers + "y\n\n", ok=False)
    says(done, 0, "serious-harm", "second line", "without characteristic, suspect", "Nothing is sent yet")
    says(fed.at(CHARITY, "override", "review", done.stdout.split("Override ")[1][:9], "--end", text="no\n.\n", ok=False), 0,
         "ended")
    received = fed.ask(FORCE, "inbox")["lines"][0]["ref"]
    says(fed.at(FORCE, "override", received, FORCE2, "-", text=asked(), ok=False), 1, "role \"override\"")
    done = fed.at(CHARITY, "override", ref, FORCE, "-", "--json", text=asked(), ok=False)
    says(done, 0, "proposed")
    number = json.loads(done.stdout)["id"]
    says(fed.at(CHARITY, "override", ref, FORCE, "-", text=asked(), ok=False), 1, "one already", number)
    says(fed.at(CHARITY, "override", "approve", number, "--yes", ok=False), 1, "somebody else")
    shown = fed.call(CHARITY, "GET", f"/v1/reports/{ref}/preview")[1]["recipients"]
    check(all(to["entitlement"]["level"] != "IDENTIFIED" for to in shown), "a proposal changes nothing", shown)
    if os.geteuid() != 0:
        print("not run: what needs the accounts of two people (only root can use them here)")
        return
    says(as_uid(fed, 20099, "override", "approve", number, "--yes"), 1, "nobody this node knows")
    says(as_uid(fed, SECOND, "override", "list"), 0, number, "planted justification", "child-at-risk")
    says(as_uid(fed, SECOND, "override", "approve", number, "--yes"), 0, "approved", "second-person")
    says(as_uid(fed, THIRD, "override", "approve", number, "--yes"), 1, "does not wait")
    arrived(fed, FORCE, before + 1)
    there, item = newest(fed, FORCE)
    text = json.dumps(item)
    check(item["line"]["level"] == "IDENTIFIED" and "Planted Person" in text, "the force has it", text)
    check(item["incident"]["entitlement"].get("withheld") == ["CHARACTERISTIC"], "but for what was left out", text)
    check("onward" not in item["incident"], "and may pass on nothing of it", text)
    check(item["override"]["purpose"] == "planted purpose" and "planted justification" not in text,
          "it sees the purpose and not the justification", text)
    says(fed.at(FORCE, "show", there, ok=False), 0, "SAFEGUARDING OVERRIDE", "planted purpose")
    says(fed.at(FORCE, "forward", there, FORCE2, "--yes", ok=False), 1, "may not have it")
    check(len(fed.ask(FORCE2, "inbox")["lines"]) == before2, "no other force got anything")
    line = [line for line in lines(fed, CHARITY, ref) if line["member"] == FORCE]
    check([one["status"] for one in line if one["decidedBy"].startswith("a safeguarding")] and
          any(number in one.get("detail", "") and "second-person" in one["detail"] for one in line),
          "`sent` names the override and both people", line)
    log = [e["action"] for e in fed.ask(CHARITY, "audit")["entries"]]
    check(log.index("override-proposed") < log.index("override-approved") < log.index("override-sent"),
          "each step stands in the log, before it was sent", log[-12:])
    audit = fed.at(CHARITY, "audit")
    check("planted justification" not in audit and "planted purpose" not in audit, "the log holds no texts of it")
    shown = fed.call(CHARITY, "GET", f"/v1/reports/{ref}/preview")[1]["recipients"]
    check({to["member"]: to["entitlement"]["level"] for to in shown}[FORCE2] == "COUNTED", "nobody else is raised", shown)


def excluded(fed):
    """A force that the person excluded by name: a warning that offers another, then words."""
    ref = saved(fed, report([("POLICE", "IDENTIFIED", [])], [FORCE]))
    words = asked(exclusion="the only force that can be there in time")
    says(fed.at(CHARITY, "override", ref, FORCE, "-", text=words, ok=False), 1, "must not be told", FORCE2)
    says(fed.at(CHARITY, "override", ref, FORCE, "-", text=asked(), ok=False), 1, "must not be told", FORCE2)
    says(fed.at(CHARITY, "override", ref, FORCE2, "-", text=asked(), ok=False), 1, "change nothing")
    done = fed.at(CHARITY, "override", ref, FORCE, "-", text=words, ok=False)
    says(done, 0, "proposed", "the only force")
    says(fed.at(CHARITY, "override", "review", done.stdout.split("Override ")[1][:9], "--end", text="not needed\n.\n",
                ok=False), 0, "ended")
    check(all(line["member"] != FORCE or line["status"] == "not shared" for line in lines(fed, CHARITY, ref)),
          "nothing was told")


def alone(fed):
    """A child at risk, and nobody else on duty: at once, and red until somebody else has looked at it."""
    ref = saved(fed, report([("COUNCIL", "ANONYMISED", [])]))
    before = len(fed.ask(FORCE, "inbox")["lines"])
    done = fed.at(CHARITY, "override", ref, FORCE, "-", "--alone", "--json", text=asked(reason="child-at-risk"), ok=False)
    says(done, 0, "alone", "reviewDue")
    number = json.loads(done.stdout)["id"]
    arrived(fed, FORCE, before + 1)
    says(fed.at(CHARITY, "status", ok=False), 1, "OVERRIDE TO REVIEW")
    says(fed.at(CHARITY, "sent", ref, ok=False), 0, "OVERRIDE TO REVIEW", number)
    says(fed.at(CHARITY, "override", "review", number, text="fine\n.\n", ok=False), 1, "somebody else")
    if os.geteuid() != 0:
        return
    says(as_uid(fed, THIRD, "override", "review", number, text="\n"), 1, "nothing was said")
    says(as_uid(fed, THIRD, "override", "review", number, text="it was right\n.\n"), 0, "reviewed", "third-person")
    says(fed.at(CHARITY, "status", ok=False), 0, "connected")
    check("TO REVIEW" not in fed.at(CHARITY, "sent", ref), "it is quiet again")
    log = [e["action"] for e in fed.ask(CHARITY, "audit")["entries"]]
    check("override-alone" in log and "override-reviewed" in log, "the log holds both", log[-8:])


def main():
    fed = federation.Federation(MEMBERS)
    try:
        fed.set_up(agreements=AGREEMENTS)
        fed.start_all()
        three_hops(fed)
        chain(fed)
        more_operators(fed)
        by_two(fed)
        excluded(fed)
        alone(fed)
        check(set(fed.stop_all().values()) <= {0, -15}, "every program ends in order")
    except (federation.Failed, OSError, KeyError, StopIteration) as wrong:
        FAILED.append(str(wrong))
        print(f"FAILED: {type(wrong).__name__}: {wrong}")
    finally:
        fed.remove()
    print(f"{len(PASSED)} passed, {len(FAILED)} failed")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
