from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from seqlab.commands.verify.digest_table import Difference, DigestTable, first_difference, read_digests
from seqlab.core.errors import SeqlabError
from seqlab.training.digests import ParameterDigests


def table(*rows: tuple[int, ...], names: tuple[str, ...] = ("a", "b", "c")) -> DigestTable:
    return DigestTable(names, np.array(rows, np.int32).reshape(-1, len(names)))


ROWS = ((1, 2, 3), (4, 5, 6), (7, 8, 9))


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (ROWS, None),
        (ROWS[:2], None),
        ((*ROWS, (0, 0, 0)), None),
        (((1, 2, 3), (4, 0, 0), (0, 8, 9)), Difference(1, ("b", "c"))),
        (((1, 2, 3), (4, 5, 6), (0, 8, 9)), Difference(2, ("a",))),
        (((1, 2, 0), (4, 5, 6), (7, 8, 9)), Difference(0, ("c",))),
    ],
)
def test_the_first_step_and_its_tensors(other: tuple[tuple[int, ...], ...], expected: Difference | None) -> None:
    assert first_difference(table(*ROWS), table(*other)) == expected
    assert first_difference(table(*other), table(*ROWS)) == expected


def test_models_of_other_tensors() -> None:
    with pytest.raises(ValueError, match="other tensors"):
        first_difference(table(*ROWS), table(*ROWS, names=("a", "b", "d")))


def test_what_training_wrote_is_read_in_the_models_order(tmp_path: Path) -> None:
    model = nn.ModuleDict({"second": nn.Linear(3, 2), "first": nn.Linear(2, 2)})
    digests = ParameterDigests(model)
    with torch.no_grad():
        model.get_parameter("first.bias").add_(1)
    digests.add()
    digests.write(tmp_path / "digests.safetensors")
    found = read_digests(tmp_path / "digests.safetensors")
    assert found.names == ("second.weight", "second.bias", "first.weight", "first.bias")
    assert found.rows.tolist() == digests.table.tolist()
    changed = (found.rows[0] != found.rows[1]).tolist()
    assert changed == [False, False, False, True]


def test_other_files_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "digests.safetensors"
    with pytest.raises(SeqlabError, match="no table of digests"):
        read_digests(path)
    path.write_bytes(b"something else")
    with pytest.raises(SeqlabError, match="no table of digests"):
        read_digests(path)
    rows = np.zeros((2, 3), np.int32)
    for content, metadata in (
        ({"digests": rows}, None),
        ({"digests": rows}, {"names": "["}),
        ({"digests": rows}, {"names": '["a"]'}),
        ({"digests": rows}, {"names": "[1, 2, 3]"}),
        ({"digests": rows}, {"names": "3"}),
        ({"digests": rows.astype(np.float32)}, {"names": '["a", "b", "c"]'}),
        ({"others": rows}, {"names": '["a", "b", "c"]'}),
    ):
        save_file(content, path, metadata)
        with pytest.raises(SeqlabError, match="no table of digests"):
            read_digests(path)
