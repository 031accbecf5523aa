"""The MLflow runs of a sweep's members, grouped by tags.

A parent run would be a run that is no result; a tag groups in the UI just as well, and a run may be in several sweeps.
"""

import tempfile
from collections.abc import Mapping
from pathlib import Path

from seqlab.params.params import load_params
from seqlab.results.paths import LOCK, PARAMS, RECIPE
from seqlab.system.git import tree_at
from seqlab.tracking.fingerprint.content import write_tree
from seqlab.tracking.fingerprint.fingerprint import load_recipe
from seqlab.tracking.home import find_home
from seqlab.tracking.publishing.server import connect, server_errors
from seqlab.tracking.publishing.tags import RUN_FINGERPRINT, sweep_tags


def experiment_fingerprint(root: Path, revision: str) -> str:
    """The fingerprint of the run that an experiment's commit made: its code, parameters, and dvc.lock's data.

    Raises:
        SeqlabError: the commit is not one of a finished experiment.
    """
    files = tree_at(root, revision, *RECIPE, LOCK)
    with tempfile.TemporaryDirectory(prefix="seqlab-experiment-") as folder:
        copy = Path(folder)
        write_tree(copy, files)
        return load_recipe(load_params(copy / PARAMS), copy).run_fingerprint


def tag_runs(root: Path, sweep: str, fingerprints: Mapping[str, str]) -> list[str]:
    """Tag the run of each member as one of the sweep; return the members that have no run on this server.

    Args:
        root: The working copy.
        sweep: Name of the sweep.
        fingerprints: Name of a member → fingerprint of its run.

    Raises:
        SeqlabError: the server does not answer in time, or refuses.
    """
    server = connect(find_home(root))
    missing = []
    with server_errors(server.uri):
        for name, fingerprint in fingerprints.items():
            condition = f"tags.`{RUN_FINGERPRINT}` = '{fingerprint}'"
            runs = server.client.search_runs([server.experiment_id], condition)
            for run in runs:
                for key, value in sweep_tags(run.data.tags, {sweep: name}).items():
                    server.client.set_tag(run.info.run_id, key, value)
            if not runs:
                missing.append(name)
    return missing
