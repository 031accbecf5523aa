"""Makes a run anew, and says whether the same bytes came out, or where they part."""

import tempfile
from dataclasses import asdict
from pathlib import Path

from seqlab.errors import SeqlabError
from seqlab.params.params import load_params
from seqlab.tracking.content import files_below, sha256
from seqlab.tracking.execution import read_executions
from seqlab.tracking.fingerprint import load_recipe
from seqlab.tracking.home import Home, find_home
from seqlab.tracking.ledger import COMPARED
from seqlab.tracking.pipeline import load_stage
from seqlab.verification.digest_table import DigestTable, first_difference, read_digests
from seqlab.verification.subject import Subject, load_subject
from seqlab.verification.verdict import Parting, Verdict, score_changes
from seqlab.verification.working_copy import execute, working_copy

DIGESTS, SCORES = "models/digests.safetensors", "reports/scores.json"


def verify(start: Path, run: str | None) -> Verdict:
    """Execute the run of the working copy around `start`, or `run`, anew from its code, parameters and data.

    Raises:
        SeqlabError: outside a DVC project; there is no such run, or it kept no code; a stage failed.
    """
    home = find_home(start)
    subject = load_subject(home, run)
    with working_copy(home, subject.source(), subject.commit) as root:
        execute(root)
        return compare(subject, root)


def compare(subject: Subject, root: Path) -> Verdict:
    """The run against what was made anew in working copy `root`."""
    outs = tuple(out for stage in COMPARED for out in load_stage(root, stage).outs)
    anew = {file.relative_to(root).as_posix(): sha256(file) for out in outs for file in files_below(root / out)}
    expected = {path: name for path, name in subject.outputs.items() if _is_below(path, outs)}
    if not expected:
        raise SeqlabError(f"nothing is known of what run {subject.name} wrote: there is nothing to compare with")
    # Of what the server does not have, nothing is known; a file that the run has and this execution has not differs.
    differing = sorted(path for path, name in expected.items() if not anew.get(path, "-").startswith(name))
    scores = score_changes(subject.content(SCORES), (root / SCORES).read_bytes()) if differing else []
    return Verdict(
        name=subject.name,
        files=len(expected),
        differing=differing,
        data=_differing_data(subject, root),
        numerics_class=subject.numerics_class,
        numerics_class_anew=_numerics_class(root),
        parting=_parting(subject.content(DIGESTS), root / DIGESTS) if differing else None,
        scores=scores,
    )


def _is_below(path: str, outs: tuple[str, ...]) -> bool:
    return any(path == out or path.startswith(f"{out}/") for out in outs)


def _differing_data(subject: Subject, root: Path) -> list[str]:
    recipe = asdict(load_recipe(load_params(root / "params.yaml"), root))
    anew = {path: digest for part in recipe.values() for path, digest in part["data"].items()}
    return sorted(path for path, digest in subject.data.items() if anew.get(path) != digest)


def _numerics_class(root: Path) -> str:
    executions = [each for each in read_executions(Home(root)) if each.stage == "train"]
    return executions[-1].numerics_class if executions else ""


def _parting(before: bytes | None, anew: Path) -> Parting | None:
    if before is None or not anew.is_file():
        return None
    first, second = _table(before), read_digests(anew)
    try:
        difference = first_difference(first, second)
    except ValueError:
        # Another architecture: no tensor to name.
        return None
    return Parting(len(first.rows) - 1, len(second.rows) - 1, difference)


def _table(content: bytes) -> DigestTable:
    with tempfile.TemporaryDirectory(prefix="seqlab-digests-") as folder:
        path = Path(folder, Path(DIGESTS).name)
        path.write_bytes(content)
        return read_digests(path)
