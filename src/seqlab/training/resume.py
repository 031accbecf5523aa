"""The saved states that an interrupted training resumes from."""

import hashlib
import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from filelock import FileLock, Timeout
from safetensors import SafetensorError

from seqlab.core.atomic import atomic_directory
from seqlab.core.errors import SeqlabError

logger = logging.getLogger(__name__)

STATES_KEPT = 2
_STATES = "state-" + 8 * "[0-9]"
_FINGERPRINT, _RECORD, _TENSORS, _CHECKSUMS = "fingerprint", "state.json", "tensors.safetensors", "sha256"


@dataclass(frozen=True)
class SavedState:
    """A state as it was saved: a JSON record, and tensors on the CPU."""

    record: str
    tensors: dict[str, torch.Tensor]


class ResumeStore:
    """Saved states of one training, in a folder of its own.

    Each state is a folder with a checksum of every file, complete or absent.
    """

    def __init__(self, folder: Path, fingerprint: str) -> None:
        self._folder = folder
        self._fingerprint = fingerprint.encode()

    def load(self) -> SavedState | None:
        """The newest state that is undamaged and of this fingerprint; newer ones are deleted, with a warning.

        Raises:
            SeqlabError: a state cannot be read.
        """
        for path in reversed(self._states()):
            try:
                contents = _read(path)
            except OSError as error:
                raise SeqlabError(
                    f"cannot read the training state {path}: {error.strerror}; repair or delete it"
                ) from None
            saved = _decoded(contents) if contents is not None else None
            if contents is not None and saved is not None and contents[_FINGERPRINT] == self._fingerprint:
                return saved
            problem = "damaged" if saved is None else "of another training"
            logger.warning("the training state %s is %s: using the one before it", path, problem)
            shutil.rmtree(path)
        return None

    def save(self, state: SavedState, *, kept: int = STATES_KEPT) -> None:
        """Write a state, then delete all but the newest, of which so many are kept.

        Raises:
            SeqlabError: it cannot be written, for lack of room or permission; earlier states are untouched.
        """
        contents = {
            _FINGERPRINT: self._fingerprint,
            _RECORD: state.record.encode(),
            _TENSORS: safetensors.torch.save({name: tensor.contiguous() for name, tensor in state.tensors.items()}),
        }
        states = self._states()
        number = int(states[-1].name.removeprefix("state-")) + 1 if states else 1
        try:
            with atomic_directory(self._folder / f"state-{number:08d}") as folder:
                for name, content in contents.items():
                    (folder / name).write_bytes(content)
                (folder / _CHECKSUMS).write_text(_checksums(contents), "utf-8")
            for path in self._states()[:-kept]:
                shutil.rmtree(path)
        except OSError as error:
            raise SeqlabError(
                f"cannot save the training state in {self._folder}: {error.strerror}; "
                "make room or allow it, and `dvc repro` goes on from the last saved state"
            ) from error

    def forget(self) -> None:
        """Delete all states, so that this training computes all."""
        for path in self._states():
            shutil.rmtree(path)

    def clear(self) -> None:
        """Delete all states with their folder, at the end of a training."""
        shutil.rmtree(self._folder)

    def _states(self) -> list[Path]:
        """The folders of the states, oldest first."""
        return sorted(self._folder.glob(_STATES))


@contextmanager
def resume_store(root: Path, fingerprint: str) -> Iterator[ResumeStore | None]:
    """Open the saved states of a training, and keep other processes from them meanwhile.

    Yields None where another process is training by the same recipe: both make the same bytes, and only that one can be
    resumed.

    Args:
        root: Folder of all trainings' states.
        fingerprint: Hash of all that the result of training depends on.
    """
    folder = root / fingerprint
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        logger.warning("the same training runs in another process: this one cannot be resumed if it is interrupted")
        yield None
        return
    try:
        # What a killed process left half-written.
        for path in folder.glob(".state-*"):
            shutil.rmtree(path)
        yield ResumeStore(folder, fingerprint)
    finally:
        lock.release()


def _read(path: Path) -> dict[str, bytes] | None:
    """The content of a state's files, None where it is not what its checksums say."""
    try:
        contents = {name: (path / name).read_bytes() for name in (_FINGERPRINT, _RECORD, _TENSORS)}
        checksums = (path / _CHECKSUMS).read_bytes()
    except FileNotFoundError:
        return None
    return contents if checksums == _checksums(contents).encode() else None


def _decoded(contents: Mapping[str, bytes]) -> SavedState | None:
    """The state in files that fit their checksums; None where they hold something else."""
    try:
        return SavedState(contents[_RECORD].decode(), safetensors.torch.load(contents[_TENSORS]))
    except (UnicodeDecodeError, SafetensorError):
        return None


def _checksums(contents: Mapping[str, bytes]) -> str:
    return "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items())
