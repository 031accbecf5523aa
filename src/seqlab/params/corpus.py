"""The `corpus` section of params.yaml: which parallel text, from which side to which."""

import posixpath
import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from seqlab.params.schema import Section

# MLflow names a task's model by it: whatever it refuses there is refused here.
SIDE = re.compile(r"[\w.+-]+(?: [\w.+-]+)*")
LONGEST_SIDE = 64


def _side(text: str) -> str:
    if not SIDE.fullmatch(text) or len(text) > LONGEST_SIDE:
        raise ValueError(
            f"{text!r:.80} names no side: use letters, digits and . + - _, single spaces, {LONGEST_SIDE} at most"
        )
    return text


def _once(names: list[str]) -> list[str]:
    if len({posixpath.normpath(name) for name in names}) < len(names):
        raise ValueError(f"{names[0]} is named twice: the first file holds the sources, the second their translations")
    return names


# One file, which holds both sides; or two, one for each.
FileNames = Annotated[list[str], AfterValidator(_once)]
Side = Annotated[str, AfterValidator(_side)]
CorpusName = Literal["grammar", "multi30k", "tatoeba", "dialogsum", "scitldr", "scan", "files"]


class GrammarParams(Section):
    """Options of the embedded English–French grammar."""

    seed: int = Field(ge=0, description="Seed of the generated sentences.")
    train_size: int = Field(ge=1, description="Pairs to train on.")
    valid_size: int = Field(ge=1, description="Pairs to validate on.")
    test_size: int = Field(ge=1, description="Pairs to test on.")
    max_depth: int = Field(ge=0, le=8, description="How deep subordinate clauses may nest; 0 has none.")
    test_extra_depth: int = Field(
        ge=0,
        le=8,
        description="Levels by which each test sentence nests deeper than max_depth; 0: as those to train on.",
    )


class Multi30kParams(Section):
    """Options of Multi30k."""

    test: Literal["2016", "2017"] = Field(description="Which Flickr test set: 2016 or 2017.")


class TatoebaParams(Section):
    """Options of Tatoeba."""

    seed: int = Field(ge=0, description="Seed of the split, which keeps all pairs of one source sentence together.")
    valid_size: int = Field(ge=1, description="Source sentences to validate on.")
    test_size: int = Field(ge=1, description="Source sentences to test on.")


class ScanParams(Section):
    """Options of SCAN."""

    split: Literal["simple", "length", "addprim_jump", "addprim_turn_left"] = Field(
        description="Which published split: simple (at random), length (tested on longer action sequences), "
        "addprim_jump or addprim_turn_left (a primitive that is trained on alone).",
    )
    seed: int = Field(ge=0, description="Seed of the split of train into train and valid.")
    valid_size: int = Field(ge=1, description="Commands to validate on, of those that occur once.")


class FilesParams(Section):
    """The user's own parallel text, in `data/own/`."""

    train: FileNames = Field(
        max_length=2,
        description="Training text below data/own/: two line-aligned files (source, target), or one .tsv, .csv or "
        ".jsonl; each may be gzipped.",
    )
    valid: FileNames = Field(max_length=2, description="Validation text, likewise; empty: split off from train.")
    test: FileNames = Field(max_length=2, description="Test text, likewise; empty: split off from train.")
    seed: int = Field(ge=0, description="Seed of a split by us.")
    valid_size: int = Field(ge=1, description="Source texts to validate on in a split by us.")
    test_size: int = Field(ge=1, description="Source texts to test on in a split by us.")


class CorpusParams(Section):
    """Which parallel text, from which side to which. Only the options of the chosen corpus count."""

    name: CorpusName = Field(description="Which corpus: grammar, multi30k, tatoeba, dialogsum, scitldr, scan or files.")
    source: Side = Field(
        description="Side to read: a language (en, de, fr), or turn, dialogue (dialogsum), abstract (scitldr), "
        "command (scan).",
    )
    target: Side = Field(
        description="Side to write: a language, or reply, summary, topic (dialogsum), title, summary (scitldr), "
        "actions (scan).",
    )
    grammar: GrammarParams = Field(description="Options of the embedded grammar.")
    multi30k: Multi30kParams = Field(description="Options of Multi30k.")
    tatoeba: TatoebaParams = Field(description="Options of Tatoeba.")
    scan: ScanParams = Field(description="Options of SCAN.")
    files: FilesParams = Field(description="Your own parallel text.")

    @model_validator(mode="after")
    def _own_text_is_named(self) -> Self:
        if self.name == "files" and not self.files.train:
            raise ValueError("files.train is empty; name your files in data/own/ there")
        return self

    def active(self) -> dict[str, Any]:
        """The parameters that count: name, source, target, and the options of the chosen corpus alone."""
        chosen = {"name", "source", "target", self.name}
        return {key: value for key, value in self.model_dump().items() if key in chosen}
