"""The tables of docs/experiments.md, made from the results that lie beside it: python -m tools.tables.

A table stands between `<!-- table: NAME rows=… columns=… value=… -->` and `<!-- /table -->`. NAME is that of a file in
docs/experiments/, made of what `python -m tools.trainings … --csv` writes; rows and columns are parameters, or
`settings`: all that a run sets otherwise than `recipe=NAME`, but for what has rows or columns of its own. value is a
figure of the file, or `exposure` (loss after the model's own words less that after the true ones, in nats a token).
With `columns=figures` each of several values has a column; without columns there is one for each length of the source,
for the value `by_length`, the corpus's measure. A cell has each seed once. `where=NAME:VALUE` takes some runs alone,
`best=PARAMETER:FIGURE` of each cell those with the value of a parameter whose mean figure is highest; `against=VALUE`
prints in bold what differs from that column: Welch's t-test over the seeds, Holm's correction over the table, 5 %.
`paired=VALUE` shows the differences from that column in its place, each seed's from the same seed's, with p of the
paired t-test, corrected likewise.
"""

import json
import re
import shlex
from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

import click
import pandas as pd
from pandas.api.types import is_numeric_dtype
from scipy.stats import ttest_1samp

from seqlab.core.atomic import write_text
from seqlab.core.errors import SeqlabError
from seqlab.significance.paired_test import LEVEL, holm
from seqlab.significance.recipe_test import p_value, pair_verdicts
from seqlab.tracking.fingerprint.canonical import flatten
from tools.plan import recipe_params

PAGE = Path(__file__).parents[1] / "docs/experiments.md"
RESULTS = PAGE.with_suffix("")
BLOCK = re.compile(r"(<!-- table: (?P<said>[^>]*) -->\n).*?(<!-- /table -->)", re.DOTALL)
OPTIONS = {"rows", "columns", "value", "digits", "where", "best", "against", "paired", "recipe"}
SOURCE = ("commit", "machine", "signature")
EXPOSURE, FIGURES, LENGTH, SEED, SETTINGS = "exposure", "figures", "length", "seed", "settings"


@click.command()
def main() -> None:
    """Put the tables of today's results into the page."""
    try:
        page = rendered(PAGE.read_text("utf-8"), RESULTS)
    except SeqlabError as error:
        raise click.ClickException(str(error)) from None
    write_text(PAGE, page)


def rendered(page: str, results: Path) -> str:
    """The page with its tables made anew from the files in `results`."""
    return BLOCK.sub(lambda found: f"{found[1]}\n{table(found['said'], results)}\n\n{found[3]}", page)


def table(said: str, results: Path) -> str:
    """The table that a comment of the page asks for, and below it what it was made from.

    Raises:
        SeqlabError: a part of the comment is unknown, or names what the file does not have; or two runs of a cell
            differ in what the comment does not name.
    """
    name, *parts = shlex.split(said)
    options = dict(part.split("=", 1) for part in parts)
    if unknown := options.keys() - OPTIONS:
        raise SeqlabError(f"table {name}: unknown: {', '.join(sorted(unknown))}")
    try:
        runs = pd.read_csv(results / f"{name}.csv", dtype=dict.fromkeys(SOURCE, str))
        return _table(runs if SEED in runs else runs.assign(**{SEED: "one"}), options)
    except ValueError as error:
        raise SeqlabError(f"table {name}: {error}") from None
    except (OSError, KeyError) as error:
        raise SeqlabError(f"table {name}: {error} is missing") from None


def _table(runs: pd.DataFrame, options: Mapping[str, str]) -> str:
    rows, columns, value = options["rows"].split(","), options.get("columns", LENGTH), options["value"]
    if "recipe" in options:
        runs = runs.assign(**{SETTINGS: _settings(runs, options["recipe"], besides={*rows, columns})})
    for condition in filter(None, options.get("where", "").split(",")):
        column, wanted = condition.split(":")
        runs = runs[runs[column].astype(str) == wanted]
    if "best" in options:
        runs = best(runs, [*rows, *([columns] if columns in runs else [])], *options["best"].split(":"))
    source, cells = _source(runs), [*rows, columns]
    if "own_prefix_loss" in runs:
        runs = runs.assign(**{EXPOSURE: runs["own_prefix_loss"] - runs["loss"]})
    if columns == LENGTH:
        runs = with_lengths(runs)
    if columns == FIGURES:
        runs, value = runs.melt([*rows, SEED], value.split(","), var_name=FIGURES, value_name="figure"), "figure"
    if len(twice := runs[runs.duplicated([*cells, SEED])]):
        raise ValueError(f"several runs of one seed in a cell: {twice[cells].iloc[0].to_dict()}")
    digits, counts = int(options.get("digits", "1")), runs.groupby(cells).size()
    if "paired" in options:
        counts = counts[counts > 1]
        made = differences(runs, rows, columns, value, digits, options["paired"])
    else:
        bold = _different(runs, rows, columns, value, options["against"]) if "against" in options else []
        made = means(runs, rows, columns, value, digits, bold)
    return f"{made}\n\n{source}; {_seeds(counts)}."


