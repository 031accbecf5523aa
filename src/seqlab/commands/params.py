"""The command `seqlab params`."""

from pathlib import Path

from seqlab.params.params import load_params
from seqlab.params.table import parameter_table
from seqlab.results.paths import PARAMS
from seqlab.tracking.home import find_home


def list_params(start: Path) -> str:
    """Every parameter, its value in the working copy around `start`, and what it does, as a Markdown table.

    Raises:
        SeqlabError: outside a DVC project; params.yaml is missing or refused.
    """
    return parameter_table(load_params(find_home(start).root / PARAMS))
