#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Real nodes and their operators: what goes wrong, what is said then, and that nothing is lost by it.

BIN and BIN_TESTS name the folders of the programs.
"""
import glob
import json
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "deploy/demo"))
import federation  # noqa: E402  pylint: disable=wrong-import-position

FAULTS = os.path.abspath(os.path.join(os.environ.get("BIN_TESTS", os.path.join(federation.BIN, "../tests")), "e2e"))
FAULTY_NODE, FAULTY_BROKER = os.path.join(FAULTS, "node_faults"), os.path.join(FAULTS, "broker_faults")
MEMBERS = [m for m in federation.MEMBERS if m[0] in ("leics-police", "leicester-council", "stop-hate-uk")]
CHARITY, FORCE, COUNCIL = "stop-hate-uk", "leics-police", "leicester-council"
DAY_S = 86400
PASSED, FAILED = [], []


def check(good, what, more=""):
    (PASSED if good else FAILED).append(what)
    if not good:
        print(f"FAILED: {what}\n    {more}")


def says(done, status, *texts):
    """Did a command end so, and say so?"""
    said = done.stdout + done.stderr
    check(done.returncode == status and all(text in said for text in texts),
          f"exit {status} and {texts}", f"exit {done.returncode}: {said[-600:]}")


def report(**more):
    return {
        "incident": {
            "strands": [{"code": "RELIGION"}], "types": ["VERBAL_ABUSE"], "placeKind": "SHOP",
            "identity": {"name": "Example Person"}, "contactRule": "ANY",
            "place": {"localAuthority": "E06000016", "vintage": 2025},
            "occurredFrom": "2026-11-03", "reportedAt": "2026-11-04", "channel": "TELEPHONE",
            "narrative": "planted story",
        },
        "choice": {"roles": [{"role": "POLICE", "entitlement": {"level": "IDENTIFIED"}},
                             {"role": "COUNCIL", "entitlement": {"level": "ANONYMISED"}}]},
        "reportedBefore": "NO", **more,
    }


def saved(fed, body=None):
    done = fed.at(CHARITY, "report", "-", "--json", text=json.dumps(body or report()))
    return json.loads(done)["ref"]


def states(fed, ref, member=FORCE):
    return [line["status"] for line in fed.ask(CHARITY, "sent", ref)["lines"] if line["member"] == member]


def program(name, *words, ok_program=None):
    return subprocess.run([ok_program or os.path.join(federation.BIN, name), *words], text=True,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=federation.WAIT_S)


def count(fed, member):
    return len(fed.ask(member, "inbox").get("lines", []))


# --- settings ---------------------------------------------------------------------------------------

def settings(fed):
    """A node that can't start says what to do, before it serves anybody."""
    conf = fed.path(CHARITY, "node.conf")
    with open(conf, encoding="utf-8") as file:
        good = file.read()

    def check_with(old, new, status, *texts):
        with open(conf, "w", encoding="utf-8") as file:
            file.write(good.replace(old, new))
        says(program("upstander-node", "--config", conf, "--check"), status, *texts)

    check_with("", "", 0, "in order")
    check_with("    socket = node.sock", "    socket = node.sock\n    sokcet = x", 2, "node/sokcet")
    check_with("    keys = keys", "    keys = keys\n    keys = other", 2, "node/keys")
    check_with("    keys = keys", "    keys = nowhere", 1, "nowhere")
    check_with("    member = stop-hate-uk", "    member = nobody-here", 1, "does not name nobody-here",
               "signatory")
    check_with("    member = stop-hate-uk", "    member = leics-police", 1, "names other keys for leics-police")
    check_with("    roster = roster", "    roster = nowhere", 1, "there is no directory yet")
    check_with("        uid = ", "        uid = x", 2, "uid")
    check_with("take-reports", "take-report", 2, "roles")
    check_with("operators", "ceilings\n    police = all\noperators", 2, "ceilings/police")
    codes = shutil.copytree(federation.CODES, fed.path("codes"))
    at = f"    codes = \"{federation.CODES}\"", f"    codes = \"{codes}\""
    check_with(*at, 0, "in order")
    with open(os.path.join(codes, "strands.csv"), "a", encoding="utf-8") as file:
        file.write("2,STAR_SIGN,star sign,,,,\n")
    check_with(*at, 2, codes, "strands.csv: this program does not know STAR_SIGN")
    with open(os.path.join(codes, "outcomes.csv"), "w", encoding="utf-8") as file:
        file.write("# Source: nobody\n1,1,charged\n")
    check_with(*at, 2, codes, "outcomes.csv, line 2: not")
    os.remove(os.path.join(codes, "channels.csv"))
    check_with(*at, 1, "channels.csv")
    with open(conf, "w", encoding="utf-8") as file:
        file.write(good)
    keys = fed.path(CHARITY, "keys")
    os.chmod(keys, 0o644)
    says(program("upstander-node", "--config", conf, "--check"), 1, "chmod 600")
    os.chmod(keys, 0o600)
    phrase = fed.path("phrase")
    with open(phrase, "w", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        file.write("correct horse\n")
    fed.run("init", "locked", "--member", CHARITY, "--role", "charity", "--passphrase-file", phrase,
            "--stewards", fed.run("roster", "stewards", "roster").strip())
    shutil.copy(fed.path("roster"), fed.path("locked", "roster"))
    fed.settings_change("locked", "    store = store\n", f"    store = store\n    areas = \"{federation.AREAS}\"\n"
                        f"    codes = \"{federation.CODES}\"\n")
    conf = fed.path("locked", "node.conf")
    says(program("upstander-node", "--config", conf, "--check"), 1, "names other keys")  # so they were opened
    os.chmod(phrase, 0o644)
    says(program("upstander-node", "--config", conf, "--check"), 1, "chmod 600")
    fed.settings_change("locked", "    passphrase-file = ", "    # ")
    says(program("upstander-node", "--config", conf, "--check"), 1, "needs its passphrase")
    says(program("upstander-node", "--nonsense"), 2, "usage")
    says(program("upstander-node", "--help"), 0, "--config", "Exit status")
    says(program("upstander-broker", "--help"), 0, "--config", "Exit status")
    says(fed.at(CHARITY, "status", ok=False), 3, "is the node running?")


def locked(fed):
    """Two on one store, a store of other keys, an older directory."""
    conf = fed.path(CHARITY, "node.conf")
    says(program("upstander-node", "--config", conf), 1, "process",
         str(fed.processes[CHARITY].pid))
    fed.kill(CHARITY)
    keys = fed.path(CHARITY, "keys")
    with open(keys, "rb") as file:
        good = file.read()
    with open(keys, "wb") as file:  # the last 32 bytes are the store key (SPEC 2)
        file.write(good[:-1] + bytes([good[-1] ^ 1]))
    says(program("upstander-node", "--config", conf), 1, "another key file")
    with open(keys, "wb") as file:
        file.write(good)
    fed.start(CHARITY)
    fed.wait_connected(CHARITY)


# --- what comes in from people ----------------------------------------------------------------------

def bad_input(fed):
    before = fed.status(CHARITY).get("reports", 0)
    text = json.dumps(report(), indent=1)
    says(fed.at(CHARITY, "report", "-", text=text[:-9], ok=False), 1, "line ")
    says(fed.at(CHARITY, "report", "-", text=text.replace("RELIGION", "RELIGON"), ok=False), 1, "line ",
         "incident.strands[0].code")
    says(fed.at(CHARITY, "report", "-", text=text.replace('"placeKind"', '"plaseKind"'), ok=False), 1,
         "incident.(unknown)",
         f"line {text.splitlines().index(next(l for l in text.splitlines() if 'placeKind' in l)) + 1}")
    says(fed.at(CHARITY, "report", "-", text=text.replace("E06000016", "E06999999"), ok=False), 1,
         "incident.place")
    says(fed.at(CHARITY, "report", "-", text=text.replace("2026-11-03", "2026-13-03"), ok=False), 1,
         "incident.occurred")
    says(fed.at(CHARITY, "report", "-", text=json.dumps(report(urgent=True)), ok=False), 1, "ring 999 first",
         "01632 960000")
    for roles, members, text in (
            ([{"role": "POLICE", "entitlement": {"level": "IDENTIFIED"}, "expiresOn": "31/12/2020"}], [],
             "choice.roles[0].expiresOn"),
            ([{"role": "POLICE", "entitlement": {"level": "IDENTIFIED"}}] * 2, [], "choice.roles[1].role"),
            ([{"role": "POLICE", "entitlement": {"level": "IDENTIFIED"}}],
             [{"member": "leics-polcie", "entitlement": {"level": "WITHHELD"}}], "choice.members[0].member")):
        says(fed.at(CHARITY, "report", "-", text=json.dumps(report(choice={"roles": roles, "members": members})),
                    ok=False), 1, text)
    says(fed.at(CHARITY, "report", fed.path("nowhere"), ok=False), 1, "nowhere")
    check(fed.status(CHARITY).get("reports", 0) == before, "nothing of all that was saved")

    rows = [b'id,area,day\n', b'1,E06000016,2026-10-01\n', b'2,"E06000016,2026-10-02\n',
            b'3,E06000016,2026-02-30\n', b'4,NSA,2026-10-04\n']
    mapping = ("mapping 1\nbad area = NSA : no area\ncopy place.local_authority = area\n"
               "time occurred_from = day as YYYY-MM-DD\ncopy victim = id\nset channel = IMPORT\n"
               "strand OTHER otherwise\n")
    with open(fed.path("rows.csv"), "wb") as file:
        file.write(b"".join(rows[:2] + rows[3:]))
    with open(fed.path("broken.csv"), "wb") as file:
        file.write(b"".join(rows))
    with open(fed.path("rows.mapping"), "w", encoding="utf-8") as file:
        file.write(mapping)
    says(fed.at(CHARITY, "import", fed.path("rows.csv"), "--mapping", fed.path("rows.mapping"), ok=False), 1,
         "line 3, day", "line 4, area: no area", "nothing was saved")
    check(fed.status(CHARITY).get("reports", 0) == before, "nothing is imported by half")
    says(fed.at(CHARITY, "import", fed.path("broken.csv"), "--mapping", fed.path("rows.mapping"), ok=False), 1,
         "line 3", "nothing was saved")
    says(fed.at(CHARITY, "import", fed.path("rows.csv"), "--mapping", fed.path("rows.csv"), ok=False), 1,
         "mapping, line 1")
    done = fed.at(CHARITY, "import", fed.path("rows.csv"), "--mapping", fed.path("rows.mapping"), "--skip-bad",
                  fed.path("bad.csv"), ok=False)
    says(done, 0, "1 of 3 rows saved")
    with open(fed.path("bad.csv"), "rb") as file:
        bad = file.read()
    check(bad == b'why_not_imported,' + rows[0] + b'"line 3, day: not a date of the form that the mapping says",'
          + rows[3] + b'"line 4, area: no area",' + rows[4], "bad rows are kept as they stood, with reasons", bad)
    mended = bad.replace(b"2026-02-30", b"2026-02-28")
    with open(fed.path("mended.csv"), "wb") as file:
        file.write(mended)
    done = fed.at(CHARITY, "import", fed.path("mended.csv"), "--mapping", fed.path("rows.mapping"), "--skip-bad",
                  fed.path("bad.csv"), ok=False)
    says(done, 0, "1 of 2 rows saved")
    with open(fed.path("bad.csv"), "rb") as file:
        bad = file.read()
    check(bad == b'why_not_imported,' + rows[0] + b'"line 3, area: no area",' + rows[4],
          "what is mended is imported as it is; what is not is kept once more", bad)
    check(fed.status(CHARITY).get("reports", 0) == before + 2, "the good rows are saved")


def operators(fed):
    """Roles bind; what is seen is logged; only police give police numbers; nothing is queued twice."""
    ref = saved(fed)
    first = fed.call(CHARITY, "POST", f"/v1/reports/{ref}/send")
    again = fed.call(CHARITY, "POST", f"/v1/reports/{ref}/send")
    check(first[0] == 200 and first[1].get("queued") == 1, "a report is queued", first)
    check(again[0] == 200 and not again[1].get("queued"), "sending twice queues nothing the second time", again)
    fed.wait("it arrived", lambda: states(fed, ref) == ["delivered"], (CHARITY, "hub", FORCE))
    line = fed.ask(FORCE, "inbox")["lines"][-1]
    fed.at(FORCE, "show", line["ref"])
    audit = fed.at(FORCE, "audit")
    check("received-viewed" in audit and line["ref"] in audit and "demo-operator" in audit,
          "who looked at what stands in the log", audit[-400:])
    check("planted story" not in audit and "Example Person" not in audit, "the log holds no report")
    says(fed.at(CHARITY, "recorded", ref, "26*1", ok=False), 1, "only a police member")
    fed.at(FORCE, "recorded", line["ref"], "26*000102")
    fed.wait("the number came back", lambda: states(fed, ref) == ["recorded"], (CHARITY, FORCE))
    folder = fed.path("out")
    fed.at(FORCE, "export", folder)
    texts = {}
    for path in glob.glob(os.path.join(folder, "*.txt")):
        with open(path, encoding="utf-8") as file:
            texts[path] = file.read()
        check(os.stat(path).st_mode & 0o777 == 0o600, "exported files are for their owner only")
    check(texts and all("EXERCISE" in text and "SAFETY FIRST" in text.split("Narrative")[0]
                        for text in texts.values()), "exported texts put safety first and say EXERCISE")
    fed.at(FORCE, "export", fed.path("out2"))
    check(not glob.glob(fed.path("out2", "*.json")), "each is exported once")

    fed.settings_change(COUNCIL, "take-reports, approve, keys, audit", "read-only")
    fed.kill(COUNCIL)
    fed.start(COUNCIL)
    fed.wait_connected(COUNCIL)
    says(fed.at(COUNCIL, "report", "-", text=json.dumps(report()), ok=False), 1, "take-reports", "operators")
    says(fed.at(COUNCIL, "audit", ok=False), 1, "audit")
    check(fed.call(COUNCIL, "POST", "/v1/export/done", {"refs": []})[0] == 403,
          "who may only read marks nothing as exported")
    check(fed.call(COUNCIL, "GET", "/v1/export")[0] == 403, "nor takes an export")
    fed.settings_change(COUNCIL, "uid = ", "uid = 9")
    fed.kill(COUNCIL)
    fed.start(COUNCIL)
    fed.wait("a stranger is refused", lambda: "operators" in fed.at(COUNCIL, "status", ok=False).stderr)
    fed.settings_change(COUNCIL, "uid = 9", "uid = ")
    fed.settings_change(COUNCIL, "read-only", "take-reports, approve, keys, audit")
    fed.kill(COUNCIL)
    fed.start(COUNCIL)
    fed.wait_connected(COUNCIL)


# --- the world around -------------------------------------------------------------------------------

def broker_away(fed):
    """What is accepted meanwhile goes out when the broker is back, also after the node was killed."""
    fed.kill("hub")
    ref = saved(fed)
    fed.at(CHARITY, "send", ref, "--yes")
    check(states(fed, ref) == ["stored"], "saved here while the broker is away", states(fed, ref))
    fed.wait("the status says it", lambda: not fed.status(CHARITY).get("connected"))
    said = fed.at(CHARITY, "status", ok=False)
    says(said, 1, "broker")
    fed.kill(CHARITY)
    fed.start(CHARITY)
    fed.start("hub")
    fed.wait("the node is back", lambda: fed.status(CHARITY))
    fed.wait("it arrived", lambda: states(fed, ref) == ["delivered"], (CHARITY, "hub", FORCE))


def clocks(fed):
    """A clock that is wrong, a directory that ran out: said, and nothing is lost."""
    for number in range(5):  # enough for a release to the council, once the quarter is over
        body = report()
        body["incident"]["identity"]["name"] = f"Example Person {number}"
        ref = saved(fed, body)
        fed.at(CHARITY, "send", ref, "--yes")
    fed.wait("they arrived", lambda: states(fed, ref) == ["delivered"], (CHARITY, "hub", FORCE))
    grouped = ref
    held = count(fed, FORCE)
    fed.kill(CHARITY)
    fed.start(CHARITY, program=FAULTY_NODE, env={"CLOCK_OFFSET_S": str(95 * DAY_S)})
    fed.wait("the node is back", lambda: fed.status(CHARITY))
    fed.wait("the clock is said to be wrong",
             lambda: "clock" in fed.at(CHARITY, "status", ok=False).stdout, (CHARITY,))
    said = fed.at(CHARITY, "status", ok=False)
    says(said, 1, "RAN OUT", "clock", "set it right")
    ref = saved(fed)
    fed.at(CHARITY, "send", ref, "--yes")
    fed.kill(CHARITY)
    fed.start(CHARITY, program=FAULTY_NODE, env={"CLOCK_OFFSET_S": str(125 * DAY_S)})
    fed.wait("the node is back", lambda: fed.status(CHARITY))
    other = saved(fed)
    says(fed.at(CHARITY, "send", other, "--yes", ok=False), 1, "directory ran out", "signatory")
    check(count(fed, FORCE) == held, "a node with a wrong clock delivers nothing")
    check(states(fed, grouped, COUNCIL) == ["held"], "a quarter is not closed by a wrong clock",
          states(fed, grouped, COUNCIL))
    fed.kill(CHARITY)
    fed.start(CHARITY)
    fed.wait_connected(CHARITY)
    fed.wait("with the right clock it goes out", lambda: states(fed, ref) == ["delivered"], (CHARITY, "hub"))


def revoked(fed):
    """Out of the directory while connected: nothing more to it, told to the operator, taken up when it is back."""
    fed.run("roster", "revoke", "roster", "--member", FORCE)
    said = fed.run("roster", "sign", "roster", "--key", "s1/keys", ok=False)
    says(said, 1, "AREA CUT OFF", "--really")
    fed.sign("--really")
    fed.at(CHARITY, "roster", "install", "roster")
    ref = saved(fed)
    fed.at(CHARITY, "send", ref, "--yes")
    check(not states(fed, ref), "a member that was revoked is not told", states(fed, ref))
    says(fed.at(CHARITY, "roster", "install", "roster", ok=False), 1, "not older")


# --- disks ------------------------------------------------------------------------------------------

def disk_full(fed):
    """A full disk: said, nothing acknowledged; when there is room again it goes on by itself."""
    held = count(fed, FORCE)
    full = fed.path("full")
    fed.kill(FORCE)
    fed.start(FORCE, program=FAULTY_NODE, env={"DISK_FULL_IF": full})
    fed.wait_connected(FORCE)
    with open(full, "w", encoding="utf-8"):
        pass
    says(fed.at(FORCE, "report", "-", text=json.dumps(report()), ok=False), 1, "disk is full")
    refs = [saved(fed) for _ in range(3)]
    for ref in refs:
        fed.at(CHARITY, "send", ref, "--yes")
    fed.wait("the broker has them", lambda: all(states(fed, r) == ["accepted"] for r in refs), (CHARITY, "hub"))
    fed.wait("the full disk is told of", lambda: "disk is full" in fed.log(FORCE), (FORCE,))
    says(fed.at(FORCE, "status", ok=False), 1, "disk is full")
    check(all(states(fed, r) == ["accepted"] for r in refs), "nothing is acknowledged that is not on disk")
    os.remove(full)
    fed.wait("with room again they arrive", lambda: all(states(fed, r) == ["delivered"] for r in refs),
             (CHARITY, "hub", FORCE))
    check(count(fed, FORCE) == held + 3, "each once", count(fed, FORCE))

    fed.kill("hub")
    fed.start("hub", program=FAULTY_BROKER, env={"DISK_FULL_IF": full})
    fed.wait_connected(CHARITY)
    with open(full, "w", encoding="utf-8"):
        pass
    ref = saved(fed)
    fed.at(CHARITY, "send", ref, "--yes")
    check(fed.processes["hub"].wait(timeout=federation.WAIT_S) == 1 and "free the disk" in fed.log("hub"),
          "a broker whose disk is full stops and says so", fed.log("hub")[-400:])
    fed.processes.pop("hub")
    check(states(fed, ref) == ["stored"], "what it could not keep stays here", states(fed, ref))
    os.remove(full)
    fed.start("hub")
    fed.wait("it goes out when there is room", lambda: states(fed, ref) == ["delivered"], (CHARITY, "hub", FORCE))
    check(count(fed, FORCE) == held + 4, "each once still", count(fed, FORCE))


def openapi(fed):
    done = subprocess.run([sys.executable, os.path.join(ROOT, "tests/e2e/openapi.py")], text=True, check=False,
                          capture_output=True, env={**os.environ, "SOCKET": fed.path(COUNCIL, "node.sock")})
    print("".join(line + "\n" for line in done.stdout.splitlines()[:-1]), end="")
    ok, bad = done.stdout.splitlines()[-1].split(",") if done.stdout else ("0 passed", "1 failed")
    PASSED.extend(["openapi"] * int(ok.split()[0]))
    FAILED.extend(["openapi"] * int(bad.split()[0]))
    check(int(ok.split()[0]) > 50, "the API's own document was checked", done.stderr[-300:])


def stop(fed):
    codes = fed.stop_all()
    check(set(codes.values()) == {0}, "SIGTERM stops each cleanly", codes)
    for place in ["hub"] + [m for m, *_ in MEMBERS]:
        log = fed.log(place)
        check("planted story" not in log and "Example Person" not in log, f"no report in the log of {place}")
        check("ERROR: AddressSanitizer" not in log and "runtime error" not in log, f"no fault in the log of {place}",
              log[-1500:])


def main():
    fed = federation.Federation(MEMBERS)
    try:
        fed.set_up()
        settings(fed)
        fed.start_all()
        for part in (locked, bad_input, operators, openapi, broker_away, clocks, disk_full, revoked, stop):
            part(fed)
    finally:
        fed.remove()
    print(f"{len(PASSED)} passed, {len(FAILED)} failed")
    return bool(FAILED)


if __name__ == "__main__":
    sys.exit(main())
