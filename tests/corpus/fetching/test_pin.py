import io
from pathlib import Path

import pytest

from seqlab.corpus.fetching.pin import CHUNK_BYTES, WrongBytesError, copy_verified, is_intact
from tests.corpus.samples import pin_of


def test_the_pinned_content_is_copied() -> None:
    content = bytes(range(256)) * 1000
    destination = io.BytesIO()
    copy_verified(io.BytesIO(content), destination, pin_of("set/a", content), "here")
    assert destination.getvalue() == content


def test_no_more_than_needed_is_read_of_a_file_that_is_too_long() -> None:
    source, destination = io.BytesIO(b"x" * 10_000_000), io.BytesIO()
    with pytest.raises(WrongBytesError, match=r"set/a from here .*\n.*5 bytes, sha256 .*\n.*more than 5 bytes"):
        copy_verified(source, destination, pin_of("set/a", b"12345"), "here")
    assert source.tell() == CHUNK_BYTES
    assert destination.getvalue() == b""


@pytest.mark.parametrize(("content", "intact"), [(b"12345", True), (b"12346", False), (b"1234", False), (b"", False)])
def test_intact_means_the_pinned_bytes(content: bytes, intact: bool, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(content)
    assert is_intact(tmp_path / "a", pin_of("set/a", b"12345")) is intact
    assert not is_intact(tmp_path / "absent", pin_of("set/a", b"12345"))
    assert not is_intact(tmp_path, pin_of("set/a", b"12345"))