def best(runs: pd.DataFrame, factors: Sequence[str], parameter: str, figure: str) -> pd.DataFrame:
    """Of each cell, the runs of that value of a parameter whose mean figure is highest."""
    means = runs.groupby([*factors, parameter])[figure].mean()
    chosen = means.groupby(list(factors)).idxmax()
    return runs[runs.set_index([*factors, parameter]).index.isin(list(chosen))]


def with_lengths(runs: pd.DataFrame) -> pd.DataFrame:
    """A row for each bucket of each run."""
    pieces = [
        {**run, LENGTH: bucket, "by_length": figure}
        for run in runs.to_dict("records")
        for bucket, figure in json.loads(run["by_length"]).items()
    ]
    return pd.DataFrame(pieces)


def means(
    runs: pd.DataFrame,
    rows: Sequence[str],
    columns: str,
    value: str,
    digits: int,
    bold: Sequence[tuple[object, ...]] = (),
) -> str:
    """A table in Markdown: means, and ± standard deviations where there are several seeds."""
    texts = {}
    for key, group in runs.groupby([*rows, columns])[value]:
        text = f"{group.mean():.{digits}f}" + (f" ± {group.std():.{digits}f}" if len(group) > 1 else "")
        texts[key] = _bold(text, key in bold)
    return _markdown(texts, rows, runs[columns])


def differences(runs: pd.DataFrame, rows: Sequence[str], columns: str, value: str, digits: int, base: str) -> str:
    """A table in Markdown: mean differences of the same seeds from column `base`, ± standard deviations, and p.

    Cells of which fewer than two seeds are in both columns are empty.
    """
    scores = runs.set_index([*rows, columns, SEED])[value].unstack(columns)
    [against] = (column for column in scores if str(column) == base)
    changes = scores.drop(columns=against).sub(scores[against], axis=0).stack().dropna()
    samples = {key: group for key, group in changes.groupby([*rows, columns]) if len(group) > 1}
    corrected = holm([float(ttest_1samp(group, 0).pvalue) for group in samples.values()])
    texts = {
        key: _bold(f"{group.mean():+.{digits}f} ± {group.std():.{digits}f}", p < LEVEL) + f" (p = {p_value(p)})"
        for (key, group), p in zip(samples.items(), corrected, strict=True)
    }
    return _markdown(texts, rows, runs[columns])


def _bold(text: str, wanted: bool) -> str:
    return f"**{text}**" if wanted else text


def _markdown(texts: Mapping[Any, str], rows: Sequence[str], columns: "pd.Series[Any]") -> str:
    cells = pd.Series(texts).rename_axis([*rows, columns.name]).unstack(columns.name).fillna("")
    shown = cells[[each for each in _ordered(columns) if each in cells]]
    return str(shown.reset_index().to_markdown(index=False, disable_numparse=True))


def _settings(runs: pd.DataFrame, recipe: str, besides: Set[str]) -> list[str]:
    """What each run sets otherwise than the recipe; a file begins with what its runs set, up to the commit."""
    usual = flatten(recipe_params(recipe)[0].model_dump(mode="json"))
    varied = [name for name in runs.columns[: runs.columns.get_loc("commit")] if name not in {SEED, *besides}]
    return [
        " ".join(f"`{name}={run[name]}`" for name in varied if str(run[name]) != str(usual[name])) or "as the recipe"
        for run in runs.to_dict("records")
    ]


def _ordered(columns: "pd.Series[Any]") -> list[Any]:
    """Numbers and lengths ascend, others stand as in the file."""
    order = list(dict.fromkeys(columns))
    if columns.name == LENGTH:
        return sorted(order, key=lower_bound)
    return sorted(order) if is_numeric_dtype(columns) else order


def lower_bound(bucket: object) -> int:
    """Where a bucket such as 6–10 begins."""
    return int(re.split(r"\D", str(bucket))[0])


def _different(
    runs: pd.DataFrame, rows: Sequence[str], columns: str, value: str, against: str
) -> list[tuple[object, ...]]:
    """The cells that differ from that of their row in column `against`."""
    groups = runs.groupby([*rows, columns])[value]
    # One seed has no spread.
    samples = {key: group.tolist() for key, group in groups if len(group) > 1}
    base = {key[:-1]: sample for key, sample in samples.items() if str(key[-1]) == against}
    others = [key for key in samples if str(key[-1]) != against and key[:-1] in base]
    verdicts = pair_verdicts([(base[key[:-1]], samples[key]) for key in others])
    return [key for key, verdict in zip(others, verdicts, strict=True) if verdict.distinct]


def _source(runs: pd.DataFrame) -> str:
    commits = ", ".join(sorted({commit[:7] for commit in runs["commit"]}))
    machines, signatures = (" and ".join(sorted(set(runs[name]))) for name in ("machine", "signature"))
    return f"{len(runs)} runs; commit {commits}; {machines}; `{signatures}`"


def _seeds(counts: "pd.Series[int]") -> str:
    """How many seeds the cells have."""
    fewest, most = counts.min(), counts.max()
    if most == 1:
        return "one seed"
    return f"mean ± standard deviation of {most if fewest == most else f'{fewest} to {most}'} seeds"


if __name__ == "__main__":
    main()
