from typing import Any

import pytest
from ruamel.yaml import YAML

from seqlab.commands.ci.lock import Lock, compare_locks
from seqlab.core.errors import SeqlabError

LOCK: dict[str, Any] = {
    "schema": "2.0",
    "stages": {
        "train": {
            "cmd": "train",
            "deps": [{"path": "data/raw", "md5": "1.dir"}, {"path": "src/model", "md5": "2.dir"}],
            "params": {"params.yaml": {"seed": 1}},
            "outs": [{"path": "models/best", "md5": "3.dir"}],
        },
        "evaluate": {
            "cmd": "evaluate",
            "deps": [{"path": "models/best/config.json", "md5": "4"}],
            "outs": [{"path": "reports/scores.json", "md5": "5"}],
        },
    },
}


def lock(*changes: tuple[str, str, int, str]) -> str:
    """The text of a dvc.lock; a change is (stage, kind, place, new MD5)."""
    text = str(LOCK)
    content = YAML(typ="safe", pure=True).load(text)
    for stage, kind, place, digest in changes:
        content["stages"][stage][kind][place]["md5"] = digest
    return str(content)


def test_the_same() -> None:
    assert compare_locks(lock(), lock()) is Lock.SAME


def test_none_in_the_commit() -> None:
    assert compare_locks(None, lock()) is Lock.ABSENT


def test_outputs_of_other_bytes_and_what_reads_them() -> None:
    other = lock(("train", "outs", 0, "x.dir"), ("evaluate", "deps", 0, "x"), ("evaluate", "outs", 0, "x"))
    assert compare_locks(lock(), other) is Lock.OTHER_BYTES


@pytest.mark.parametrize(
    "other",
    [
        lock(("train", "deps", 1, "x.dir")),
        # data/raw is made by no stage here: then it is somebody's own.
        lock(("train", "deps", 0, "x.dir")),
        lock().replace("'seed': 1", "'seed': 2"),
        lock().replace("'cmd': 'train'", "'cmd': 'train --more'"),
        lock().replace("'evaluate'", "'assess'"),
    ],
    ids=["code", "data", "parameters", "command", "stages"],
)
def test_of_another_recipe(other: str) -> None:
    assert compare_locks(lock(), other) is Lock.STALE


def test_damage_is_said() -> None:
    with pytest.raises(SeqlabError, match=r"dvc\.lock is damaged"):
        compare_locks("stages: [1]", lock())
    with pytest.raises(SeqlabError, match=r"dvc\.lock: line 1 begins a conflict"):
        compare_locks("<<<<<<< HEAD\nstages: {", lock())
