"""What foreign data must look like: the schemas that `seqlab.tracking.foreign` holds them to."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from seqlab.results.paths import LOCK, OUTPUTS, PARAMS

LONGEST_TEXT = 1 << 20
MOST = 100_000
# Of a table: each that is wrong has errors of its own, some kilobytes of them. A list ends with its first.
MOST_KEYS = 10_000
# What a run shows beside its outputs: tests/tracking/test_foreign.py holds them to it.
SHOWN = (PARAMS, LOCK, "source.zip")


def _output(path: str) -> str:
    parts = path.split("/")
    unsafe = not path.isprintable() or any(part in ("", ".", "..") for part in parts) or {*"\\:"} & {*path}
    if unsafe or not (path in SHOWN or path.startswith(OUTPUTS)):
        raise ValueError("is no path of an output")
    return path


def _printable(name: str) -> str:
    if not name.isprintable():
        raise ValueError("is no name")
    return name


def _few(table: Any) -> Any:
    if isinstance(table, dict) and len(table) > MOST_KEYS:
        raise ValueError(f"has more than {MOST_KEYS} entries")
    return table


# Before the entries are looked at.
FEW = BeforeValidator(_few)
Digest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
# DVC's, of a file or a folder.
DataDigest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}(\.dir)?$")]
Commit = Annotated[str, StringConstraints(pattern="^([0-9a-f]{40}|[0-9a-f]{64})$")]
ShortDigest = Annotated[str, StringConstraints(pattern="^[0-9a-f]{12}$")]
OutputPath = Annotated[str, StringConstraints(max_length=1024), AfterValidator(_output)]
EXECUTION_ID = "[A-Za-z0-9][A-Za-z0-9_.-]{0,79}"
ExecutionId = Annotated[str, StringConstraints(pattern=f"^{EXECUTION_ID}$")]
Name = Annotated[str, StringConstraints(max_length=1024), AfterValidator(_printable)]
Text = Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]
Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Count = Annotated[int, Field(ge=0, lt=2**53)]
# MLflow takes 64 bits, and a thousand steps a second take thirty years for these.
MOST_STEPS = 10**12
Step = Annotated[int, Field(ge=0, le=MOST_STEPS)]
Number = Annotated[float, Field(allow_inf_nan=False)]
# Seconds since 1970, to the year 5138.
Time = Annotated[float, Field(ge=0, lt=1e11, allow_inf_nan=False)]
Scalar = Text | bool | Whole | Number | None
Value = Scalar | Annotated[list[Scalar], Field(max_length=MOST, fail_fast=True)]
Table = Annotated[dict[Name, Value], FEW]
Section = Annotated[dict[Name, Value | Table], FEW]
Files = Annotated[dict[OutputPath, Digest], FEW]
Stage = Literal["train", "evaluate", "report"]


class Foreign(BaseModel):
    """Fields beyond those that are named here are let through unread."""

    model_config = ConfigDict(strict=True, extra="allow")


class _Part(Foreign):
    """What both halves of a recipe have."""

    data: Annotated[dict[Name, DataDigest], FEW]
    code: Digest
    versions: Annotated[dict[Name, Name], FEW]


class _Section(Foreign):
    """A section of parameters, no deeper than params.yaml has them."""

    __pydantic_extra__: dict[str, Value | Table]


class _Runtime(_Section):
    device: Name
    threads: Count


class _Model(_Section):
    cell: Name
    hidden_size: Count
    attention: Name


class _Train(_Section):
    # It names the run: of another number, the digits are hundreds.
    teacher_forcing_ratio: Annotated[Number, Field(ge=0, le=1)]


class TrainRecipe(_Part):
    """What a model is made from; each section in it is a flat table of values."""

    seed: Whole
    runtime: _Runtime
    model: _Model
    train: _Train
    __pydantic_extra__: dict[str, Value | Section]


class _Corpus(_Section):
    name: Name
    source: Name
    target: Name


class _Evaluate(_Section):
    beam_size: Count


class EvaluateRecipe(_Part):
    """What the scores are made from beside the model."""

    corpus: _Corpus
    tokenizer: Section
    evaluate: _Evaluate
    __pydantic_extra__: dict[str, Value | Section]


class ForeignRecipe(BaseModel):
    """What a run is made from."""

    model_config = ConfigDict(strict=True, extra="forbid")
    train: TrainRecipe
    evaluate: EvaluateRecipe


class Provenance(Foreign):
    """Where an execution comes from."""

    user: Name | None = None
    python: Name
    versions: Annotated[dict[Name, Name], FEW]
    experiment: Name | None = None
    baseline: Name | None = None
    commit: Commit | None = None
    dirty: Annotated[list[Text], Field(max_length=MOST, fail_fast=True)] = []
    params_diff: Annotated[dict[Name, Annotated[list[Value | Section], Field(min_length=2, max_length=2)]], FEW] = {}


class Entry(Foreign):
    """A line of a journal."""

    event: Annotated[str, StringConstraints(max_length=64)]
    time: Time


class Started(Entry):
    """The first line of an execution."""

    stage: Stage
    train_fingerprint: Digest
    run_fingerprint: Digest
    recipe: ForeignRecipe
    process: Table
    provenance: Provenance
    inputs: Files


class Numerics(Entry):
    """The numerics class, once it is known."""

    numerics: Table


class _Figures(Foreign):
    """What was measured, and where; no training counts further."""

    step: Step
    epoch: Step
    __pydantic_extra__: dict[str, Whole | float | bool | None]


class Point(Entry):
    """A step or an epoch."""

    point: _Figures


class Beginning(Entry):
    """That a training starts, or goes on."""

    step: Step = 0
    epoch: Step = 0
    epochs: Step = 0
    steps_per_epoch: Step = 0


class Ended(Entry):
    """The last line."""

    outputs: Files = {}
    usage: Annotated[dict[Name, Number], FEW] = {}
    error: Text = ""


class Sweep(Entry):
    """That a run is a member of a sweep."""

    sweep: Name
    member: Name


class Verdict(Entry):
    """How a run challenged the champion of its task."""

    task: Name
    verdict: Text
    crowned: bool


KINDS: dict[str, type[Entry]] = {
    "started": Started,
    "numerics": Numerics,
    "sweep": Sweep,
    "verdict": Verdict,
    "TrainingStarted": Beginning,
    **dict.fromkeys(("StepFinished", "EpochFinished"), Point),
    **dict.fromkeys(("finished", "failed", "interrupted", "died"), Ended),
}


class Execution(BaseModel):
    """An entry of a ledger."""

    model_config = ConfigDict(strict=True, extra="forbid")
    id: ExecutionId
    stage: Literal["train", "evaluate"]
    numerics_class: Text
    started: Time
    seconds: Number
    commit: Commit | Literal[""]
    outputs: Files
    # Those of earlier versions have none.
    model: Digest | Literal[""] = ""


class ForeignLedger(Foreign):
    """The file ledger.json."""

    executions: Annotated[list[Execution], Field(max_length=MOST, fail_fast=True)]


class Translated(BaseModel):
    """A line of translations.jsonl, without what nobody here reads."""

    model_config = ConfigDict(strict=True, extra="ignore")
    references: Annotated[list[Text], Field(min_length=1, max_length=MOST, fail_fast=True)]
    translation: Text
