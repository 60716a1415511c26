#!/usr/bin/env python3
"""Checks an evidence bundle, written from docs/bundle.md alone.

usage: verifier.py [--key KEY] [--witness KEY]... BUNDLE.zip...
       verifier.py --vectors vectors.json
Prints a JSON object for each bundle; exits with 1 if one of them is not sound.
It needs Python 3.9 and the package cryptography.
"""
import base64
import binascii
import hashlib
import json
import re
import struct
import sys
import zlib
from datetime import datetime, timedelta, timezone

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMATS = ("evidenced-bundle/1", "evidenced-bundle/2")
REQUIRED = """README.txt index.html catalogue/catalogue.json catalogue/roots.json gaps.jsonl result.json controls/matrix.csv evidence/index.csv
evidence/manual.csv decisions.csv log/entries.jsonl log/checkpoints.jsonl log/checkpoint log/proofs.jsonl log/key.txt""".split()
OPTIONAL = re.compile(r"(evidence/erased\.csv|evidence/(records|exchanges)/[0-9a-f]{64}\.jsonl|evidence/files/[0-9a-f]{64}"
                      r"|controls/[A-Za-z0-9_.-]+/(control\.txt|tests\.csv|gaps\.csv|duties\.csv|population-[a-z0-9_.-]+\.csv)"
                      r"|populations/[a-z0-9_.-]+\.csv)\Z")
GOOD_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*\Z")
DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?\Z", re.I)
HEX = re.compile(r"[0-9a-f]{64}\Z")
MiB = 1 << 20
LIMITS = {"log/entries.jsonl": 16 * MiB, "log/checkpoints.jsonl": 64 << 10, "log/proofs.jsonl": 64 << 10}
RECORD_LINE = 128 * MiB
SLACK = timedelta(minutes=10)
KNOWN = {"run", "config", "catalogue", "agent", "decision", "review", "upload", "erasure", "key", "anchor"}


class Bad(Exception):
    """What is wrong with a bundle, and which check found it."""

    def __init__(self, check, file, detail):
        super().__init__(detail)
        self.check, self.file, self.detail = check, file, detail


def sha256(b):
    return hashlib.sha256(b).hexdigest()


def canonical(v):
    return json.dumps(v, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def no_duplicates(pairs):
    out = {}
    for k, v in pairs:
        if k in out:
            raise ValueError("a name twice")
        out[k] = v
    return out


def no_float(text):
    raise ValueError("a number that is no integer: " + text)


def parse(raw, check, file, floats=False):
    """Reads one canonical JSON text, and no other text of the same value."""
    try:
        v = json.loads(raw, object_pairs_hook=no_duplicates, parse_float=float if floats else no_float, parse_constant=no_float)
        same = floats or canonical(v) == raw
    except (ValueError, UnicodeError, RecursionError) as e:
        raise Bad(check, file, "not JSON: %s" % e)
    if not same:
        raise Bad(check, file, "not canonical JSON")
    return v


TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?Z\Z")


def instant(text, check="log", file="log/entries.jsonl"):
    """A time as a comparable pair: seconds, nanoseconds."""
    m = TIME.match(text) if isinstance(text, str) else None
    if not m:
        raise Bad(check, file, "no time of RFC 3339 in UTC: %r" % (text,))
    try:
        seconds = datetime(*map(int, m.groups()[:6]), tzinfo=timezone.utc).timestamp()
    except ValueError as e:
        raise Bad(check, file, str(e))
    return int(seconds), int((m.group(7) or "").ljust(9, "0"))


def later(at):
    """An instant, ten minutes later: what clocks may be apart."""
    return at[0] + int(SLACK.total_seconds()), at[1]


# --- keys and notes ---

def base64_strict(text):
    try:
        b = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise Bad("signature", "", "not base64")
    if base64.b64encode(b).decode() != text:
        raise Bad("signature", "", "base64 in another form")
    return b


class Key:
    def __init__(self, text, algorithm=1):
        self.text = text
        name, _, rest = text.partition("+")
        number, _, data = rest.partition("+")
        raw = base64_strict(data)
        if not re.match(r"[A-Za-z0-9./_-]{1,200}\Z", name) or len(raw) != 33 or raw[0] != algorithm:
            raise Bad("signature", "", "not a verifier key: letters, digits and . / _ - in its name")
        if hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4].hex() != number:
            raise Bad("signature", "", "the key's hash is not that of its bytes")
        self.name, self.id, self.public = name, bytes.fromhex(number), Ed25519PublicKey.from_public_bytes(raw[1:])

    def verify(self, signature, text):
        try:
            self.public.verify(signature, text)
            return True
        except InvalidSignature:
            return False


