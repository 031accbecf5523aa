"""The checkpoints of other runs whose models translate together with a run's own: an ensemble of runs."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seqlab.core.errors import SeqlabError
from seqlab.evaluation.parameters import ENSEMBLE_WITH
from seqlab.seq2seq.checkpoint import CONFIG, MODEL, TOKENIZER, read_config
from seqlab.seq2seq.origin_note import OriginNote, read_note
from seqlab.text.same_tokens import differing_tokens


@dataclass(frozen=True)
class Member:
    """A checkpoint: its folder and name, the SHA-256 of its best parameters, and its run if that is known."""

    folder: Path
    name: str
    sha256: str
    note: OriginNote | None

    def record(self) -> dict[str, Any]:
        """What scores.json says of it."""
        of_run = {} if self.note is None else asdict(self.note)
        return {"origin": self.name, **of_run, "sha256": self.sha256}


def find_members(folder: Path, own: Path) -> list[Member]:
    """The checkpoint `folder`, or those in it, in the order of their names; to translate together with that in `own`.

    Raises:
        SeqlabError: there is none, or one is damaged; one has other tokens than `own`, so that its probabilities are
            those of other words; or two have the same parameters, which would count twice; or `own` is missing.
    """
    itself = _digest(own)
    try:
        members = [_member(each, folder) for each in _checkpoints(folder)]
        for member in members:
            _require_same_tokens(member, own)
        _require_distinct(members, own, itself)
    except SeqlabError as error:
        raise SeqlabError(f"{ENSEMBLE_WITH}: {error}") from None
    return members


def _checkpoints(folder: Path) -> list[Path]:
    if (folder / CONFIG).is_file():
        return [folder]
    found = sorted(each for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []
    if not found:
        raise SeqlabError(
            f"{folder} holds no checkpoint; `seqlab take {folder.name} --run RUN` puts the model of a run there, "
            "and those of several with --run RUN --run RUN"
        )
    for each in found:
        if not (each / CONFIG).is_file():
            raise SeqlabError(f"{each} holds no checkpoint ({CONFIG} is missing): put a whole one there, or delete it")
    return found


def _member(checkpoint: Path, folder: Path) -> Member:
    name = checkpoint.relative_to(folder.parent).as_posix()
    return Member(checkpoint, name, _digest(checkpoint), read_note(checkpoint))


def _digest(checkpoint: Path) -> str:
    try:
        with open(checkpoint / MODEL, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SeqlabError(f"no checkpoint in {checkpoint}: {MODEL}: {error.strerror}; train or take it again") from None


def _require_same_tokens(member: Member, own: Path) -> None:
    differing = differing_tokens(member.folder / TOKENIZER, own / TOKENIZER)
    if differing:
        raise SeqlabError(
            f"the {differing} tokens of {member.folder} are not those of {own}, so its probabilities are those of "
            "other words: take models of runs with the same corpus and tokenizer parameters, or train with "
            "tokenizer.take_from"
        )
    theirs, ours = ((each.source_vocab_size, each.target_vocab_size) for each in map(read_config, (member.folder, own)))
    if theirs != ours:
        raise SeqlabError(
            f"{member.folder}: its model knows {theirs[0]} and {theirs[1]} tokens, its tokenizers {ours[0]} and "
            f"{ours[1]}; put the parts of one checkpoint together"
        )


def _require_distinct(members: Sequence[Member], own: Path, itself: str) -> None:
    for member in members:
        if member.sha256 == itself:
            raise SeqlabError(
                f"{member.folder} is the model of {own} itself, which would count twice: delete it, or "
                "name a folder without it"
            )
    counts = Counter(member.sha256 for member in members)
    twice = [member.name for member in members if counts[member.sha256] > 1]
    if twice:
        raise SeqlabError(f"{' and '.join(twice)} are one model, which would count twice: delete all but one")
