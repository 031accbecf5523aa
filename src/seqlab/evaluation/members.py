"""The checkpoints of other runs whose models translate together with a run's own: an ensemble of runs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from seqlab.core.errors import SeqlabError
from seqlab.evaluation.parameters import ENSEMBLE_WITH
from seqlab.seq2seq.checkpoint import CONFIG, MODEL, TOKENIZER, read_config
from seqlab.seq2seq.origin_note import Origin, parameters_digest
from seqlab.text.same_tokens import differing_tokens


@dataclass(frozen=True)
class Member:
    """A checkpoint: its folder, and what identifies it."""

    folder: Path
    origin: Origin


def find_members(folder: Path, own: Path) -> list[Member]:
    """The checkpoint `folder`, or those in it, in the order of their names; to translate together with that in `own`.

    Raises:
        SeqlabError: there is none, or one is damaged; one has other tokens than `own`, so that its probabilities are
            those of other words; or two have the same parameters, which would count twice; or `own` is missing.
    """
    itself = parameters_digest(own / MODEL)
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
    return Member(checkpoint, Origin.of(checkpoint / MODEL, name))


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
        if member.origin.sha256 == itself:
            raise SeqlabError(
                f"{member.folder} is the model of {own} itself, which would count twice: delete it, or "
                "name a folder without it"
            )
    counts = Counter(member.origin.sha256 for member in members)
    twice = [member.origin.name for member in members if counts[member.origin.sha256] > 1]
    if twice:
        raise SeqlabError(f"{' and '.join(twice)} are one model, which would count twice: delete all but one")
