"""Files by content: what must still be shown when the working copy that made it is gone or has moved on."""

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from seqlab.core.atomic import atomic_file
from seqlab.tracking.fingerprint.content import sha256

# Larger files are linked instead of copied: DVC's cache then shares their blocks, and no checkpoint is kept twice.
LINK_BYTES = 1 << 20


@dataclass(frozen=True)
class Objects:
    """A folder of files named by their SHA-256."""

    folder: Path

    def put(self, path: Path) -> str:
        """Keep the content of `path`; return its SHA-256.

        A large file is hard-linked, so whoever writes it later must replace it, not write into it, as `atomic`
        and DVC do. `get` notices if somebody did otherwise.
        """
        name = sha256(path)
        if self.get(name) is None:
            self._store(path, self._place(name))
        return name

    def get(self, name: str) -> Path | None:
        """Path of the content with SHA-256 `name`; None if it is not here, or is damaged."""
        place = self._place(name)
        if place.is_file() and sha256(place) == name:
            return place
        return None

    def _place(self, name: str) -> Path:
        return self.folder / name[:2] / name[2:]

    def _store(self, path: Path, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        if path.stat().st_size >= LINK_BYTES and _link(path, place):
            return
        with open(path, "rb") as source, atomic_file(place, binary=True) as target:
            shutil.copyfileobj(source, target)


def _link(path: Path, place: Path) -> bool:
    with tempfile.TemporaryDirectory(dir=place.parent) as folder:
        temporary = Path(folder, place.name)
        try:
            os.link(path.resolve(), temporary)
        except OSError:
            # Another file system, or one without hard links.
            return False
        os.replace(temporary, place)
    return True
