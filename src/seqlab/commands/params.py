"""The command `seqlab params`."""

from pathlib import Path

from seqlab.params.params import load_params
from seqlab.params.table import parameter_table
from seqlab.results.paths import PARAMS
from seqlab.tracking.home import find_home
from seqlab.tracking.journal.launch import check_switch


def list_params(start: Path) -> str:
    """Every parameter, its value in the working copy around `start`, and what it does, as a Markdown table.

    Raises:
        SeqlabError: outside a DVC project; params.yaml is missing or refused; SEQLAB_PUBLISHER is neither on
            nor off, which stages refuse after DVC has removed their outputs.
    """
    check_switch()
    return parameter_table(load_params(find_home(start).root / PARAMS))
