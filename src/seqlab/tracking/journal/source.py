"""The source that a run is made from, as one archive: most runs start from edited files, which no commit has."""

import io
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from seqlab.core.errors import SeqlabError
from seqlab.results.paths import PINS, PIPELINE, PROJECT, RECIPE
from seqlab.system import git
from seqlab.tracking.fingerprint.content import files_below
from seqlab.tracking.fingerprint.leftovers import is_leftover
from seqlab.tracking.objects import Objects

# The name under which a run has the archive.
SOURCE = "source.zip"
SOURCES = (*RECIPE, PROJECT, *PINS)
# A year that every zip program knows; the true times are no part of the source.
TIME = (1980, 1, 1, 0, 0, 0)
MODE = 0o100644
UNIX = 3
COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# Ten times what the project's own takes, and has; a list of 91,000 members has room in it, 50 MB once it is parsed.
LARGEST_ARCHIVE = 1 << 22
MOST_FILES = 10_000
# Characters of a path, the folders above a file, and bytes of a part of a path.
LONGEST_PATH = 1024
DEEPEST = 50
LONGEST_NAME = 255
LARGEST_BYTES = 1 << 26
PIECE = 1 << 16


def source_archive(root: Path) -> bytes:
    """The files that a run is made from in working copy `root`, as they are on disk now, as a zip archive.

    Those that git tracks: what it ignores may be a key, and so may what a link leads to, in a folder of the project or
    not. Where git does not track the project, all files but links. The same files give the same bytes. Files and
    folders that are not there are left out.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name in _names(root):
            entry = zipfile.ZipInfo(name, TIME)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = UNIX
            entry.external_attr = MODE << 16
            archive.writestr(entry, (root / name).read_bytes())
    return buffer.getvalue()


def left_out(root: Path) -> list[str]:
    """The code in working copy `root` that no archive has, since git neither tracks nor ignores it."""
    if _tracked(root) is None:
        return []
    return [name for name in git.untracked_files(root, SOURCES) if not is_leftover(name)]


def _names(root: Path) -> list[str]:
    tracked = _tracked(root)
    if tracked is None:
        tracked = [file.relative_to(root).as_posix() for name in SOURCES for file in files_below(root / name)]
    true = root.resolve()
    # A link, and what lies below one, is elsewhere than its name says.
    present = [name for name in tracked if (root / name).is_file() and (root / name).resolve() == true / name]
    return sorted(name for name in present if not is_leftover(name))


def _tracked(root: Path) -> list[str] | None:
    """The files that git tracks; None where it does not track the project."""
    try:
        found = git.tracked_files(root, SOURCES)
    except SeqlabError:
        return None
    return found if PIPELINE in found else None


def read_source(archive: bytes) -> dict[str, bytes]:
    """Name → content of the files in an archive that `source_archive` made.

    Sizes that it declares are not believed: what is unpacked is counted as it comes.

    Raises:
        SeqlabError: the archive is damaged, larger than any source, or has names that lead out of its folder.
    """
    if len(archive) > LARGEST_ARCHIVE:
        raise SeqlabError(f"{SOURCE} has {len(archive)} bytes, at most {LARGEST_ARCHIVE} are read; it is not unpacked")
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as opened:
            entries = opened.infolist()
            if any(entry.compress_type not in COMPRESSIONS for entry in entries):
                raise zipfile.BadZipFile("unknown compression")
            _check([entry.filename for entry in entries])
            # No archive of ours has leftovers. A .pyc among them would be run, and no comparison of sources sees it.
            return _unpacked(opened, [entry for entry in entries if not is_leftover(entry.filename)])
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, ValueError) as error:
        raise SeqlabError(f"{SOURCE} is damaged ({error}); the run cannot be made anew from it") from None


def _unpacked(opened: zipfile.ZipFile, entries: list[zipfile.ZipInfo]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    left = LARGEST_BYTES
    for entry in entries:
        content = bytearray()
        with opened.open(entry) as stream:
            # Asked for all at once, zipfile expands a gigabyte of which it then gives what was declared.
            while piece := stream.read(PIECE):
                content += piece
                left -= len(piece)
                if left < 0:
                    raise SeqlabError(
                        f"{SOURCE} holds more than {LARGEST_BYTES} bytes, as no source does; it is not unpacked"
                    )
        files[entry.filename] = bytes(content)
    return files


def keep_source(root: Path, objects: Objects) -> str:
    """Keep the archive of working copy `root` among the objects; return its SHA-256."""
    with tempfile.TemporaryDirectory(prefix="seqlab-source-") as folder:
        path = Path(folder, SOURCE)
        path.write_bytes(source_archive(root))
        return objects.put(path)


def _check(names: list[str]) -> None:
    if len(names) > MOST_FILES:
        raise SeqlabError(f"{SOURCE} has {len(names)} files, and no source above {MOST_FILES}; it is not unpacked")
    for name in names:
        # Before anything is made of its parents, each of which is as long a text.
        if len(name) > LONGEST_PATH or name.count("/") > DEEPEST:
            raise SeqlabError(f"{SOURCE} has a name that no file system takes; it is not unpacked")
        parts = name.split("/")
        if not all(parts) or ".." in parts or "." in parts or "\\" in name or ":" in name or "\0" in name:
            raise SeqlabError(f"{SOURCE} has a file named {name!r}, which leads out of its folder; it is not unpacked")
        if any(len(part.encode("utf-8", "replace")) > LONGEST_NAME for part in parts):
            raise SeqlabError(f"{SOURCE} has a name that no file system takes; it is not unpacked")
    folders = {parent.as_posix() for name in names for parent in PurePosixPath(name).parents}
    if folders & {*names}:
        raise SeqlabError(f"{SOURCE} has a file where it has a folder, too; it is not unpacked")
    if len({*names}) < len(names):
        raise SeqlabError(f"{SOURCE} has two files of one name; it is not unpacked")
