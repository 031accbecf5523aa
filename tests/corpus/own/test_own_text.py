"""Exports as people have them: gzipped, with a header, with columns of ids, in other encodings, or no text at all."""

import bz2
import gzip
import io
import json
import lzma
import zipfile
from pathlib import Path
from typing import Any

import pytest

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example
from seqlab.corpus.build import build
from tests.corpus.samples import corpus_params, manifest_of, splits_of, text_of

ROWS = [(f"the cat {number} sleeps", f"le chat {number} dort") for number in range(30)]
EXAMPLES = [Example(source, (target,)) for source, target in ROWS]
LINES = ["\t".join(row) for row in ROWS]


@pytest.fixture
def own(tmp_path: Path) -> Path:
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "valid.tsv").write_bytes(b"v1 v\tV1 V\n")
    return folder


def train(own: Path, files: dict[str, bytes], **sides: str) -> list[Example]:
    """What there is to train on, of these files of `own`."""
    for name, content in files.items():
        (own / name).write_bytes(content)
    options: dict[str, Any] = {"train": list(files), "valid": ["valid.tsv"], "test": ["valid.tsv"]}
    params = corpus_params("files", sides.get("source", "en"), sides.get("target", "fr"), **options)
    build(params, own.parent / "raw", own.parent / "cache", own)
    return splits_of(own.parent / "raw")["train"]


COMMAS = [f'"{source}, really",{target}' for source, target in ROWS]
SEMICOLONS = [f'{source};"{target}; oui"' for source, target in ROWS]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a.tsv": text_of(*LINES)}, EXAMPLES),
        ({"a.csv": text_of(*COMMAS)}, [Example(f"{source}, really", (target,)) for source, target in ROWS]),
        ({"a.csv": text_of(*SEMICOLONS)}, [Example(source, (f"{target}; oui",)) for source, target in ROWS]),
        (
            {"a.csv": b'\xef\xbb\xbf"a ""b"" c","d\ne"\r\n\r\nf,g,h\r\n'},
            [Example('a "b" c', ("d\ne",)), Example("f", ("g", "h"))],
        ),
        ({"a.jsonl": text_of(*(json.dumps({"source": a, "target": b, "id": 7}) for a, b in ROWS))}, EXAMPLES),
        ({"a.en": text_of(*(a for a, _ in ROWS)), "a.fr": text_of(*(b for _, b in ROWS))}, EXAMPLES),
    ],
    ids=["tsv", "commas", "semicolons", "quotes", "jsonl", "aligned"],
)  # fmt: skip
def test_each_form_and_the_same_gzipped(files: dict[str, bytes], expected: list[Example], own: Path) -> None:
    assert train(own, files) == expected
    zipped = {f"{name}.gz": gzip.compress(content) for name, content in files.items()}
    assert train(own, zipped) == expected
    # A name that does not say so is no matter.
    assert train(own, {name: gzip.compress(content) for name, content in files.items()}) == expected


