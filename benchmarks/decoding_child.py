"""Measures searches in a process of its own: `python -m benchmarks.decoding_child REQUEST`, which is JSON."""

import json
import sys
from collections.abc import Callable
from copy import copy
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

from benchmarks.measure import ROOT, interleaved, peak_memory, resident_memory, say
from seqlab.core.errors import SeqlabError
from seqlab.numerics import configure, torch_setup
from seqlab.params.params import load_params

# Engines that translate all sentences; `uncaptured` is ours on a GPU, launched kernel by kernel.
OURS = ("ours", "uncaptured")


def main() -> None:
    """Do what the request asks, and print what came of it as JSON."""
    request = json.loads(sys.argv[1])
    runtime = load_params(ROOT / "params.yaml").runtime
    runtime = runtime.model_copy(update={"threads": request["threads"], "numerics": "native"})
    configure(runtime)
    torch_setup(runtime)
    try:
        found = {"timed": timed, "peak": peak}[request["measure"]](request | {"device": runtime.device})
    except SeqlabError as error:
        raise SystemExit(str(error)) from None
    say(json.dumps(found))


class Workshop:
    """The model, the sources (those of the references a sample of all), and what to run."""

    def __init__(self, request: dict[str, Any]) -> None:
        # They import PyTorch, which reads the environment once.
        from benchmarks.generated_model import generated_model, generated_sources
        from seqlab.core import parallel
        from seqlab.evaluation.translator import Translator
        from seqlab.seq2seq.engines.choice import choose
        from seqlab.seq2seq.engines.cuda.stepwise import ahead
        from seqlab.text.tokenizer import Tokenizer

        if request["checkpoint"]:
            self.translator = Translator.load(Path(request["checkpoint"]), request["device"])
            self.sentences = [example.source for example in parallel.read(Path(request["raw"]))]
        else:
            numbers = cast(Tokenizer, _Numbers())
            engine = choose(request["device"], "fast")
            self.translator = Translator(generated_model().to(request["device"]), numbers, numbers, engine)
            self.sentences = _Numbers().decode(generated_sources(request["sentences"]))
        self._uncaptured = copy(self.translator)
        self._uncaptured._searched = ahead(self.translator.model, lambda work: work)
        # A sample of all lengths: every nth of the sentences in the order of their lengths.
        encoded = sorted((ids for ids in self.translator.encode(self.sentences) if ids), key=len)
        self.sample = encoded[:: max(1, len(encoded) // request["sample"])]
        self._request = request

    def ours(self, beam_size: int, *, captured: bool) -> object:
        """Translate all sentences, text to text."""
        translator = self.translator if captured else self._uncaptured
        return translator.translate(
            self.sentences,
            beam_size=beam_size,
            length_penalty=1.0,
            max_length=self._request["max_length"],
            batch_size=self._request["batch_size"],
        )

    def plain(self, beam_size: int, *, together: bool) -> tuple[list[int], list[int]]:
        """Translate the sample, ids to ids; return how long each source is, and its steps of a hypothesis."""
        import torch

        from benchmarks.reference.beam import PlainBeam
        from seqlab.core.special_tokens import EOS

        search = PlainBeam(self.translator.model, beam_size, self._request["max_length"], together=together)
        steps = [0]
        for ids in self.sample:
            search.search(torch.tensor([*ids, EOS]))
            steps.append(search.rows)
        lengths = [len(ids) + 1 for ids in self.sample]
        return lengths, [after - before for before, after in pairwise(steps)]

    def run(self, engine: str, beam_size: int) -> Callable[[], object]:
        """What to time: `ours`, `uncaptured`, `one by one` or `together`."""
        if engine in OURS:
            return lambda: self.ours(beam_size, captured=engine == "ours")
        return lambda: self.plain(beam_size, together=engine == "together")


class _Numbers:
    """A tokenizer of texts that are ids already."""

    vocab_size, max_length = 6000, 100

    def encode(self, texts: list[str]) -> list[list[int]]:
        return [[int(word) for word in text.split()] for text in texts]

    def decode(self, ids: list[list[int]]) -> list[str]:
        return [" ".join(map(str, each)) for each in ids]


def timed(request: dict[str, Any]) -> dict[str, Any]:
    """Seconds of each case and repetition, its sentences, and the FLOP that they need; and those of the roof."""
    import torch

    from benchmarks.flop import training_flop
    from benchmarks.roof import Product

    workshop, roof = Workshop(request), Product(torch.float32, request["device"])
    runs = {_name(*case): workshop.run(*case) for case in request["cases"]}
    times = interleaved(runs | {"roof": roof}, request["repetitions"])
    found: dict[str, Any] = {"roof": {"seconds": times["roof"].seconds, "flop": roof.flop}}
    for beam_size in dict.fromkeys(beam_size for _, beam_size in request["cases"]):
        lengths, steps = workshop.plain(beam_size, together=True)
        # Forward alone is a third of training.
        flop = training_flop(workshop.translator.model.config, torch.tensor(lengths), torch.tensor(steps)) / 3
        for engine, _ in (case for case in request["cases"] if case[1] == beam_size):
            sentences = len(workshop.sentences if engine in OURS else workshop.sample)
            name = _name(engine, beam_size)
            found[name] = {
                "seconds": times[name].seconds,
                "sentences": sentences,
                "flop": flop / len(lengths) * sentences,
                "steps": sum(steps) / len(steps),
            }
    return found


def peak(request: dict[str, Any]) -> dict[str, int]:
    """Bytes resident at most while the only case runs, and before it."""
    workshop = Workshop(request)
    before = resident_memory()
    for case in request["cases"]:
        workshop.run(*case)()
    return {"before": before, "peak": peak_memory()}


def _name(engine: str, beam_size: int) -> str:
    return f"{engine} {beam_size}"


if __name__ == "__main__":
    main()
