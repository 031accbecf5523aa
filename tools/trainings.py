"""Members of recipes, trained and scored in a few processes: python -m tools.trainings NAME --recipe RECIPE.

Calls what the pipeline's stages call, without DVC and MLflow, whose start would take longer than a short training: the
figures of docs/experiments.md are of hundreds of members. The result of a member is a file; whoever starts again, after
Ctrl-C, on another day, or on another machine with a copy of `results/`, trains what is missing. A training whose
members differ in `evaluate` alone is done once.

With --recipe the members of recipes/RECIPE.txt, each setting of -S put in, are added to the plan NAME; without it,
those that were planned are trained. `--plan` makes their data and trains none, so that they can be trained where DVC
is not installed; `--csv` writes all results of the plan as a table, from which `python -m tools.tables` makes those of
the page.
"""

import csv
import json
import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import Any

import click
from filelock import FileLock

from seqlab.core.atomic import atomic_file, write_json
from seqlab.core.errors import SeqlabError
from seqlab.numerics import configure
from seqlab.params.params import Params
from seqlab.params.schema import RuntimeParams
from seqlab.results.metrics import METRICS
from seqlab.results.parsing import parse_json, parse_table
from seqlab.results.records import LengthBucket, Training
from seqlab.results.scores import Scores
from seqlab.system.git import find_commit
from seqlab.tracking.fingerprint.canonical import digest, flatten
from tools.plan import PlannedMember, add, planned

# Losses of the test set, which stand beside its scores.
LOSSES = ("loss", "own_prefix_loss")


@click.command()
@click.argument("name")
@click.option("--recipe", help="Add the members of recipes/RECIPE.txt to the plan.")
@click.option("--setting", "-S", "settings", multiple=True, help="Set in each of them, as in a sweep.")
@click.option("--plan", "only_plan", is_flag=True, help="Make the data, and train none.")
@click.option("--jobs", default=2, show_default=True, help="Trainings that run side by side.")
@click.option("--csv", "table", type=click.Path(path_type=Path), help="Write the results of all members here.")
@click.option("--folder", default=Path(".seqlab/trainings"), show_default=True, type=click.Path(path_type=Path))
def main(
    name: str, recipe: str | None, settings: Sequence[str], only_plan: bool, jobs: int, table: Path | None, folder: Path
) -> None:
    """Train and score all members of the plan NAME that have no result yet."""
    plan = folder / f"{name}.json"
    try:
        if recipe is not None:
            add(plan, recipe, settings)
        members = planned(plan)
        if only_plan:
            for member in members:
                make_data(member, folder)
        else:
            train_all([member for member in members if not _result(folder, member).is_file()], folder, jobs)
        if table is not None:
            write_table(members, folder, table)
    except SeqlabError as error:
        raise click.ClickException(str(error)) from None


def train_all(members: Sequence[PlannedMember], folder: Path, jobs: int) -> None:
    """Train and score the members, in the order of the recipe."""
    if not members:
        return
    trainings: dict[str, list[PlannedMember]] = {}
    for member in members:
        trainings.setdefault(member.training, []).append(member)
    pool = workers(jobs, members)
    broken = 0
    with pool:
        futures = {pool.submit(train_and_score, shared, folder): shared[0] for shared in trainings.values()}
        try:
            for number, future in enumerate(as_completed(futures), start=1):
                broken += future.exception() is not None
                click.echo(f"{number}/{len(futures)} {futures[future].digest}: {_said(future)}")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    if broken:
        raise SeqlabError(f"{broken} trainings broke off; the same command starts them again")


def workers(jobs: int, members: Sequence[PlannedMember]) -> ProcessPoolExecutor:
    """Processes that compute as the members' `runtime` says.

    Raises:
        SeqlabError: they differ in it.
    """
    first, *others = [member.params.runtime for member in members]
    if any(other != first for other in others):
        raise SeqlabError("the members differ in `runtime`, which a process takes once: make several recipes of it")
    return ProcessPoolExecutor(jobs, get_context("spawn"), _begin, (first,))


