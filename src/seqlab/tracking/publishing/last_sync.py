"""The last sync that found nothing to publish: while nothing changes that it looked at, the next would say the same.

Looking at everything takes seconds, for the imports of DVC and MLflow. Whether a file was touched is seen in its inode,
size and times, as DVC sees it; so it is seen of a database in a file that nobody wrote to it. A server must be asked.
"""

import json
import os
import platform
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from seqlab.core.atomic import write_text
from seqlab.results.paths import LOCK, PROJECT, RECIPE
from seqlab.tracking.fingerprint.canonical import digest
from seqlab.tracking.fingerprint.content import files_below
from seqlab.tracking.fingerprint.versions import installed
from seqlab.tracking.home import Home
from seqlab.tracking.publishing.uri import database, tracking_uri

# Ours in a working copy, and DVC's: what fingerprints and `dvc status` depend on beside the stages' files.
FILES = (*RECIPE, LOCK, PROJECT, ".dvcignore")
DVC = (".dvc/config", ".dvc/config.local")
# Files of the cache come and go, and the folders' times with them.
CACHE = ".dvc/cache/files/md5"
# SQLite's files beside the database (https://sqlite.org/tempfiles.html), which hold what is not in it yet.
DATABASE = ("", "-wal", "-journal")
# Of SQLite's header, the counter of transactions (https://sqlite.org/fileformat2.html, §1.3.7).
COUNTER = slice(24, 28)
PACKAGES = ("dvc", "mlflow")
CODE = Path(__file__).parents[2]
LONGEST = 1 << 20


def same_as_last(home: Home) -> str | None:
    """What the last sync said, if nothing was to do then and nothing changed since; None: look at everything."""
    try:
        with open(home.last_sync, "rb") as file:
            last = json.loads(file.read(LONGEST))
        paths = last["paths"]
        if not all(map(_is_ours, paths)):
            return None
        if last["state"] == state(home, database(tracking_uri(home.root)), paths):
            return str(last["said"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        pass
    return None


def _is_ours(path: str) -> bool:
    """Whether it lies in the working copy: the file may be somebody else's, and whole trees are walked."""
    return not path.startswith("/") and ".." not in path.split("/")


def remember(home: Home, said: str, before: str, paths: Sequence[str]) -> None:
    """Keep what a sync said that had nothing to do, and the state that it was said of."""
    # Only time is lost.
    with suppress(OSError):
        write_text(home.last_sync, json.dumps({"state": before, "paths": list(paths), "said": said}))


def state(home: Home, store: Path | None, paths: Iterable[str]) -> str | None:
    """Changes with whatever a sync depends on; None where that cannot be told: no database in a file, no cache here.

    Args:
        home: Of the working copy.
        store: The SQLite file that runs are published to; None: a server.
        paths: The files and folders that the stages read and write, relative to the working copy.
    """
    cache = home.root / CACHE
    if store is None or not store.is_file() or not cache.is_dir():
        return None
    with open(store, "rb") as file:
        counter = file.read(COUNTER.stop)[COUNTER].hex()
    trees = [home.root / path for path in {*FILES, *paths}]
    return digest(
        {
            "root": str(home.root.resolve()),
            "code": str(CODE),
            "python": platform.python_version(),
            "packages": [installed(name) for name in PACKAGES],
            "experiment": os.environ.get("MLFLOW_EXPERIMENT_NAME"),
            "counter": counter,
            "database": [_seen(store.with_name(store.name + end)) for end in DATABASE],
            "cache": [_seen(folder) for folder in sorted(cache.iterdir())],
            "dvc": [_seen(home.root / path) for path in DVC],
            "files": sorted(_files([*trees, CODE, home.journal, home.objects])),
        }
    )


def _files(trees: Iterable[Path]) -> Iterator[list[Any]]:
    for tree in trees:
        yield from (_seen(file) for file in files_below(tree))


def _seen(path: Path) -> list[Any]:
    try:
        status = path.stat()
    except OSError:
        return [str(path)]
    return [str(path), status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]
