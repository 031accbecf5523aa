"""Makes a run anew, and says whether the same bytes came out, or where they part."""

import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from seqlab.commands.verify.claim import Claim, load_claim
from seqlab.commands.verify.digest_table import DigestTable, first_difference, read_digests
from seqlab.commands.verify.trust import doubt
from seqlab.commands.verify.verdict import Parting, Verdict, figure_differences, score_changes
from seqlab.commands.verify.working_copy import execute, working_copy
from seqlab.core.errors import SeqlabError
from seqlab.params.params import load_params
from seqlab.params.schema import ORIGINS
from seqlab.results.paths import BEST, DIGESTS, PARAMS, SCORES, TRAINING, TRANSLATIONS
from seqlab.tracking.fingerprint.content import files_below, is_below, sha256
from seqlab.tracking.fingerprint.fingerprint import load_recipe
from seqlab.tracking.fingerprint.pipeline import load_stage, stage_paths
from seqlab.tracking.foreign import limited_bytes
from seqlab.tracking.home import Home, find_home
from seqlab.tracking.journal.execution import read_executions
from seqlab.tracking.journal.ledger import COMPARED
from seqlab.tracking.journal.points import score_points, training_points
from seqlab.tracking.journal.record import recipe_data
from seqlab.tracking.publishing.assembly import UNREADABLE

# Without these a run claims nothing, whatever its own dvc.yaml has among its outputs.
CLAIMED = (f"{BEST}/model.safetensors", SCORES, TRANSLATIONS)


def verify(start: Path, run: str | None, agree: Callable[[str], bool]) -> Verdict:
    """Execute the run of the working copy around `start`, or `run`, anew from its code, parameters and data.

    `agree` is asked before code that is not this repository's is executed; nothing is unless it says yes.

    Raises:
        SeqlabError: outside a DVC project; there is no such run, or it kept no code; nobody agrees; a stage failed.
    """
    home = find_home(start)
    recorded = load_claim(home, run)
    archive = recorded.source()
    strange = doubt(home.root, recorded.name, recorded.commit, archive) if run is not None else ""
    if strange and not agree(strange):
        raise SeqlabError(f"{strange} Nothing was run; `--trust` runs it all the same")
    with working_copy(home, archive, recorded.commit) as root:
        _require_origins(recorded, root)
        execute(root)
        return compare(recorded, root)


def _require_origins(recorded: Claim, root: Path) -> None:
    """The checkpoints that the run starts from, or translates with, are in no archive."""
    needed = [path for path in stage_paths(root) if path.startswith(f"{ORIGINS}/") and not (root / path).is_dir()]
    if needed:
        raise SeqlabError(
            f"run {recorded.name} is made from {' and '.join(needed)}, which is not here: `dvc pull` it, or put it "
            "there again (`seqlab take`)"
        )


def compare(recorded: Claim, root: Path) -> Verdict:
    """The run against what was made anew in working copy `root`."""
    outs = tuple(out for stage in COMPARED for out in load_stage(root, stage).outs)
    anew = {file.relative_to(root).as_posix(): sha256(file) for out in outs for file in files_below(root / out)}
    expected = {path: name for path, name in recorded.outputs.items() if is_below(path, outs)}
    if not expected:
        raise SeqlabError(f"nothing is known of what run {recorded.name} wrote: there is nothing to compare with")
    differing = sorted(path for path, name in expected.items() if anew.get(path) != name)
    scores = score_changes(recorded.content(SCORES), _content(root / SCORES)) if SCORES in differing else []
    return Verdict(
        name=recorded.name,
        files=len(expected),
        differing=differing,
        data=_differing_data(recorded, root),
        numerics_class=recorded.numerics_class,
        numerics_class_anew=_numerics_class(root),
        parting=_parting(recorded.content(DIGESTS), root / DIGESTS) if differing else None,
        scores=scores,
        unclaimed=sorted({*anew, *CLAIMED} - {*expected}),
        figures=figure_differences(recorded.figures, _figures(recorded, root)) if recorded.figures else [],
    )


def _content(path: Path) -> bytes:
    return limited_bytes(path) if path.is_file() else b"{}"


def _figures(recorded: Claim, root: Path) -> dict[str, float]:
    """The figures in the run's own files, or, where it has none, in those that came out anew."""
    scores, training = (recorded.content(name) or _content(root / name) for name in (SCORES, TRAINING))
    try:
        points = score_points(scores.decode("utf-8"), 0) + training_points(training.decode("utf-8"), 0)
    except UNREADABLE as error:
        raise SeqlabError(f"the scores of run {recorded.name} are none that seqlab can read ({error!r:.200})") from None
    return {point.key: point.value for point in points}


def _differing_data(recorded: Claim, root: Path) -> list[str]:
    anew = recipe_data(asdict(load_recipe(load_params(root / PARAMS), root)))
    return sorted(path for path, digest in recorded.data.items() if anew.get(path) != digest)


def _numerics_class(root: Path) -> str:
    executions = [each for each in read_executions(Home(root)) if each.stage == "train"]
    return executions[-1].numerics_class if executions else ""


def _parting(before: bytes | None, anew: Path) -> Parting | None:
    if before is None or not anew.is_file():
        return None
    try:
        first, second = _table(before), read_digests(anew)
        difference = first_difference(first, second)
    except (ValueError, SeqlabError):
        # Another architecture, or a damaged table: no tensor to name.
        return None
    return Parting(len(first.rows) - 1, len(second.rows) - 1, difference)


def _table(content: bytes) -> DigestTable:
    with tempfile.TemporaryDirectory(prefix="seqlab-digests-") as folder:
        path = Path(folder, Path(DIGESTS).name)
        path.write_bytes(content)
        return read_digests(path)
