# SPDX-License-Identifier: MIT
"""A second implementation of proto/SPEC.md, written from that text and proto/schema/*.proto alone.

Standard library and libsodium only; nothing of ours in C and no generated code is behind it. It reads and
writes messages, canonical JSON, key files, prekeys, rosters and envelopes. check.py puts it to the test.
"""
import base64
import ctypes
import ctypes.util
import glob
import json
import os
import re


class Refused(Exception):
    """The bytes are not what SPEC.md allows; the text names the rule."""


def need(condition, rule):
    if not condition:
        raise Refused(rule)


# --- libsodium ------------------------------------------------------------------------------------

_sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
if _sodium.sodium_init() < 0:
    raise OSError("libsodium does not start")


def _call(name, *arguments):
    """Numbers are passed as 64-bit unsigned: every length in libsodium's C interface is one."""
    converted = [ctypes.c_ulonglong(a) if isinstance(a, int) else a for a in arguments]
    return getattr(_sodium, name)(*converted)


def blake2b(data, length=32):
    out = ctypes.create_string_buffer(length)
    _call("crypto_generichash", out, length, data, len(data), None, 0)
    return out.raw


def argon2id(passphrase, salt):
    out = ctypes.create_string_buffer(32)
    need(_call("crypto_pwhash", out, 32, passphrase, len(passphrase), salt, 2, 64 * 1024 * 1024,
               ctypes.c_int(2)) == 0, "Argon2id: out of memory")
    return out.raw


def secretbox_open(box, nonce, key):
    out = ctypes.create_string_buffer(max(len(box) - 16, 1))
    need(_call("crypto_secretbox_open_easy", out, box, len(box), nonce, key) == 0,
         "the passphrase does not open this")
    return out.raw[:len(box) - 16]


def secretbox(plain, nonce, key):
    out = ctypes.create_string_buffer(len(plain) + 16)
    _call("crypto_secretbox_easy", out, plain, len(plain), nonce, key)
    return out.raw


def ed25519_keys(seed):
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(64)
    _call("crypto_sign_seed_keypair", public, secret, seed)
    return public.raw, secret.raw


def ed25519_sign(data, secret):
    out = ctypes.create_string_buffer(64)
    _call("crypto_sign_detached", out, None, data, len(data), secret)
    return out.raw


def ed25519_verify(signature, data, public):
    return len(signature) == 64 and len(public) == 32 and \
        _call("crypto_sign_verify_detached", signature, data, len(data), public) == 0


def x25519_public(secret):
    out = ctypes.create_string_buffer(32)
    _call("crypto_scalarmult_base", out, secret)
    return out.raw


def box_seal(plain, public):
    out = ctypes.create_string_buffer(len(plain) + 48)
    _call("crypto_box_seal", out, plain, len(plain), public)
    return out.raw


def box_seal_open(sealed, public, secret):
    out = ctypes.create_string_buffer(len(sealed) - 48)
    need(_call("crypto_box_seal_open", out, sealed, len(sealed), public, secret) == 0,
         "the key does not open this")
    return out.raw


# --- the schema, from its text --------------------------------------------------------------------

class Field:
    def __init__(self, number, name, kind, repeated, oneof):
        self.number, self.name, self.kind = number, name, kind
        self.repeated, self.oneof = repeated, oneof
        self.type = None  # of a message: Message, of an enum: Enum
        parts = name.split("_")
        self.json = parts[0] + "".join(p[:1].upper() + p[1:] for p in parts[1:])


class Message:
    def __init__(self, name):
        self.name, self.fields = name, {}

    def by_number(self):
        return [self.fields[number] for number in sorted(self.fields)]


class Enum:
    def __init__(self, name):
        self.name, self.numbers, self.names = name, {}, {}


VARINTS = ("bool", "uint32", "sint32", "int32", "uint64", "sint64", "int64", "enum")
WIRE = {"fixed64": 1, "sfixed64": 1, "fixed32": 5, "sfixed32": 5, "string": 2, "bytes": 2,
        "message": 2, **dict.fromkeys(VARINTS, 0)}


