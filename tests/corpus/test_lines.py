import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqlab.core.errors import SeqlabError
from seqlab.corpus.lines import decode_lines

# Any text of one line: no line feed, no carriage return at its end, no byte order mark at its beginning.
LINE = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])).filter(
    lambda line: not line.endswith("\r") and not line.startswith("\ufeff")
)


@given(st.lists(LINE), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_lines_come_back(lines: list[str], end: str, mark: bool, final_end: bool) -> None:
    text = end.join(lines) + (end if final_end and lines else "")
    data = (b"\xef\xbb\xbf" if mark and lines else b"") + text.encode()
    expected = lines if final_end or not lines or lines[-1] or (mark and len(lines) == 1) else lines[:-1]
    assert list(decode_lines(io.BytesIO(data), "file")) == expected


def test_only_line_feeds_end_a_line() -> None:
    line = "a\u2028b\u2029c\u0085d\x0be\x0cf\x1cg\rh"
    assert list(decode_lines(io.BytesIO(f"{line}\n{line}\r\n".encode()), "file")) == [line, line]


def test_a_byte_order_mark_is_dropped_at_the_beginning_alone() -> None:
    assert list(decode_lines([b"\xef\xbb\xbfa\n", b"\xef\xbb\xbfb\n"], "file")) == ["a", "\ufeffb"]


@pytest.mark.parametrize("bad", [b"caf\xe9\n", b"\xff\xfea\x00\n", b"\xed\xa0\x80", b"\xc3"])
def test_invalid_utf8_is_named_with_its_line(bad: bytes) -> None:
    with pytest.raises(SeqlabError, match=r"train\.en, line 3: not valid UTF-8 \(byte 0x"):
        list(decode_lines([b"a\n", b"b\n", bad], "train.en"))
