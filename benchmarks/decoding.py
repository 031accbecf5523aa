"""Decoding: greedy search, beam 5 and beam 10 beside a plain search of one sentence at a time, of the same model.

The plain search makes each hypothesis' step by itself (`one by one`), or those of a sentence's hypotheses in one call
(`together`); of greedy search both are the same. It gets every nth sentence alone, being so slow; FLOP are those of the
live hypotheses' steps, counted on that sample. Ours goes from text to text, the references from ids to ids. On a GPU
ours is captured as CUDA graphs, and once more launched kernel by kernel (`uncaptured`). All run in turns in one
process; peak memory is of the whole process, of each case in a process of its own.

Without a checkpoint the model is one of the usual shape (bidirectional GRU, 256, dot attention, vocabulary 6,000) that
nobody trained, made so that its translations have realistic lengths.

    python -m benchmarks.decoding [--checkpoint models/best --raw data/raw/test.jsonl] [--threads 2] [--quick] [--alone]
"""

import argparse
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT, Times, in_child, say, table
from seqlab.params.params import load_params

CHILD = "benchmarks.decoding_child"
GREEDY = 1
MEBIBYTE = 1 << 20


def main() -> None:
    """Measure, and print the table."""
    arguments = _arguments()
    request = {name: value for name, value in vars(arguments).items() if name not in ("beams", "quick", "alone")}
    on_a_gpu = load_params(ROOT / "params.yaml").runtime.device != "cpu"
    engines = {beam: ("ours",) if arguments.alone else _engines(beam, on_a_gpu) for beam in arguments.beams}
    cases = [(engine, beam) for beam in arguments.beams for engine in engines[beam]]
    found = in_child(CHILD, request | {"measure": "timed", "cases": cases})
    peaks = {}
    if not arguments.quick:
        for case in cases:
            peaks[case] = in_child(CHILD, request | {"measure": "peak", "cases": [case]})["peak"]
    roof = Times(tuple(found["roof"]["seconds"])).per_second(found["roof"]["flop"] / 1e9).show(",.0f")
    what = Path(arguments.checkpoint).name if arguments.checkpoint else "a generated model"
    say(
        f"## Decoding, {arguments.threads} threads, {what}, batches of {arguments.batch_size}\n\n"
        f"Roof, GFLOP/s: {roof}. Median (lowest–highest) of {arguments.repetitions}.\n"
    )
    say(table(_row(found, case, peaks.get(case)) for case in cases))


def _row(found: dict[str, Any], case: tuple[str, int], peak: int | None) -> dict[str, object]:
    engine, beam_size = case
    own = found[f"{engine} {beam_size}"]
    times = Times(tuple(own["seconds"]))
    row: dict[str, object] = {
        "search": "greedy" if beam_size == GREEDY else f"beam {beam_size}",
        "engine": engine,
        "steps a sentence": f"{own['steps']:.1f}",
        "sentences/s": times.per_second(own["sentences"]).show(",.1f"),
        "of the roof": times.faster_than(
            Times(tuple(found["roof"]["seconds"])), work=own["flop"] / found["roof"]["flop"]
        ).show(".0%"),
    }
    for reference in _engines(beam_size, on_a_gpu=True):
        other = found.get(f"{reference} {beam_size}")
        if engine == "ours" and other and reference != engine:
            slower = Times(tuple(other["seconds"]))
            work = own["sentences"] / other["sentences"]
            row[f"faster than {reference}"] = times.faster_than(slower, work=work).show(".1f")
    if peak is not None:
        row["peak memory, MB"] = f"{peak / MEBIBYTE:,.0f}"
    return row


def _engines(beam_size: int, on_a_gpu: bool) -> tuple[str, ...]:
    ours = ("ours", "uncaptured") if on_a_gpu else ("ours",)
    return (*ours, "one by one") if beam_size == GREEDY else (*ours, "one by one", "together")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--checkpoint", help="folder of a model, such as models/best; a generated model without it")
    parser.add_argument("--raw", help="with --checkpoint, the sentences to translate, such as data/raw/test.jsonl")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--beams", type=int, nargs="+", default=(GREEDY, 5, 10), help="1 is greedy search")
    parser.add_argument("--batch-size", type=int, default=256, help="ours")
    parser.add_argument("--max-length", type=int, default=100, help="of a translation, in tokens")
    parser.add_argument("--sentences", type=int, default=1000, help="to generate without --checkpoint")
    parser.add_argument("--sample", type=int, default=20, help="about how many of them the plain search translates")
    parser.add_argument("--quick", action="store_true", help="no peak memory")
    parser.add_argument("--alone", action="store_true", help="no reference between two translations of ours")
    arguments = parser.parse_args()
    if bool(arguments.checkpoint) != bool(arguments.raw):
        parser.error("--checkpoint and --raw go together")
    for name in ("checkpoint", "raw"):
        if path := getattr(arguments, name):
            setattr(arguments, name, str(Path(path).resolve()))
    return arguments


if __name__ == "__main__":
    main()