def parse_schema(folder):
    """All types of a folder of .proto files, by name ("Strand", "Strand.Code")."""
    types = {}

    def block(tokens, at, scope, message, oneof):
        """Declarations up to the closing brace; where it ended."""
        while at < len(tokens) and tokens[at] != "}":
            word = tokens[at]
            if word in ("syntax", "package", "import"):
                at = tokens.index(";", at) + 1
            elif word in ("message", "enum"):
                name = ".".join(scope + [tokens[at + 1]])
                types[name] = made = (Message if word == "message" else Enum)(name)
                inner = enum_block if word == "enum" else block
                at = inner(tokens, at + 3, scope + [tokens[at + 1]], made, None)
            elif word == "oneof":
                at = block(tokens, at + 3, scope, message, tokens[at + 1])
            else:
                repeated = word == "repeated"
                at += repeated
                kind, name, equals, number, end = tokens[at:at + 5]
                if (equals, end) != ("=", ";"):
                    raise ValueError(f"not a field: {tokens[at:at + 5]}")
                field = Field(int(number), name, kind, repeated, oneof)
                field.scope = scope
                message.fields[field.number] = field
                at += 5
        return at + 1

    def enum_block(tokens, at, _scope, enum, _oneof):
        while tokens[at] != "}":
            name, _equals, number, _end = tokens[at:at + 4]
            enum.numbers[name], enum.names[int(number)] = int(number), name
            at += 4
        return at + 1

    for path in sorted(glob.glob(os.path.join(folder, "*.proto"))):
        with open(path, encoding="utf-8") as file:
            text = re.sub(r"//[^\n]*", "", file.read())
        block(re.findall(r'"[^"]*"|[\w.]+|[{}=;]', text), 0, [], None, None)
    for message in [t for t in types.values() if isinstance(t, Message)]:
        for field in message.fields.values():
            for depth in range(len(field.scope), -1, -1):
                found = types.get(".".join(field.scope[:depth] + [field.kind]))
                if found and field.kind not in WIRE:
                    field.type = found
                    field.kind = "enum" if isinstance(found, Enum) else "message"
            if field.kind not in WIRE:
                raise ValueError(f"{message.name}.{field.name}: unknown type {field.kind}")
    return types


# --- bytes (SPEC 1) -------------------------------------------------------------------------------

LEVELS_MAX = 8
FIELDS_MAX = 65536


class _Scan:
    def __init__(self, data):
        self.data, self.at, self.fields = data, 0, 0

    def count(self):
        self.fields += 1
        need(self.fields <= FIELDS_MAX, "more than 65,536 fields")

    def take(self, length, end):
        need(length <= end - self.at, "a length past the end")
        self.at += length
        return self.data[self.at - length:self.at]

    def varint(self, end):
        value = shift = 0
        while True:
            byte = self.take(1, end)[0]
            value |= (byte & 0x7f) << shift
            if byte < 0x80:
                need(byte or not shift, "a varint longer than its shortest form")
                need(value < 1 << 64, "a varint over 64 bits")
                return value
            shift += 7
            need(shift < 70, "a varint over 64 bits")


def _from_varint(kind, value):
    if kind == "bool":
        need(value <= 1, "a bool other than 0 and 1")
        return value == 1
    if kind in ("uint32", "sint32"):
        need(value < 1 << 32, "a value outside the field's type")
    if kind in ("int32", "enum", "int64"):
        value -= (value >> 63) << 64
        need(kind == "int64" or -(1 << 31) <= value < 1 << 31, "a value outside the field's type")
    if kind in ("sint32", "sint64"):
        value = (value >> 1) ^ -(value & 1)
    return value


def _scalar(scan, field, end):
    if WIRE[field.kind] == 0:
        return _from_varint(field.kind, scan.varint(end))
    width = 8 if WIRE[field.kind] == 1 else 4
    return int.from_bytes(scan.take(width, end), "little", signed=field.kind[0] == "s")


