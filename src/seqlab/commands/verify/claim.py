"""The run that is verified: what it was made from, and what came out."""

import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from hashlib import sha256 as sha256_of
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from seqlab.core.errors import SeqlabError
from seqlab.params.params import load_params
from seqlab.tracking.fingerprint.content import files_below, sha256
from seqlab.tracking.fingerprint.fingerprint import load_recipe
from seqlab.tracking.fingerprint.pipeline import load_stage
from seqlab.tracking.fingerprint.provenance import provenance
from seqlab.tracking.foreign import files, limited_bytes, recipe
from seqlab.tracking.home import Home
from seqlab.tracking.journal.execution import read_execution
from seqlab.tracking.journal.ledger import COMPARED, Ledger
from seqlab.tracking.journal.record import RunRecord
from seqlab.tracking.journal.run_name import run_name
from seqlab.tracking.journal.source import SOURCE, left_out, source_archive
from seqlab.tracking.journal.workspace import NEEDED, stale_stages
from seqlab.tracking.objects import Objects
from seqlab.tracking.publishing.artifacts import LEDGER, RECIPE
from seqlab.tracking.publishing.assembly import REPORTS
from seqlab.tracking.publishing.find import find_record, find_run, server_of
from seqlab.tracking.publishing.server import Server, server_errors
from seqlab.tracking.publishing.tags import EXECUTION_IDS, FILES

if TYPE_CHECKING:
    from mlflow.entities import Run

T = TypeVar("T")
OUTPUTS = ("models/", "reports/")
# The tag that MLflow itself has for it.
COMMIT = "mlflow.source.git.commit"


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
    record = find_record(home, run)
    if record is not None:
        return _recorded(record, Objects(home.objects))
    server = server_of(home, run)
    with server_errors(server.uri):
        return _published(server, find_run(server, run))


def _present(home: Home) -> Claim:
    root = home.root
    stale = stale_stages(root)
    changed = [f"{stage} ({stale[stage]})" for stage in NEEDED if stage in stale]
    if changed:
        raise SeqlabError(f"this working copy is not up to date: {', '.join(changed)}; run `dvc repro` first")
    if lost := left_out(root):
        raise SeqlabError(f"git does not track {', '.join(lost)}, so no copy of the code has it; `git add` it first")
    recipe = load_recipe(load_params(root / "params.yaml"), root)
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
        data=_data(asdict(recipe)),
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


def _recorded(record: RunRecord, objects: Objects) -> Claim:
    _check_finished(record.name, record.status)

    def content(path: str) -> bytes | None:
        place = objects.get(record.files[path]) if path in record.files else None
        return place.read_bytes() if place else None

    return Claim(
        name=record.name,
        commit=record.tags.get(COMMIT),
        outputs=record.files | record.models | _first_outputs(record.ledger),
        data=_data(record.recipe),
        numerics_class=_first_class(record.ledger),
        content=content,
    )


def _published(server: Server, run: "Run") -> Claim:
    name, tags = str(run.info.run_name), run.data.tags
    place = f"of run {name} at {server.address}"
    _check_finished(name, run.info.status)
    present = files(tags.get(FILES, "{}"))

    def content(path: str) -> bytes | None:
        if path not in (*present, RECIPE, LEDGER):
            return None
        with server_errors(server.uri), tempfile.TemporaryDirectory(prefix="seqlab-run-") as folder:
            downloaded = Path(server.client.download_artifacts(run.info.run_id, path, folder))
            found = _read(f"{path} {place}", lambda: limited_bytes(downloaded))
        if not sha256_of(found).hexdigest().startswith(present.get(path, "")):
            raise SeqlabError(
                f"{path} {place} is not the file that was published: somebody changed it, or "
                "its upload broke off; nothing is made from it"
            )
        return found

    if not present:
        raise SeqlabError(f"run {name} at {server.address} has no files; run `seqlab sync` where it ran")
    ledger = Ledger([])
    if EXECUTION_IDS in tags:
        ledger = _read(f"{LEDGER} {place}", lambda: Ledger.from_json(_text(content(LEDGER))))
    made_from = _read(f"{RECIPE} {place}", lambda: recipe(content(RECIPE) or b"{}"))
    ledger = _of_these_files(ledger, present)
    claimed = _first_outputs(ledger)
    # The beginning of a digest proves nothing: the whole one of what the ledger does not name is taken from the file.
    others = [path for path in present if path.startswith(OUTPUTS) and path not in (*claimed, *REPORTS)]
    claimed |= {path: sha256_of(content(path) or b"").hexdigest() for path in others}
    return Claim(
        name=name,
        commit=tags.get(COMMIT),
        outputs=claimed,
        data=_data(made_from),
        numerics_class=_first_class(ledger),
        content=content,
        figures=dict(run.data.metrics),
    )


def _of_these_files(ledger: Ledger, present: dict[str, str]) -> Ledger:
    """The executions that the run's files can be of; `present`: path → beginning of its SHA-256."""
    return Ledger(
        entry
        for entry in ledger.entries
        if all(found.startswith(present.get(path, "")) for path, found in entry.outputs.items())
    )


def _read(place: str, read: Callable[[], T]) -> T:
    """What `read` finds in an artifact that anybody may have written."""
    try:
        return read()
    except SeqlabError as error:
        raise SeqlabError(f"{place} is not one that seqlab can read: {error}") from None


def _text(content: bytes | None) -> str:
    try:
        return (content or b"").decode("utf-8")
    except UnicodeDecodeError as error:
        raise SeqlabError(str(error)) from None


def _check_finished(name: str, status: str) -> None:
    if status != "FINISHED":
        raise SeqlabError(f"run {name} is {status.lower()}: there is no result to verify; finish it with `dvc repro`")


def _first_outputs(ledger: Ledger) -> dict[str, str]:
    """The outputs of the first execution of each stage: they are the run's."""
    outputs: dict[str, str] = {}
    for stage in COMPARED:
        outputs |= next((entry.outputs for entry in ledger.entries if entry.stage == stage), {})
    return outputs


def _first_class(ledger: Ledger) -> str:
    return next((entry.numerics_class for entry in ledger.entries if entry.stage == "train"), "")


def _data(recipe: dict[str, Any]) -> dict[str, str]:
    return {path: str(digest) for part in recipe.values() for path, digest in part["data"].items()}
