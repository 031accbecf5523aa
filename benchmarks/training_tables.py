"""Tables of what benchmarks.training found."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from benchmarks.case import ROOF, STOCK, Case
from benchmarks.measure import Spread, Times, table

MEBIBYTE = 1 << 20


class Results:
    """What one child process found of some cases; see `timed` in benchmarks.training_measurements."""

    def __init__(self, found: Mapping[str, Mapping[str, Any]], peaks: Mapping[str, Mapping[str, int]]) -> None:
        self._found = found
        self._peaks = peaks

    def __contains__(self, case: Case) -> bool:
        return case.name in self._found

    def times(self, case: Case) -> Times:
        """Seconds of its repetitions."""
        return self._times(case.name)

    def per_token(self, case: Case) -> Times:
        """Seconds for each real target token."""
        return Times(tuple(seconds / self._found[case.name]["tokens"] for seconds in self.times(case).seconds))

    def fraction_of(self, product: str, case: Case) -> Spread:
        """FLOP a second, over those of the roof, or of PyTorch's own product, measured in the same repetition."""
        roof = f"{product}, {case.precision}"
        work = self._found[case.name]["flop"] / self._found[roof]["flop"]
        return self.times(case).faster_than(self._times(roof), work=work)

    def row(self, case: Case) -> dict[str, object]:
        """Of the table of cases."""
        found, times = self._found[case.name], self.times(case)
        row: dict[str, object] = {
            "engine": case.engine,
            "ratio": f"{case.ratio:g}",
            "attention": case.model,
            "precision": case.precision,
            "ms a step": Spread.of(1000 * seconds / found["steps"] for seconds in times.seconds).show(".1f"),
            "target tokens/s": times.per_second(found["tokens"]).show(",.0f"),
            "of the roof": self.fraction_of(ROOF, case).show(".0%"),
            "of PyTorch's own product": self.fraction_of(STOCK, case).show(".0%"),
        }
        if case.name in self._peaks:
            row["peak memory, MB"] = f"{self._peaks[case.name]['peak'] / MEBIBYTE:,.0f}"
        return row

    def roofs(self) -> str:
        """What large products reach, in words."""
        names = [name for name in self._found if name.startswith((ROOF, STOCK))]
        speeds = (self._times(name).per_second(self._found[name]["flop"] / 1e9).show(",.0f") for name in names)
        figures = (f"{name} {speed}" for name, speed in zip(names, speeds, strict=True))
        return f"GFLOP/s: {'; '.join(figures)}."

    def _times(self, name: str) -> Times:
        return Times(tuple(self._found[name]["seconds"]))


def case_table(results: Results, cases: list[Case]) -> str:
    """Every case that ran: median (lowest–highest)."""
    return table(results.row(case) for case in cases if case in results)


def comparison_table(results: Results, cases: list[Case], *, real_lengths: bool) -> str:
    """Every case of ours beside what it is to be compared with, repetition by repetition, and the target."""
    rows = [row for case in cases if case in results for row in _comparisons(results, case, real_lengths)]
    return table(rows)


def _comparisons(results: Results, case: Case, real_lengths: bool) -> Iterator[dict[str, object]]:
    if case.engine == "trainer":
        target = ("≥ 70 %" if real_lengths else "≥ 85 %") if case.ratio == 1 else ""
        for product, name, aim in ((ROOF, "the roof", target), (STOCK, STOCK, "")):
            what = f"fraction of {name}, all overheads included"
            yield _row(case, what, aim, results.fraction_of(product, case), ".0%")
    if case.engine not in ("ours", "trainer"):
        return
    for other, what, target in _others(case):
        if other in results and other != case:
            yield _row(case, what, target, results.per_token(case).faster_than(results.per_token(other)))
    one = replace(case, ratio=1.0)
    if case.ratio < 1 and one in results:
        target = {0.5: "≤ 1.10", 0.0: "≤ 1.25"}.get(case.ratio, "") if case.model in ("none", "dot") else ""
        yield _row(case, "time, over that at ratio 1", target, results.times(one).faster_than(results.times(case)))


def _others(case: Case) -> Iterator[tuple[Case, str, str]]:
    """Cases to be faster than, what to call it, and the target."""
    yield replace(case, engine="literal"), "faster than the literal loop, a token", "≥ 50"
    target = ""
    if case.ratio == 0.5 and case.model in ("none", "dot"):
        target = "≥ 1.35" if case.attention == "none" else "≥ 2"
    yield replace(case, engine="step by step"), "faster than step by step", target
    yield replace(case, engine="teacher forcing"), "faster than stock teacher forcing", ""
    if case.engine == "trainer":
        yield replace(case, engine="ours"), "faster than the step alone", ""
    if case.precision == "bfloat16":
        yield replace(case, precision="float32"), "faster than float32", "≥ 1.6"
    if case.attention == "additive" or case.input_feeding:
        yield replace(case, attention="dot", input_feeding=False), "faster than dot", ""


def _row(case: Case, what: str, target: str, found: Spread, pattern: str = ".2f") -> dict[str, object]:
    return {"case": case.name, "what": what, "target": target, "found": found.show(pattern)}
