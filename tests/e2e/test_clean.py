#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""upstander-clean as a program: what it takes, what it refuses and in which words, and what its sandbox forbids.

BIN and BIN_TESTS name the folders of the programs.
"""
import os
import re
import struct
import subprocess
import sys
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.abspath(os.environ.get("BIN", os.path.join(ROOT, "build/asan/bin")))
BIN_TESTS = os.path.abspath(os.environ.get("BIN_TESTS", os.path.join(BIN, "../tests")))
CORPUS = os.path.join(ROOT, "tests/fuzz/corpus")
SECRET = b"PLANTED-51.5034N"
PASSED, FAILED = [], []


def check(good, what, more=""):
    (PASSED if good else FAILED).append(what)
    if not good:
        print(f"FAILED: {what}\n    {more}")


def clean(data, *options):
    return subprocess.run([os.path.join(BIN, "upstander-clean"), *options], input=data, capture_output=True, check=False)


def inflated(data):
    """With what a PDF's streams hold behind it."""
    for body in re.findall(rb"stream\r?\n(.*?)endstream", data, re.S):
        try:
            data += zlib.decompressobj().decompress(body)
        except zlib.error:
            pass  # a picture
    return data


def taken(data, what):
    done = clean(data)
    check(done.returncode == 0 and done.stdout and not done.stderr, f"{what} is taken", done.stderr)
    check(SECRET not in inflated(done.stdout), f"{what}: what was planted is gone")
    return done.stdout


def refused(data, status, words, what):
    done = clean(data)
    text = done.stderr.decode()
    check(done.returncode == status, f"{what}: exit status {status}", (done.returncode, text))
    check(not done.stdout, f"{what}: nothing is given out")
    check(words in text and text.count("\n") == 1, f"{what}: says so in one sentence", text)


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, rows):
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"tEXt", b"Author\0" + SECRET)
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def places_of_chunks(data):
    at = 8
    while at < len(data):
        yield at
        at += 12 + struct.unpack(">I", data[at:at + 4])[0]


def pdf(*more, trailer=b""):
    objects = [b"<</Type/Catalog/Pages 2 0 R/Metadata 5 0 R>>",
               b"<</Type/Pages/Kids[3 0 R]/Count 1/MediaBox[0 0 99 99]>>",
               b"<</Type/Page/Parent 2 0 R/Contents 4 0 R>>",
               b"<</Length 15>>stream\n0 0 50 50 re f \nendstream",
               b"<</Length %d>>stream\n%s\nendstream" % (len(SECRET), SECRET), *more]
    out, places = b"%PDF-1.5\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"trailer\n<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, trailer, start)


def kinds():
    picture = png(5, 4, (b"\0" + bytes(range(15))) * 4)
    out = taken(picture, "a PNG")
    check([out[at + 4:at + 8] for at in places_of_chunks(out)] == [b"IHDR", b"IDAT", b"IEND"], "three chunks stay")
    with open(os.path.join(CORPUS, "jpeg/turned"), "rb") as file:
        jpeg = file.read()
    check(SECRET in jpeg and b"Exif" in jpeg, "the seed has what is to go")
    check(taken(jpeg, "a JPEG").startswith(b"\xff\xd8\xff\xe0"), "a JPEG stays one")
    document = pdf(b"<</Author(%s)>>" % SECRET, trailer=b"/Info 6 0 R")
    out = taken(document, "a PDF")
    check(out.startswith(b"%PDF-") and b"/Info" not in out, "a PDF stays one")
    check(b"0 0 50 50 re f" in inflated(out) and b"/Catalog" in inflated(out), "its page is drawn as before")
    check(clean(document).stdout == out, "the same file gives the same bytes")
    return picture, jpeg, document


def refusals(picture, jpeg, document):
    for data, what in ((picture, "a PNG"), (jpeg, "a JPEG"), (document, "a PDF")):
        refused(data[:len(data) // 2], 1, "damaged or not complete", f"half of {what}")
    refused(png(65535, 65535, b""), 1, "more than 64 million pixels", "a PNG of four thousand million pixels")
    refused(png(7000, 7000, b""), 1, "damaged", "a PNG that is far too short for its size")
    refused(b"%PDF-1.4\n" + b"x" * (25 << 20), 1, "larger than 25 MiB", "a byte too many and more")
    for data, words, what in (
            (b"", "save it as JPEG, PNG or PDF and attach that", "nothing"),
            (b"GIF89a", "save it as JPEG, PNG or PDF and attach that", "a GIF"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", "share it as JPEG", "a HEIC"),
            (b"PK\x03\x04", "export as PDF", "a Word file"),
            (b"\0\0\0\x18ftypisom\0\0\0\0", "keep the recording for the police", "a video")):
        refused(data, 2, words, what)
    check(clean(b"", "--version").stdout.startswith(b"upstander-clean "), "--version")
    check(b"usage:" in clean(b"", "--help").stdout, "--help")
    check(clean(picture, "file.png").returncode == 1, "no names of files are taken")


def sandbox():
    """The same function that the program calls, in a program that then tries what is forbidden."""
    with open("/dev/null", "rb") as extra:
        done = subprocess.run([os.path.join(BIN_TESTS, "e2e/sandboxed")], input=b"x", capture_output=True, check=False,
                              pass_fds=(extra.fileno(),))
    told = dict(line.split(" ", 1) for line in done.stdout.decode().splitlines())
    check(done.returncode == 0, "the sandbox stands", done.stderr)
    for call in ("read", "memory"):
        check(told.get(call) == "allowed", f"{call} is allowed", told)
    for call in ("openat", "socket", "execve", "clone", "ptrace", "kill", "unlinkat", "dup", "prctl", "code"):
        check(told.get(call) == "refused", f"{call} is refused", told)
    check(told.get("fd") == "closed", "what was open is closed", told)
    check(told.get("environment") == "empty", "the environment is empty", told)


def main():
    refusals(*kinds())
    sandbox()
    print(f"{len(PASSED)} passed, {len(FAILED)} failed")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
