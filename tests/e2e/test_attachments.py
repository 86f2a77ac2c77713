#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A photo with a place and a camera in it goes in at a charity, comes out at the force without, and never reaches the
council; 20 MB go through in chunks while the broker is killed and started again."""
import json
import os
import signal
import struct
import sys
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/demo"))
import federation  # noqa: E402  pylint: disable=wrong-import-position

CHARITY, FORCE, COUNCIL = "stop-hate-uk", "leics-police", "leicester-council"
MEMBERS = [member for member in federation.MEMBERS if member[0] in (CHARITY, FORCE, COUNCIL)]
AGREEMENTS = [("charity", "police", "identified"), ("charity", "council", "pseudonymised")]
MARKER = b"51.5074N-planted-camera"
PASSED, FAILED = [], []


def check(good, what, more=""):
    (PASSED if good else FAILED).append(what)
    if not good:
        print(f"FAILED: {what}\n    {more}")


# --- files ------------------------------------------------------------------------------------------

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def noise(length, seed=1):
    """Bytes that don't compress, the same each time."""
    out, state = bytearray(), seed
    while len(out) < length:
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        out += struct.pack("<Q", state ^ state >> 29)
    return bytes(out[:length])


def png(width, height, pixels):
    """RGB, with the marker in a text chunk and as Exif."""
    raw = b"".join(b"\0" + pixels[row * width * 3:(row + 1) * width * 3] for row in range(height))
    exif = b"MM\0\x2a\0\0\0\x08\0\0\0\0\0\0" + MARKER
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
            chunk(b"tEXt", b"Comment\0" + MARKER) + chunk(b"eXIf", exif) +
            chunk(b"IDAT", zlib.compress(raw, 0)) + chunk(b"IEND", b""))


def jpeg():
    """Eight by eight grey pixels, with a camera, a place and a comment in it."""
    gps = struct.pack("<H", 2) + struct.pack("<HHI4s", 1, 2, 2, b"N\0\0\0") + struct.pack("<HHII", 2, 5, 3, 100)
    tiff = (b"II*\0" + struct.pack("<IH", 8, 2) + struct.pack("<HHII", 0x010F, 2, len(MARKER), 160) +
            struct.pack("<HHII", 0x8825, 4, 1, 60) + struct.pack("<I", 0)).ljust(60, b"\0") + gps
    tiff = tiff.ljust(100, b"\0") + struct.pack("<6I", 51, 1, 30, 1, 26, 1)
    exif = b"Exif\0\0" + tiff.ljust(160, b"\0") + MARKER

    def segment(kind, data):
        return bytes([0xFF, kind]) + struct.pack(">H", len(data) + 2) + data
    code = bytes([1] + [0] * 15) + b"\0"  # one code of one bit
    return (b"\xff\xd8" + segment(0xE1, exif) + segment(0xFE, MARKER) + segment(0xDB, b"\0" + b"\1" * 64) +
            segment(0xC0, struct.pack(">BHHB", 8, 8, 8, 1) + b"\1\x11\0") + segment(0xC4, b"\0" + code) +
            segment(0xC4, b"\x10" + code) + segment(0xDA, b"\1\1\0\0\x3f\0") + b"\x3f\xff\xd9")


