#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Graffiti is told to the council of the place, approved first, answered by what was done; real programs."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/demo"))
import federation  # noqa: E402  pylint: disable=wrong-import-position

CHARITY, COUNCIL, OTHER = "stop-hate-uk", "leicester-council", "west-northants-council"
MEMBERS = [member for member in federation.MEMBERS if member[0] in (CHARITY, COUNCIL, OTHER)]
AGREEMENTS = [("charity", "council", "anonymised")]
ITEM = {"object": "GRAFFITI", "what": "a slogan on the wall, ring 07700 900123", "place": "underpass, Example Street",
        "localAuthority": "E06000016", "seenOn": "2026-11-03"}
PASSED, FAILED = [], []


def check(good, what, more=""):
    (PASSED if good else FAILED).append(what)
    if not good:
        print(f"FAILED: {what}\n    {more}")


def new(fed, **more):
    return fed.run("action", "new", "-", "--json", "--socket", fed.path(CHARITY, "node.sock"), ok=False,
                   text=json.dumps({**ITEM, **more}))


def inbox(fed, member):
    return fed.ask(member, "inbox").get("lines", [])


def story(fed):
    for wrong, word in (({"object": "NOT_STATED"}, "object"), ({"what": ""}, "what"), ({"seenOn": "2999-01-01"}, "seenOn"),
                        ({"localAuthority": "E23000021"}, "localAuthority"), ({"name": "Somebody"}, "name")):
        done = new(fed, **wrong)
        check(done.returncode == 1 and word in done.stderr, f"refused, and {word} is named", done.stderr)
    ref = json.loads(new(fed).stdout)["ref"]
    said = fed.at(CHARITY, "action", "show", ref)
    check("Not sent yet" in said and COUNCIL in said and OTHER not in said, "it shows whom it would go to", said)
    check("looks like a telephone" in said, "and what looks like somebody's data", said)
    check(not inbox(fed, COUNCIL), "nothing is sent before it is approved")
    said = fed.at(CHARITY, "action", "approve", ref, "--yes")
    check("Sent to:" in said, "approved", said)
    done = fed.at(CHARITY, "action", "approve", ref, "--yes", ok=False)
    check(done.returncode == 1 and "already" in done.stderr, "not twice", done.stderr)
    fed.wait("the council has it", lambda: inbox(fed, COUNCIL), ("hub", COUNCIL))
    fed.wait_quiet()
    line = inbox(fed, COUNCIL)[0]
    check(line["kind"] == "action" and line["ref"] != ref, "as an action item, under a reference of its own", line)
    check(not inbox(fed, OTHER), "the council next door has nothing")
    said = fed.at(COUNCIL, "show", line["ref"])
    check("underpass, Example Street" in said and f"upstander done {line['ref']}" in said, "what and where", said)
    done = fed.at(COUNCIL, "done", line["ref"], "burnt", "--on", "2026-11-05", ok=False)
    check(done.returncode == 2, "only what there is a word for", done.stderr)
    fed.at(COUNCIL, "done", line["ref"], "passed-on", "--on", "2026-11-04")
    fed.at(COUNCIL, "done", line["ref"], "removed", "--on", "2026-11-05")
    fed.wait("the charity hears of it", lambda: "removed on 2026-11-05" in fed.at(CHARITY, "action", "show", ref),
             ("hub", CHARITY))
    check("passed on" not in fed.at(CHARITY, "action", "list"), "the later answer replaces the earlier one")
    folder = fed.path("exported")
    fed.at(COUNCIL, "export", folder)
    check(os.path.exists(os.path.join(folder, line["ref"] + ".json")), "it is exported as everything else is")
    audit = fed.at(CHARITY, "audit")
    for word in ("action-written", "action-approved", "done-received"):
        check(word in audit, f"{word} is written down", audit[-600:])
    elsewhere = json.loads(new(fed, localAuthority="E06000061").stdout)["ref"]
    done = fed.at(CHARITY, "action", "approve", elsewhere, "--yes", ok=False)
    check(done.returncode == 1 and "no council" in done.stderr, "where no council is, it is said", done.stderr)


def main():
    fed = federation.Federation(MEMBERS)
    try:
        fed.set_up(agreements=AGREEMENTS)
        fed.start_all()
        story(fed)
        check(set(fed.stop_all().values()) == {0}, "every program ends well")
    finally:
        fed.remove()
    print(f"{len(PASSED)} passed, {len(FAILED)} failed")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
