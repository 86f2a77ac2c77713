# SPDX-License-Identifier: MIT
"""A whole federation on loopback in one folder: made with the command `upstander` as people would, then run.

For the demo and the end-to-end tests. BIN names the folder of the programs.
"""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.abspath(os.environ.get("BIN", os.path.join(ROOT, "build/release/bin")))
AREAS = os.path.join(ROOT, "deploy/areas/areas.csv")
CODES = os.path.join(ROOT, "deploy/codes")
WAIT_S = 120  # the longest that anything is waited for: loaded machines are slow, not wrong

LEICESTERSHIRE, NORTHAMPTONSHIRE = "E23000021", "E23000022"
MEMBERS = [  # id, role, name, areas
    ("leics-police", "police", "Leicestershire Police", [LEICESTERSHIRE]),
    ("northants-police", "police", "Northamptonshire Police", [NORTHAMPTONSHIRE]),
    ("leicester-council", "council", "Leicester City Council", ["E06000016"]),
    ("west-northants-council", "council", "West Northamptonshire Council", ["E06000062"]),
    ("north-northants-council", "council", "North Northamptonshire Council", ["E06000061"]),
    ("northants-governance", "governance", "Northamptonshire governance body", [NORTHAMPTONSHIRE]),
    ("stop-hate-uk", "charity", "Stop Hate UK", [LEICESTERSHIRE, NORTHAMPTONSHIRE]),
    ("stamp-it-out", "charity", "Stamp It Out", [LEICESTERSHIRE]),
]
AGREEMENTS = [  # from, to, at most
    ("charity", "police", "identified"),
    ("council", "police", "identified"),
    ("police", "police", "identified"),
    ("charity", "council", "anonymised"),
    ("police", "council", "anonymised"),
    ("charity", "governance", "counted"),
    ("police", "governance", "counted"),
    ("council", "governance", "counted"),
    ("charity", "charity", "pseudonymised"),
]


class Failed(Exception):
    """A command that did not do what it should, with all it said."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Local(http.client.HTTPConnection):
    """HTTP over a node's Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=WAIT_S)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(WAIT_S)
        self.sock.connect(self.path)


