"""What is wrong with a file is said with its place, and without what stands there."""

import math
import re
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from seqlab.results.exposure import mean_losses
from seqlab.results.parsing import DamagedError, parse_json, parse_lines, parse_table, rows
from seqlab.results.records import Exposure, Translation

ROOT = Path(__file__).parents[2]
LINE = b'{"source": "a", "references": ["b\\u2028"], "translation": "c", "score": -1, "bleu": 2.5}\n'
HEAD = b"position,tokens,gold_nll,own_nll\n"


def lines(content: bytes) -> list[Translation]:
    return list(parse_lines(BytesIO(content), Translation))


def table(content: bytes) -> list[Exposure]:
    return parse_table(content, Exposure)


def counts(content: bytes) -> dict[str, int]:
    return parse_json(content, dict[str, int])


def test_tables_are_parsed_in_one_place() -> None:
    """A corpus of one's own may come in columns, too."""
    source = ROOT / "src/seqlab"
    texts = {path.relative_to(source).as_posix(): path.read_text("utf-8") for path in source.rglob("*.py")}
    readers = {path for path, text in texts.items() if re.search(r"csv\.(DictReader|reader)\b", text)}
    assert readers == {"results/parsing.py", "corpus/own/own_text.py"}


def test_lines_and_tables() -> None:
    assert lines(b"") == []
    assert [(each.translation, each.references) for each in lines(LINE * 2)] == [("c", ["b\u2028"])] * 2
    assert rows(HEAD) == []
    assert [(each.tokens, each.gold_nll, each.own_nll) for each in table(HEAD + b"1,7,0.5,\r\n")] == [(7, 0.5, None)]


@pytest.mark.parametrize(
    ("parse", "content", "problem"),
    [
        (lines, LINE + b"{", "line 2: invalid JSON"),
        (lines, LINE + b"\n" + LINE, "line 2: invalid JSON"),
        (lines, LINE.replace(b'"c"', b"7"), "line 1: translation: input should be a valid string"),
        (lines, b"[" * 100_000, "line 1: "),
        (table, HEAD + b"1,2,3,4\nsecret,2,3,4\n", "row 2: position: input should be a valid integer"),
        (table, b"position\n1\n", "row 1: tokens: field required"),
        (table, b"\xff", "utf-8"),
        (table, HEAD + b'"1\n', "unexpected end of data"),
        (counts, b'{"a": "secret"}', "a: input should be a valid integer"),
    ],
)
def test_damage(parse: Callable[[bytes], Any], content: bytes, problem: str) -> None:
    with pytest.raises(DamagedError, match=problem) as error:
        parse(content)
    assert "secret" not in str(error.value)


def test_mean_losses_are_over_tokens() -> None:
    found = [Exposure(position=at, tokens=60 // at, gold_nll=at, own_nll=2 * at) for at in (1, 2)]
    means = mean_losses([*found, Exposure(position=3, tokens=9, gold_nll=None, own_nll=5)])
    assert means
    assert all(map(math.isclose, means, (120 / 90, 240 / 90)))
    assert mean_losses([]) is None
