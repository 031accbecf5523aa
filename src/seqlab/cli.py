"""The command line: seqlab translate | sync | sweep | compare | promote | why | verify | ci | summary | params.

Each command imports what it needs when it runs: torch and mlflow take a second each.
"""

import io
import sys
from collections.abc import Callable, Iterator
from functools import wraps
from pathlib import Path
from typing import Literal, ParamSpec, TypeVar

import click

from seqlab.addresses import stripped
from seqlab.errors import SeqlabError

P = ParamSpec("P")
T = TypeVar("T")


def _errors_for_people(command: Callable[P, T]) -> Callable[P, T]:
    """Turn a SeqlabError into a message and exit status 1, without a traceback."""

    @wraps(command)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return command(*args, **kwargs)
        except SeqlabError as error:
            raise click.ClickException(stripped(str(error))) from None

    return guarded


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="seqlab")
def main() -> None:
    """Reproducible sequence-to-sequence experiments on DVC and MLflow."""


@main.command()
@click.argument("text", nargs=-1)
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Checkpoint folder.  [default: models/best]")
@click.option("--run", "run_id", help="MLflow run whose best model translates, instead of a checkpoint folder.")
@click.option(
    "--parameters",
    type=click.Choice(("best", "average", "ensemble")),
    help="Of the kept epochs.  [default: evaluate.parameters]",
)
@click.option("--beam-size", type=click.IntRange(min=1), help="1 is greedy.  [default: evaluate.beam_size]")
@click.option("--length-penalty", type=click.FloatRange(min=0), help="[default: evaluate.length_penalty]")
@click.option("--max-length", type=click.IntRange(min=1), help="In tokens.  [default: evaluate.max_length]")
@click.option("--n-best", type=click.IntRange(min=1), default=1, show_default=True, help="Translations of each text.")
@_errors_for_people
def translate(
    text: tuple[str, ...],
    checkpoint: Path | None,
    run_id: str | None,
    parameters: Literal["best", "average", "ensemble"] | None,
    beam_size: int | None,
    length_penalty: float | None,
    max_length: int | None,
    n_best: int,
) -> None:
    """Translate TEXT, each argument a text; without arguments, each line of standard input.

    The options' defaults are those of params.yaml in the current folder, so that the translations are evaluate's own.
    """
    from seqlab.evaluation.translator import Translator
    from seqlab.params.params import load_params

    if checkpoint and run_id:
        raise click.UsageError("--checkpoint and --run exclude each other")
    params = load_params(Path("params.yaml"))
    search = params.evaluate
    beam_size = beam_size or search.beam_size
    if n_best > beam_size:
        raise click.UsageError(f"--n-best {n_best} needs --beam-size {n_best} or more")
    folder = _model_folder(checkpoint, run_id)
    translator = Translator.load(folder, params.runtime.device, parameters or search.parameters)
    for texts in _inputs(text, search.batch_size):
        for translations in translator.translate(
            texts,
            beam_size=beam_size,
            length_penalty=search.length_penalty if length_penalty is None else length_penalty,
            max_length=max_length or search.max_length,
            n_best=n_best,
            batch_size=search.batch_size,
        ):
            for translation in translations:
                score = f"{translation.score:.4f}\t" if n_best > 1 else ""
                click.echo(score + translation.text)


def _model_folder(checkpoint: Path | None, run_id: str | None) -> Path:
    if run_id is None:
        return checkpoint or Path("models/best")
    from seqlab.tracking.downloads import download_checkpoint

    return download_checkpoint(run_id)


def _inputs(text: tuple[str, ...], batch_size: int) -> Iterator[list[str]]:
    """Batches of texts: the arguments; or lines as they are typed; or lines of a pipe, many at once."""
    if text:
        yield list(text)
        return
    stream = io.TextIOWrapper(sys.stdin.buffer, encoding="utf-8")
    if sys.stdin.isatty():
        click.echo("Type a text and press Enter; end with Ctrl-D.", err=True)
        batch_size = 1
    batch: list[str] = []
    try:
        for line in stream:
            batch.append(line.rstrip("\n"))
            if len(batch) == batch_size:
                yield batch
                batch = []
    except UnicodeDecodeError as error:
        raise SeqlabError(f"standard input is not valid UTF-8: {error}") from None
    if batch:
        yield batch


@main.command()
@_errors_for_people
def sync() -> None:
    """Bring MLflow up to date with the journal and with this working copy.

    Creates the runs that this server has never seen, adds the points that are missing, touches nothing complete.
    """
    from seqlab.tracking.sync import sync as sync_runs

    summary = sync_runs(Path.cwd())
    click.echo(summary)
    if summary.count("failed"):
        sys.exit(1)