def pixels_of(data):
    """The pixels of a PNG that our own program wrote: RGB of 8 bits."""
    at, idat, head = 8, b"", None
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            head = struct.unpack(">IIBBBBB", data[at + 8:at + 8 + length])
        elif kind == b"IDAT":
            idat += data[at + 8:at + 8 + length]
        at += 12 + length
    width, height, depth, colour = head[:4]
    check((depth, colour) == (8, 2), "pixels as they were: RGB of 8 bits", head)
    raw, stride, before, out = zlib.decompress(idat), width * 3, bytearray(width * 3), bytearray()
    for row in range(height):
        kind, line = raw[row * (stride + 1)], bytearray(raw[row * (stride + 1) + 1:(row + 1) * (stride + 1)])
        for i in range(stride):
            left, up = line[i - 3] if i >= 3 else 0, before[i]
            corner = before[i - 3] if i >= 3 else 0
            if kind == 1:
                line[i] = (line[i] + left) & 255
            elif kind == 2:
                line[i] = (line[i] + up) & 255
            elif kind == 3:
                line[i] = (line[i] + (left + up) // 2) & 255
            elif kind == 4:
                guess = left + up - corner
                near = min((abs(guess - v), n) for n, v in enumerate((left, up, corner)))[1]
                line[i] = (line[i] + (left, up, corner)[near]) & 255
        out += line
        before = line
    return width, height, bytes(out)


# --- the story --------------------------------------------------------------------------------------

def saved(fed):
    choice = {"roles": [{"role": "POLICE", "entitlement": {"level": "IDENTIFIED"}},
                        {"role": "COUNCIL", "entitlement": {"level": "PSEUDONYMISED"}}]}
    report = {"incident": {"strands": [{"code": "RACE"}], "types": ["GRAFFITI"], "narrative": "a photo is with it",
                           "place": {"localAuthority": "E06000016", "vintage": 2025}, "occurredFrom": "2026-11-03",
                           "reportedAt": "2026-11-04"}, "choice": choice}
    return json.loads(fed.at(CHARITY, "report", "-", "--json", text=json.dumps(report)))["ref"]


def write(fed, name, data):
    with open(fed.path(name), "wb") as file:
        file.write(data)
    return fed.path(name)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def received(fed, member):
    return fed.ask(member, "inbox").get("lines", [])


def shown(fed, member, ref):
    return fed.ask(member, "show", ref)


def photo(fed):
    pixels = noise(40 * 30 * 3)
    ref = saved(fed)
    said = fed.run("attach", ref, write(fed, "photo.png", png(40, 30, pixels)), "--socket",
                   fed.path(CHARITY, "node.sock"))
    check("attached, made anew" in said, "a photo is attached", said)
    fed.at(CHARITY, "attach", ref, write(fed, "photo.jpg", jpeg()))
    done = fed.at(CHARITY, "attach", ref, write(fed, "story.docx", b"PK\3\4 a document"), ok=False)
    check(done.returncode == 1 and "PDF" in done.stderr, "another kind is refused, with what to do", done.stderr)
    done = fed.at(CHARITY, "attach", ref, write(fed, "bad.png", png(40, 30, pixels)[:200]), ok=False)
    check(done.returncode == 1 and "not taken" in done.stderr, "half a photo is refused", done.stderr)
    fed.at(CHARITY, "send", ref, "--yes")
    done = fed.at(CHARITY, "attach", ref, fed.path("photo.png"), ok=False)
    check(done.returncode == 1 and "sent already" in done.stderr, "nothing is attached once it is sent", done.stderr)
    fed.wait("the force has the report", lambda: received(fed, FORCE), ("hub", FORCE))
    fed.wait_quiet([CHARITY, FORCE, COUNCIL])
    line = received(fed, FORCE)[0]
    text = fed.at(FORCE, "show", line["ref"])
    check("Attachment 1:" in text and "PNG" in text and "so far" not in text, "the force sees that it is all there", text)
    fed.at(FORCE, "attachment", line["ref"], "1", "--out", fed.path("out.png"))
    out = read(fed.path("out.png"))
    check(os.stat(fed.path("out.png")).st_mode & 0o777 == 0o600, "written for nobody else")
    check(MARKER in read(fed.path("photo.png")) and MARKER not in out, "place and camera are gone")
    check(pixels_of(out) == (40, 30, pixels), "and every pixel is there")
    done = fed.at(FORCE, "attachment", line["ref"], "1", "--out", fed.path("out.png"), ok=False)
    check(done.returncode == 1 and "already" in done.stderr, "no file is overwritten", done.stderr)
    fed.at(FORCE, "attachment", line["ref"], "2", "--out", fed.path("out.jpg"))
    out = read(fed.path("out.jpg"))
    check(MARKER in read(fed.path("photo.jpg")) and out[:2] == b"\xff\xd8" and MARKER not in out and
          b"Exif" not in out, "a JPEG comes without camera, place and comment", out[:60])
    done = fed.at(FORCE, "attachment", line["ref"], "3", "--out", fed.path("none.png"), ok=False)
    check(done.returncode == 1 and not os.path.exists(fed.path("none.png")), "there is no third one", done.stderr)
    council = received(fed, COUNCIL)
    check(len(council) == 1 and "attachments" not in shown(fed, COUNCIL, council[0]["ref"])["incident"],
          "the council has the report and no word of a photo", council)
    done = fed.at(COUNCIL, "attachment", council[0]["ref"], "1", "--out", fed.path("council.png"), ok=False)
    check(done.returncode == 1 and not os.path.exists(fed.path("council.png")), "nor the photo", done.stderr)
    for place in (CHARITY, FORCE, COUNCIL, "hub"):
        for folder, _, files in os.walk(fed.path(place)):
            for name in files:
                path = os.path.join(folder, name)
                check(not os.path.isfile(path) or MARKER not in read(path), f"the marker is nowhere at {place}", name)


def large(fed):
    """20 MB, with the broker killed while some of it is on its way."""
    width, height = 2640, 2640
    data = png(width, height, noise(width * height * 3, seed=7))
    check(len(data) > 20_000_000, "a file of 20 MB", len(data))
    ref = saved(fed)
    fed.at(CHARITY, "attach", ref, write(fed, "large.png", data))
    before = len(received(fed, FORCE))
    fed.at(CHARITY, "send", ref, "--yes")

    def parts():
        lines = received(fed, FORCE)
        if len(lines) == before:
            return 0, 1
        item = shown(fed, FORCE, lines[-1]["ref"])
        return item.get("attachmentsArrived", [0])[0], item["incident"]["attachments"][0]["chunks"]

    fed.wait("some of it is there", lambda: parts()[0] > 0, ("hub", FORCE))
    fed.kill("hub", signal.SIGKILL)
    arrived, total = parts()
    print(f"the broker is killed when {arrived} of {total} parts are there")
    check(total > 100, "in more than a hundred parts", total)
    check(0 < arrived < total, "some parts are there, and some are not", (arrived, total))
    fed.start("hub")
    fed.wait("all of it is there", lambda: parts()[0] == parts()[1], ("hub", FORCE))
    fed.wait_quiet([CHARITY, FORCE])
    lines = received(fed, FORCE)
    check(len(lines) == before + 1, "the report arrived once", lines)
    fed.at(FORCE, "attachment", lines[-1]["ref"], "--out", fed.path("large-out.png"))
    out = read(fed.path("large-out.png"))
    listed = shown(fed, FORCE, lines[-1]["ref"])["incident"]["attachments"][0]
    check(len(out) == listed["length"] and MARKER not in out, "whole, and without the marker", len(out))
    check(len(out) > 20_000_000, "all of 20 MB", len(out))


def main():
    fed = federation.Federation(MEMBERS)
    try:
        fed.set_up(agreements=AGREEMENTS)
        fed.start_all()
        photo(fed)
        large(fed)
        check(set(fed.stop_all().values()) == {0}, "every program ends well")
    finally:
        fed.remove()
    print(f"{len(PASSED)} passed, {len(FAILED)} failed")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