def _message(scan, message, end, level):
    need(level <= LEVELS_MAX, "more than 8 levels")
    out, given = {}, set()
    while scan.at < end:
        scan.count()
        tag = scan.varint(end)
        need(tag < 1 << 32 and tag >> 3, "not a field number")
        field = message.fields.get(tag >> 3)
        need(field, "an unknown field")
        if not field.repeated:
            once = field.oneof or field.name
            need(once not in given, "a singular field given twice")
            given.add(once)
        wire = WIRE[field.kind]
        if tag & 7 == 2 and wire != 2 and field.repeated:
            stop = scan.varint(end)
            need(stop <= end - scan.at, "a length past the end")
            stop += scan.at
            values = out.setdefault(field.name, [])
            while scan.at < stop:
                scan.count()
                values.append(_scalar(scan, field, stop))
            continue
        need(tag & 7 == wire, "another wire type than the field's")
        if wire != 2:
            value = _scalar(scan, field, end)
        else:
            length = scan.varint(end)
            need(length <= end - scan.at, "a length past the end")
            if field.kind == "message":
                value = _message(scan, field.type, scan.at + length, level + 1)
            else:
                value = scan.take(length, end)
        if field.kind == "string":
            try:
                value = value.decode("utf-8")
            except UnicodeDecodeError:
                raise Refused("text that is not UTF-8") from None
            need("\0" not in value, "text that holds a NUL")
        if field.repeated:
            out.setdefault(field.name, []).append(value)
        else:
            out[field.name] = value
    return out


def decode(message, data):
    """A dictionary of the fields that were there, by the schema's names."""
    scan = _Scan(data)
    return _message(scan, message, len(data), 1)


