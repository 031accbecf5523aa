"""cluster.yaml: strict, documented in place, and in the cluster's own words."""

from itertools import pairwise
from pathlib import Path

import pytest

from seqlab.commands.sweep.cluster import Cluster, load_cluster, minutes
from seqlab.core.errors import SeqlabError

ROOT = Path(__file__).parents[3]


def load(tmp_path: Path, text: str) -> Cluster:
    (tmp_path / "cluster.yaml").write_text(text, "utf-8")
    return load_cluster(tmp_path)


def test_the_file_has_every_setting_with_its_default_and_the_schemas_words() -> None:
    lines = (ROOT / "cluster.yaml").read_text("utf-8").splitlines()
    documented = {}
    for above, line in pairwise(lines):
        if line and not line.startswith("#"):
            documented[line.partition(":")[0]] = above.removeprefix("# ")
    assert documented == {name: field.description for name, field in Cluster.model_fields.items()}
    assert load_cluster(ROOT) == Cluster()


def test_without_a_file_or_with_an_empty_one_all_is_as_by_default(tmp_path: Path) -> None:
    assert load_cluster(tmp_path) == Cluster()
    assert load(tmp_path, "# nothing\n") == Cluster()
    assert load(tmp_path, "cpus: 2\n") == Cluster(cpus=2)


@pytest.mark.parametrize(
    ("time", "expected"),
    [("5", 5), ("90:30", 91), ("1:00:00", 60), ("0:59:01", 60), ("2-0", 2880), ("1-1:30", 1530), ("1-0:00:01", 1441)],
)
def test_times_are_sbatchs(time: str, expected: int) -> None:
    assert minutes(time) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("partiton: short", "partiton: no such parameter; did you mean partition?"),
        ("memory: 4G", "memory: no such parameter; did you mean mem?"),
        ("mem: 4GB", "mem: expected a number of megabytes, or one with K, M, G or T, such as 4G, not '4GB'"),
        ("time: an hour", "time: expected minutes, hours:minutes:seconds or days-hours:minutes:seconds"),
        ('time: "0:30"', "time: a member needs at least a minute"),
        ("time: 60", "time: input should be a valid string, not 60"),
        ("cpus: 0", "cpus: input should be greater than or equal to 1, not 0"),
        ('partition: "a b"', "partition: string should match pattern"),
        ("options: {mem: 4G}", "options: mem is not for this list"),
        ("options: {--qos: long}", "options: '--qos' is no long option of sbatch; write it without the dashes"),
        ('options: {qos: "a\\nb"}', "options: qos: the value has characters that do not print"),
        ('setup: ["a\\nb"]', "setup: a line has characters that do not print"),
        ("- 1", "expected settings such as"),
    ],
)
def test_what_is_refused_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SeqlabError) as error:
        load(tmp_path, text)
    assert message in str(error.value)
