"""A project folder that was moved, renamed or copied: MLflow's database has the absolute addresses of artifacts.

MLflow itself makes every local address absolute, so they cannot survive a move. They are put right where the database
and the artifacts lie side by side in the working copy.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlparse

ARTIFACTS = "mlartifacts"
# Where MLflow keeps an address of artifacts.
COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)
WAIT_SECONDS = 20


def follow_move(database: Path, root: Path) -> list[str]:
    """Put the addresses in `database` right if working copy `root`, in which it lies, was moved; say so, else [].

    An address of another store, and one of artifacts that did not come along, stay as they are.

    Raises:
        sqlite3.Error: the database is damaged, or held by another process.
    """
    root = root.resolve()
    here = root / ARTIFACTS
    if not database.is_file() or root not in database.resolve().parents or not here.is_dir():
        return []
    with closing(sqlite3.connect(database, timeout=WAIT_SECONDS)) as connection:
        known = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not known >= {table for table, _ in COLUMNS}:
            return []
        query = "SELECT DISTINCT artifact_location FROM experiments"
        locations = [location for (location,) in connection.execute(query) if isinstance(location, str)]
        before = [each for each in locations if _is_elsewhere(each, here) and _came_along(connection, each, here)]
        with connection:
            changed = sum(_replace(connection, location, here.as_uri()) for location in before)
    if not before:
        return []
    places = " and ".join(str(_path(location).parent) for location in before)
    return [f"This working copy was moved from {places}: {changed} addresses in {database.name} were put right"]


def _is_elsewhere(location: str, here: Path) -> bool:
    path = _path(location)
    return path.name == ARTIFACTS and path != here


def _came_along(connection: sqlite3.Connection, old: str, here: Path) -> bool:
    """Whether artifacts that the database has at `old` lie in `here`."""
    query = "SELECT artifact_uri FROM runs WHERE substr(artifact_uri, 1, length(:old) + 1) = :old || '/'"
    runs = [unquote(uri.removeprefix(f"{old}/")) for (uri,) in connection.execute(query, {"old": old})]
    return any((here / run).is_dir() for run in runs) or (not runs and not _path(old).is_dir())


def _path(location: str) -> Path:
    parts = urlparse(location)
    return Path(unquote(parts.path)) if parts.scheme in ("", "file") else Path()


def _replace(connection: sqlite3.Connection, old: str, new: str) -> int:
    changed = 0
    for table, column in COLUMNS:
        # Names of this module's own; the values are bound.
        statement = (
            f"UPDATE {table} SET {column} = :new || substr({column}, length(:old) + 1) "  # noqa: S608
            f"WHERE {column} = :old OR substr({column}, 1, length(:old) + 1) = :old || '/'"
        )
        changed += connection.execute(statement, {"old": old, "new": new}).rowcount
    return changed
