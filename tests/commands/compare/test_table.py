import csv
import io

import pytest

from seqlab.commands.compare.table import cells


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "-cmd", "@SUM(A1)", "\tx", "\n=1", "＝1+1", "－cmd"])
def test_a_text_that_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert cells([text]) == [f"'{text}"]


@pytest.mark.parametrize("text", ["-1.5", "+3", "-1e-05", "gru", "", "a=1"])
def test_numbers_and_other_texts_stay(text: str) -> None:
    assert cells([text]) == [text]


def test_no_control_character_reaches_a_terminal_that_shows_the_table() -> None:
    assert cells(["\x1b]0;title\x07", "\r=1", "a\u202eb"]) == [r"\x1b]0;title\x07", r"\r=1", r"a\u202eb"]


def test_quotes_and_line_ends_survive() -> None:
    buffer = io.StringIO()
    values = cells(['say "a, b"', "two\nlines"])
    csv.writer(buffer).writerow(values)
    assert next(csv.reader(io.StringIO(buffer.getvalue()))) == values