class Federation:
    """Folders s1..s3 (signatories), hub (broker) and one for each member."""

    def __init__(self, members=None, folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix="upstander-")
        self.members = members or MEMBERS
        self.processes = {}

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def run(self, *words, ok=True, text=None):
        """The command `upstander`; its standard output."""
        done = subprocess.run([os.path.join(BIN, "upstander"), *words], cwd=self.folder, text=True,
                              input=text, capture_output=True, check=False)
        if ok and done.returncode != 0:
            raise Failed(f"upstander {' '.join(words)}: exit status {done.returncode}\n"
                         f"{done.stdout}{done.stderr}")
        return done.stdout if ok else done

    def at(self, member, *words, **how):
        return self.run(*words, "--socket", self.path(member, "node.sock"), **how)

    def ask(self, member, *words):
        return json.loads(self.at(member, *words, "--json"))

    def call(self, member, method, path, body=None):
        """A request to a node's local API: (status, reply). OSError or HTTPException: no answer came."""
        local = Local(self.path(member, "node.sock"))
        try:
            local.request(method, path, body=None if body is None else json.dumps(body),
                          headers={"Content-Type": "application/json"})
            reply = local.getresponse()
            return reply.status, json.loads(reply.read() or b"{}")
        finally:
            local.close()

    # --- set-up -----------------------------------------------------------------------------------

    def set_up(self, name="Northford exercise", agreements=None, publishers=None):
        """Keys and settings of everybody; the directory drawn up, and signed by two of three. publishers: {police area:
        member} who make figures for councils and governance bodies; without them each makes its own."""
        stewards = [f"s{n}" for n in (1, 2, 3)]
        for n, steward in enumerate(stewards, 1):
            self.run("init", steward, "--steward", "--member", f"steward-{n}", "--name", f"Signatory {n}")
        self.run("roster", "new", "--name", name, "--exercise", "--threshold", "2", "--steward",
                 *[f"{s}/steward.json" for s in stewards], "--days", "90", "-o", "roster")
        pin = self.run("roster", "stewards", "roster").strip()
        self.run("init", "hub", "--broker", "--member", "hub-1", "--endpoint",
                 f"tcp://127.0.0.1:{free_port()}", "--stewards", pin)
        self.run("roster", "hub", "roster", "--hub", "hub", "--broker", "hub/broker.json")
        for number, (member, role, full_name, areas) in enumerate(self.members):
            self.run("init", member, "--member", member, "--role", role, "--name", full_name, "--stewards",
                     pin, "--operator", "demo-operator", "--telephone-24h", f"01632 9600{number:02d}")
            self.run("roster", "add", "roster", "--member", f"{member}/member.json", "--area", *areas,
                     "--hub", "hub")
        for sender, recipient, level in agreements or AGREEMENTS:
            own = {area: ["--publisher", member] for area, member in (publishers or {}).items()
                   if recipient in ("council", "governance")}
            for areas in ([area] for area in own) if own else [[LEICESTERSHIRE, NORTHAMPTONSHIRE]]:
                self.run("roster", "agreement", "roster", "--from", sender, "--to", recipient, "--area", *areas,
                         "--level", level, "--k", "5", "--retention-days", "365", "--contact",
                         "Information lead of the exercise", "--valid-from", "2026-01-01", "--review",
                         "2027-01-01", "--purpose", "hate-incident-reporting", *own.get(areas[0], []))
        self.agree()
        self.sign()
        for member, *_ in self.members:
            self.settings_change(member, "    store = store\n",
                                 f"    store = store\n    areas = \"{AREAS}\"\n    codes = \"{CODES}\"\n")

    def agree(self):
        """Each organisation signs a copy for itself; the signatures are brought together."""
        copies = []
        for member, *_ in self.members:
            copies.append(f"{member}/agreements")
            shutil.copy(self.path("roster"), self.path(copies[-1]))
            self.run("agreement", "sign", copies[-1], "--key", f"{member}/keys")
        self.run("agreement", "collect", "roster", *copies)

    def sign(self, *words):
        """Two of three (words: "--really"); then the directory is put into the folders (running nodes: roster install)."""
        for steward in ("s1", "s2"):
            self.run("roster", "sign", "roster", "--key", f"{steward}/keys", *words)
        for place in ["hub"] + [member for member, *_ in self.members]:
            if place not in self.processes:
                shutil.copy(self.path("roster"), self.path(place, "roster"))

    def settings_change(self, member, old, new):
        path = self.path(member, "node.conf")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        with open(path, "w", encoding="utf-8") as file:
            file.write(text.replace(old, new))

    # --- processes --------------------------------------------------------------------------------

    def start(self, place, session=False, program=None, before=(), env=None):
        """place: "hub", or a member's id. Its log goes to its folder. program: another than the usual; before: words
        that run it; env: more of the environment."""
        usual, config = (("upstander-broker", "broker.conf") if place == "hub"
                         else ("upstander-node", "node.conf"))
        with open(self.path(place, "log"), "ab") as log:
            self.processes[place] = subprocess.Popen(
                [*before, program or os.path.join(BIN, usual), "--config", self.path(place, config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder, start_new_session=session,
                env={**os.environ, **(env or {})})

    def start_all(self, session=False):
        for place in ["hub"] + [member for member, *_ in self.members]:
            if place not in self.processes:
                self.start(place, session)
        for member, *_ in self.members:
            self.wait_connected(member)

    def kill(self, place, number=signal.SIGKILL):
        process = self.processes.pop(place)
        process.send_signal(number)
        return process.wait(timeout=WAIT_S)

    def stop_all(self):
        for process in self.processes.values():
            process.terminate()
        codes = {place: process.wait(timeout=WAIT_S) for place, process in self.processes.items()}
        self.processes.clear()
        return codes

    def remove(self):
        self.stop_all()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self, place):
        with open(self.path(place, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    # --- waiting ----------------------------------------------------------------------------------

    def wait(self, what, condition, tail=()):
        """Until condition() is true; after WAIT_S it is an error that shows the ends of the logs."""
        end = time.monotonic() + WAIT_S
        while not condition():
            for place, process in self.processes.items():
                if process.poll() is not None:
                    raise Failed(f"{place} ended by itself:\n{self.log(place)[-2000:]}")
            if time.monotonic() > end:
                logs = "".join(f"\n--- {place}\n{self.log(place)[-1500:]}" for place in tail)
                raise Failed(f"after {WAIT_S} s still not: {what}{logs}")
            time.sleep(0.05)

    def status(self, member):
        """The node's status, or None while it does not answer."""
        done = self.at(member, "status", "--json", ok=False)
        return json.loads(done.stdout) if done.returncode in (0, 1) and done.stdout else None

    def wait_connected(self, member):
        self.wait(f"{member} is connected", lambda: (self.status(member) or {}).get("connected"),
                  ("hub", member))

    def wait_quiet(self, members=None):
        """Nothing waits in any outbox: all that was sent has arrived, with its receipt."""
        def quiet():
            states = [self.status(member) for member in members or [m for m, *_ in self.members]]
            return all(s and not any(s.get(key, 0) for key in (
                "outboxWaiting", "outboxUnderWay", "outboxCantBeSent")) for s in states)
        self.wait("every outbox is empty", quiet, list(self.processes))
