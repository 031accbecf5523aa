"""Which run a checkpoint from elsewhere is of: a note beside it, which `seqlab take` writes.

The note has what identifies the run on every machine and every server, and so the same checkpoint has the same bytes.
"""

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from seqlab.core.atomic import write_json
from seqlab.core.errors import SeqlabError

NOTE = "origin.json"
_LONGEST = 1 << 12
_FINGERPRINT = re.compile("[0-9a-f]{64}")
_NAME = re.compile(r"[\w.+-]{1,250}", re.ASCII)


@dataclass(frozen=True)
class OriginNote:
    """Name and fingerprint of the run."""

    run: str
    fingerprint: str


@dataclass(frozen=True)
class Origin:
    """A checkpoint from elsewhere.

    Attributes:
        name: What the outputs call it.
        sha256: Of the file of its best parameters.
        note: Its run, if that is known.
    """

    name: str
    sha256: str
    note: OriginNote | None

    @classmethod
    def of(cls, parameters: Path, name: str) -> Self:
        """The checkpoint whose best parameters are in this file.

        Raises:
            SeqlabError: there is no such file, or the note beside it is none.
        """
        return cls(name, parameters_digest(parameters), read_note(parameters.parent))

    def record(self) -> dict[str, str]:
        """What training.json and scores.json say of it."""
        of_run = {} if self.note is None else asdict(self.note)
        return {"origin": self.name, **of_run, "sha256": self.sha256}


def parameters_digest(parameters: Path) -> str:
    """The SHA-256 of a checkpoint's file of parameters.

    Raises:
        SeqlabError: it cannot be read.
    """
    try:
        with open(parameters, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SeqlabError(
            f"no checkpoint in {parameters.parent}: {parameters.name}: {error.strerror}; train or take it again"
        ) from None


def is_name(text: str) -> bool:
    """Whether a note may call a run so: names stand in reports, and in tags."""
    return _NAME.fullmatch(text) is not None


def write_note(folder: Path, note: OriginNote) -> None:
    """Write the note of the checkpoint in `folder`."""
    write_json(folder / NOTE, asdict(note))


def read_note(folder: Path) -> OriginNote | None:
    """The note of the checkpoint in `folder`; None without one.

    Raises:
        SeqlabError: it is none that `write_note` wrote.
    """
    path = folder / NOTE
    try:
        with open(path, "rb") as file:
            content = json.loads(file.read(_LONGEST))
        note = OriginNote(**content)
        if not (is_name(note.run) and _FINGERPRINT.fullmatch(note.fingerprint)):
            raise ValueError("no name and fingerprint of a run")
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise SeqlabError(f"{path} does not name a run ({error!r:.200}); delete it, or take the model again") from None
    return note