def _varint_bytes(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def _value_bytes(field, value):
    kind = field.kind
    if WIRE[kind] in (1, 5):
        return value.to_bytes(8 if WIRE[kind] == 1 else 4, "little", signed=kind[0] == "s")
    if WIRE[kind] == 0:
        if kind in ("sint32", "sint64"):
            value = -2 * value - 1 if value < 0 else 2 * value
        return _varint_bytes(int(value) & (1 << 64) - 1)
    if kind == "message":
        value = encode(field.type, value)
    elif kind == "string":
        value = value.encode("utf-8")
    return _varint_bytes(len(value)) + value


def is_set(field, value):
    """What canonical bytes and canonical JSON carry."""
    if field.repeated:
        return len(value) > 0
    return field.kind == "message" or field.oneof is not None or value not in (0, "", b"")


def encode(message, values):
    """Canonical bytes: fields by number, what is not set left out, repeated scalars packed."""
    out = b""
    for field in message.by_number():
        value = values.get(field.name)
        if value is None or not is_set(field, value):
            continue
        wire = WIRE[field.kind]
        if field.repeated and wire != 2:
            packed = b"".join(_value_bytes(field, v) for v in value)
            out += _varint_bytes(field.number << 3 | 2) + _varint_bytes(len(packed)) + packed
            continue
        for single in value if field.repeated else [value]:
            out += _varint_bytes(field.number << 3 | wire) + _value_bytes(field, single)
    return out


# --- JSON (SPEC 7) --------------------------------------------------------------------------------

WIDE = ("int64", "uint64", "sint64", "fixed64", "sfixed64")
ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _text_json(text):
    return '"' + "".join(ESCAPES.get(c) or (f"\\u{ord(c):04X}" if c < " " else c) for c in text) + '"'


def _value_json(field, value):
    if field.kind == "message":
        return to_json(field.type, value)
    if field.kind == "string":
        return _text_json(value)
    if field.kind == "bytes":
        return '"' + base64.b64encode(value).decode() + '"'
    if field.kind == "bool":
        return "true" if value else "false"
    if field.kind == "enum":
        name = field.type.names.get(value)
        return f'"{name}"' if name else str(value)
    return f'"{value}"' if field.kind in WIDE else str(value)


def to_json(message, values):
    parts = []
    for field in message.by_number():
        value = values.get(field.name)
        if value is None or not is_set(field, value):
            continue
        if field.repeated:
            text = "[" + ",".join(_value_json(field, v) for v in value) + "]"
        else:
            text = _value_json(field, value)
        parts.append(f'"{field.json}":{text}')
    return "{" + ",".join(parts) + "}"


def _pairs(pairs):
    need(len({key for key, _ in pairs}) == len(pairs), "a key given twice")
    return dict(pairs)


RANGE = {"int32": (-1 << 31, 1 << 31), "sint32": (-1 << 31, 1 << 31), "uint32": (0, 1 << 32),
         "int64": (-1 << 63, 1 << 63), "uint64": (0, 1 << 64), "fixed64": (0, 1 << 64)}


def _value_from(field, value):
    kind = field.kind
    if kind == "message":
        return _object_from(field.type, value)
    if kind == "bool":
        need(isinstance(value, bool), "not true or false")
        return value
    if kind == "enum":
        if isinstance(value, str):
            need(value in field.type.numbers, "no such value")
            return field.type.numbers[value]
        need(type(value) is int and value in field.type.names, "no such value")
        return value
    if kind in ("string", "bytes"):
        need(isinstance(value, str), "not a text")
        if kind == "string":
            need(not re.search("[\0\ud800-\udfff]", value), "text that holds a NUL or half a pair")
            return value
        try:
            raw = base64.b64decode(value, validate=True)
        except ValueError:
            raise Refused("not base64") from None
        need(base64.b64encode(raw).decode() == value, "not base64")
        return raw
    if isinstance(value, str):
        need(re.fullmatch(r"-?[0-9]+" if RANGE[kind][0] else r"[0-9]+", value) and len(value) <= 20,
             "not a whole number")
        value = int(value)
    need(type(value) is int and RANGE[kind][0] <= value < RANGE[kind][1], "not a number that fits")
    return value


def _object_from(message, values):
    need(isinstance(values, dict), "not an object")
    out, given = {}, set()
    for key, value in values.items():
        field = next((f for f in message.by_number() if key in (f.json, f.name)), None)
        need(field, "an unknown key")
        need(field.name not in given, "a field given twice")
        given.add(field.name)
        if value is None:
            continue
        if field.oneof:
            need(("oneof", field.oneof) not in given, "two of one oneof")
            given.add(("oneof", field.oneof))
        if field.repeated:
            need(isinstance(value, list), "not a list")
            out[field.name] = [_value_from(field, v) for v in value]
        else:
            out[field.name] = _value_from(field, value)
    return out


def from_json(message, text):
    try:
        values = json.loads(text, object_pairs_hook=_pairs)
    except ValueError:
        raise Refused("not JSON") from None
    return _object_from(message, values)


# --- signatures and key files (SPEC 2) ------------------------------------------------------------

def tagged(tag, body):
    return tag.encode() + b"\0" + body


NODE, BROKER, STEWARD = 1, 2, 3
MAGIC = b"UPSTANDERKEYS1"


class KeyFile:
    def __init__(self, kind, body):
        self.kind, self.body = kind, body
        self.identity, self.identity_secret = ed25519_keys(body[:32])
        self.transport_secret, self.store = body[32:64], body[64:]
        self.transport = x25519_public(self.transport_secret) if kind != STEWARD else bytes(32)


def keyfile_parse(data, passphrase=b""):
    need(len(data) >= 16 and data[:14] == MAGIC and data[14] in (NODE, BROKER, STEWARD),
         "not a key file")
    if data[15] == 0:
        need(len(data) == 16 + 96, "a key file of another length")
        return KeyFile(data[14], data[16:])
    need(data[15] == 1 and len(data) == 16 + 16 + 24 + 16 + 96, "a key file of another length")
    need(passphrase, "a passphrase is needed")
    return KeyFile(data[14], secretbox_open(data[56:], data[32:56], argon2id(passphrase, data[16:32])))


def keyfile_format(keyfile, passphrase=b""):
    head = MAGIC + bytes([keyfile.kind])
    if not passphrase:
        return head + b"\0" + keyfile.body
    salt, nonce = os.urandom(16), os.urandom(24)
    return head + b"\1" + salt + nonce + secretbox(keyfile.body, nonce, argon2id(passphrase, salt))


# --- the roster (SPEC 5) --------------------------------------------------------------------------

ROSTER_TAG = "upstander/roster/1"
ROLES = range(1, 6)
ACTIVE, LEAVING, REVOKED = 1, 2, 3
AREA = re.compile(r"[EWSN][0-9]{8}")
MEMBER = re.compile(r"[a-z][a-z0-9-]{2,31}")
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _once(values, what):
    need(len(set(values)) == len(values), f"{what} stands there twice")


def _areas_check(item):
    need(all(AREA.fullmatch(area) for area in item.get("areas", [])), "an area is not an ONS code")


def roster_check(roster):
    stewards, members = roster.get("stewards", []), roster.get("members", [])
    need(len(roster.get("federation", b"")) == 16, "the federation's id is not 16 bytes")
    need(roster.get("version", 0) > 0, "no version")
    need(roster.get("issued_at_s", 0) < roster.get("expires_at_s", 0), "it expires before it is issued")
    need(len(members) <= 4096 and len(roster.get("signed_agreements", [])) <= 4096, "too many")
    need("agreements" not in roster, "an agreement outside of signed bytes")
    need(1 <= roster.get("threshold", 0) <= len(stewards) <= 16, "threshold and stewards")
    need(all(len(s.get("key", b"")) == 32 for s in stewards), "a key is not 32 bytes")
    _once([s["key"] for s in stewards], "a steward")
    for member in members:
        need(MEMBER.fullmatch(member.get("id", "")), "a member's id")
        need(member.get("role", 0) in ROLES, "an unknown role")
        need(member.get("status", 0) in (ACTIVE, LEAVING, REVOKED), "an unknown status")
        _areas_check(member)
        for key in ("identity_key", "transport_key"):
            need(len(member.get(key, b"")) == 32, "a key is not 32 bytes")
    for key in ("id", "identity_key", "transport_key"):
        _once([m[key] for m in members], "an id or a key")
    for hub in roster.get("hubs", []):
        need(all(len(b.get("transport_key", b"")) == 32 for b in hub.get("brokers", [])),
             "a key is not 32 bytes")


# --- agreements (SPEC 5a) -------------------------------------------------------------------------

AGREEMENT_TAG = "upstander/agreement/1"
AGREEMENT_ID = re.compile(r"[A-Za-z0-9-]{1,63}")
KINDS = ("incident", "release", "statistics", "action")


def agreement_check(agreement):
    need(AGREEMENT_ID.fullmatch(agreement.get("id", "")), "an agreement's id")
    for side in ("from", "to"):
        role, members = agreement.get(side + "_role", 0), agreement.get(side + "_members", [])
        need(role in ROLES or (role == 0 and members), "an unknown role, or no party")
        need(all(MEMBER.fullmatch(m) for m in members), "a party's id")
    need("ceiling" in agreement, "no ceiling")
    _areas_check(agreement)
    for key in ("valid_from", "review_on", "ends_on"):
        date = agreement.get(key, "")
        need(DATE.fullmatch(date) or (date == "" and key != "valid_from"), "a date")
    need(all(kind in KINDS for kind in agreement.get("kinds", [])), "an unknown kind")
    need(MEMBER.fullmatch(agreement.get("publisher", "any")), "the publisher's id")
    need(agreement.get("window", 0) in range(4), "an unknown window")
    if "standing" in agreement:
        standing = agreement["standing"]
        need(standing.get("basis", 0) in (1, 2) and "entitlement" in standing, "a standing basis is named")
        need(standing["entitlement"].get("level", 0) <= 3, "a standing basis above a release")
    need("signed_by" not in agreement and "suspended_by" not in agreement, "a field that only a verifier fills")


def _is_side(agreement, side, member):
    role, members = agreement.get(side + "_role", 0), agreement.get(side + "_members", [])
    return role in (0, member["role"]) and (not members or member["id"] in members)


def agreement_signed(roster, body):
    return tagged(AGREEMENT_TAG, roster["federation"] + body)


def agreements_open(types, roster):
    """Each agreement with the ids of its parties whose signature holds, in the order of the signatures."""
    found = []
    for signed in roster.get("signed_agreements", []):
        body = signed.get("agreement", b"")
        agreement = decode(types["Agreement"], body)
        agreement_check(agreement)
        need(agreement["id"] not in [other["id"] for other, _ in found], "an agreement's id stands there twice")
        signers = []
        for signature in signed.get("signatures", []):
            member = next((m for m in roster.get("members", []) if m["id"] == signature.get("member")), None)
            if member and member["status"] != REVOKED and member["id"] not in signers and \
                    (_is_side(agreement, "from", member) or _is_side(agreement, "to", member)) and \
                    ed25519_verify(signature.get("signature", b""), agreement_signed(roster, body),
                                   member["identity_key"]):
                signers.append(member["id"])
        found.append((agreement, signers))
    return found


def stewards_digest(roster):
    return blake2b(bytes([roster["threshold"]]) + b"".join(s["key"] for s in roster["stewards"]))


def _signers(by, signed):
    """How many stewards of `by` signed, each counted once."""
    data = tagged(ROSTER_TAG, signed.get("roster", b""))
    return sum(any(s.get("steward") == steward["key"]
                   and ed25519_verify(s.get("signature", b""), data, steward["key"])
                   for s in signed.get("signatures", [])) for steward in by["stewards"])


def roster_open(types, data, pinned, held=None):
    need(len(data) <= 2 * 1024 * 1024, "too large")
    signed = decode(types["SignedRoster"], data)
    roster = decode(types["Roster"], signed.get("roster", b""))
    roster_check(roster)
    agreements_open(types, roster)
    need(_signers(roster, signed) >= roster["threshold"], "fewer signatures than the threshold")
    digest = stewards_digest(roster)
    if held is None:
        need(digest == pinned, "other stewards than those confirmed")
        return roster
    need(roster["federation"] == held["federation"], "another federation")
    need(roster.get("exercise", False) == held.get("exercise", False), "mixes exercise and live")
    need(roster["version"] > held["version"], "not a higher version")
    need(digest == stewards_digest(held) or _signers(held, signed) >= held["threshold"],
         "fewer signatures of the old stewards than the old threshold")
    return roster


def roster_sign(types, roster_bytes, keyfiles):
    data = tagged(ROSTER_TAG, roster_bytes)
    return encode(types["SignedRoster"], {"roster": roster_bytes, "signatures": [
        {"steward": k.identity, "signature": ed25519_sign(data, k.identity_secret)} for k in keyfiles]})


def find_active(roster, member):
    found = next((m for m in roster.get("members", []) if m["id"] == member), None)
    need(found and found["status"] != REVOKED, "no such member")
    return found


def _scope(roster):
    return roster["federation"] + bytes([roster.get("exercise", False)])


# --- prekeys (SPEC 4) -----------------------------------------------------------------------------

WEEK = 7 * 86400


def prekey_signed(roster, prekey):
    member = prekey["member"].encode()
    return tagged("upstander/prekey/1", _scope(roster) + bytes([len(member)]) + member + prekey["key"]
                  + prekey.get("valid_from_s", 0).to_bytes(8, "little", signed=True)
                  + prekey["valid_until_s"].to_bytes(8, "little", signed=True))


def prekey_check(roster, prekey):
    owner = find_active(roster, prekey.get("member", ""))
    need(len(prekey.get("key", b"")) == 32 and len(prekey.get("signature", b"")) == 64, "a length")
    start = prekey.get("valid_from_s", 0)
    need(start >= 0 and prekey.get("valid_until_s", 0) == start + WEEK, "not one week")
    need(ed25519_verify(prekey["signature"], prekey_signed(roster, prekey), owner["identity_key"]),
         "the signature does not verify")


def prekey_make(roster, member, keyfile, valid_from):
    """The SignedPrekey and its secret."""
    secret = os.urandom(32)
    prekey = {"member": member, "key": x25519_public(secret), "valid_from_s": valid_from,
              "valid_until_s": valid_from + WEEK}
    prekey["signature"] = ed25519_sign(prekey_signed(roster, prekey), keyfile.identity_secret)
    return prekey, secret


# --- envelopes (SPEC 3) ---------------------------------------------------------------------------

SEALED = (4096, 16384, 65536, 262144)
LIFE_MAX = 14 * 86400


def envelope_split(data):
    """Header and sealed, as they stand."""
    scan, parts = _Scan(data), []
    for number in (1, 2):
        need(scan.take(1, len(data)) == bytes([number << 3 | 2]), "not header and sealed, in that order")
        parts.append(scan.take(scan.varint(len(data)), len(data)))
    need(scan.at == len(data), "trailing bytes")
    need(len(parts[0]) <= 256 and len(parts[1]) in SEALED, "a length")
    return parts


def header_decode(types, data):
    header = decode(types["EnvelopeHeader"], data)
    need(len(header.get("id", b"")) == 16 and len(header.get("prekey_id", b"")) == 8, "a length")
    need(header.get("expires_at_s", 0) % 3600 == 0, "an expiry that is not a whole hour")
    need(all(MEMBER.fullmatch(header.get(who, "")) for who in ("sender", "recipient")), "a member's id")
    return header


def envelope_signed(roster, header, batch, prekey):
    return tagged("upstander/envelope/1", _scope(roster) + len(header).to_bytes(4, "little") + header
                  + len(batch).to_bytes(8, "little") + batch + prekey)


def pad(plain):
    for size in SEALED:
        if len(plain) + 1 <= size - 48:
            return plain + b"\x80" + bytes(size - 48 - len(plain) - 1)
    raise Refused("too large")


def unpad(padded):
    plain = padded.rstrip(b"\0")
    need(plain.endswith(b"\x80"), "no padding")
    return plain[:-1]


def envelope_unseal(types, data, key, secret):
    """Header as received, packed batch, signature; nothing verified yet."""
    header, sealed = envelope_split(data)
    inner = decode(types["SignedBatch"], unpad(box_seal_open(sealed, key, secret)))
    return header, inner.get("batch", b""), inner.get("signature", b"")


def envelope_open(types, data, roster, recipient, key, secret, now):
    """The header and the batch, both decoded."""
    header = header_decode(types, envelope_split(data)[0])
    need(header["recipient"] == recipient, "for another recipient")
    need(header["prekey_id"] == blake2b(key)[:8], "to another prekey")
    need(now <= header.get("expires_at_s", 0) <= now + LIFE_MAX + 3600, "an expiry that is past, or too far")
    sender = find_active(roster, header["sender"])
    header_bytes, batch, signature = envelope_unseal(types, data, key, secret)
    need(ed25519_verify(signature, envelope_signed(roster, header_bytes, batch, key),
                        sender["identity_key"]), "the signature does not verify")
    opened = decode(types["Batch"], batch)
    need(len(opened.get("messages", [])) <= 256, "more than 256 messages")
    return header, opened


def envelope_pack(types, header, batch, signature, key):
    """From the packed parts: pad, seal."""
    plain = encode(types["SignedBatch"], {"batch": batch, "signature": signature})
    return encode(types["Envelope"], {"header": header, "sealed": box_seal(pad(plain), key)})


def header_make(sender, recipient, key, expires):
    return {"id": os.urandom(16), "sender": sender, "recipient": recipient,
            "expires_at_s": -(-expires // 3600) * 3600, "prekey_id": blake2b(key)[:8]}


def envelope_seal(types, roster, keyfile, header, key, messages):
    header = encode(types["EnvelopeHeader"], header)
    batch = encode(types["Batch"], {"roster_version": roster["version"], "messages": messages})
    signature = ed25519_sign(envelope_signed(roster, header, batch, key), keyfile.identity_secret)
    return envelope_pack(types, header, batch, signature, key)
