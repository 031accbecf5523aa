import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example
from seqlab.corpus.build import build
from tests.corpus.samples import corpus_params, manifest_of, note, splits_of, text_of


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with valid and test, and twenty rows to train on, in each format."""
    folder = tmp_path / "own"
    (folder / "deep").mkdir(parents=True)
    rows = [(f"source {number}", f"target {number}") for number in range(20)]
    _write(folder, "train.en", text_of(*(source for source, _ in rows)))
    _write(folder, "train.fr", text_of(*(target for _, target in rows)))
    _write(folder, "train.tsv", text_of(*("\t".join(row) for row in rows)))
    _write(folder, "train.jsonl", text_of(*(json.dumps({"source": one, "target": other}) for one, other in rows)))
    _write(folder, "deep/valid.tsv", text_of("v1\tV1", "v2\tV2"))
    _write(folder, "test.tsv", text_of("t1\tT1\tT1b", "t2\tT2"))
    return folder


def _write(own: Path, name: str, content: bytes) -> None:
    (own / name).write_bytes(content)


GIVEN = {"valid": ["deep/valid.tsv"], "test": ["test.tsv"]}


def _build(own: Path, train: list[str], **options: Any) -> dict[str, list[Example]]:
    root = own.parent
    build(corpus_params("files", "en", "fr", train=train, **options), root / "raw", root / "cache", own)
    return splits_of(root / "raw")


def _manifest(own: Path) -> dict[str, Any]:
    return manifest_of(own.parent / "raw")


@pytest.mark.parametrize("train", [["train.en", "train.fr"], ["train.tsv"], ["train.jsonl"]])
def test_given_splits_come_as_they_are(train: list[str], own: Path) -> None:
    splits = _build(own, train, **GIVEN)
    assert splits["train"] == [Example(f"source {number}", (f"target {number}",)) for number in range(20)]
    assert splits["valid"] == [Example("v1", ("V1",)), Example("v2", ("V2",))]
    assert splits["test"] == [Example("t1", ("T1", "T1b")), Example("t2", ("T2",))]
    manifest = _manifest(own)
    assert [origin["url"] for origin in manifest["origin"]] == [
        *(f"data/own/{name}" for name in train),
        "data/own/deep/valid.tsv",
        "data/own/test.tsv",
    ]
    assert str(own) not in json.dumps(manifest)


# Fields as a TSV can hold them: no TAB, no line feed, no carriage return at the end of a line; none of them without a
# letter, as columns of numbers are no text; no control characters of other encodings.
FIELD = st.text(
    st.characters(exclude_characters="\n\t\r\x00\x1b", exclude_categories=["Cs"]), min_size=1, max_size=9
).filter(lambda text: any(map(str.isalpha, text)) and not text.startswith("\ufeff"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(FIELD, min_size=2, max_size=4), min_size=1, max_size=5),
    end=st.sampled_from(["\n", "\r\n"]),
    mark=st.sampled_from(["", "\ufeff"]),
)
def test_any_text_round_trips(rows: list[list[str]], end: str, mark: str, own: Path) -> None:
    pairs = [row[:2] for row in rows]
    _write(own, "any.tsv", (mark + end.join("\t".join(row) for row in rows)).encode())
    _write(own, "any.en", (mark + end.join(source for source, _ in pairs) + end).encode())
    _write(own, "any.fr", (mark + end.join(target for _, target in pairs)).encode())
    records = (json.dumps({"source": source, "references": targets, "id": 1}) for source, *targets in rows)
    _write(own, "any.jsonl", (mark + end.join(records)).encode())
    expected = [Example(row[0], tuple(row[1:])) for row in rows]
    assert _build(own, ["any.tsv"], **GIVEN)["train"] == expected
    assert _build(own, ["any.jsonl"], **GIVEN)["train"] == expected
    assert _build(own, ["any.en", "any.fr"], **GIVEN)["train"] == [Example(one, (other,)) for one, other in pairs]


def test_json_lines_hold_line_breaks_and_tabs(own: Path) -> None:
    record = {"source": "a\nb\tc\u2028d\r", "references": ["\n e \n", "f"]}
    _write(own, "any.jsonl", json.dumps(record).encode())
    assert _build(own, ["any.jsonl"], **GIVEN)["train"] == [Example("a\nb\tc\u2028d\r", ("\n e \n", "f"))]


def test_quotes_are_text(own: Path) -> None:
    _write(own, "any.tsv", b'"a\tb"\n"c""\t\'d\n')
    assert _build(own, ["any.tsv"], **GIVEN)["train"] == [Example('"a', ('b"',)), Example('"c""', ("'d",))]


@pytest.mark.parametrize("train", [["train.en", "train.fr"], ["train.tsv"], ["train.jsonl"]])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_split_by_us(train: list[str], seed: int, own: Path) -> None:
    splits = _build(own, train, seed=seed, valid_size=3, test_size=4)
    assert [len(splits[split]) for split in ("train", "valid", "test")] == [13, 3, 4]
    found = sorted(example.source for examples in splits.values() for example in examples)
    assert found == sorted(f"source {number}" for number in range(20))
    assert all(
        reference == example.source.replace("source", "target")
        for examples in splits.values()
        for example in examples
        for reference in example.references
    )
    numbers = [int(example.source.split()[1]) for example in splits["train"]]
    assert numbers == sorted(numbers)
    assert _manifest(own)["notes"] == [
        "test was split off from train, all rows of a source text together",
        "valid was split off from train, all rows of a source text together",
    ]


def test_the_split_depends_on_seed_and_text_alone(own: Path) -> None:
    first = _build(own, ["train.tsv"], seed=1)
    assert _build(own, ["train.jsonl"], seed=1) == first
    assert _build(own, ["train.tsv"], seed=2)["test"] != first["test"]
    _write(own, "train.tsv", b"".join(reversed((own / "train.tsv").read_bytes().splitlines(keepends=True))))
    turned = _build(own, ["train.tsv"], seed=1)
    assert (turned["valid"], turned["test"]) == (first["valid"], first["test"])
    assert turned["train"] == first["train"][::-1]
    assert _build(own, ["train.tsv"], seed=1, valid_size=7)["test"] == turned["test"]


def test_rows_of_one_source_stay_together(own: Path) -> None:
    rows = [f"source {number % 10}\ttarget {number // 20}{number % 10}" for number in range(40)]
    _write(own, "many.tsv", text_of(*rows))
    splits = _build(own, ["many.tsv"], valid_size=3, test_size=4)
    sources = {split: {example.source for example in examples} for split, examples in splits.items()}
    assert [len(sources[split]) for split in ("train", "valid", "test")] == [3, 3, 4]
    assert len(set.union(*sources.values())) == 10
    for example in splits["valid"] + splits["test"]:
        number = example.source.split()[1]
        assert example.references == (f"target 0{number}", f"target 1{number}")
    assert len(splits["train"]) == 12


def test_only_what_is_not_given_is_split_off(own: Path) -> None:
    splits = _build(own, ["train.tsv"], test=["test.tsv"], valid_size=3)
    assert [len(splits[split]) for split in ("train", "valid", "test")] == [17, 3, 2]
    assert splits["test"][0].source == "t1"


def test_empty_sides(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(own, "gaps.tsv", b"a\tb\n\n\tc\nd\t \ne\t\tf\n \t\n")
    assert _build(own, ["gaps.tsv"], **GIVEN)["train"] == [Example("a", ("b",)), Example("e", ("f",))]
    assert note(_manifest(own), "rows of train left out: one side is empty") == 2
    assert note(_manifest(own), "rows of train left out: both sides are empty") == 2
    assert "download: rows of train left out: one side is empty: 2\n" in capsys.readouterr().err


def test_a_blank_last_line_is_no_pair(own: Path) -> None:
    _write(own, "test.en", b"a\nb\n\n")
    _write(own, "test.fr", b"A\nB\n\n")
    splits = _build(own, ["train.tsv"], valid=["deep/valid.tsv"], test=["test.en", "test.fr"])
    assert splits["test"] == [Example("a", ("A",)), Example("b", ("B",))]
    assert note(_manifest(own), "rows of test left out: both sides are empty") == 1


def test_overlap_with_train_is_counted_and_said(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _write(own, "test.tsv", b"source 3\tx\nsource 3\ty\nv1\tz\n")
    _build(own, ["train.tsv"], **GIVEN)
    assert note(_manifest(own), "different source texts of test that also occur in train") == 1
    assert note(_manifest(own), "different source texts of test that also occur in valid") == 1
    # Two examples have that text.
    splits = _manifest(own)["splits"]
    assert (splits["test"]["also_in_train"], splits["valid"]["also_in_train"]) == (2, 0)
    said = [line for line in capsys.readouterr().err.splitlines() if "warning" in line]
    assert len(said) == 1
    assert said[0].startswith("download: warning: 2 of 3 test examples (66.7 %) have a source text that is in train")


LONG = "is not shortened silently"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("bad.tsv", b"a\tb\ncaf\xe9\tc\n", r"bad\.tsv, line 2: not valid UTF-8 \(byte 0xe9"),
        ("bad.tsv", "a\tb\n".encode("utf-16"), r"bad\.tsv is UTF-16 or UTF-32: save it as UTF-8"),
        ("bad.tsv", b"a\tb\nno tab\n", r"bad\.tsv, line 2: expected source TAB target"),
        ("bad.tsv", b"a\tb\tCC-BY 2.0 (France) Attribution: tatoeba.org #1 (CM)\n", r"line 1: .*cut -f1,2"),
        ("bad.tsv", b"", r"bad\.tsv is empty"),
        ("bad.tsv", b"\n \n\n", "the train split is empty"),
        ("bad.tsv", b"\xef\xbb\xbf\n", "the train split is empty"),
        ("bad.jsonl", b'{"source": "a", "target": "b"}\n{"source"', r"bad\.jsonl, line 2: not JSON"),
        ("bad.jsonl", b'["a", "b"]', r"line 1: expected an object with"),
        ("bad.jsonl", b'{"source": "a"}', r"line 1: expected an object with"),
        ("bad.jsonl", b'{"source": "a", "target": "b", "references": ["c"]}', "line 1: expected an object with"),
        ("bad.jsonl", b'{"source": 1, "target": "b"}', "line 1: .* must be strings"),
        ("bad.jsonl", b'{"target": "b"}', "line 1: .* must be strings"),
        ("bad.jsonl", b'{"source": "a", "references": "b"}', "line 1: .* must be strings"),
        ("bad.jsonl", b'{"source": "a", "references": [null]}', "line 1: .* must be strings"),
        ("bad.jsonl", b'{"source": "\\ud800", "target": "b"}', "line 1: not valid Unicode"),
        ("bad.jsonl", b"[" * 100_000, "line 1: not JSON"),
    ],
)
def test_bad_files_are_refused(name: str, content: bytes, message: str, own: Path) -> None:
    _write(own, name, content)
    with pytest.raises(SeqlabError, match=message):
        _build(own, [name], **GIVEN)
    assert sorted(path.name for path in own.parent.iterdir()) == ["own"]


@pytest.mark.parametrize(
    ("train", "options", "message"),
    [
        (["none.tsv"], GIVEN, r"no file none\.tsv in data/own/"),
        (["deep/"], GIVEN, r"deep/ alone must end in \.tsv, \.csv or \.jsonl"),
        (["train.en"], GIVEN, r"train\.en alone must end in \.tsv, \.csv or \.jsonl"),
        (["train.en", "deep"], GIVEN, "no file deep"),
        (["../secret.tsv"], GIVEN, r"\.\./secret\.tsv is outside data/own/"),
        (["/etc/passwd", "train.fr"], GIVEN, "/etc/passwd is outside data/own/"),
        (["link.tsv"], GIVEN, r"link\.tsv is outside data/own/"),
        (["train.tsv"], {"valid_size": 15, "test_size": 5}, "has 20 different source texts, too few"),
        (["train.tsv"], {"valid": ["deep/valid.tsv"], "test_size": 20}, "too few to split off test_size 20;"),
    ],
)
def test_bad_settings_are_refused(train: list[str], options: dict[str, Any], message: str, own: Path) -> None:
    (own.parent / "secret.tsv").write_bytes(b"a\tb\n")
    (own / "link.tsv").symlink_to(own.parent / "secret.tsv")
    with pytest.raises(SeqlabError, match=message):
        _build(own, train, **options)
    assert not (own.parent / "raw").exists()


def test_a_link_into_dvc_s_cache_is_one_s_own_text(own: Path) -> None:
    cached = own.parent / ".dvc/cache/files/md5/85/3b87221d4e354c521294d17763bc05"
    cached.parent.mkdir(parents=True)
    (own / "train.tsv").rename(cached)
    (own / "train.tsv").symlink_to(cached)
    assert len(_build(own, ["train.tsv"], **GIVEN)["train"]) == 20
    with pytest.raises(SeqlabError, match="is outside data/own/"):
        _build(own, [f"../{cached.relative_to(own.parent)}", "train.fr"], **GIVEN)


@pytest.mark.parametrize("extra", [b"one more\n", b"one more", b"\n"])
@pytest.mark.parametrize("longer", ["train.en", "train.fr"])
def test_unequal_line_counts_are_refused(extra: bytes, longer: str, own: Path) -> None:
    _write(own, longer, (own / longer).read_bytes() + extra)
    english, french = (21, 20) if longer == "train.en" else (20, 21)
    with pytest.raises(SeqlabError, match=rf"train\.en has {english} lines, but train\.fr has {french} lines"):
        _build(own, ["train.en", "train.fr"], **GIVEN)
    assert not (own.parent / "raw").exists()


@pytest.mark.parametrize("row", [b"a\t\n", b"\tb\n", b"a\t \t\n"])
@pytest.mark.parametrize("split", ["valid", "test"])
def test_half_empty_rows_of_valid_and_test_are_refused(row: bytes, split: str, own: Path) -> None:
    _write(own, "half.tsv", b"a\tb\n" + row)
    with pytest.raises(SeqlabError, match=rf"half\.tsv, line 2: one side is empty; {split} {LONG}"):
        _build(own, ["train.tsv"], **(GIVEN | {split: ["half.tsv"]}))
    assert not (own.parent / "raw").exists()
