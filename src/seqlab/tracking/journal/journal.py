"""The journal: append-only JSON Lines, one file an execution.

Each entry is one write; a power cut or a full disk can tear a line, which readers then skip.
"""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from seqlab.core.errors import SeqlabError
from seqlab.tracking.foreign import LONGEST_LINE, journal_entry

# Of a training that logs each ten of ten million steps.
MOST_LINES = 1 << 20


class Journal:
    """Appends entries to one file; safe with several appenders."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)

    def append(self, event: str, *, durable: bool = True, **fields: Any) -> None:
        """Append an entry with the present time; `durable` entries reach the disk before this returns.

        Raises:
            OSError: the disk is full or fails; a torn line may be left, which the next entry ends.
        """
        entry = {"event": event, "time": round(time.time(), 3), **fields}
        line = json.dumps(entry, ensure_ascii=True, separators=(",", ":"), default=str).encode("ascii") + b"\n"
        if self._is_torn():
            line = b"\n" + line
        if os.write(self._descriptor, line) != len(line):
            raise OSError(f"{self.path}: an entry was written in part")
        if durable:
            os.fsync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _is_torn(self) -> bool:
        size = os.fstat(self._descriptor).st_size
        return size > 0 and os.pread(self._descriptor, 1, size - 1) != b"\n"


def read_journal(path: Path, skipped: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """The entries of a journal file in order.

    Lines that are torn are passed over, as a power cut leaves them; so are those that seqlab never wrote, of which
    `skipped` is told.
    """
    with open(path, "rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 2), b""), 1):
            if number > MOST_LINES:
                if skipped is not None:
                    skipped.append(f"{path}: has more than {MOST_LINES} lines, the others are not read")
                return
            try:
                yield journal_entry(line)
            except ValueError:
                continue
            except SeqlabError as error:
                if skipped is not None:
                    skipped.append(f"{path}, line {number}: {error}")
