"""The one progress bar of a sweep, and a line for each member that ends."""

import sys
from collections.abc import Collection
from typing import NoReturn, Self, TextIO

from tqdm import tqdm

from seqlab.system.addresses import stripped
from seqlab.system.terminal import plain


class ProgressBar:
    """Shows how many members are done, running and failed, and the time left; a context manager, which ends the bar."""

    def __init__(self, total: int, file: TextIO | None = None) -> None:
        self._file = file or sys.stderr
        # Where the output is no terminal, the lines say it all.
        self._bar: tqdm[NoReturn] = tqdm(
            total=total, desc="sweep", unit="run", file=self._file, dynamic_ncols=True, disable=not self._file.isatty()
        )
        self._ended = 0
        self._failed = 0
        self._total = total

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.close()

    def queue(self, number: int, total: int) -> None:
        """This member of so many is being queued, which takes DVC a second."""
        self._bar.set_postfix_str(f"queueing {number} of {total}")

    def end(self, name: str, *, failed: bool) -> None:
        """A member ended."""
        self._ended += 1
        self._failed += failed
        self._bar.update()
        self.say(f"{'failed' if failed else 'done'} {self._ended}/{self._total}  {name}")

    def show(self, running: Collection[str], waiting: int) -> None:
        """These members run now, and so many wait."""
        self._bar.set_postfix_str(
            f"{len(running)} running ({', '.join(sorted(running))}), {waiting} waiting, {self._failed} failed"
            if running
            else f"{waiting} waiting, {self._failed} failed"
        )

    def say(self, line: str) -> None:
        """A line above the bar."""
        tqdm.write(plain(stripped(line)), file=self._file)
