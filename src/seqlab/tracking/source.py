"""The source that a run is made from, as one archive: most runs start from edited files, which no commit has."""

import io
import tempfile
import zipfile
import zlib
from pathlib import Path

from seqlab.errors import SeqlabError
from seqlab.tracking.content import files_below
from seqlab.tracking.leftovers import is_leftover
from seqlab.tracking.objects import Objects

# The name under which a run has the archive.
SOURCE = "source.zip"
SOURCES = (
    *("dvc.yaml", "params.yaml", "versions.toml", "pyproject.toml", "requirements.txt", "requirements-torch.txt"),
    *("pipeline", "src/seqlab"),
)
# A year that every zip program knows; the true times are no part of the source.
TIME = (1980, 1, 1, 0, 0, 0)
MODE = 0o100644
UNIX = 3
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
LARGEST_BYTES = 1 << 26


def source_archive(root: Path) -> bytes:
    """The files that a run is made from in working copy `root`, as they are on disk now, as a zip archive.

    The same files give the same bytes. Files and folders that are not there are left out.
    """
    files = {file.relative_to(root).as_posix(): file for name in SOURCES for file in files_below(root / name)}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in sorted(name for name in files if not is_leftover(name)):
            entry = zipfile.ZipInfo(name, TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = UNIX
            entry.external_attr = MODE << 16
            archive.writestr(entry, files[name].read_bytes())
    return buffer.getvalue()


def read_source(archive: bytes) -> dict[str, bytes]:
    """Name → content of the files in an archive that `source_archive` made.

    Raises:
        SeqlabError: the archive is damaged, larger than any source, or has names that lead out of its folder.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            entries = opened.infolist()
            if any(entry.compress_type not in COMPRESSIONS for entry in entries):
                raise zipfile.BadZipFile("unknown compression")
            _check([entry.filename for entry in entries], sum(entry.file_size for entry in entries))
            return {entry.filename: opened.read(entry) for entry in entries}
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise SeqlabError(f"{SOURCE} is damaged ({error}); the run cannot be made anew from it") from None


def keep_source(root: Path, objects: Objects) -> str:
    """Keep the archive of working copy `root` among the objects; return its SHA-256."""
    with tempfile.TemporaryDirectory(prefix="seqlab-source-") as folder:
        path = Path(folder, SOURCE)
        path.write_bytes(source_archive(root))
        return objects.put(path)


def _check(names: list[str], size: int) -> None:
    if size > LARGEST_BYTES:
        raise SeqlabError(f"{SOURCE} holds {size} bytes, and no source is above {LARGEST_BYTES}; it is not unpacked")
    for name in names:
        parts = name.split("/")
        if not all(parts) or ".." in parts or "." in parts or "\\" in name or ":" in name or "\0" in name:
            raise SeqlabError(f"{SOURCE} has a file named {name!r}, which leads out of its folder; it is not unpacked")
    if len({*names}) < len(names):
        raise SeqlabError(f"{SOURCE} has two files of one name; it is not unpacked")