@main.command()
@click.argument("runs", nargs=-1, metavar="[RUN]...")
@click.option("--filter", "condition", default="", help="Finished runs that match, in MLflow's search syntax.")
@click.option("--heatmap", nargs=2, metavar="ROWS COLUMNS", help="Parameters of the heat map.  [default: ratio, size]")
@click.option("--output", type=click.Path(path_type=Path), default="reports", help="Folder.  [default: reports]")
@_errors_for_people
def compare(runs: tuple[str, ...], condition: str, heatmap: tuple[str, str] | None, output: Path) -> None:
    """Compare runs in MLflow, each RUN an id, a name or the beginning of a fingerprint; without, all finished ones.

    Writes comparison.html, comparison.md and comparison.csv: which run is best, whether the difference is real, which
    parameters differ, curves and translations side by side.
    """
    from seqlab.comparison.compare import compare as compare_runs

    if runs and condition:
        raise click.UsageError("RUN and --filter exclude each other")
    click.echo(compare_runs(Path.cwd(), output, wanted=runs, condition=condition, heat=heatmap))


@main.command()
@click.argument("subjects", nargs=-1, metavar="[STAGE]... | RUN RUN")
@_errors_for_people
def why(subjects: tuple[str, ...]) -> None:
    """Say why `dvc repro` would run each STAGE (without arguments: all), or in what two runs differ.

    Names the parameter, the data, the package version or the definition in the code that changed. A RUN is an id, a
    name or the beginning of a fingerprint.
    """
    from seqlab.explanation.question import explain

    click.echo(explain(Path.cwd(), list(subjects)))


@main.command()
@click.argument("run")
@_errors_for_people
def promote(run: str) -> None:
    """Make the model of RUN (id, name, or beginning of its fingerprint) the `champion` of its task in the registry."""
    from seqlab.tracking.champion import promote as promote_run

    click.echo(promote_run(Path.cwd(), run))


@main.command()
@click.argument("run", required=False)
@_errors_for_people
def verify(run: str | None) -> None:
    """Execute RUN anew (id, name or beginning of a fingerprint; without, the run of this working copy) and compare.

    Every stage runs again in a temporary copy, with the code and the parameters of the run. Says `reproduced`, or names
    the files that differ, and the first optimizer step and tensor that do; then the exit status is 1.
    """
    from seqlab.verification.verify import verify as verify_run

    verdict = verify_run(Path.cwd(), run)
    click.echo(verdict)
    if not verdict.reproduced:
        sys.exit(1)


@main.command()
@click.option(
    "-S", "--set-param", "settings", multiple=True, metavar="NAME=VALUE,...", help="Values, as in dvc exp run."
)
@click.option("--name", default="grid", show_default=True, help="Name of the sweep, by which MLflow groups the runs.")
@click.option("--jobs", "-j", type=click.IntRange(min=1), default=2, show_default=True, help="Members at one time.")
@click.option("--dry-run", is_flag=True, help="List the members, and run nothing.")
@_errors_for_people
def sweep(settings: tuple[str, ...], name: str, jobs: int, dry_run: bool) -> None:
    """Run a grid as DVC experiments; what is done is skipped, and after Ctrl-C the same command goes on.

    Without -S: teacher forcing ratios 0, 0.25, 0.5, 0.75, 1 with hidden sizes 64, 128 and seeds 1, 2, 3. With it, the
    grid of these values alone: -S model.attention=none,dot -S 'seed=range(1,4)'. Each member computes on one thread
    unless runtime.threads is set.
    """
    from seqlab.sweeping.command import run_sweep

    sys.exit(run_sweep(Path.cwd(), settings, name=name, jobs=jobs, dry_run=dry_run, say=click.echo))


@main.command()
@click.option("--base", required=True, help="Revision to compare with, such as origin/main.")
@click.option("--output", type=click.Path(path_type=Path), help="Markdown file to write.  [default: standard output]")
@click.option("--remote", help="DVC remote, made this working copy's default.  [default: its default]")
@click.option("--locked", is_flag=True, help="Fail if dvc.lock in this commit is not of its parameters and code.")
@_errors_for_people
def ci(base: str, output: Path | None, remote: str | None, locked: bool) -> None:
    """Run what a change asks for, share the results by DVC's remote and MLflow, and compare them with another revision.

    What the remote has is restored, not run. A remote or a server that does not answer is noted in the comparison.
    """
    from seqlab.integration.command import run

    run(Path.cwd(), base, output, remote, locked=locked)


@main.command()
@_errors_for_people
def summary() -> None:
    """Print the scores of this working copy, and where to look next."""
    from seqlab.summary import summarize
    from seqlab.tracking.pipeline import locked_stages

    click.echo(summarize(Path("reports")))
    # A damaged dvc.lock is worth a word: `dvc repro` will refuse it.
    locked_stages(Path())


@main.command()
@_errors_for_people
def params() -> None:
    """Print every parameter, its value in params.yaml, and what it does."""
    from seqlab.params.params import load_params
    from seqlab.params.table import parameter_table

    click.echo(parameter_table(load_params(Path("params.yaml"))))