def open_note(signed, keys, check, file):
    """The text of a note with the signatures of exactly these keys, in this order."""
    text, sep, rest = signed.partition("\n\n")
    if not sep:
        raise Bad(check, file, "not a signed note")
    text += "\n"
    for k in keys:
        line, sep, rest = rest.partition("\n")
        prefix = "\u2014 " + k.name + " "
        if not sep or not line.startswith(prefix):
            raise Bad(check, file, "not signed by " + k.name)
        sig = base64_strict(line[len(prefix):])
        if len(sig) != 68 or sig[:4] != k.id or not k.verify(sig[4:], text.encode()):
            raise Bad(check, file, "the signature of %s does not fit" % k.name)
    if rest:
        raise Bad(check, file, "more signatures than there should be")
    return text


def open_checkpoint(signed, keys, file):
    lines = open_note(signed, keys, "checkpoint", file).split("\n")
    if len(lines) != 4 or lines[0] != keys[0].name or lines[3] or not re.match(r"(0|[1-9][0-9]*)\Z", lines[1]):
        raise Bad("checkpoint", file, "the text is not a checkpoint of this log")
    root = base64_strict(lines[2])
    if len(root) != 32:
        raise Bad("checkpoint", file, "its root is not a hash")
    return int(lines[1]), root


# --- the tree ---

def leaf_hash(line):
    return hashlib.sha256(b"\0" + line).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


class Tree:
    def __init__(self):
        self.size, self.tops = 0, []

    def add(self, leaf):
        self.tops.append(leaf)
        n = self.size
        while n & 1:
            right = self.tops.pop()
            self.tops[-1] = node(self.tops[-1], right)
            n >>= 1
        self.size += 1

    def root(self):
        if not self.tops:
            return hashlib.sha256(b"").digest()
        h = self.tops[-1]
        for left in reversed(self.tops[:-1]):
            h = node(left, h)
        return h


def root_of_proof(leaf, index, size, proof):
    """The root that an inclusion proof leads to; None if it has not the right length."""
    h, fn, sn = leaf, index, size - 1
    for p in proof:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            h = node(p, h)
            while fn and not fn & 1:
                fn, sn = fn >> 1, sn >> 1
        else:
            h = node(h, p)
        fn, sn = fn >> 1, sn >> 1
    return h if sn == 0 else None


# --- the archive ---

