"""Same inputs, same bytes: the five stages in two unlike surroundings, over parameters that meet in every pair."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.pipeline.conftest import ROOT, TINY, content

NAMES = [
    *("model.cell", "model.layers", "model.bidirectional", "model.context"),
    *("model.attention", "model.input_feeding", "model.tie_output"),
    *("train.teacher_forcing_ratio", "train.teacher_forcing_granularity", "train.teacher_forcing_schedule"),
    *("train.batch_by", "train.optimizer", "train.learning_rate_schedule", "train.precision"),
    *("tokenizer.kind", "tokenizer.vocabulary", "evaluate.beam_size", "evaluate.parameters"),
]
# Any two values of two parameters meet in some row; a test proves it.
TABLE = """
rnn 1 true every_step general false true 0.5 step linear tokens adam exponential bfloat16 bpe separate 1
lstm 2 false initial additive true false 1.0 sequence constant sentences adam plateau float32 char joint 3
gru 1 false initial none false true 0.0 token exponential sentences adamw constant float32 unigram joint 1
gru 2 true every_step dot true false 0.0 token constant tokens sgd inverse_sqrt bfloat16 word separate 3
rnn 2 false initial dot false false 0.5 step inverse_sigmoid sentences sgd exponential float32 bpe joint 3
lstm 1 true every_step dot true true 1.0 sequence inverse_sigmoid tokens adamw plateau bfloat16 unigram separate 1
rnn 1 true every_step additive false true 0.5 sequence exponential sentences adamw inverse_sqrt bfloat16 word joint 3
lstm 2 true every_step none false true 1.0 step exponential tokens sgd constant float32 char separate 1
lstm 2 false initial general true false 1.0 token linear tokens adamw inverse_sqrt bfloat16 bpe joint 1
gru 1 true initial general true false 0.5 sequence linear sentences sgd constant float32 unigram separate 3
rnn 1 false every_step general true false 0.0 step constant tokens adamw exponential bfloat16 char separate 1
gru 1 false initial additive true true 0.0 step inverse_sigmoid tokens adam constant bfloat16 word separate 1
rnn 1 true every_step none false false 0.5 token constant tokens adam plateau bfloat16 bpe joint 3
lstm 1 false initial additive true false 0.0 sequence exponential tokens adam exponential float32 bpe joint 3
rnn 2 true initial additive false true 1.0 step constant sentences adam inverse_sqrt float32 unigram separate 3
gru 1 true every_step none false false 1.0 sequence linear sentences adam exponential float32 word joint 1
gru 2 false every_step additive false false 0.0 token linear sentences sgd plateau float32 char joint 1
lstm 1 true initial none false true 0.5 token inverse_sigmoid tokens adam inverse_sqrt float32 char joint 1
lstm 2 true every_step general true false 1.0 step exponential sentences adam plateau float32 word joint 3
rnn 1 true initial dot true false 1.0 sequence constant tokens adam constant float32 bpe separate 3
lstm 1 false every_step dot false true 0.0 token exponential sentences adamw exponential float32 unigram separate 3
rnn 1 true initial dot true true 0.5 sequence linear tokens adamw inverse_sqrt bfloat16 char separate 3
gru 1 true initial general false false 0.5 sequence inverse_sigmoid tokens sgd plateau float32 bpe separate 3
"""
# The last column, too wide to stand there.
PARAMETERS = """
average average best ensemble best average average average ensemble average best ensemble
ensemble best ensemble best average best best average ensemble ensemble ensemble
"""
ROWS: list[dict[str, Any]] = [
    dict(zip(NAMES, [*map(YAML(typ="safe").load, line.split()), parameters], strict=True))
    for line, parameters in zip(TABLE.strip().splitlines(), PARAMETERS.split(), strict=True)
]
SMALL = TINY | {
    "corpus.grammar.train_size": 96,
    "train.teacher_forcing_decay": 0.9,
    "model.dropout": 0.2,
    "train.keep_checkpoints": 2,
    "train.validation_max_length": 8,
    "evaluate.max_length": 8,
    "evaluate.length_penalty": 0.6,
    "evaluate.metrics": ["diversity"],
    "report.attention_maps": 1,
}
# Runs each row in a folder of its own, below the current one; prints what each wrote.
PROGRAM = """
import builtins, json, os, sys
from pathlib import Path
if hasattr(os, "sched_setaffinity"):  # macOS has none
    os.sched_setaffinity(0, map(int, sys.argv[2:]))
from seqlab.numerics import configure
from seqlab.params.params import parse_params
rows = [parse_params(row, "row") for row in json.loads(Path(sys.argv[1]).read_text("utf-8"))]
configure(rows[0].runtime)
from seqlab.numerics import torch_setup
torch_setup(rows[0].runtime)
# An optimizer imports it, and it asks for the built-in sum itself.
import torch._dynamo
added = sum

