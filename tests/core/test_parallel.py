import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example, read, write

TEXT = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    ["a\nb\tc", "\u2028", "\u0085\x0c", "\ufeff", '"\\', "\r\n"]
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(examples=st.lists(st.builds(Example, TEXT, st.lists(TEXT, min_size=1).map(tuple))))
def test_any_text_round_trips(examples: list[Example], tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    assert write(path, iter(examples)) == len(examples)
    assert list(read(path)) == examples
    assert path.read_bytes().count(b"\n") == len(examples)


def test_a_line_is_a_json_record(tmp_path: Path) -> None:
    write(tmp_path / "a.jsonl", [Example("né\u2028", ("b", "c\n"))])
    content = (tmp_path / "a.jsonl").read_bytes()
    assert content == '{"source": "né\u2028", "references": ["b", "c\\n"]}\n'.encode()
    assert json.loads(content) == {"source": "né\u2028", "references": ["b", "c\n"]}


def test_lone_surrogates_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(SeqlabError, match=r"example 2 of .*a\.jsonl is not valid Unicode"):
        write(tmp_path / "a.jsonl", [Example("a", ("b",)), Example("a", ("\ud800",))])
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_the_examples_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> object:
        yield Example("a", ("b",))
        raise SeqlabError("broken")

    with pytest.raises(SeqlabError, match="broken"):
        write(tmp_path / "a.jsonl", broken())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SeqlabError, match=r"a\.jsonl is missing"):
        list(read(tmp_path / "a.jsonl"))


OTHERS = [
    "",
    "[" * 100_000,
    "{",
    "[]",
    "3",
    "{}",
    '{"source": "a"}',
    '{"references": ["b"]}',
    '{"source": "a", "references": "bc"}',
    '{"source": 1, "references": ["b"]}',
    '{"source": "a", "references": [2]}',
]


@pytest.mark.parametrize("line", OTHERS)
def test_other_records_are_refused_with_their_line(line: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"source": "a", "references": ["b"]}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(SeqlabError, match=r"a\.jsonl, line 2: not a record of parallel text"):
        list(read(path))


def test_invalid_utf_8_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"source": "\xff", "references": ["b"]}\n')
    with pytest.raises(SeqlabError, match="line 1: not a record of parallel text"):
        list(read(path))
