#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""From a report to an account at the recipient: the narrative stays, and a narrative that changed by one letter takes
the approval with it, also for what waits already.

BIN and BIN_TESTS name the folders of the programs.
"""
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "deploy/demo"))
import federation  # noqa: E402  pylint: disable=wrong-import-position

AMEND = os.path.join(os.path.abspath(os.environ.get("BIN_TESTS", os.path.join(federation.BIN, "../tests"))), "e2e/amend")
MEMBERS = [m for m in federation.MEMBERS if m[0] in ("leics-police", "stop-hate-uk")]
CHARITY, FORCE = "stop-hate-uk", "leics-police"
NARRATIVE = ("Mr Brown shouted at Zoë Braithwaite by 12 Acacia Ave, LE1 7RH.\n"
             "Ring 07700 900123 or zoe@example.org. She is a Muslim woman; planted story {}.")
SECRETS = ["Brown", "Zo", "Braithwaite", "Acacia", "LE1", "900123", "zoe@"]
PASSED, FAILED = [], []


def check(good, what, more=""):
    (PASSED if good else FAILED).append(what)
    if not good:
        print(f"FAILED: {what}\n    {more}")


def saved(fed, number):
    body = {
        "incident": {
            "strands": [{"code": "RELIGION"}], "types": ["VERBAL_ABUSE"],
            "identity": {"name": "Zoë Braithwaite"}, "contact": {"address": "12 Acacia Avenue, Leicester"},
            "place": {"localAuthority": "E06000016", "vintage": 2025}, "occurredFrom": "2026-11-03",
            "narrative": NARRATIVE.format(number),
        },
        "choice": {"roles": [{"role": "POLICE", "entitlement": {"level": "PSEUDONYMISED"}}]},
    }
    return fed.at(CHARITY, "report", "-", text=json.dumps(body)).strip()


def draft_and_approve(fed, ref):
    draft = fed.at(CHARITY, "account", ref, "--draft")
    fed.at(CHARITY, "account", ref, "--approve", "-", "--yes", text=draft)
    return draft.strip()


def amend(fed, ref):
    """While the node is down its narrative changes by one letter."""
    fed.kill(CHARITY)
    subprocess.run([AMEND, fed.path(CHARITY, "store"), fed.path(CHARITY, "keys"), ref], check=True)
    fed.start(CHARITY)
    fed.wait("the node answers", lambda: fed.status(CHARITY))


def received(fed):
    lines = fed.ask(FORCE, "inbox").get("lines", [])
    return [fed.ask(FORCE, "show", line["ref"])["incident"] for line in lines]


def warnings(fed, ref):
    return " ".join(fed.ask(CHARITY, "preview", ref)["recipients"][0].get("warnings", []))


def approved_is_shared(fed):
    ref = saved(fed, 1)
    check("no account was approved" in warnings(fed, ref), "the preview says that no text goes", warnings(fed, ref))
    draft = draft_and_approve(fed, ref)
    check(not any(secret in draft for secret in SECRETS), "nothing of the report's own stands in the draft", draft)
    check("Muslim woman" in draft, "the religion stays", draft)
    check("no text goes" not in warnings(fed, ref), "with an account a text goes", warnings(fed, ref))
    report = fed.ask(CHARITY, "show", ref)
    check(report.get("accountApprovedBy") == "demo-operator" and report.get("accountApprovedAt"), "who approved, and when",
          report)
    actions = [entry["action"] for entry in fed.ask(CHARITY, "audit")["entries"]]
    check("account-drafted" in actions and "account-approved" in actions, "both are in the audit log", actions)
    fed.at(CHARITY, "send", ref, "--yes")
    fed.wait("it arrived", lambda: len(received(fed)) == 1, list(fed.processes))
    incident = received(fed)[0]
    check(incident["account"]["text"] == draft, "the recipient reads the account", incident)
    check("narrative" not in incident and "identity" not in incident, "and not the narrative", incident)


def changed_is_not(fed):
    ref = saved(fed, 2)
    draft_and_approve(fed, ref)
    seen = fed.call(CHARITY, "GET", f"/v1/reports/{ref}/account")[1]
    amend(fed, ref)
    check("needs a new approval" in warnings(fed, ref), "the preview says so", warnings(fed, ref))
    said = fed.at(CHARITY, "account", ref, text="")
    check("needs a new approval" in said and "[-" in said, "and the command, with the difference", said)
    status, problem = fed.call(CHARITY, "PUT", f"/v1/reports/{ref}/account", {
        "account": {"text": "too late"}, "narrativeDigest": seen["narrativeDigest"]})
    check(status == 422 and "was changed since" in problem.get("detail", ""), "what was seen must be what is stored",
          problem)
    fed.wait_connected(CHARITY)
    fed.at(CHARITY, "send", ref, "--yes")
    fed.wait("it arrived", lambda: len(received(fed)) == 2, list(fed.processes))
    check("account" not in received(fed)[1], "what lost its approval is not sent", received(fed)[1])
    again = saved(fed, 3)
    draft_and_approve(fed, again)
    amend(fed, again)
    draft = draft_and_approve(fed, again)
    fed.wait_connected(CHARITY)
    fed.at(CHARITY, "send", again, "--yes")
    fed.wait("it arrived", lambda: len(received(fed)) == 3, list(fed.processes))
    check(received(fed)[2]["account"]["text"] == draft, "approved anew it is")


def waiting_is_asked_again(fed):
    ref = saved(fed, 4)
    draft_and_approve(fed, ref)
    fed.kill("hub")
    fed.at(CHARITY, "send", ref, "--yes")
    amend(fed, ref)
    fed.start("hub")
    fed.wait_connected(CHARITY)
    fed.wait_connected(FORCE)

    def state():
        return [line["status"] for line in fed.ask(CHARITY, "sent", ref)["lines"]]
    fed.wait("it is held back", lambda: state() == ["can't be sent"], list(fed.processes))
    check(len(received(fed)) == 3, "what waits with a lost approval never leaves")


def nothing_is_logged(fed):
    for place in ("hub", CHARITY, FORCE):
        log = fed.log(place)
        check(not any(secret in log for secret in SECRETS + ["planted"]), f"nothing of a report in the log of {place}")


def main():
    fed = federation.Federation(MEMBERS)
    try:
        fed.set_up()
        fed.start_all()
        for part in (approved_is_shared, changed_is_not, waiting_is_asked_again, nothing_is_logged):
            part(fed)
    finally:
        fed.remove()
    print(f"{len(PASSED)} passed, {len(FAILED)} failed")
    return bool(FAILED)


if __name__ == "__main__":
    sys.exit(main())
