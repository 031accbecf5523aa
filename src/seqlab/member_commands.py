"""The commands that run many experiments, or one of a recipe."""

import sys
from pathlib import Path
from typing import Any

import click

from seqlab.command_line import FOLDER, NAME, agreed, errors_for_people
from seqlab.commands.sweep.where import PLACES, Place, Where
from seqlab.system.terminal import say

_on = click.option(
    "--on",
    type=click.Choice(PLACES),
    default="local",
    show_default=True,
    help="Where members run; what slurm is asked for stands in cluster.yaml.",
)
_jobs = click.option(
    "--jobs",
    "-j",
    type=click.IntRange(min=1),
    help="Members at one time.  [default: 2 locally, all that start on slurm]",
)


@click.command(short_help="Run a grid of parameters.")
@click.option(
    "-S", "--set-param", "settings", multiple=True, metavar="NAME=VALUE,...", help="Values, as in dvc exp run."
)
@click.option("--name", default="grid", show_default=True, help="Name of the sweep, by which MLflow groups the runs.")
@_on
@_jobs
@click.option("--dry-run", is_flag=True, help="List the members, and run nothing.")
@errors_for_people
def sweep(settings: tuple[str, ...], name: str, on: Place, jobs: int | None, dry_run: bool) -> None:
    """Run a grid as DVC experiments; what is done is skipped, and after Ctrl-C the same command goes on.

    Without -S: teacher forcing ratios 0, 0.25, 0.5, 0.75, 1 with hidden sizes 64, 128 and seeds 1, 2, 3. With it, the
    grid of these values alone: -S model.attention=none,dot -S 'seed=range(1,4)'. Each member computes on one thread
    unless runtime.threads is set.
    """
    from seqlab.commands.sweep.command import run_sweep

    sys.exit(run_sweep(Path.cwd(), settings, name=name, where=Where(on, jobs, agreed), dry_run=dry_run, say=say))


@click.command(short_help="Search a space of parameters.")
@click.option(
    "-S", "--set-param", "settings", multiple=True, metavar="NAME=RANGE", help="low..high[/step], log(low,high), a,b."
)
@click.option("--name", default="search", show_default=True, help="Name of the sweep that the trials are members of.")
@click.option(
    "--metric",
    type=NAME,
    default="bleu",
    show_default=True,
    help="bleu, exact_match, loss or perplexity, of the validation.",
)
@click.option("--trials", type=click.IntRange(1, 1000), default=20, show_default=True, help="Combinations to try.")
@click.option("--round", type=click.IntRange(min=1), default=4, show_default=True, help="Trials proposed at one time.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="Of what is proposed.")
@click.option("--halving", is_flag=True, help="Train the better half of a round on, at 1/4 and 1/2 of the epochs.")
@click.option("--best", type=click.IntRange(min=1), default=3, show_default=True, help="Trials run with further seeds.")
@click.option(
    "--seeds", type=click.IntRange(2, 1000), default=3, show_default=True, help="Further seeds of each of them."
)
@_on
@_jobs
@click.option("--output", type=FOLDER, help="Folder of search.html.  [default: reports]")
@click.option("--dry-run", is_flag=True, help="List the members of the next round, and run nothing.")
@errors_for_people
def search(settings: tuple[str, ...], on: Place, jobs: int | None, output: Path | None, **options: Any) -> None:
    """Search a space by Optuna's TPE in rounds; every trial is a member of a sweep, and what is done is skipped.

    -S 'train.learning_rate=log(1e-4,1e-2)' -S model.hidden_size=128..512/64 -S model.attention=none,dot is a space; a
    single value holds for all trials. Then the best few run with further seeds: the winner has the best mean. The same
    command proposes the same members, and goes on after Ctrl-C. Writes search.html.
    """
    from seqlab.commands.search.command import SearchOptions, run_search
    from seqlab.tracking.home import find_home

    where = Where(on, jobs, agreed)
    output = output or find_home(Path.cwd()).root / "reports"
    sys.exit(run_search(Path.cwd(), settings, SearchOptions(output=output, where=where, **options), say=say))


@click.command(short_help="Run a recipe of recipes/.")
@click.argument("name", type=NAME)
@click.option("--seeds", type=NAME, help="Run it as a sweep with each of these seeds, such as 1,2,3.")
@errors_for_people
def recipe(name: str, seeds: str | None) -> None:
    """Run recipes/NAME.txt, a list of parameters, as a DVC experiment; with --seeds as a sweep, one member a seed."""
    from seqlab.commands.recipe import run_recipe, run_seeds

    sys.exit(run_recipe(Path.cwd(), name, say=say) if seeds is None else run_seeds(Path.cwd(), name, seeds, say=say))
