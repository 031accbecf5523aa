"""Damage: blind to what bytes mean, and aware of JSON, YAML and archives."""

import copy
import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from ruamel.yaml import YAML

Mutation = Callable[[bytes, Random], bytes]

LOLS = "\n".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]" for n in range(1, 12))
MERGES = "\n".join(f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 9)}]}}" for n in range(1, 12))
BOMBS = (f"l0: &l0 lol\n{LOLS}\n", f"m0: &m0 {{a: 1}}\n{MERGES}\n", f"l0: &l0 lol\n{LOLS}\ntrain: *l11\n")

NUMBERS = (
    *("0", "-1", "1", "255", "256", "65536", "2147483648", "-9223372036854775808", "18446744073709551616", "0o17"),
    *("1e5", "1e-05", "1e999", "-0.0", ".inf", ".nan", "NaN", "Infinity", "0x" + "f" * 5000, "9" * 5000, "1_000"),
    *("2001-99-99", "12:30:45"),
)
TEXTS = (
    *("\0", "\r", "\r\n", "\n", "\t", "\x1b[2J", "\u202e", "\u200b", "\ufeff", "\u2028", "\x85", "\u2581", "\uffed"),
    *("\U0010fff0", "<script>alert(1)</script>", "=cmd|' /C calc'!A0", "'); DROP TABLE runs;--", "../../etc/passwd"),
    *("%s%n{0.__class__}", "a" * 5000, "\\", "\\ud800", "{", "}", "[", "]", "[" * 3000, "{'a':" * 900, ":", ",", "'"),
    *('"', "-" * 3000 + "1", "&a [*a]", "*a", "&a", "!!python/object/apply:os.system ['true']", "!!binary x", "<<: *a"),
    *("!!float x", "!!int ''", "!!timestamp x", "!!set {a, b}", "!!omap [a]", "? [a]\n: b", "%YAML 1.1\n---\n"),
    *("---\n", "...\n", "null", "true", "yes", "~", "''", "|\n", *BOMBS),
)
TOKENS = tuple(text.encode() for text in TEXTS + NUMBERS)
EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 0.5, 1e308, float("nan"), float("inf"), "", "0", "x" * 3000),
    *("\0", "\u202e\u200b", "\ud800", "../../etc/passwd"),
    *([], {}, [[]], [None], {"": None}, [1] * 300, {"a": {"a": {"a": []}}}),
)


def bytes_mutated(data: bytes, random: Random) -> bytes:  # noqa: C901 (a table of changes)
    """One to four blind changes: bits, bytes, words, spans, tokens; or the file cut short or grown."""
    changed = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        start = random.randrange(len(changed) + 1)
        end = min(len(changed), start + random.choice((1, 1, 2, 4, 16, 200)))
        match random.randrange(9):
            case 0 if changed:
                changed[start - 1] ^= 1 << random.randrange(8)
            case 1 if changed:
                changed[start - 1] = random.choice((0, 9, 10, 13, 32, 34, 39, 92, 127, 128, 255, random.randrange(256)))
            case 2:
                del changed[start:end]
            case 3:
                other = random.randrange(len(changed) + 1)
                changed[start:start] = changed[other : other + random.choice((1, 8, 64, 1000))]
            case 4:
                changed[start:start] = random.randbytes(random.choice((1, 4, 100)))
            case 5:
                changed[start:end] = random.choice(TOKENS)
            case 6:
                width = random.choice((1, 2, 4, 8))
                value = random.choice(EXTREMES) & ((1 << 8 * width) - 1)
                changed[start : start + width] = struct.pack("<Q", value)[:width]
            case 7:
                del changed[start:]
            case 8:
                changed[start:start] = random.choice(TOKENS)
    return bytes(changed)


def json_mutated(data: bytes, random: Random) -> bytes:
    """A value of a JSON document replaced, removed, renamed or doubled; sometimes blind changes instead."""
    if random.random() < 0.3:
        return bytes_mutated(data, random)
    document = json.loads(data)
    holders = list(_holders(document))
    for _ in range(random.choice((1, 1, 2, 3))):
        holder = random.choice(holders)
        if not holder:
            continue
        key = random.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        match random.randrange(4):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, dict):
                holder[random.choice((f"{key}x", "", "path", str(key).upper()))] = holder.pop(key)
            case 1:
                holder.append(holder[key])
            case _:
                holder[key] = copy.deepcopy(random.choice(VALUES))
    if random.random() < 0.05:
        document = random.choice(VALUES)
    return json.dumps(document, ensure_ascii=random.random() < 0.9).encode("utf-8", "replace")


def _holders(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from _holders(item)


def json_lines_mutated(data: bytes, random: Random) -> bytes:
    """One line mutated as JSON, moved, doubled or dropped; sometimes blind changes instead."""
    lines = data.splitlines(keepends=True)
    index = random.randrange(len(lines))
    match random.randrange(5):
        case 0:
            return bytes_mutated(data, random)
        case 1:
            lines.insert(random.randrange(len(lines)), lines.pop(index))
        case 2:
            del lines[index]
        case _:
            lines[index] = json_mutated(lines[index], random) + b"\n"
    return b"".join(lines)


def yaml_mutated(data: bytes, random: Random) -> bytes:
    """A value of a line replaced, a line moved in or out, a bomb put before; or as JSON, which YAML holds."""
    lines = data.splitlines(keepends=True)
    index = random.randrange(len(lines))
    match random.randrange(7):
        case 0:
            return bytes_mutated(data, random)
        case 1:
            content = YAML(typ="safe", pure=True).load(data)
            return json_mutated(json.dumps(content).encode(), random)
        case 2:
            lines[index] = b" " * random.randrange(9) + lines[index].lstrip()
        case 3:
            return random.choice(BOMBS).encode() + data.replace(lines[index], _valued(lines[index], b"*l11"))
        case 4:
            lines.insert(index, lines[random.randrange(len(lines))])
        case _:
            lines[index] = _valued(lines[index], random.choice(TOKENS))
    return b"".join(lines)


def _valued(line: bytes, value: bytes) -> bytes:
    return line.partition(b":")[0] + b": " + value + b"\n"


def gzip_mutated(inner: Mutation) -> Mutation:
    """The content mutated and compressed anew, or the archive itself, blindly."""

    def mutated(data: bytes, random: Random) -> bytes:
        if random.random() < 0.4:
            return bytes_mutated(data, random)
        return gzip.compress(inner(gzip.decompress(data), random), 1, mtime=0)

    return mutated


def zip_mutated(inner: Mutation) -> Mutation:
    """A member mutated and packed anew by any method, or renamed; or the archive itself, blindly."""

    def mutated(data: bytes, random: Random) -> bytes:
        if random.random() < 0.5:
            return bytes_mutated(data, random)
        buffer = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
            for name in old.namelist():
                changed = random.choice((name, name, name, f"../{name}", f"/{name}", name.upper()))
                method = random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
                new.writestr(changed, inner(old.read(name), random), method)
        content = buffer.getvalue()
        return bytes_mutated(content, random) if random.random() < 0.3 else content

    return mutated


def safetensors_mutated(data: bytes, random: Random) -> bytes:
    """The header mutated as JSON with its length put right; or blind changes."""
    size = int.from_bytes(data[:8], "little")
    if random.random() < 0.4:
        return bytes_mutated(data, random)
    header = json_mutated(data[8 : 8 + size], random)
    return len(header).to_bytes(8, "little") + header + data[8 + size :]
