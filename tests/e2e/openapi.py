#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Holds a running node against deploy/openapi.json: every path, method, status and property of the document.

SOCKET names the node's socket. Saves one report there, so give it a node made for tests. What is asked for and
comes back must be in the document: status, content type, and a body that fits its schema (required, types, enum
values, no other property). What the document does not allow must be refused as it says.
"""
import http.client
import json
import os
import re
import socket
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOCKET = os.environ.get("SOCKET", "node.sock")
with open(os.path.join(ROOT, "deploy/openapi.json"), encoding="utf-8") as file:
    DOCUMENT = json.load(file)

REPORT = {
    "incident": {
        "entitlement": {"level": "IDENTIFIED"},
        "strands": [{"code": "RACE"}],
        "types": ["VERBAL_ABUSE"],
        "placeKind": "STREET",
        "place": {"localAuthority": "E06000016"},
        "contactRule": "NONE",
        "occurredFrom": "2026-10-03",
        "reportedAt": "2026-10-04",
        "channel": "TELEPHONE",
    },
    "reportedBefore": "NO",
}
BODIES = {
    "addReport": REPORT,
    "addImport": {"name": "t.csv", "csv": "eA==", "mapping": "not a mapping"},
    "recordItem": {"policeReference": "TEST/1"},
    "markExported": {"refs": []},
    "forward": {"member": "nobody-here"},
    "addOverride": {"member": "nobody-here", "reason": "x", "purpose": "x", "endsOn": "2026-01-01", "justification": "x",
                    "personTold": "NO"},
    "reviewOverride": {"note": "x"},
    "installRoster": {"signedRoster": "AAAA"},
}
# Those that a fresh node with a roster must answer with success; the others need mail or a true mapping.
MUST_WORK = {"addReport", "listReports", "showReport", "previewReport", "sendReport", "listSent", "listInbox",
             "listExport", "markExported", "showStatus", "listAudit", "showApi"}


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(30)
        self.sock.connect(SOCKET)


def ask(method, path, body=None, content_type="application/json"):
    connection = Connection("localhost")
    headers = {"Content-Type": content_type} if body is not None else {}
    connection.request(method, path, body=body, headers=headers)
    reply = connection.getresponse()
    data = reply.read()
    connection.close()
    return reply.status, reply.headers, data


def resolve(node):
    while "$ref" in node:
        target = DOCUMENT
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def misfits(value, schema, where="body"):
    """What in a value does not fit its schema, as sentences."""
    schema = resolve(schema)
    kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
    kind = schema.get("type")
    found = []
    if kind and (not isinstance(value, kinds[kind]) or (kind == "integer" and isinstance(value, bool))):
        return [f"{where} is no {kind}"]
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where} has a value that is not in the enum")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{where} does not match its pattern")
    if "minimum" in schema and value < schema["minimum"]:
        found.append(f"{where} is below its minimum")
    if kind == "array":
        for i, item in enumerate(value):
            found += misfits(item, schema.get("items", {}), f"{where}[{i}]")
    if kind == "object":
        properties = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                found.append(f"{where}.{name} is required and missing")
        for name, item in value.items():
            if name in properties:
                found += misfits(item, properties[name], f"{where}.{name}")
            elif schema.get("additionalProperties") is False:
                found.append(f"{where}.{name} is not in the document")
    return found


class Count:
    passed = 0
    failed = 0


def check(name, problems):
    if problems:
        Count.failed += 1
        print(f"FAILED: {name}: " + "; ".join(problems[:5]))
    else:
        Count.passed += 1


def fits(operation, status, headers, data):
    """Is this answer one that the operation's part of the document allows?"""
    responses = operation["responses"]
    if str(status) not in responses:
        return [f"status {status} is not in the document"]
    response = resolve(responses[str(status)])
    content = response.get("content", {})
    kind = headers.get("Content-Type", "").split(";")[0]
    found = [f"no header {name}" for name in response.get("headers", {}) if name not in headers]
    if kind not in content:
        return found + [f"content type {kind} is not in the document"]
    try:
        value = json.loads(data)
    except ValueError:
        return found + ["the body is not JSON"]
    if status >= 400 and value.get("status") != status:
        found.append("the problem states another status")
    return found + misfits(value, content[kind]["schema"])