@pytest.mark.parametrize("delimiter", ["\t", ","])
@pytest.mark.parametrize(
    ("names", "order"),
    [
        (("source", "target"), "st"), (("TGT", "id", "SRC"), "tis"), (("en", "fr"), "st"),
        (("id", "Fr", "lang", "En"), "itls"),
        (("source", "reference 1", "reference 2"), "stt"),
    ],
)  # fmt: skip
def test_a_header_that_names_the_sides_says_which_columns_count(
    delimiter: str, names: tuple[str, ...], order: str, own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = [{"s": source, "t": target, "i": str(n), "l": "eng"} for n, (source, target) in enumerate(ROWS)]
    rows = [delimiter.join(each[letter] for letter in order) for each in cells]
    name = "a.tsv" if delimiter == "\t" else "a.csv"
    expected = [Example(source, (target,) * order.count("t")) for source, target in ROWS]
    assert train(own, {name: text_of(delimiter.join(names), *rows)}) == expected
    said = capsys.readouterr().err
    assert f"{name}: line 1 names the columns: source {names[order.index('s')]}, references" in said
    assert ("; left alone: id" in said) == ("i" in order)
    assert any("line 1 names the columns" in note for note in manifest_of(own.parent / "raw")["notes"])


def test_a_first_line_of_names_among_sentences_is_left_out_and_said(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert train(own, {"a.tsv": text_of("English\tFrench", *LINES)}) == EXAMPLES
    assert "line 1 was taken for names of columns, not for text: English, French" in capsys.readouterr().err


def test_single_words_among_single_words_are_text(own: Path) -> None:
    words = [f"chat{chr(97 + number)}\tcat{chr(97 + number)}" for number in range(26)]
    assert len(train(own, {"a.tsv": text_of(*words)})) == 26
    # Nor is anything a header of which there are too few lines to tell.
    assert len(train(own, {"a.tsv": text_of("English\tFrench", *LINES[:5])})) == 6


def test_an_example_of_what_was_understood_is_said(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    train(own, {"a.tsv": text_of("\t", "a \x1b[31m red\tb\tc", *LINES)})
    said = capsys.readouterr().err
    assert "download: a.tsv: understood as source 'a \\x1b[31m red', reference 'b' and 1 more (line 2)\n" in said
    assert "download: valid.tsv: understood as" in said


SENTENCE = "the cat sleeps"


@pytest.mark.parametrize(
    ("rows", "column"),
    [
        ([f"{n}\t{SENTENCE} {n}\t{n + 5}\tle chat" for n in range(9)], "column 1 of 4 holds no text, such as '0'"),
        ([f"{SENTENCE} {n}\tle chat {n}\t0.{n}83" for n in range(9)], "column 3 of 3 holds no text, such as '0.083'"),
        ([f"{SENTENCE} {n}\tle chat {n}\thttps://example.org/{n}" for n in range(9)], "column 3 of 3"),
        ([f"{n:08x}-0000-0000-0000-00000000000f\ta b\tc d" for n in range(9)], "column 1 of 3"),
        ([f"{SENTENCE} {n}\teng\tle chat {n}" for n in range(12)], "column 2 of 3 holds no text, such as 'eng'"),
    ],
    ids=["ids", "scores", "addresses", "uuids", "language"],
)
def test_a_column_that_is_no_text_is_refused(rows: list[str], column: str, own: Path) -> None:
    with pytest.raises(SeqlabError, match=f"a.tsv: {column}.*begin the file with a line of names"):
        train(own, {"a.tsv": text_of(*rows)})
    with pytest.raises(SeqlabError, match=f"a.csv: {column}"):
        train(own, {"a.csv": text_of(*(row.replace("\t", ",") for row in rows))})


def test_numbers_may_be_what_is_translated(own: Path) -> None:
    assert len(train(own, {"a.tsv": text_of(*(f"{n}\tnumber {n}" for n in range(30)))})) == 30
    assert len(train(own, {"a.tsv": text_of(*(f"number {n}\t{n}" for n in range(30)))})) == 30
    # Toy tasks: to sort digits, to reverse them.
    assert len(train(own, {"a.tsv": text_of(*(f"3 {n} 2\t2 3 {n}" for n in range(3, 9)))})) == 6
    assert len(train(own, {"a.tsv": text_of("source\ttarget", *(f"{n}5\t5{n}" for n in range(1, 9)))})) == 8


@pytest.mark.parametrize(
    "rows",
    [
        [("17", "0.83"), ("18", "0.5"), ("19", "1")],
        [("0cc175b9c0f1b6a831c399e269772661", "-1.5"), ("", ""), ("92eb5ffee6ae2fec3ad71c777531578f", "2")] * 2,
        [("1", "2024-01-31"), ("2", "2024-02-01"), ("3", "2024-02-02"), ("4", "2024-02-03")],
    ],
    ids=["ids and scores", "digests", "dates"],
)
def test_numbers_on_both_sides_are_refused(rows: list[tuple[str, str]], own: Path) -> None:
    message = f"both sides are numbers alone, or the like, such as {rows[0][0]!r} and {rows[0][1]!r}"
    with pytest.raises(SeqlabError, match=f"a.tsv: {message}.* begin with a line of names"):
        train(own, {"a.tsv": text_of(*map("\t".join, rows))})
    with pytest.raises(SeqlabError, match=f"a.en and a.fr: {message}"):
        train(own, {"a.en": text_of(*(row[0] for row in rows)), "a.fr": text_of(*(row[1] for row in rows))})


def _xlsx() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
    return buffer.getvalue()


TEXT = text_of(*(f"été {line}" for line in LINES))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (TEXT.decode().encode("utf-16"), "is UTF-16 or UTF-32: save it as UTF-8"),
        (TEXT.decode().encode("utf-32"), "is UTF-16 or UTF-32: save it as UTF-8"),
        (TEXT.decode().encode("utf-16-le"), "is UTF-16 or UTF-32: save it as UTF-8"),
        ("他好\t我好\n".encode("iso2022_jp"), "is ISO-2022, not UTF-8"),
        (TEXT.decode().encode("cp1252"), "line 1: not valid UTF-8"),
        (TEXT.decode("cp1252").encode(), r"was UTF-8 once, was read as windows-1252 .*'Ã©tÃ© the .* is 'été the"),
        (_xlsx(), "is a zip archive or a spreadsheet"),
        (bz2.compress(TEXT), "is compressed: unpack it"),
        (lzma.compress(TEXT), "is compressed: unpack it"),
        (b"%PDF-1.7\n\t\n", "is a document"),
        (b"{\\rtf1\\ansi a\tb}", "is a document"),
        (b'<?xml version="1.0"?>\n<tmx>\t</tmx>', "is XML or HTML"),
        (b"SQLite format 3\x00", "is a database"),
        (TEXT.replace(b"\n", b"\r"), "is text whose lines end with carriage returns alone"),
    ],
)
@pytest.mark.parametrize("name", ["a.tsv", "a.csv", "a.tsv.gz"])
def test_other_encodings_and_other_files_are_refused_by_what_they_are(
    name: str, content: bytes, message: str, own: Path
) -> None:
    expected = message.replace("line 1", "after line 0") if name == "a.csv" else message
    with pytest.raises(SeqlabError, match=rf"{name}.* ?{expected}"):
        train(own, {name: gzip.compress(content) if name.endswith(".gz") else content})
    assert not (own.parent / "raw").exists()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.tsv.gz": b"plain\ttext\n"}, r"a\.tsv\.gz is not gzipped, as its name says"),
        ({"a.tsv.gz": gzip.compress(TEXT)[:-20]}, r"a\.tsv\.gz cannot be decompressed"),
        ({"a.csv": b"one column\nalone\n"}, r"a\.csv, line 1: expected source comma target"),
        ({"a.csv": b'a,"b\nc\n'}, r"a\.csv, line 2: not comma-separated values"),
        ({"a.tsv": text_of(*LINES), "b.tsv": text_of(*LINES)}, "a.tsv and b.tsv would be two line-aligned files"),
        ({"a.jsonl": b"{}", "b.jsonl.gz": b"{}"}, "a.jsonl and b.jsonl.gz would be two line-aligned files"),
        ({"a.en": text_of("1\ta", "2\tb", "3\tc"), "a.fr": text_of("a", "b", "c")}, "a.en has a TAB in every line"),
        ({"a.tsv~": text_of(*LINES), "b": b"b"}, "is a backup or a system's file by its name"),
    ],
)
def test_what_is_not_as_its_name_says_is_refused(files: dict[str, bytes], message: str, own: Path) -> None:
    with pytest.raises(SeqlabError, match=message):
        train(own, files)


def test_a_gzip_bomb_is_not_unpacked(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seqlab.corpus.own.recognition.MEMBER_LIMIT", 1 << 16)
    bomb = gzip.compress(text_of(*LINES) + b"x" * (1 << 24))
    with pytest.raises(SeqlabError, match=r"a\.tsv\.gz holds more than \d+ bytes once decompressed"):
        train(own, {"a.tsv.gz": bomb})
