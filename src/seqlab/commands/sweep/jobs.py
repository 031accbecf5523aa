"""What is known of a sweep's jobs: .seqlab/slurm/<submission>/, which nodes and the working copy share.

A submission's members are written down before it is handed to the cluster, and its job's id after that; a job writes
how its member ended. Submitit keeps pickles here, which a job loads: the folder is its owner's alone.
"""

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from seqlab.commands.sweep.experiments import Experiments
from seqlab.commands.sweep.members import Member, recipe_digest
from seqlab.commands.sweep.plan import State
from seqlab.core.atomic import write_text
from seqlab.core.errors import SeqlabError
from seqlab.params.params import Params
from seqlab.system.git_remote import NAME
from seqlab.tracking.foreign_schema import Digest
from seqlab.tracking.home import Home

FOLDER = "slurm"
PRIVATE = 0o700
# Of files here, generously: a thousand members of long settings.
LONGEST = 1 << 24


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


R = TypeVar("R", bound=_Record)

# They become names of references and of files, and an operand of SLURM's programs.
Name = Annotated[str, StringConstraints(pattern=f"^{NAME.pattern}$")]
Id = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,20}$")]


class Entry(_Record):
    """A member as it was submitted: its experiment's name, and the digest of its recipe."""

    name: Name
    recipe: Digest


class Submission(_Record):
    """What was submitted at once, from which commit."""

    commit: str
    members: list[Entry]


class JobId(_Record):
    """The id that the cluster gave the submission."""

    id: Id


class JobEnd(_Record):
    """How a member ended on its node: done, failed (of itself), or interrupted (by the cluster or by people).

    `seconds`: how long each part took. `notes`: what people should know, though it did not fail.
    """

    state: Literal["done", "failed", "interrupted"]
    node: str
    reason: str = ""
    notes: list[str] = []
    seconds: dict[str, float] = {}


@dataclass(frozen=True)
class Job:
    """A member's newest job: where it is written down, its id on the cluster ("" if it got none), and its state."""

    name: str
    recipe: str
    folder: Path
    id: str
    state: State = "failed"

    @property
    def log(self) -> Path:
        """What the member printed."""
        return self.folder / f"{self.name}.log"

    def end(self) -> JobEnd | None:
        """How it ended, by its own word; None if it left none."""
        return _read(_end_path(self.folder, self.name), JobEnd)

    def is_of(self, params: Params, _experiments: Experiments) -> bool:
        """Whether it is of this recipe."""
        return self.recipe == recipe_digest(params)


class Jobs:
    """The jobs that working copy `home` submitted from a commit."""

    def __init__(self, home: Home, commit: str) -> None:
        self._folder = home.folder / FOLDER
        self._commit = commit

    def new_submission(self, members: Sequence[Member]) -> Path:
        """Write down that these are about to be submitted; the folder of the submission, for its owner alone."""
        self._folder.mkdir(PRIVATE, parents=True, exist_ok=True)
        # It may be from a time of another umask, or somebody's copy.
        self._folder.chmod(PRIVATE)
        # One more than the last, whatever was deleted before it: by their names they are in their order.
        numbers = (path.name.partition("-")[0] for path in self._submissions())
        last = max((int(number) for number in numbers if number.isdecimal()), default=-1)
        folder = self._folder / f"{last + 1:06d}-{secrets.token_hex(4)}"
        folder.mkdir(PRIVATE)
        entries = [Entry(name=each.name, recipe=recipe_digest(each.params)) for each in members]
        _write(folder / "members.json", Submission(commit=self._commit, members=entries))
        return folder

    def latest(self, ids: Mapping[str, str]) -> dict[str, Job]:
        """Name → the newest job of each member.

        Args:
            ids: Name of a submission's folder → id, for those whose id was not written down, as the cluster tells it.
        """
        found = {}
        for folder in self._submissions():
            submission = _read(folder / "members.json", Submission)
            if submission is None or submission.commit != self._commit:
                continue
            job_id = _read(folder / "job.json", JobId)
            main = job_id.id if job_id else ids.get(folder.name, "")
            several = len(submission.members) > 1
            for number, entry in enumerate(submission.members):
                # Submitit makes an array of several, and a plain job of one.
                full = f"{main}_{number}" if main and several else main
                found[entry.name] = Job(entry.name, entry.recipe, folder, full)
        return found

    def _submissions(self) -> Iterator[Path]:
        """Their folders, oldest first."""
        return iter(sorted(path.parent for path in self._folder.glob("*/members.json")))


def note_id(folder: Path, job_id: str) -> None:
    """Write down the id that the cluster gave a submission."""
    _write(folder / "job.json", JobId(id=job_id))


def note_end(folder: Path, name: str, end: JobEnd | None) -> None:
    """Write down how a member ended; None: that it has not."""
    path = _end_path(folder, name)
    if end is None:
        path.unlink(missing_ok=True)
    else:
        _write(path, end)


def _end_path(folder: Path, name: str) -> Path:
    return folder / f"{name}.outcome.json"


def _write(path: Path, record: _Record) -> None:
    write_text(path, record.model_dump_json(indent=2) + "\n")


def _read(path: Path, kind: type[R]) -> R | None:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb") as file:
            content = file.read(LONGEST)
        return kind.model_validate_json(content)
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is none that seqlab writes"
        raise SeqlabError(f"cannot read {path}: {said}; repair or delete it") from None