def fill(path, ref):
    return path.replace("{ref}", ref).replace("{id}", "NO-SUCH")


def main():
    # the checker itself: it must find what it is for
    check("a missing property is found", [] if misfits({}, {"type": "object", "required": ["a"]}) else ["no"])
    check("an unknown property is found",
          [] if misfits({"b": 1}, {"type": "object", "additionalProperties": False}) else ["no"])
    check("a wrong type is found", [] if misfits(True, {"type": "integer"}) else ["no"])

    ref = "NO-SUCH"
    order = sorted(DOCUMENT["paths"].items(), key=lambda item: (item[0] != "/v1/reports", item[0]))
    problem = {"responses": {code: {"$ref": "#/components/responses/" + name} for code, name in (
        ("400", "Malformed"), ("404", "NotFound"), ("413", "TooLarge"), ("415", "WrongType"))}}
    for path, methods in order:
        for method, operation in sorted(methods.items(), key=lambda item: item[0] != "post"):
            name = operation["operationId"]
            target = fill(path, ref)
            body = json.dumps(BODIES[name]) if name in BODIES else None
            status, headers, data = ask(method.upper(), target, body)
            found = fits(operation, status, headers, data)
            if name in MUST_WORK and status >= 300:
                found.append(f"answered {status}: {data[:200]!r}")
            check(f"{method.upper()} {target}", found)
            if name == "addReport" and status == 201:
                ref = json.loads(data)["ref"]
                check("Location names the report", [] if headers["Location"] == f"/v1/reports/{ref}" else ["no"])
            if "application/json" in operation.get("requestBody", {}).get("content", {}):
                status, headers, data = ask(method.upper(), target, "x", "text/plain")
                found = [] if status == 415 else [f"answered {status}"]
                check(f"{method.upper()} {target} as text", found + fits(operation, status, headers, data))
                status, headers, data = ask(method.upper(), target, "{")
                found = [] if status == 400 else [f"answered {status}"]
                check(f"{method.upper()} {target}, broken", found + fits(operation, status, headers, data))
                status, headers, data = ask(method.upper(), target, '{"noSuchField":1}')
                found = [] if status == 422 else [f"answered {status}"]
                check(f"{method.upper()} {target}, unknown field", found + fits(operation, status, headers, data))
            else:
                status, headers, data = ask(method.upper(), target + "?colour=red")
                found = [] if status == 400 else [f"answered {status}"]
                check(f"{method.upper()} {target}?colour", found + fits(operation, status, headers, data))
        for method in sorted({"get", "post", "put", "delete", "patch"} - set(methods)):
            status, headers, _ = ask(method.upper(), fill(path, ref))
            allowed = {word.strip().lower() for word in headers.get("Allow", "").split(",")}
            found = [] if status == 405 else [f"answered {status}"]
            if allowed != set(methods):
                found.append(f"Allow says {sorted(allowed)}")
            check(f"{method.upper()} {path} is refused", found)
    for target in ("/", "/v1", "/v1/nothing", "/v1/reports/", "/v1/reports/a/b/c", "/v1/reports/%2e%2e"):
        status, headers, data = ask("GET", target)
        check(f"GET {target}", ([] if status == 404 else [f"answered {status}"])
              + fits(problem, status, headers, data))
    for parameters in ("offset=0&limit=1", "offset=1000000"):
        status, headers, data = ask("GET", "/v1/reports?" + parameters)
        check(f"pages: {parameters}", fits(DOCUMENT["paths"]["/v1/reports"]["get"], status, headers, data)
              + ([] if len(json.loads(data).get("reports", [])) <= 1 else ["more than asked for"]))
    print(f"{Count.passed} passed, {Count.failed} failed")
    return 1 if Count.failed else 0


if __name__ == "__main__":
    sys.exit(main())
