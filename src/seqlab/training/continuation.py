"""The states that trainings ended in, which longer ones of the same recipe go on from."""

import logging
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.training.resume import ResumeStore, SavedState, resume_store
from seqlab.training.state import TrainingState

logger = logging.getLogger(__name__)

# Of all that is kept; the oldest go first.
MOST_BYTES = 1 << 30


@dataclass(frozen=True)
class Continuation:
    """The state after the last epoch of the longest training of one recipe, whatever its number of epochs.

    No schedule depends on that number, so that a longer training passes through the same state, and goes on from it to
    the bytes that it would have ended in from the start.
    """

    folder: Path
    fingerprint: str

    def state(self, epochs: int) -> SavedState | None:
        """The state to train on to `epochs` from; None where there is none, or it is of as many epochs or more.

        Raises:
            SeqlabError: it cannot be read.
        """
        with resume_store(self.folder, self.fingerprint) as store:
            saved = store.load() if store else None
        return saved if saved is not None and 0 < _epochs(saved) < epochs else None

    def keep(self, saved: SavedState) -> None:
        """Keep the state that a training ended in, unless one of more epochs is kept.

        The result is there, and needs nothing of it: what cannot be written is a warning.
        """
        with resume_store(self.folder, self.fingerprint) as store:
            if store is None:
                return
            try:
                self._replace(store, saved)
            except SeqlabError as error:
                logger.warning("%s. This training is complete; a longer one will start from its beginning", error)
        # Another process may be deleting the same.
        with suppress(OSError):
            self._delete_oldest()

    def _replace(self, store: ResumeStore, saved: SavedState) -> None:
        earlier = store.load()
        if earlier is None or _epochs(earlier) < _epochs(saved):
            store.save(saved, kept=1)

    def _delete_oldest(self) -> None:
        newest, *others = sorted(self.folder.iterdir(), key=_modified, reverse=True)
        size = _size(newest)
        for folder in others:
            size += _size(folder)
            if size > MOST_BYTES:
                with resume_store(self.folder, folder.name) as store:
                    if store is not None:
                        shutil.rmtree(folder)


def _epochs(saved: SavedState) -> int:
    """How many epochs the state has behind it; 0 if it is no state."""
    try:
        return len(TrainingState.from_json(saved.record).epoch_points)
    except ValueError:
        return 0


def _modified(folder: Path) -> float:
    return max((path.stat().st_mtime for path in folder.iterdir()), default=0.0)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