def _begin(runtime: RuntimeParams) -> None:
    """In a worker, before PyTorch is imported. It ends with who started it: the next one trains in the same folder."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    configure(runtime)


def _end_with_parent() -> None:
    if (parent := parent_process()) is not None:
        parent.join()
        os._exit(1)


def train_and_score(members: Sequence[PlannedMember], folder: Path) -> list[dict[str, Any]]:
    """Train what the members share, and write the result of each."""
    first = members[0]
    data, work = make_data(first, folder), folder / "work" / first.training
    work.mkdir(parents=True, exist_ok=True)
    trained = _trained(first, data, work)
    results = [{**trained, **_scored(member.params, data, work)} for member in members]
    for member, result in zip(members, results, strict=True):
        write_json(_result(folder, member), result)
    return results


def make_data(member: PlannedMember, folder: Path) -> Path:
    """The folder of a member's text and tokens, which is made unless it is there."""
    from seqlab.corpus.build import build as build_corpus
    from seqlab.tokenizing.build import build as build_tokenized

    data, params = folder / "data" / member.data, member.params
    data.mkdir(parents=True, exist_ok=True)
    with FileLock(data / ".lock"):
        if not (data / "statistics.json").is_file():
            build_corpus(params.corpus, data / "raw", cache=Path(".seqlab/downloads"), own=Path("data/own"))
            build_tokenized(params.tokenizer, data / "raw", data / "tokenized", data / "statistics.json")
    return data


def write_table(members: Sequence[PlannedMember], folder: Path, path: Path) -> None:
    """A row for each member that has a result: what it sets and others set otherwise, then its figures."""
    done = [member for member in members if _result(folder, member).is_file()]
    settings = [flatten(member.params.model_dump(mode="json")) for member in done]
    varied = [name for name in settings[0] if len({str(each[name]) for each in settings}) > 1] if settings else []
    rows = [
        {**{name: each[name] for name in varied}, **json.loads(_result(folder, member).read_text("utf-8"))}
        for each, member in zip(settings, done, strict=True)
    ]
    write_rows(rows, path)


def write_rows(rows: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Write a table whose columns are the names of any row."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with atomic_file(path) as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def machine(runtime: RuntimeParams) -> str:
    """What computes here, as far as numbers depend on it."""
    from seqlab.numerics import numerics_class

    return " ".join(str(each) for each in numerics_class(runtime).values())


def _trained(member: PlannedMember, data: Path, work: Path) -> dict[str, Any]:
    from seqlab.training.stage import train_stage

    done = work / "training.json"
    if done.is_file():
        found: dict[str, Any] = json.loads(done.read_text())
        return found
    params = member.params
    # Where there is no git, it is what was brought.
    commit = find_commit(Path(), "HEAD") or member.commit
    started = time.perf_counter()
    train_stage(
        params,
        data=data,
        models=work / "models",
        reports=work / "curves",
        checkpoints=work / "states",
        fingerprint=digest(commit),
        continuation=digest(commit),
    )
    seconds = time.perf_counter() - started
    trained = parse_json((work / "curves/training.json").read_bytes(), Training)
    result = {
        "commit": commit,
        "valid_bleu": trained.best.bleu,
        "valid_exact_match": trained.best.exact_match,
        "valid_loss": trained.best.loss,
        "best_epoch": trained.best.epoch,
        "epochs": trained.epochs,
        "steps": trained.steps,
        "parameters": trained.parameters,
        "train_seconds": round(seconds, 1),
        "machine": machine(params.runtime),
    }
    write_json(done, result)
    return result


def _scored(params: Params, data: Path, work: Path) -> dict[str, Any]:
    from seqlab.evaluation.stage import evaluate_stage

    reports = work / f"reports-{digest(params.evaluate.model_dump())}"
    evaluate_stage(params, data=data, checkpoint=work / "models/best", reports=reports)
    scores = parse_json((reports / "scores.json").read_bytes(), Scores)
    buckets = parse_table((reports / "bleu_by_length.csv").read_bytes(), LengthBucket)
    by_length = {bucket.bucket: getattr(bucket, scores.measure) for bucket in buckets if bucket.examples}
    figures = {metric.key: _rounded(scores[metric.key].score, 4) for metric in METRICS if metric.key in scores}
    return {
        **figures,
        **{name: _rounded(scores[name].score, 5) for name in LOSSES},
        "by_length": json.dumps(by_length, ensure_ascii=False),
        "signature": scores[scores.measure].signature,
    }


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)


def _said(future: "Future[list[dict[str, Any]]]") -> str:
    if (error := future.exception()) is not None:
        return str(error) if isinstance(error, SeqlabError) else repr(error)
    [first, *_] = future.result()
    figures = ("valid_bleu", "valid_exact_match", "bleu", "exact_match", "epochs", "train_seconds")
    return " ".join(f"{name}={first[name]}" for name in figures)


def _result(folder: Path, member: PlannedMember) -> Path:
    return folder / "results" / f"{member.digest}.json"


if __name__ == "__main__":
    main()
