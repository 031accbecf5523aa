"""As many texts as lines, whatever is in them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqlab.commands.translate.answers import as_lines, as_record
from seqlab.commands.translate.texts import Text, batches, from_lines, from_records
from seqlab.core.errors import SeqlabError
from seqlab.evaluation.translation import Translation

# Whatever some program takes for the end of a line.
BREAKS = "\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029"
ANY = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(BREAKS + "\ufeff\t\0"))
IN_A_LINE = ANY.map(lambda text: text.replace("\n", ""))


@given(st.lists(IN_A_LINE.filter(lambda text: not text.endswith("\r")), min_size=1), st.sampled_from(["\n", "\r\n"]))
def test_a_line_is_a_text_and_its_end_is_none(lines: list[str], end: str) -> None:
    content = ("\ufeff" + end.join(lines) + end).encode("utf-8")
    assert [text.source for text in from_lines(_lines(content), "x")] == lines


@given(st.lists(ANY))
def test_json_lines_hold_any_text(texts: list[str]) -> None:
    content = "".join(json.dumps({"source": text, "id": 7}) + "\n" + json.dumps(text) + "\n" for text in texts)
    found = list(from_records(_lines(content.encode("utf-8")), "x"))
    assert [text.source for text in found] == [text for text in texts for _ in range(2)]
    assert all(text.record["id"] == 7 for text in found[::2])


@given(ANY, st.integers(1, 3))
def test_an_answer_is_one_line(text: str, count: int) -> None:
    translations = [Translation(text, -1.5)]
    lines = as_lines(translations, count)
    assert len(lines) == count
    assert all(len(line.splitlines()) <= 1 for line in lines)
    record = as_record(Text(text, {"source": text, "id": text}), translations, count)
    assert len(record.splitlines()) == 1
    assert json.loads(record)["translation"] == json.loads(record)["id"] == text


def test_what_else_a_record_held_is_kept_and_what_it_claims_is_not() -> None:
    (text,) = from_records([b'{"id": 7, "source": "a", "translation": "mine", "score": 9}\n'], "x")
    best, second = Translation("b", -0.25), Translation("c", -1)
    assert json.loads(as_record(text, [best, second], 2)) == {
        "id": 7,
        "source": "a",
        "translation": "b",
        "score": -0.25,
        "n_best": [{"translation": "b", "score": -0.25}, {"translation": "c", "score": -1}],
    }
    # A half of a pair, which JSON can hold and UTF-8 cannot.
    (text,) = from_records([b'{"id": "\\ud83d", "source": "a"}\n'], "x")
    assert r'"id": "\ud83d"' in as_record(text, [best], 1).encode("utf-8").decode("utf-8")


def test_what_the_search_did_not_find_has_a_line_too() -> None:
    assert as_lines([Translation("", 0.0)], 3) == ["0.0000\t", "-inf\t", "-inf\t"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"text", "not JSON"),
        (b"", "not JSON"),
        (b"3", "neither a string nor an object"),
        (b"[]", "neither a string nor an object"),
        (b"{}", "neither a string nor an object"),
        (b'{"source": null}', "neither a string nor an object"),
        (b'{"source": "a", "id": NaN}', "not JSON"),
        (b'{"source": "a", "weight": 1e999}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'"\xff"', "not valid UTF-8"),
    ],
)
def test_what_is_no_record_is_named(line: bytes, said: str) -> None:
    with pytest.raises(SeqlabError, match=f"some.jsonl, line 2: {said}"):
        list(from_records([b'"a"\n', line + b"\n"], "some.jsonl"))


def test_texts_in_another_encoding() -> None:
    with pytest.raises(SeqlabError, match="standard input, line 2: not valid UTF-8"):
        list(from_lines([b"a\n", b"\xe9t\xe9\n"], "standard input"))


def test_batches_are_read_as_they_are_needed() -> None:
    made: list[int] = []

    def texts() -> object:
        for number in range(9):
            made.append(number)
            yield Text(str(number))

    found = batches(texts(), 4)  # type: ignore[arg-type]
    assert len(next(found)) == 4
    assert len(made) == 4
    assert [len(batch) for batch in found] == [4, 1]


def _lines(content: bytes) -> list[bytes]:
    """As a binary file gives them."""
    return [line + b"\n" for line in content.split(b"\n")[:-1]]
