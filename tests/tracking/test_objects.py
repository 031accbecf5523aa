from pathlib import Path

import pytest

from seqlab.core.atomic import write_bytes
from seqlab.tracking.fingerprint.content import sha256
from seqlab.tracking.objects import LINK_BYTES, Objects


@pytest.mark.parametrize("size", [0, 5, LINK_BYTES])
def test_content_stays_when_its_file_goes_or_is_replaced(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    content = b"x" * size
    write_bytes(path, content)
    objects = Objects(tmp_path / "objects")
    name = objects.put(path)
    assert name == sha256(path)
    write_bytes(path, b"other")
    path.unlink()
    place = objects.get(name)
    assert place is not None
    assert place.read_bytes() == content
    assert [file.name for file in place.parent.iterdir()] == [name[2:]]


def test_a_large_file_takes_no_room_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"x" * LINK_BYTES)
    objects = Objects(tmp_path / "objects")
    place = objects.get(objects.put(path))
    assert place is not None
    assert place.samefile(path)


def test_a_large_file_is_copied_where_there_are_no_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("another file system")

    path = tmp_path / "file"
    write_bytes(path, b"x" * LINK_BYTES)
    monkeypatch.setattr("os.link", refuse)
    objects = Objects(tmp_path / "objects")
    place = objects.get(objects.put(path))
    assert place is not None
    assert not place.samefile(path)
    assert [file.name for file in place.parent.iterdir()] == [place.name]


def test_a_damaged_object_is_not_handed_out_and_is_made_good(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_bytes(path, b"content")
    objects = Objects(tmp_path / "objects")
    name = objects.put(path)
    place = objects.get(name)
    assert place is not None
    place.write_bytes(b"damaged")
    assert objects.get(name) is None
    assert objects.put(path) == name
    assert objects.get(name) == place


def test_what_was_never_put_is_not_there(tmp_path: Path) -> None:
    assert Objects(tmp_path).get("0" * 64) is None
