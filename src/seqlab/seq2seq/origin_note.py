"""Which run a checkpoint from elsewhere is of: a note beside it, which `seqlab take` writes.

It has what identifies the run on every machine and every server, and so the same checkpoint has the same bytes.
"""

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

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
