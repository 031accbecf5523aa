"""The run that is verified: what it was made from, and what came out."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field

from seqlab.core.errors import SeqlabError
from seqlab.params.params import load_params
from seqlab.results.paths import PAGES, PARAMS, RESULTS
from seqlab.tracking.fingerprint.content import files_below, sha256
from seqlab.tracking.fingerprint.fingerprint import load_recipe
from seqlab.tracking.fingerprint.pipeline import RESULT_STAGES, load_stage
from seqlab.tracking.fingerprint.provenance import provenance
from seqlab.tracking.home import Home
from seqlab.tracking.journal.execution import read_execution
from seqlab.tracking.journal.ledger import COMPARED, Ledger
from seqlab.tracking.journal.record import recipe_data
from seqlab.tracking.journal.run_name import run_name
from seqlab.tracking.journal.source import SOURCE, left_out, source_archive
from seqlab.tracking.journal.workspace import stale_stages
from seqlab.tracking.publishing.run import Run, load_run


@dataclass(frozen=True)
class Claim:
    """A finished run.

    `outputs` maps the paths of its files to their SHA-256, whole; `data` maps what it was made from to DVC's digests.
    `numerics_class` is that of its training, empty if unknown. `content` gives a file by its path, None where it was
    not kept. `figures` are the metrics that MLflow shows of it, {} of a run that was not asked of MLflow.
    """

    name: str
    commit: str | None
    outputs: dict[str, str]
    data: dict[str, str]
    numerics_class: str
    content: Callable[[str], bytes | None]
    figures: dict[str, float] = field(default_factory=dict)

    def source(self) -> bytes:
        """The archive of the code and the parameters that it ran with.

        Raises:
            SeqlabError: none was kept.
        """
        archive = self.content(SOURCE)
        if archive is None:
            raise SeqlabError(
                f"run {self.name} has no {SOURCE}: it was made before runs kept their code, so it cannot be made anew "
                "from it. Check out its commit and run `dvc repro --force`: the ledger compares"
            )
        return archive


def load_claim(home: Home, run: str | None) -> Claim:
    """The run with that id or name, or whose fingerprint begins so; without one, that of the working copy.

    Raises:
        SeqlabError: there is no such run, or more than one; it is not finished; the server does not answer.
    """
    if run is None:
        return _present(home)
    return claim_of(load_run(home, run))


def _present(home: Home) -> Claim:
    root = home.root
    stale = stale_stages(root)
    changed = [f"{stage} ({stale[stage]})" for stage in RESULT_STAGES if stage in stale]
    if changed:
        raise SeqlabError(f"this working copy is not up to date: {', '.join(changed)}; run `dvc repro` first")
    if lost := left_out(root):
        raise SeqlabError(f"git does not track {', '.join(lost)}, so no copy of the code has it; `git add` it first")
    recipe = load_recipe(load_params(root / PARAMS), root)
    outs = [out for stage in COMPARED for out in load_stage(root, stage).outs]
    files = [file for out in outs for file in files_below(root / out)]
    outputs = {file.relative_to(root).as_posix(): sha256(file) for file in files}
    archive = source_archive(root)

    def content(path: str) -> bytes | None:
        if path == SOURCE:
            return archive
        return (root / path).read_bytes() if path in outputs else None

    return Claim(
        name=run_name(asdict(recipe), recipe.run_fingerprint),
        commit=provenance(root, []).get("commit"),
        outputs=outputs,
        data=recipe_data(asdict(recipe)),
        numerics_class=_numerics_class(home, recipe.train_fingerprint, outputs),
        content=content,
    )


def _numerics_class(home: Home, train_fingerprint: str, outputs: dict[str, str]) -> str:
    """In which class these outputs were made, if it was here."""
    for path in sorted((home.journal / "train" / train_fingerprint).glob("*.jsonl")):
        execution = read_execution(path)
        if execution and execution.finished and execution.outputs.items() <= outputs.items():
            return execution.numerics_class
    return ""


def claim_of(run: Run) -> Claim:
    """What a finished run claims.

    Raises:
        SeqlabError: it is not finished, has no files, or files that are not those that were published.
    """
    if run.status != "FINISHED":
        raise SeqlabError(
            f"run {run.name} is {run.status.lower()}: there is no result to verify; finish it with `dvc repro`"
        )
    if not run.files:
        raise SeqlabError(f"{run.place} has no files; run `seqlab sync` where it ran")
    ledger = _of_these_files(run.ledger, run.files)
    claimed = _first_outputs(ledger)
    others = [path for path in run.files if path.startswith(RESULTS) and path not in (*claimed, *PAGES)]
    return Claim(
        name=run.name,
        commit=run.commit or None,
        outputs=claimed | {path: run.sha256(path) for path in others},
        data=recipe_data(run.recipe),
        numerics_class=_first_class(ledger),
        content=run.content,
        figures=run.metrics,
    )


def _of_these_files(ledger: Ledger, present: dict[str, str]) -> Ledger:
    """The executions that the run's files can be of; `present`: path → beginning of its SHA-256."""
    return Ledger(
        entry
        for entry in ledger.entries
        if all(found.startswith(present.get(path, "")) for path, found in entry.outputs.items())
    )


def _first_outputs(ledger: Ledger) -> dict[str, str]:
    """The outputs of the first execution of each stage: they are the run's."""
    outputs: dict[str, str] = {}
    for stage in COMPARED:
        outputs |= next((entry.outputs for entry in ledger.entries if entry.stage == stage), {})
    return outputs


def _first_class(ledger: Ledger) -> str:
    return next((entry.numerics_class for entry in ledger.entries if entry.stage == "train"), "")
