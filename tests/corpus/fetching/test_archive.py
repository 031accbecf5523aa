import gzip
import io
import stat
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import pytest

from seqlab.corpus.fetching.archive import DIRECTORY_LIMIT, ArchiveError, open_gzip, open_zip_member
from tests.corpus.samples import zipped


def test_gzip_content_is_streamed(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"one\ntwo\n") + gzip.compress(b"three"))
    with open_gzip(path) as stream:
        assert list(stream) == [b"one\n", b"two\n", b"three"]


@pytest.mark.parametrize(
    "content", [b"plain", gzip.compress(b"text" * 99, mtime=0)[:-9], gzip.compress(b"text", mtime=0)[:-8] + bytes(8)]
)
def test_damaged_gzip_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(content)
    with open_gzip(path) as stream, pytest.raises(ArchiveError, match=r"a\.gz cannot be decompressed"):
        stream.read()


def test_the_limit_is_exact(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"x" * 1000))
    with open_gzip(path, limit=1000) as stream:
        assert stream.read() == b"x" * 1000
    with open_gzip(path, limit=999) as stream, pytest.raises(ArchiveError, match="more than 999 bytes"):
        stream.read()


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    bomb = b"\0" * (1 << 27)
    (tmp_path / "a.gz").write_bytes(gzip.compress(bomb))
    (tmp_path / "a.zip").write_bytes(zipped({"member": bomb}))
    with open_gzip(tmp_path / "a.gz") as stream, pytest.raises(ArchiveError, match="more than"):
        stream.read()
    with open_zip_member(tmp_path / "a.zip", "member") as stream, pytest.raises(ArchiveError, match="more than"):
        stream.read()


def test_only_the_named_member_is_read_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "inner" / "a.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("../escaped", "/absolute", "set/", "__MACOSX/set/._text", "set/text"):
            archive.writestr(name, f"content of {name}")
        link = zipfile.ZipInfo("set/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with open_zip_member(path, "set/text") as stream:
        assert stream.read() == b"content of set/text"
    with open_zip_member(path, "set/link") as stream:
        assert stream.read() == b"/etc/passwd"
    assert [found.name for found in tmp_path.rglob("*")] == ["inner", "a.zip"]


def test_a_missing_member_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(zipped({"set/text": b"text"}))
    with pytest.raises(ArchiveError, match=r"a\.zip has no member set/other"), open_zip_member(path, "set/other"):
        pass


def test_damaged_zip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(b"no archive")
    with pytest.raises(ArchiveError, match=r"a\.zip cannot be decompressed"), open_zip_member(path, "text"):
        pass


def declaring(size: int, content: bytes, method: int) -> bytes:
    """A zip archive of `content` that declares `size` bytes, and their checksum."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("text", content, method)
    lie = bytearray(buffer.getvalue())
    for signature, checksum_at, size_at in ((b"PK\1\2", 16, 24), (b"PK\3\4", 14, 22)):
        start = lie.index(signature)
        lie[start + size_at : start + size_at + 4] = size.to_bytes(4, "little")
        lie[start + checksum_at : start + checksum_at + 4] = zlib.crc32(content[:size]).to_bytes(4, "little")
    return bytes(lie)


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (zipfile.ZIP_DEFLATED, r"a\.zip:text declares 1 bytes and takes \d+"),
        (zipfile.ZIP_BZIP2, "by another method than Deflate"),
        (zipfile.ZIP_LZMA, "by another method than Deflate"),
    ],
)
def test_a_member_that_declares_one_byte_is_not_expanded(method: int, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    path.write_bytes(declaring(1, bytes(1 << 24), method))
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match=message), open_zip_member(path, "text") as stream:
            stream.read()
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("comment", [b"", b"a comment " * 99])
def test_an_archive_of_too_many_members_is_not_parsed(comment: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = comment
        for number in range(DIRECTORY_LIMIT // 46):
            archive.writestr(str(number), b"")
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match="lists more members than any corpus has"), open_zip_member(path, "0"):
            pass
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_comment_and_many_members_are_no_matter(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.comment = b"a comment " * 99
        for number in range(200):
            archive.writestr(str(number), str(number))
    with zipfile.ZipFile(path) as archive, open_zip_member(path, "7") as stream:
        assert stream.read() == archive.read("7") == b"7"


def test_a_member_damaged_within_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("text", b"some text " * 99, zipfile.ZIP_DEFLATED)
    content = path.read_bytes()
    start = 30 + len("text") + 9
    path.write_bytes(content[:start] + b"\xff" * 12 + content[start + 12 :])
    with pytest.raises(ArchiveError, match="cannot be decompressed"), open_zip_member(path, "text") as stream:
        stream.read()


def test_a_member_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("text", b"some text")
    path.write_bytes(path.read_bytes().replace(b"some text", b"same text"))
    with open_zip_member(path, "text") as stream, pytest.raises(ArchiveError, match="CRC"):
        stream.read()