def whole_sum(terms, start=0):
    terms = list(terms)
    # Of two floats each Python gives the same sum.
    if len(terms) > 2 and any(isinstance(term, float) for term in terms):
        raise AssertionError("the built-in sum adds floats otherwise from Python 3.12 on than before: math.fsum")
    return added(terms, start)

if "REFUSE_FLOAT_SUMS" in os.environ:
    builtins.sum = whole_sum
from benchmarks.stages import run_stages
start = Path.cwd()
for number, row in enumerate(rows):
    folder = start / str(number)
    folder.mkdir(parents=True)
    os.chdir(folder)
    outputs = run_stages(row)
    print(json.dumps({name: contents for stage in outputs.values() for name, contents in stage.files.items()}))
"""
# A few batches an epoch, in either unit.
BATCH_SIZE = {"sentences": 32, "tokens": 500}


def other_locale() -> str:
    """A locale with commas for points or a dotless i, where there is one."""
    known = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.split()
    return next((name for name in ("tr_TR.utf8", "de_DE.utf8", "fr_FR.utf8", "C.utf8") if name in known), "C")


def run(rows: list[dict[str, Any]], base: Path, *options: str, umask: int, cores: set[int], **environment: str) -> Any:
    """Run the rows in one process, in surroundings of its own; return what each row wrote."""
    for name in ("home", "temporary files"):
        (base / name).mkdir(parents=True)
    listing = base / "rows.json"
    listing.write_text(
        json.dumps([content(SMALL | row | {"train.batch_size": BATCH_SIZE[row["train.batch_by"]]}) for row in rows]),
        "utf-8",
    )
    result = subprocess.run(
        [sys.executable, *options, "-c", PROGRAM, str(listing), *map(str, cores)],
        cwd=base,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
            "HOME": str(base / "home"),
            "TMPDIR": str(base / "temporary files"),
        }
        | environment,
        capture_output=True,
        umask=umask,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode(errors="replace")
    return [json.loads(line) for line in result.stdout.decode("ascii").splitlines()]


def assert_same_bytes(rows: list[dict[str, Any]], base: Path) -> int:
    """Run the rows in two surroundings that differ in all that must not count; return the number of files compared."""
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else {0}
    one = run(
        rows,
        base / "plain",
        umask=0o002,
        cores=cores,
        LC_ALL=other_locale(),
        TZ="UTC",
        PYTHONHASHSEED="0",
        OMP_NUM_THREADS="1",
    )
    other = run(
        rows,
        base / "with spaces, ünïcode and 'quotes'",
        *("-X", "utf8=0"),
        umask=0o077,
        cores={min(cores)},
        LC_ALL="C",
        PYTHONCOERCECLOCALE="0",
        TZ="Pacific/Kiritimati",
        PYTHONHASHSEED="4711",
        OMP_NUM_THREADS="7",
        MKL_NUM_THREADS="3",
        OMP_DYNAMIC="true",
        MKL_CBWR="COMPATIBLE",
        ATEN_CPU_CAPABILITY="default",
        ONEDNN_MAX_CPU_ISA="SSE41",
        SACREBLEU_SEED="99",
        SOURCE_DATE_EPOCH="1",
        MPLBACKEND="svg",
        COLUMNS="40",
        REFUSE_FLOAT_SUMS="1",
    )
    assert len(one) == len(other) == len(rows)
    for row, left, right in zip(rows, one, other, strict=True):
        assert len(left) > 20
        assert left == right, row
    return sum(map(len, one))


def test_any_two_values_meet_in_a_row() -> None:
    values = {name: sorted({row[name] for row in ROWS}, key=str) for name in NAMES}
    assert [len(values[name]) for name in NAMES] == [3, 2, 2, 2, 4, 2, 2, 3, 3, 4, 2, 3, 4, 2, 4, 2, 2, 3]
    met = {pair for row in ROWS for pair in itertools.combinations(row.items(), 2)}
    possible = {
        ((one, this), (other, that))
        for one, other in itertools.combinations(NAMES, 2)
        for this, that in itertools.product(values[one], values[other])
    }
    # What the schema refuses.
    assert possible - met == {(("model.attention", "none"), ("model.input_feeding", True))}


def test_a_row_gives_the_same_bytes_anywhere(tmp_path: Path) -> None:
    assert_same_bytes(ROWS[:1], tmp_path)


@pytest.mark.slow
def test_every_row_gives_the_same_bytes_anywhere(tmp_path: Path) -> None:
    assert assert_same_bytes(ROWS, tmp_path) > 20 * len(ROWS)