class Archive:
    """Reads the members by the central directory, and then demands that the file is
    what these members give, written again."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = f.read()
        self.members = {}  # name -> (method, crc, packed, size, offset of the packed bytes)
        self.order = []
        self.directory()

    def directory(self):
        d = self.data
        at = len(d) - 22
        if at < 0 or d[at:at + 4] != b"PK\5\6":
            raise Bad("archive", "", "not a ZIP archive without a comment")
        count, length, start = struct.unpack("<HII", d[at + 10:at + 20])
        if at >= 76 and d[at - 20:at - 16] == b"PK\6\7":
            end64 = struct.unpack("<Q", d[at - 12:at - 4])[0]
            if d[end64:end64 + 4] != b"PK\6\6":
                raise Bad("archive", "", "no ZIP64 end record")
            count, length, start = struct.unpack("<QQQ", d[end64 + 32:end64 + 56])
        at = start
        for _ in range(count):
            head = d[at:at + 46]
            if len(head) != 46 or head[:4] != b"PK\1\2":
                raise Bad("archive", "", "a broken directory")
            method, = struct.unpack("<H", head[10:12])
            crc, packed, size, n, extra, comment = struct.unpack("<IIIHHH", head[16:34])
            offset, = struct.unpack("<I", head[42:46])
            name = d[at + 46:at + 46 + n].decode("latin-1")
            more = d[at + 46 + n:at + 46 + n + extra]
            if more[:2] == b"\1\0" and len(more) == 28:
                size, packed, offset = struct.unpack("<QQQ", more[4:28])
            if name in self.members:
                raise Bad("archive", name, "the archive holds it twice")
            local = d[offset:offset + 30]
            if len(local) != 30 or local[:4] != b"PK\3\4":
                raise Bad("archive", name, "no local header")
            begin = offset + 30 + sum(struct.unpack("<HH", local[26:30]))
            self.members[name] = (method, crc, packed, size, begin)
            self.order.append(name)
            at += 46 + n + extra + comment

    def packed(self, name):
        _, _, packed, _, begin = self.members[name]
        return self.data[begin:begin + packed]

    def content(self, name, limit):
        method, crc, packed, size, _ = self.members[name]
        raw = self.packed(name)
        if len(raw) != packed:
            raise Bad("file", name, "its packed bytes are cut")
        if method == 0:
            out = raw
        elif method == 8:
            z = zlib.decompressobj(-15)
            try:
                out = z.decompress(raw, limit + 1)
            except zlib.error as e:
                raise Bad("file", name, "unpack: %s" % e)
            if z.unused_data:
                raise Bad("file", name, "%d bytes stand after its deflate stream" % len(z.unused_data))
            if len(out) <= limit and not z.eof:
                raise Bad("file", name, "its deflate stream does not end")
        else:
            raise Bad("archive", name, "packed in another way")
        if len(out) > limit or len(out) != size:
            raise Bad("file", name, "it has another size than is said")
        if zlib.crc32(out) != crc:
            raise Bad("file", name, "its CRC-32 is not the one of the archive")
        return out

    def again(self, files):
        """The archive as the manifest describes it, compared piece by piece."""
        at, directory = 0, []
        for name in [f["path"] for f in files] + ["manifest.json", "manifest.sig"]:
            _, crc, packed, size, _ = self.members[name]
            method = 0 if name.startswith("manifest.") and "/" not in name else 8
            head = struct.pack("<4sHHHHHIIIHH", b"PK\3\4", 0, 0, method, 0, 0x21, crc, min(packed, 0xFFFFFFFF), min(size, 0xFFFFFFFF), len(name), 0) + name.encode()
            self.same(at, head, name)
            directory.append((name, method, crc, packed, size, at))
            at += len(head) + packed
        start = at
        for name, method, crc, packed, size, offset in directory:
            large = packed >= 0xFFFFFFFF or size >= 0xFFFFFFFF or offset >= 0xFFFFFFFF
            p, s = (0xFFFFFFFF,) * 2 if large else (packed, size)
            extra = struct.pack("<HHQQQ", 1, 24, size, packed, offset) if large else b""
            head = struct.pack("<4sHHHHHHIIIHHHHHII", b"PK\1\2", 0, 0, 0, method, 0, 0x21, crc, p, s, len(name), len(extra), 0, 0, 0, 0, min(offset, 0xFFFFFFFF)) + name.encode() + extra
            self.same(at, head, name)
            at += len(head)
        length, count = at - start, len(directory)
        if count >= 0xFFFF or length >= 0xFFFFFFFF or start >= 0xFFFFFFFF:
            end64 = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0, count, count, length, start) + struct.pack("<4sIQI", b"PK\6\7", 0, at, 1)
            self.same(at, end64, "")
            at += len(end64)
            count, length, start = 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF
        self.same(at, struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, count, count, length, start, 0), "")
        if at + 22 != len(self.data):
            raise Bad("archive", "", "bytes after the end of the archive")

    def same(self, at, want, name):
        if self.data[at:at + len(want)] != want:
            raise Bad("archive", name, "the archive is not the one that the manifest describes, at byte %d" % at)


# --- the bundle ---

class Verifier:
    def __init__(self, path, expected=None, witnesses=()):
        self.path, self.expected, self.witnesses = path, expected, witnesses
        self.failures, self.holes, self.unknown, self.went_back = [], [], [], []
        self.checked = dict.fromkeys("files bytes entries checkpoints proofs snapshots records exchanges uploads erased key_changes anchors witnessed seen newer".split(), 0)
        self.complete = False

    def fail(self, check, file, detail):
        self.failures.append({"check": check, "file": file, "detail": detail})

    def attempt(self, step, *args):
        try:
            step(*args)
        except Bad as e:
            self.fail(e.check, e.file, e.detail)

    def run(self):
        for part in ([self.open], [self.seal], [self.archive_again, self.files], [self.log, self.read_to_the_end, self.stated], [self.evidence]):
            for step in part:
                self.attempt(step)
            if self.failures:
                break
        return {"ok": not self.failures, "complete": self.complete and not self.holes and not self.unknown, "checked": self.checked,
                "failures": self.failures, "holes": sorted(self.holes), "unknown": self.unknown, "went_back": self.went_back}

    def open(self):
        self.zip = Archive(self.path)
        for name, limit in (("manifest.json", 64 * MiB), ("manifest.sig", 64 << 10)):
            if name not in self.zip.members:
                raise Bad("manifest" if name.endswith("json") else "signature", name, "it is not in the archive")
            if self.zip.members[name][0] != 0:
                raise Bad("manifest" if name.endswith("json") else "signature", name, "it is compressed, but must be stored")
        self.raw = self.zip.content("manifest.json", 64 * MiB)
        self.signature = self.zip.content("manifest.sig", 64 << 10).decode("utf-8", "replace")
        m = self.manifest = parse(self.raw, "manifest", "manifest.json")
        try:
            self.shape(m)
        except (KeyError, TypeError, AttributeError) as e:
            raise Bad("manifest", "manifest.json", "not of its form: %r" % e)
        self.names()

    def shape(self, m):
        allowed = {"as_of", "complete", "controls", "files", "format", "generator", "kinds", "log", "organization", "period"}
        if set(m) - allowed or allowed - {"controls", "kinds"} - set(m) or m["format"] not in FORMATS:
            raise Bad("manifest", "manifest.json", "not of its form, or of another format: %s" % m.get("format"))
        if set(m["log"]) != {"key", "root", "size"} or set(m["period"]) != {"from", "to", "type"} or not isinstance(m["complete"], bool):
            raise Bad("manifest", "manifest.json", "not of its form")
        for f in m["files"]:
            if set(f) != {"packed", "packed_sha256", "path", "sha256", "size"} or not HEX.match(f["sha256"]) or not HEX.match(f["packed_sha256"]):
                raise Bad("manifest", "manifest.json", "a file is not of its form")
            if not all(type(f[k]) is int and f[k] >= 0 for k in ("packed", "size")):
                raise Bad("manifest", "manifest.json", "a size that is none")
        self.frm, self.to, self.as_of = (instant(t, "manifest", "manifest.json") for t in (m["period"]["from"], m["period"]["to"], m["as_of"]))
        self.listed = {f["path"]: f for f in m["files"]}
        self.complete = m["complete"]

    def names(self):
        folded = set()
        for f in self.manifest["files"]:
            name = f["path"]
            low = name.lower()
            if low in folded or name in ("manifest.json", "manifest.sig"):
                raise Bad("manifest", name, "listed twice, or but for the case of its letters")
            folded.add(low)
            if not GOOD_NAME.match(name) or ".." in name or any(p.endswith(".") or DEVICE.match(p) for p in name.split("/")):
                raise Bad("manifest", name, "not a name that every system can unpack")
            if name not in REQUIRED and not OPTIONAL.match(name):
                raise Bad("manifest", name, "a bundle has no file of this name")
            if name not in self.zip.members:
                raise Bad("file", name, "the manifest lists it, but it is not in the archive")
        for name in self.zip.order:
            if name not in self.listed and name not in ("manifest.json", "manifest.sig"):
                raise Bad("file", name, "it is in the archive, but the manifest does not list it")
        for name in REQUIRED:
            if name not in self.listed:
                raise Bad("file", name, "every bundle has it, and this one does not")

    def seal(self):
        key = Key(self.manifest["log"]["key"])
        text = open_note(self.signature, [key], "signature", "manifest.sig")
        if text != "evidenced bundle manifest\n%s\n" % sha256(self.raw):
            raise Bad("signature", "manifest.json", "the signature is over another manifest")

    def archive_again(self):
        self.zip.again(self.manifest["files"])

    def files(self):
        for f in self.manifest["files"]:
            self.attempt(self.file, f)
            self.checked["files"] += 1
            self.checked["bytes"] += f["size"]

    def file(self, f):
        raw = self.zip.packed(f["path"])
        if len(raw) != f["packed"] or sha256(raw) != f["packed_sha256"]:
            raise Bad("file", f["path"], "its packed bytes are not those of the manifest")
        content = self.zip.content(f["path"], f["size"])
        if len(content) != f["size"] or sha256(content) != f["sha256"]:
            raise Bad("file", f["path"], "its bytes are not those of the manifest")

    def read(self, path):
        return self.zip.content(path, self.listed[path]["size"])

    def lines(self, path, check, limit):
        text = self.read(path)
        if text and not text.endswith(b"\n"):
            raise Bad(check, path, "the last line is cut")
        for line in text.split(b"\n")[:-1]:
            if len(line) > limit:
                raise Bad(check, path, "a line of more than %d bytes" % limit)
            yield line

    # --- the log ---

    def log(self):
        entries = list(self.lines("log/entries.jsonl", "log", LIMITS["log/entries.jsonl"]))
        parsed = [parse(line, "log", "log/entries.jsonl") for line in entries]
        self.begin(parsed)
        points = self.checkpoints()
        tree, last, covered, leaves = Tree(), None, 0, []
        upcoming = next(points, None)
        for n, (line, e) in enumerate(zip(entries, parsed)):
            leaves.append(leaf_hash(line))
            tree.add(leaves[-1])
            self.checked["entries"] += 1
            recorded = instant(e["recorded"])
            if e["index"] != n:
                self.fail("log", "log/entries.jsonl", "entry %d says it is entry %s" % (n, e["index"]))
            if last is not None and recorded < last:
                self.fail("log", "log/entries.jsonl", "entry %d was recorded before the one before it" % n)
            if last is not None and recorded != last and covered != n:
                self.fail("checkpoint", "log/checkpoints.jsonl", "no checkpoint of %d entries: one was taken out" % n)
            last = recorded
            self.attempt(self.entry, e, recorded)
            while upcoming and upcoming[0] <= tree.size:
                self.attempt(self.checkpoint, upcoming, tree, recorded)
                covered = upcoming[0]
                upcoming = next(points, None)
        if upcoming:
            self.fail("checkpoint", "log/checkpoints.jsonl", "a checkpoint covers %d entries, the log has %d" % (upcoming[0], tree.size))
        elif covered != tree.size:
            self.fail("checkpoint", "log/checkpoints.jsonl", "the last checkpoint covers %d entries, the log has %d" % (covered, tree.size))
        m = self.manifest["log"]
        if m["size"] != tree.size or m["root"] != tree.root().hex():
            self.fail("log", "log/entries.jsonl", "the manifest states another size or root")
        if m["key"] != self.keys[-1].text:
            self.fail("signature", "manifest.json", "it was signed by another key than the last of the log")
        if self.expected and self.expected not in [k.text for k in self.keys]:
            self.fail("signature", "manifest.json", "signed by %s, expected %s" % (m["key"], self.expected))
        self.attempt(self.newest, tree)
        self.attempt(self.proofs, leaves, tree)

    def begin(self, parsed):
        first = next((e["body"]["old"] for e in parsed if e["type"] == "key"), self.manifest["log"]["key"])
        self.keys, self.before, self.last_by = [Key(first)], None, None
        self.named, self.erased, self.refs, self.points = {}, {}, {}, {}
        self.catalogues, self.roots = [], None
        self.ended, self.reached, self.later, self.closed = set(), {}, {}, set()

    def checkpoints(self):
        size = 0
        for line in self.lines("log/checkpoints.jsonl", "checkpoint", LIMITS["log/checkpoints.jsonl"]):
            c = parse(line, "checkpoint", "log/checkpoints.jsonl")
            if set(c) != {"signed", "size"} or type(c["size"]) is not int or c["size"] <= size:
                raise Bad("checkpoint", "log/checkpoints.jsonl", "not a checkpoint, or out of order")
            size = c["size"]
            yield size, c["signed"]

    def checkpoint(self, line, tree, recorded):
        size, signed = line
        self.checked["checkpoints"] += 1
        by = [self.keys[-1]] + ([self.before] if self.before else [])
        self.last_by, self.before = by, None
        stated, root = open_checkpoint(signed, by, "log/checkpoints.jsonl")
        if stated != size or size != tree.size:
            raise Bad("checkpoint", "log/checkpoints.jsonl", "size %d: out of order" % size)
        if root != tree.root():
            raise Bad("checkpoint", "log/checkpoints.jsonl", "size %d: it was signed over another log" % size)
        self.points[size] = (root, signed, recorded)

    def newest(self, tree):
        size, root = open_checkpoint(self.read("log/checkpoint").decode("utf-8", "replace"), self.last_by or [self.keys[-1]], "log/checkpoint")
        if size != tree.size or root != tree.root():
            raise Bad("checkpoint", "log/checkpoint", "it covers another log")

    def proofs(self, leaves, tree):
        root, n = tree.root(), 0
        for line in self.lines("log/proofs.jsonl", "proof", LIMITS["log/proofs.jsonl"]):
            p = parse(line, "proof", "log/proofs.jsonl")
            if n == tree.size:
                raise Bad("proof", "log/proofs.jsonl", "more proofs than entries")
            if p["index"] != n or p["leaf"] != leaves[n].hex():
                self.fail("proof", "log/proofs.jsonl", "entry %d: the proof is for another leaf" % n)
            elif root_of_proof(leaves[n], n, tree.size, [bytes.fromhex(h) for h in p["proof"]]) != root:
                self.fail("proof", "log/proofs.jsonl", "entry %d: the proof does not lead to the root" % n)
            n += 1
        self.checked["proofs"] = n
        if n != tree.size:
            raise Bad("proof", "log/proofs.jsonl", "%d proofs for %d entries" % (n, tree.size))

    def entry(self, e, recorded):
        run, body = e.get("run"), e.get("body")
        refs = list(e.get("blobs", []))
        for r in e.get("blobs", []):
            self.refs["evidence/files/" + r["hash"]] = r
        if run:
            refs += [run[k] for k in ("records", "exchanges") if k in run]
        for r in refs:
            self.named[r["hash"]] = recorded
            self.erased.pop(r["hash"], None)
        kind = e["type"]
        if kind not in KNOWN:
            self.unknown.append("entry %d is of the type %r, which this verifier does not know" % (e["index"], kind))
        elif kind == "erasure":
            self.erasure(e, body)
        elif kind == "key":
            self.key_change(e, body)
        elif kind == "anchor":
            self.anchor(e, body, recorded)
        elif kind == "catalogue":
            self.catalogues.append(body["digest"])
        elif kind == "config":
            self.config(body)
        elif kind == "agent" and body and body.get("event") == "log_went_back":
            self.went_back.append("entry %d: had %d, has %d" % (e["index"], body["had"], body["has"]))
        if run:
            self.slot(e["index"], run, recorded)

    def config(self, body):
        if sha256(body["yaml"].encode()) != body["digest"]:
            raise Bad("log", "log/entries.jsonl", "a configuration does not have the digest that stands beside it")
        sources = body.get("sources")
        self.roots = {name: s["root"] for name, s in sources.items()} if sources else None

    def erasure(self, e, body):
        before = instant(body["before"])
        for r in body["blobs"]:
            at = self.named.get(r["hash"])
            if at is None:
                raise Bad("custody", "log/entries.jsonl", "entry %d erases what no entry before it names" % e["index"])
            if at >= before:
                raise Bad("custody", "log/entries.jsonl", "entry %d erases what is younger than it says" % e["index"])
            self.erased[r["hash"]] = e["index"]

    def key_change(self, e, body):
        old, new = self.keys[-1], Key(body["new"])
        if body["old"] != old.text or new.name != old.name:
            raise Bad("custody", "log/entries.jsonl", "entry %d changes another key than the one in force" % e["index"])
        text = open_note(body["note"], [old, new], "custody", "log/entries.jsonl")
        if text != "evidenced/key-change/v1\n%s\n%d\n%s\n%s\n" % (old.name, e["index"], old.text, new.text):
            raise Bad("custody", "log/entries.jsonl", "the keys have signed another change than entry %d" % e["index"])
        self.before = old
        self.keys.append(new)
        self.checked["key_changes"] += 1

    def anchor(self, e, body, recorded):
        if body.get("error"):
            return
        point = self.points.get(body["size"])
        if not point or point[0].hex() != body["root"] or sha256(point[1].encode()) != body["digest"]:
            raise Bad("custody", "log/entries.jsonl", "entry %d: the anchor saw another checkpoint of %d entries" % (e["index"], body["size"]))
        self.checked["anchors"] += 1
        if body["type"] != "witness":
            return
        line = base64_strict(body["receipt"]).decode("utf-8", "replace")
        for w in self.witnesses:
            if not line.startswith("\u2014 " + w.name + " "):
                continue
            sig = base64_strict(line[len(w.name) + 3:-1])
            at = struct.unpack(">Q", sig[4:12])[0]
            text = point[1].partition("\n\n")[0] + "\n"
            if len(sig) != 76 or sig[:4] != w.id or not w.verify(sig[12:], ("cosignature/v1\ntime %d\n" % at + text).encode()):
                raise Bad("custody", "log/entries.jsonl", "entry %d: the cosignature does not fit" % e["index"])
            if at < point[2][0] - SLACK.total_seconds() or at > recorded[0] + SLACK.total_seconds():
                raise Bad("custody", "log/entries.jsonl", "entry %d: one of the clocks is wrong" % e["index"])
            self.checked["witnessed"] += 1
            return

    # --- the slots ---

    def slot(self, n, run, recorded):
        self.checked["snapshots"] += 1
        due, cert = instant(run["due"]), run.get("certificate")
        stream = tuple(run["stream"].split("/", 2))
        whole = run["outcome"] in ("collected", "late")
        if run["trigger"] == "schedule":
            if (stream, due) in self.ended:
                self.fail("ledger", "log/entries.jsonl", "entry %d: the slot ended before" % n)
            self.ended.add((stream, due))
            self.later[stream] = max(due, self.later.get(stream, due))
        self.claims(n, run, cert, whole)
        self.times(n, run, cert, due, recorded)
        if cert and "window" in cert and whole:
            self.window(n, stream, instant(cert["window"]["from"]), instant(cert["window"]["to"]))
        if not self.belongs(stream, due, cert, whole):
            return
        for part in ("records", "exchanges"):
            if part in run:
                self.refs["evidence/%s/%s.jsonl" % (part, run[part]["hash"])] = run[part]

    def claims(self, n, run, cert, whole):
        if run["outcome"] == "missed" and (cert or "records" in run):
            self.fail("ledger", "log/entries.jsonl", "entry %d: a missed slot has no evidence" % n)
        elif run["outcome"] != "missed" and not cert:
            self.fail("ledger", "log/entries.jsonl", "entry %d: no certificate" % n)
        elif whole and (not cert["complete"] or "records" not in run or cert["rows"] != run["records"]["count"]):
            self.fail("ledger", "log/entries.jsonl", "entry %d: its certificate is not complete" % n)
        elif whole:
            for s in cert.get("scopes") or []:
                if s["status"] not in ("read", "absent"):
                    self.fail("ledger", "log/entries.jsonl", "entry %d: scope %s was not read" % (n, s["scope"]))

    def times(self, n, run, cert, due, recorded):
        late, scheduled = later(recorded), run["trigger"] == "schedule"
        if scheduled and due > late:
            self.fail("ledger", "log/entries.jsonl", "entry %d: it was written down before it was due" % n)
        if not cert:
            return
        started, ended = instant(cert["started"]), instant(cert["ended"])
        if ended < started or ended > late:
            self.fail("ledger", "log/entries.jsonl", "entry %d: the reading ended before it began, or after it was written down" % n)
        elif scheduled and later(started) < due:
            self.fail("ledger", "log/entries.jsonl", "entry %d: the reading began before it was due" % n)
        elif "window" in cert and instant(cert["window"]["to"]) > later(ended):
            self.fail("ledger", "log/entries.jsonl", "entry %d: it says that it read events of after its end" % n)

    def window(self, n, stream, begin, end):
        before = self.reached.get(stream)
        if before is None:
            if self.frm < begin < self.to:
                self.holes.append("the population of %s has a hole at its start" % "/".join(stream))
        elif begin > before and begin > self.frm and before < self.to:
            self.fail("ledger", "log/entries.jsonl", "entry %d: the population of %s has a hole" % (n, "/".join(stream)))
        if before is None or end > before:
            self.reached[stream] = end

    def belongs(self, stream, due, cert, whole):
        m = self.manifest
        inside = self.frm <= due < self.to
        if m["format"] == "evidenced-bundle/1":
            return inside
        over = self.as_of >= self.to
        if inside:
            mine = over or (instant(cert["ended"]) if cert else due) <= self.as_of
        else:
            mine = over and due >= self.to and whole and stream[0] != "review" and stream not in self.closed
            if mine:
                self.closed.add(stream)
        return mine and ("kinds" not in m or stream[1] in m["kinds"])

    def read_to_the_end(self):
        if not self.manifest["complete"] or self.manifest["format"] == "evidenced-bundle/1":
            return
        for stream, end in self.reached.items():
            if self.frm < end < self.to and self.later.get(stream, end) > end:
                self.holes.append("the population of %s has a hole at its end" % "/".join(stream))

    # --- what is said twice ---

    def stated(self):
        if self.read("log/key.txt").decode("utf-8", "replace") != self.manifest["log"]["key"] + "\n":
            self.fail("log", "log/key.txt", "it names another key than the manifest")
        if not self.catalogues:
            self.fail("catalogue", "catalogue/catalogue.json", "the log does not say by which catalogue was judged")
        elif sha256(self.read("catalogue/catalogue.json")) != self.catalogues[-1]:
            self.fail("catalogue", "catalogue/catalogue.json", "the catalogue in force, by the log, is another")
        if self.roots is not None and self.read("catalogue/roots.json") != canonical(self.roots):
            self.fail("catalogue", "catalogue/roots.json", "it does not name the root kinds of the configuration in force")

    # --- the evidence ---

    def evidence(self):
        for path, f in self.listed.items():
            folder = path.rsplit("/", 1)[0]
            if folder not in ("evidence/records", "evidence/exchanges", "evidence/files"):
                continue
            ref = self.refs.pop(path, None)
            if ref is None:
                self.fail("evidence", path, "no entry of the log names it")
                continue
            if ref["hash"] in self.erased:
                self.fail("evidence", path, "entry %d says that it was erased" % self.erased[ref["hash"]])
            self.attempt(self.blob, folder, path, f, ref)
        for path, ref in self.refs.items():
            if ref["hash"] in self.erased:
                self.checked["erased"] += 1
            else:
                self.fail("evidence", path, "the log names it, but it is not in the bundle")

    def blob(self, folder, path, f, ref):
        if f["sha256"] != ref["hash"] or f["size"] != ref["size"]:
            raise Bad("evidence", path, "its hash or size is not the one in the log")
        if folder == "evidence/files":
            self.checked["uploads"] += 1
            return
        n = 0
        for line in self.lines(path, "evidence", RECORD_LINE):
            if folder == "evidence/records":
                parse(line, "evidence", path, floats=True)
            n += 1
        self.checked[folder.rsplit("/", 1)[1]] += n
        if n != ref["count"]:
            raise Bad("evidence", path, "it holds %d lines, the log says %d" % (n, ref["count"]))


def vectors(path):
    """Demands of this program what testdata/vectors.json says."""
    with open(path, encoding="utf-8") as f:
        v = json.load(f)
    for c in v["canonical"]:
        assert canonical(json.loads(c["given"])) == c["text"].encode(), c
    key = Key(v["key"])
    assert v["public_key_spki"] == "302a300506032b6570032100" + v["public_key"]
    key.public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(v["public_key"]))
    tree, hashes = Tree(), [leaf_hash(line.encode()) for line in v["leaves"]]
    for n, h in enumerate(hashes):
        tree.add(h)
        assert h.hex() == v["leaf_hashes"][n] and tree.root().hex() == v["roots"][n], n
    for p in v["proofs"]:
        root = root_of_proof(hashes[p["index"]], p["index"], p["size"], [bytes.fromhex(h) for h in p["proof"]])
        assert root.hex() == v["roots"][p["size"] - 1], p
    assert open_checkpoint(v["checkpoint"], [key], "") == (len(hashes), tree.root())
    assert open_note(v["manifest_note"], [key], "", "") == "evidenced bundle manifest\n%s\n" % sha256(v["manifest"].encode())
    print("the vectors fit")
    return 0


def main(args):
    if args[:1] == ["--vectors"]:
        return vectors(args[1])
    key, witnesses, paths, failed = None, [], [], False
    while args:
        a = args.pop(0)
        if a == "--key":
            key = args.pop(0)
        elif a == "--witness":
            witnesses.append(Key(args.pop(0), 4))
        else:
            paths.append(a)
    if not paths:
        sys.exit(__doc__)
    for path in paths:
        v = Verifier(path, key, witnesses)
        try:
            result = v.run()
        except (KeyError, TypeError, AttributeError, IndexError, struct.error, ValueError) as e:  # a value of another form than the page says
            v.fail("form", "", "not of the form that docs/bundle.md describes: %r" % e)
            result = {"ok": False, "complete": False, "checked": v.checked, "failures": v.failures, "holes": [], "unknown": [], "went_back": []}
        failed = failed or not result["ok"]
        print(json.dumps({"bundle": path, **result}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
