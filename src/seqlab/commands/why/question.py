"""What `seqlab why` was asked about: stages, or two runs."""

import difflib
from pathlib import Path

from seqlab.commands.why.run_pair import explain_runs
from seqlab.commands.why.stage import explain_stages
from seqlab.core.errors import SeqlabError
from seqlab.params.params import load_params
from seqlab.results.paths import PARAMS
from seqlab.tracking.fingerprint.pipeline import stage_names
from seqlab.tracking.home import find_home

RUNS = 2


def explain(start: Path, names: list[str]) -> str:
    """Why the stages named would run (all, if none is named), or why the two runs named differ.

    Raises:
        SeqlabError: outside a DVC project; there is no such stage or run; what is known of it cannot be read.
    """
    root = find_home(start).root
    stages = stage_names(root)
    others = [name for name in names if name not in stages]
    if not others:
        return "\n".join([*_refused(root), *map(str, explain_stages(start, names))])
    near = [match for other in others for match in difflib.get_close_matches(other, stages, n=1, cutoff=0.7)]
    if len(others) == len(names) == RUNS and not near:
        return explain_runs(start, *others)
    hint = f"did you mean {near[0]}?" if near else f"the stages are {', '.join(stages)}."
    raise SeqlabError(f"dvc.yaml has no stage {others[0]}; {hint} To compare runs, name two: `seqlab why RUN RUN`")


def _refused(root: Path) -> list[str]:
    """What stands in the way of every stage: parameters that are refused."""
    try:
        load_params(root / PARAMS)
    except SeqlabError as error:
        return [f"Nothing will run: {error}\n"]
    return []
