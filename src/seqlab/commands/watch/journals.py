"""The executions that run now, found in the journals, and followed to their end."""

from pathlib import Path

from seqlab.tracking.home import Home
from seqlab.tracking.journal.execution import Execution, journal_files, read_execution

Look = tuple[int, int]


class Journals:
    """The journals of a working copy, of all that share it: sweeps and searches run their members in copies of it."""

    def __init__(self, home: Home) -> None:
        self._home = home
        # What was read, and the size and time of the file then: a journal only grows.
        self._read: dict[Path, tuple[Look, Execution | None]] = {}
        self._followed: set[Path] = set()

    def followed(self) -> list[Execution]:
        """The executions that run, and those that ran at an earlier look: oldest first."""
        found = []
        for path in journal_files(self._home):
            execution = self._execution(path)
            if execution is None or not (execution.is_alive() or path in self._followed):
                continue
            self._followed.add(path)
            found.append(execution)
        return found

    def last(self) -> Execution | None:
        """The execution that was heard of last; None if there is none."""
        executions = [execution for _, execution in self._read.values() if execution is not None]
        return max(executions, key=lambda each: each.last_seen, default=None)

    def _execution(self, path: Path) -> Execution | None:
        try:
            status = path.stat()
        except OSError:
            # Somebody deletes the journal of a run.
            return None
        look = (status.st_size, status.st_mtime_ns)
        if path not in self._read or self._read[path][0] != look:
            self._read[path] = look, read_execution(path)
        return self._read[path][1]
