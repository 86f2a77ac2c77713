#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Golden files against reader.py, reader.py against the C code, and what both must refuse. README.md tells more.

BIN_TESTS names the folder of the built test programs.
"""
import filecmp
import glob
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import reader as r  # noqa: E402: beside this file

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "golden")
SCHEMA = os.path.join(HERE, "..", "..", "proto", "schema")
PROGRAMS = os.path.join(os.environ.get("BIN_TESTS", "build/asan/tests"), "vectors")
NOW = 1800000000
PASSPHRASE = "a long pass phrase of £5".encode()
BATCH = ["incident-disclosure", "second-disclosure", "release", "status-update", "statistics-return",
         "empty-body", "without-contact", "without-characteristic", "without-suspect", "without-place"]
RECEIPT = ["delivery-receipt", "refused"]

types = r.parse_schema(SCHEMA)
passed = failed = 0


def verdict(name, good, detail=""):
    global passed, failed
    passed, failed = passed + bool(good), failed + (not good)
    if not good:
        print(f"FAILED: {name} {detail}")


def golden(name):
    with open(os.path.join(GOLDEN, name), "rb") as file:
        return file.read()


def refusal(function, *arguments):
    """The rule by which it was refused; empty when it was not."""
    try:
        function(*arguments)
    except r.Refused as refused:
        return str(refused)
    return ""


def flip(data, at):
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]


# --- the generator --------------------------------------------------------------------------------

def tree(folder):
    return sorted(os.path.relpath(os.path.join(at, name), folder)
                  for at, _, names in os.walk(folder) for name in names)


def check_generator():
    with tempfile.TemporaryDirectory() as folder:
        made = subprocess.run([os.path.join(PROGRAMS, "make_vectors"), os.path.join(HERE, "source"), folder],
                              capture_output=True, text=True)
        verdict("the generator runs", made.returncode == 0, made.stderr)
        names = tree(folder)
        verdict("the generator writes the committed files, no more, no fewer",
                names and names == tree(GOLDEN), set(names) ^ set(tree(GOLDEN)))
        _, differ, lost = filecmp.cmpfiles(folder, GOLDEN, names, shallow=False)
        verdict("generator output equals the committed files", not differ and not lost, differ + lost)


# --- messages -------------------------------------------------------------------------------------

def messages():
    """(type name, name, bytes) of every golden message."""
    for path in sorted(glob.glob(os.path.join(GOLDEN, "*", "*.bin"))):
        kind, name = os.path.relpath(path, GOLDEN).split(os.sep)
        yield kind, name.removesuffix(".bin"), golden(os.path.join(kind, name))


def fields_of(message, values, into):
    for field in message.fields.values():
        if field.name in values:
            into.add((message.name, field.name))
            if field.kind == "message":
                for value in values[field.name] if field.repeated else [values[field.name]]:
                    fields_of(field.type, value, into)


def reachable(message, into):
    for field in message.fields.values():
        into.add((message.name, field.name))
        if field.kind == "message":
            reachable(field.type, into)


# what only a verifier fills in (SPEC 5a)
NEVER_IN_BYTES = {("Roster", "agreements"), ("Agreement", "signed_by"), ("Agreement", "suspended_by")}


def check_messages():
    seen, wanted = set(), set()
    for kind, name, data in messages():
        text = golden(f"{kind}/{name}.json").decode()
        values = r.decode(types[kind], data)
        fields_of(types[kind], values, seen)
        reachable(types[kind], wanted)
        verdict(f"{kind}/{name}: packed again", r.encode(types[kind], values) == data)
        verdict(f"{kind}/{name}: its JSON, byte for byte", r.to_json(types[kind], values) == text)
        verdict(f"{kind}/{name}: read from JSON", r.encode(types[kind], r.from_json(types[kind], text)) == data)
    wanted -= NEVER_IN_BYTES
    verdict("every field of what crosses the wire stands in a golden file", wanted and wanted == seen, wanted - seen)
    bodies = {f.name for f in types["Frame"].fields.values()}
    kinds = {name for kind, _, data in messages() if kind == "Frame" for name in r.decode(types[kind], data)}
    verdict("a frame of each kind", bodies == kinds, bodies - kinds)


def spoiled(kind, data):
    """(what, bytes) that SPEC 1 refuses, made from a good message."""
    message = types[kind]
    yield "cut by a byte", data[:-1]
    yield "a trailing byte", data + b"\0"
    yield "an unknown field", data + r._varint_bytes(1000 << 3) + b"\1"
    yield "a long varint", bytes([data[0] | 0x80, 0]) + data[1:]
    yield "a varint of 71 bits", data[:1] + b"\xff" * 10 + b"\1"
    yield "another wire type", bytes([data[0] & 0x78 | 5]) + bytes(4)
    values = r.decode(message, data)
    for field in message.by_number():
        if field.name in values and not field.repeated:
            again = r.encode(message, {field.name: values[field.name]})
            if again:
                yield f"{field.name} twice", data + again
        if field.kind == "string":
            head = r._varint_bytes(field.number << 3 | 2)
            rest = r.encode(message, {k: v for k, v in values.items() if k != field.name})
            for bad in (b"a\0b", b"\xc0\x80", b"\xed\xa0\x80", b"\xff"):
                yield f"{field.name} is {bad}", rest + head + bytes([len(bad)]) + bad
        if field.kind == "bool":
            rest = r.encode(message, {k: v for k, v in values.items() if k != field.name})
            yield f"{field.name} is 2", rest + r._varint_bytes(field.number << 3) + b"\2"


def loose(kind, data):
    """Other spellings of the same message that a reader takes: fields in reverse, scalars unpacked."""
    message, values, out = types[kind], r.decode(types[kind], data), b""
    for field in reversed(message.by_number()):
        one = {field.name: values[field.name]} if field.name in values else {}
        if field.repeated and r.WIRE[field.kind] != 2:
            for value in values.get(field.name, []):
                out += r._varint_bytes(field.number << 3 | r.WIRE[field.kind]) + r._value_bytes(field, value)
        else:
            out += r.encode(message, one)
    return out


# --- keys, roster, prekeys, envelopes -------------------------------------------------------------

def key_of(name):
    return r.keyfile_parse(golden(f"keys/{name}.key"))


def check_keys():
    for name, kind in (("a-force", r.NODE), ("broker-1", r.BROKER), ("steward-1", r.STEWARD)):
        opened, locked = key_of(name), golden(f"keys/{name}.locked.key")
        unlocked = r.keyfile_parse(locked, PASSPHRASE)
        verdict(f"{name}: kind and public keys", opened.kind == kind
                and opened.identity == golden(f"keys/{name}.identity")
                and (kind == r.STEWARD or opened.transport == golden(f"keys/{name}.transport")))
        verdict(f"{name}: the passphrase opens it to the same keys",
                (unlocked.kind, unlocked.body) == (kind, opened.body))
        verdict(f"{name}: another passphrase", refusal(r.keyfile_parse, locked, PASSPHRASE + b"x"))
        verdict(f"{name}: none", refusal(r.keyfile_parse, locked))
        verdict(f"{name}: trailing bytes", refusal(r.keyfile_parse, locked + b"x", PASSPHRASE)
                and refusal(r.keyfile_parse, golden(f"keys/{name}.key") + b"x"))
        verdict(f"{name}: a flipped byte", refusal(r.keyfile_parse, flip(locked, len(locked) - 1), PASSPHRASE))


def the_roster():
    return r.roster_open(types, golden("SignedRoster/signed.bin"), golden("stewards.digest"))


def check_roster():
    data, pinned, content = golden("SignedRoster/signed.bin"), golden("stewards.digest"), golden("Roster/roster.bin")
    signers = [key_of("steward-3"), key_of("steward-1")]
    roster = the_roster()
    verdict("the signed roster opens", len(roster["members"]) == 3 and len(roster["stewards"]) == 3)
    verdict("signed again, byte for byte", r.roster_sign(types, content, signers) == data)
    verdict("other stewards confirmed", "confirmed" in refusal(r.roster_open, types, data, flip(pinned, 0)))
    verdict("without signatures", "threshold" in
            refusal(r.roster_open, types, golden("SignedRoster/unsigned.bin"), pinned))
    verdict("one steward twice", "threshold" in
            refusal(r.roster_open, types, r.roster_sign(types, content, signers[:1] * 2), pinned))
    for index in range(2):
        signed = r.decode(types["SignedRoster"], data)
        for at in range(0, 64, 9):
            signed["signatures"][index]["signature"] = flip(signed["signatures"][index]["signature"], at)
            verdict(f"signature {index}, byte {at} flipped", "threshold" in
                    refusal(r.roster_open, types, r.encode(types["SignedRoster"], signed), pinned))
            signed["signatures"][index]["signature"] = flip(signed["signatures"][index]["signature"], at)
    signed = r.decode(types["SignedRoster"], data)
    verdict("any byte of the roster flipped", all(
        refusal(r.roster_open, types, r.encode(types["SignedRoster"],
                                               dict(signed, roster=flip(content, at))), pinned)
        for at in range(len(content))))
    verdict("not newer than the one held", "higher" in refusal(r.roster_open, types, data, None, roster))


def check_agreements(roster):
    opened = r.agreements_open(types, roster)
    verdict("agreements bind those parties that signed", [(a["id"], who) for a, who in opened] == [
        ("charity-police", ["a-force", "b-charity"]), ("police-council", ["a-force"])], opened)
    for number, name in enumerate(("charity-police", "police-council")):
        signed = roster["signed_agreements"][number]
        body, digest = golden(f"Agreement/{name}.bin"), golden(f"SignedAgreement/{name}.digest")
        verdict(f"{name}: its digest", r.blake2b(r.agreement_signed(roster, body)) == digest)
        for signature in signed["signatures"]:
            member = signature["member"]
            verdict(f"{name}: signed by {member} again, byte for byte", r.ed25519_sign(
                r.agreement_signed(roster, body), key_of(member).identity_secret) == signature["signature"])

    def signers(change, **more):
        changed = dict(roster, signed_agreements=[change(roster["signed_agreements"][0])], **more)
        return r.agreements_open(types, changed)[0][1]

    whole = signers(dict)
    verdict("an agreement by itself binds both", whole == ["a-force", "b-charity"], whole)
    body = roster["signed_agreements"][0]["agreement"]
    for at in range(0, len(body), 7):
        try:
            bound = signers(lambda signed: dict(signed, agreement=flip(body, at)))  # noqa: B023
        except r.Refused:
            bound = []
        verdict(f"any byte flipped: {at}", bound == [])
    verdict("in another federation", signers(dict, federation=bytes(16)) == [])
    verdict("without a signature", signers(lambda signed: dict(signed, signatures=signed["signatures"][1:])) ==
            ["b-charity"])
    verdict("an agreement outside of signed bytes",
            "outside" in refusal(r.roster_check, dict(roster, agreements=[{"id": "x"}])))
    notice = r.decode(types["Message"], golden("Message/agreement.bin"))["agreement"]
    verdict("the notice names the agreement", notice["digest"] == golden("SignedAgreement/charity-police.digest"))


def check_prekeys(roster):
    for name in ("a-force", "b-charity"):
        prekey = r.decode(types["SignedPrekey"], golden(f"SignedPrekey/{name}.bin"))
        r.prekey_check(roster, prekey)
        verdict(f"prekey of {name}: signed again, byte for byte", prekey["signature"] ==
                r.ed25519_sign(r.prekey_signed(roster, prekey), key_of(name).identity_secret))
        verdict(f"prekey of {name}: its secret", prekey["key"] ==
                r.x25519_public(golden(f"SignedPrekey/{name}.secret")))
        verdict(f"prekey of {name}: a changed one", all("verify" in refusal(r.prekey_check, roster, changed) for changed in (
            dict(prekey, key=flip(prekey["key"], 3)), dict(prekey, signature=flip(prekey["signature"], 60)),
            dict(prekey, member="a-force" if name == "b-charity" else "b-charity"),
            dict(prekey, valid_from_s=prekey["valid_from_s"] + 1, valid_until_s=prekey["valid_until_s"] + 1))))
        verdict(f"prekey of {name}: eight days", refusal(
            r.prekey_check, roster, dict(prekey, valid_until_s=prekey["valid_until_s"] + 86400)))
        for change in ({"exercise": False}, {"federation": flip(roster["federation"], 0)}):
            verdict(f"prekey of {name}: another federation",
                    "verify" in refusal(r.prekey_check, dict(roster, **change), prekey))


def spoiled_envelopes(data, key, secret):
    """(what, rule that must refuse it, bytes) from a good envelope."""
    header, sealed = r.envelope_split(data)
    _, batch, signature = r.envelope_unseal(types, data, key, secret)
    envelope = types["Envelope"]
    for at in range(len(header)):
        yield f"header byte {at}", "", r.encode(envelope, {"header": flip(header, at), "sealed": sealed})
    values = r.decode(types["EnvelopeHeader"], header)
    changes = {"id": flip(values["id"], 5), "urgent": not values.get("urgent", False),
               "expires_at_s": values["expires_at_s"] - 3600,
               "sender": "a-force" if values["sender"] == "b-charity" else "b-charity"}
    for field, value in changes.items():
        changed = r.encode(types["EnvelopeHeader"], dict(values, **{field: value}))
        yield f"another {field}", "verify", r.encode(envelope, {"header": changed, "sealed": sealed})
    for at in list(range(0, len(sealed), 509)) + [len(sealed) - 1]:
        yield f"sealed byte {at}", "open", r.encode(envelope, {"header": header, "sealed": flip(sealed, at)})
    for at in range(64):
        yield f"signature byte {at}", "verify", r.envelope_pack(types, header, batch, flip(signature, at), key)
    for at in range(0, len(batch), 97):
        yield f"batch byte {at}", "verify", r.envelope_pack(types, header, flip(batch, at), signature, key)
    yield "a short signature", "verify", r.envelope_pack(types, header, batch, signature[:63], key)
    for what, rest in (("a byte", b"\0"), ("a field", b"\x18\1"), ("the header again", data[:2 + len(header)])):
        yield f"trailing: {what}", "trailing", data + rest
    yield "sealed before header", "order", data[2 + len(header):] + data[:2 + len(header)]
    yield "a long length", "shortest", data[:1] + bytes([data[1] | 0x80, 0]) + data[2:]
    yield "another size", "length", r.encode(envelope, {"header": header, "sealed": sealed[:-1]})
    inner = r.encode(types["SignedBatch"], {"batch": batch, "signature": signature})
    for what, plain in (("an unknown field inside", inner + b"\x18\1"),
                        ("a field twice inside", inner + b"\x12\0"),
                        ("a trailing byte inside", inner + b"\0")):
        yield what, " ", r.encode(envelope, {"header": header, "sealed": r.box_seal(r.pad(plain), key)})
    unpadded = bytes(len(sealed) - 48)
    yield "no padding", "padding", r.encode(envelope, {"header": header, "sealed": r.box_seal(unpadded, key)})


def check_envelopes(roster):
    for name, sender, recipient, contents, size in (("batch", "b-charity", "a-force", BATCH, 16384),
                                                    ("receipt", "a-force", "b-charity", RECEIPT, 4096)):
        data = golden(f"Envelope/{name}.bin")
        prekey = r.decode(types["SignedPrekey"], golden(f"SignedPrekey/{recipient}.bin"))
        key, secret = prekey["key"], golden(f"SignedPrekey/{recipient}.secret")
        values, batch = r.envelope_open(types, data, roster, recipient, key, secret, NOW)
        wanted = [golden(f"Message/{m}.bin") for m in contents]
        verdict(f"{name}: opens to its messages", batch["messages"] == wanted and values["sender"] == sender)
        header, packed, signature = r.envelope_unseal(types, data, key, secret)
        verdict(f"{name}: sealed size", len(r.envelope_split(data)[1]) == size)
        verdict(f"{name}: header again, byte for byte", header == golden(f"EnvelopeHeader/{name}.bin") == r.encode(
            types["EnvelopeHeader"], {"id": values["id"], "sender": sender, "recipient": recipient,
                                      "expires_at_s": 1801209600 if name == "batch" else 1800090000,
                                      "prekey_id": r.blake2b(key)[:8], "urgent": name == "batch"}))
        verdict(f"{name}: batch again, byte for byte", packed == golden(f"Batch/{name}.bin") == r.encode(
            types["Batch"], {"roster_version": 7, "messages": wanted}))
        verdict(f"{name}: signed again, byte for byte", signature == r.ed25519_sign(
            r.envelope_signed(roster, header, packed, key), key_of(sender).identity_secret))
        plain = r.box_seal_open(r.envelope_split(data)[1], key, secret)
        verdict(f"{name}: padded again, byte for byte", plain == r.pad(
            r.encode(types["SignedBatch"], {"batch": packed, "signature": signature})))
        for what, rule, changed in spoiled_envelopes(data, key, secret):
            why = refusal(r.envelope_open, types, changed, roster, recipient, key, secret, NOW)
            verdict(f"{name}, {what}: must be refused", why and rule in why, why)
        other = "b-charity" if recipient == "a-force" else "a-force"
        other_key = r.decode(types["SignedPrekey"], golden(f"SignedPrekey/{other}.bin"))["key"]
        other_secret = golden(f"SignedPrekey/{other}.secret")
        for what, arguments in (
                ("another recipient", (roster, other, key, secret, NOW)),
                ("another prekey", (roster, recipient, other_key, other_secret, NOW)),
                ("another prekey's secret", (roster, recipient, key, other_secret, NOW)),
                ("after its expiry", (roster, recipient, key, secret, values["expires_at_s"] + 1)),
                ("too long before it", (roster, recipient, key, secret, values["expires_at_s"] - 14 * 86400 - 3601)),
                ("a live federation", (dict(roster, exercise=False), recipient, key, secret, NOW)),
                ("another federation", (dict(roster, federation=bytes(16)), recipient, key, secret, NOW)),
                ("no sender", (dict(roster, members=[m for m in roster["members"] if m["id"] != sender]),
                               recipient, key, secret, NOW))):
            verdict(f"{name}, {what}: must be refused", refusal(r.envelope_open, types, data, *arguments))
    receipt = r.decode(types["Message"], golden("Message/delivery-receipt.bin"))["delivery_receipt"]
    verdict("the receipt's digest is that of the message", receipt["digest"] ==
            r.blake2b(golden("Message/incident-disclosure.bin")))


# --- what reader.py makes, read by the C code -----------------------------------------------------

class Requests:
    """Lines for check_vectors, each with what its answer must start with."""

    def __init__(self, folder):
        self.folder, self.lines, self.count = folder, [], 0

    def file(self, data):
        self.count += 1
        path = os.path.join(self.folder, str(self.count))
        with open(path, "wb") as file:
            file.write(data)
        return path

    def ask(self, name, answer, word, *arguments):
        """Bytes become files."""
        words = [a if isinstance(a, str) else self.file(a) for a in arguments]
        self.lines.append((name, answer, " ".join([word] + words)))

    def run(self):
        text = "".join(line + "\n" for _, _, line in self.lines)
        ran = subprocess.run([os.path.join(PROGRAMS, "check_vectors")], input=text.encode(),
                             capture_output=True, cwd=self.folder)
        answers = ran.stdout.decode().splitlines()
        verdict("C: check_vectors ran to the end", ran.returncode == 0 and len(answers) == len(self.lines),
                ran.stderr.decode()[-2000:])
        for (name, wanted, _), answer in zip(self.lines, answers):
            exact = wanted.startswith("ok")
            verdict(f"C: {name}", answer == wanted if exact else answer.startswith(wanted), f"{answer} for {wanted}")


def fresh_roster(keys, stewards):
    force, charity, council = keys["force"], keys["charity"], keys["council"]
    member = {"role": 1, "areas": ["E23000021"], "hub": "hub-1", "status": r.ACTIVE}
    roster = {
        "federation": os.urandom(16), "name": "Städte", "exercise": True, "version": 1 << 40,
        "issued_at_s": NOW - 1, "expires_at_s": NOW + 1, "threshold": 2,
        "stewards": [{"name": f"s{i}", "key": s.identity} for i, s in enumerate(stewards)],
        "members": [dict(member, id="c-force", identity_key=force.identity, transport_key=force.transport),
                    dict(member, id="d-charity", role=4, identity_key=charity.identity,
                         transport_key=charity.transport, telephone_24h="01632 960998"),
                    dict(member, id="e-council", role=2, status=r.REVOKED, identity_key=council.identity,
                         transport_key=council.transport)],
        "hubs": [{"id": "hub-1", "brokers": [{"id": "b", "endpoint": "tcp://[::1]:1",
                                              "transport_key": keys["broker"].transport}]}],
        }
    roster["signed_agreements"] = [
        fresh_agreement(roster, {"id": "one-1", "from_role": 4, "to_role": 1, "k": 5, "valid_from": "2026-01-01",
                                 "ceiling": {"level": 5, "withheld": [1, 3]}},
                        {"d-charity": charity, "e-council": council, "c-force": force}),
        fresh_agreement(roster, {"id": "two-2", "from_members": ["c-force"], "to_role": 4, "window": 3, "kinds": ["release"],
                                 "valid_from": "2026-01-01", "ceiling": {"level": 3}, "publisher": "c-force",
                                 "standing": {"basis": 2, "entitlement": {"level": 3}}},
                        {"c-force": charity, "d-charity": charity})]
    return r.encode(types["Roster"], roster)


def fresh_agreement(roster, agreement, signers):
    """Signed by these keys, right or wrong."""
    body = r.encode(types["Agreement"], agreement)
    return {"agreement": body, "signatures": [
        {"member": member, "signature": r.ed25519_sign(r.agreement_signed(roster, body), key.identity_secret)}
        for member, key in signers.items()]}


def ask_about_keys(requests, keys):
    for name, key in keys.items():
        answer = f"ok {key.kind} {key.identity.hex()} {key.transport.hex()} {key.store.hex()}"
        locked = r.keyfile_format(key, PASSPHRASE)
        requests.ask(f"key file of {name}", answer, "keyfile", r.keyfile_format(key))
        requests.ask(f"key file of {name}, locked", answer, "keyfile", locked, PASSPHRASE.decode())
        requests.ask(f"key file of {name}, wrong passphrase", "refused: the key", "keyfile", locked, "x")


def wrongly_made(keys, header):
    """(what, rule, header, messages, signer): well signed, and yet to be refused."""
    one, signer = [golden("Message/empty-body.bin")], keys["charity"]
    for what, rule, change in (
            ("to another prekey's id", "prekey", {"prekey_id": flip(header["prekey_id"], 7)}),
            ("half an hour", "hour", {"expires_at_s": NOW + 1800}),
            ("an expiry that is past", "past", {"expires_at_s": NOW - NOW % 3600 - 3600}),
            ("an expiry too far ahead", "far", {"expires_at_s": NOW + 15 * 86400}),
            ("a short id", "length", {"id": bytes(15)}),
            ("a long prekey id", "length", {"prekey_id": header["prekey_id"] + b"x"}),
            ("no sender", "member", {"sender": ""}),
            ("a stranger", "member", {"sender": "x-stranger"}),
            ("a revoked sender", "member", {"sender": "e-council"}),
            ("a name in capitals", "member", {"sender": "D-charity"})):
        yield what, rule, dict(header, **change), one, signer
    yield "signed by another", "verify", header, one, keys["force"]
    yield "257 messages", "256", header, [b""] * 257, signer


def ask_about_envelopes(requests, roster, keys, prekey, secret):
    key = prekey["key"]
    for size, length in zip(r.SEALED, (0, 9000, 50000, 250000)):
        ending = r.encode(types["Message"], {"id": os.urandom(16), "incident_disclosure": {
            "incident": {"narrative": "é" * (length // 2)}}})
        contents = [golden("Message/empty-body.bin"), ending]
        header = r.header_make("d-charity", "c-force", key, NOW + 14 * 86400)
        data = r.envelope_seal(types, roster, keys["charity"], dict(header, urgent=size == 4096), key, contents)
        verdict(f"a sealed size of {size}", len(r.envelope_split(data)[1]) == size)
        digests = " ".join(r.blake2b(m).hex() for m in contents)
        requests.ask(f"an envelope of {size}", f"ok d-charity {int(size == 4096)} {digests}", "envelope", data, "c-force")
        if size > 16384:
            continue
        requests.ask("for another recipient", "refused", "envelope", data, "d-charity")
        for what, _, changed in spoiled_envelopes(data, key, secret):
            requests.ask(f"an envelope of {size}, {what}", "refused", "envelope", changed, "c-force")
    for what, rule, header, contents, signer in wrongly_made(keys, r.header_make("d-charity", "c-force", key, NOW)):
        data = r.envelope_seal(types, roster, signer, header, key, contents)
        why = refusal(r.envelope_open, types, data, roster, "c-force", key, secret, NOW)
        verdict(f"an envelope, {what}: must be refused", why and rule in why, why)
        requests.ask(f"an envelope, {what}", "refused", "envelope", data, "c-force")


def check_against_c():
    keys = {name: r.KeyFile(kind, os.urandom(96 if kind != r.STEWARD else 32).ljust(96, b"\0"))
            for name, kind in (("force", r.NODE), ("charity", r.NODE), ("council", r.NODE), ("broker", r.BROKER), ("s1", r.STEWARD),
                               ("s2", r.STEWARD), ("s3", r.STEWARD))}
    stewards = [keys[s] for s in ("s1", "s2", "s3")]
    content = fresh_roster(keys, stewards)
    roster = r.decode(types["Roster"], content)
    pinned = r.stewards_digest(roster)
    signed = r.roster_sign(types, content, stewards[:2])
    r.roster_open(types, signed, pinned)
    with tempfile.TemporaryDirectory() as folder:
        requests = Requests(folder)
        ask_about_keys(requests, keys)
        requests.ask("a roster", f"ok {1 << 40} one-1=d-charity,c-force two-2=d-charity", "roster", signed, pinned)
        requests.ask("a roster, other stewards", "refused: fewer", "roster", signed, flip(pinned, 1))
        requests.ask("a roster, one signature", "refused: fewer", "roster",
                     r.roster_sign(types, content, stewards[:1]), pinned)
        requests.ask("a roster, a stranger's signature", "refused: fewer", "roster",
                     r.roster_sign(types, content, [stewards[0], keys["force"]]), pinned)
        requests.ask("a roster, a flipped signature", "refused: fewer", "roster", flip(signed, len(signed) - 1), pinned)
        prekey, secret = r.prekey_make(roster, "c-force", keys["force"], NOW - 5)
        for field, value in (("key", flip(prekey["key"], 0)), ("signature", flip(prekey["signature"], 0)),
                             ("member", "d-charity")):
            requests.ask(f"a prekey, another {field}", "refused: a signature", "prekey",
                         r.encode(types["SignedPrekey"], dict(prekey, **{field: value})), secret)
        requests.ask("a prekey", "ok", "prekey", r.encode(types["SignedPrekey"], prekey), secret)
        ask_about_envelopes(requests, roster, keys, prekey, secret)
        for kind, name, data in messages():
            text = golden(f"{kind}/{name}.json")
            answer = f"ok {r.blake2b(data).hex()} {r.blake2b(text).hex()}"
            requests.ask(f"{kind}/{name}", answer, kind, data)
            requests.ask(f"{kind}/{name}, spelt otherwise", answer, kind, loose(kind, data))
            verdict(f"{kind}/{name}, spelt otherwise", r.encode(
                types[kind], r.decode(types[kind], loose(kind, data))) == data)
            for what, changed in spoiled(kind, data):
                requests.ask(f"{kind}/{name}, {what}", "refused", kind, changed)
                verdict(f"{kind}/{name}, {what}: must be refused", refusal(r.decode, types[kind], changed))
        requests.run()


def main():
    check_generator()
    check_messages()
    check_keys()
    check_roster()
    roster = the_roster()
    check_agreements(roster)
    check_prekeys(roster)
    check_envelopes(roster)
    check_against_c()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
