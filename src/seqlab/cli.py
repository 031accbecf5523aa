"""The command line: one function a command, in the order in which people meet them.

Each command imports what it needs when it runs: torch and mlflow take a second each.
"""

import sys
from pathlib import Path
from typing import Any

import click

from seqlab.command_line import FOLDER, INPUT, NAME, OUTPUT, agreed, errors_for_people
from seqlab.member_commands import recipe, search, sweep
from seqlab.system.terminal import say


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="seqlab")
def main() -> None:
    """Reproducible sequence-to-sequence experiments on DVC and MLflow."""


@main.command(short_help="Translate texts with a trained model.")
@click.argument("text", nargs=-1)
@click.option("--input", type=INPUT, help="File to read, a text a line.  [default: standard input]")
@click.option("--output", type=OUTPUT, help="File to write, whole or not at all.  [default: standard output]")
@click.option("--json", is_flag=True, help="Read and write JSON Lines.")
@click.option("--attention", type=OUTPUT, help="HTML file to write with the attention map of each text.")
@click.option("--checkpoint", type=click.Path(path_type=Path), help="Checkpoint folder.  [default: models/best]")
@click.option("--run", type=NAME, help="MLflow run whose best model translates, or an alias: champion, newest.")
@click.option(
    "--parameters",
    type=click.Choice(("best", "average", "ensemble")),
    help="Of the kept epochs.  [default: evaluate.parameters]",
)
@click.option("--beam-size", type=click.IntRange(min=1), help="1 is greedy.  [default: evaluate.beam_size]")
@click.option("--length-penalty", type=click.FloatRange(min=0), help="[default: evaluate.length_penalty]")
@click.option("--max-length", type=click.IntRange(min=1), help="In tokens.  [default: evaluate.max_length]")
@click.option("--n-best", type=click.IntRange(min=1), default=1, show_default=True, help="Translations of each text.")
@errors_for_people
def translate(text: tuple[str, ...], **options: Any) -> None:
    """Translate TEXT, each argument a text; without arguments, each line of --input or of standard input.

    There are as many lines out as in, whatever is in them: a line ends with a line feed alone, and a line break in a
    translation becomes a space. With --json each line in is a string, or an object with a "source"; each line out is an
    object with "source", "translation" and "score", exactly as they are.

    The options' defaults are those of the project's params.yaml, so that the translations are evaluate's own.
    """
    from seqlab.commands.translate.command import TranslateOptions
    from seqlab.commands.translate.command import translate as translate_texts

    chosen = TranslateOptions(**options)
    if chosen.checkpoint and chosen.run:
        raise click.UsageError("--checkpoint and --run exclude each other")
    if text and chosen.input:
        raise click.UsageError("TEXT and --input exclude each other")
    translate_texts(Path.cwd(), text, chosen)


@main.command(short_help="Put runs' models where other runs can use them.")
@click.argument("name", type=NAME)
@click.option(
    "--run",
    "runs",
    type=NAME,
    multiple=True,
    help="MLflow run, or an alias: champion, newest; as often as you like.  [default: models/best]",
)
@errors_for_people
def take(name: str, runs: tuple[str, ...]) -> None:
    """Copy a run's best model with its tokenizers to models/origins/NAME, for train.start_from, tokenizer.take_from and
    evaluate.ensemble_with.

    Those of several runs go to a folder each in it, for evaluate.ensemble_with alone. Without --run it is the model of
    this working copy. Nothing that is there is replaced.
    """
    from seqlab.commands.take import take as take_model

    say(take_model(Path.cwd(), name, runs))


@main.command(short_help="Serve a trained model over HTTP.")
@click.argument("run", type=NAME, required=False)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=5050, show_default=True, help="Port to listen on.")
@errors_for_people
def serve(run: str | None, host: str, port: int) -> None:
    """Serve models/best, or the best model of RUN (as in `translate --run`), until Ctrl-C.

    POST /invocations takes {"inputs": ["text", ...]} as MLflow's own server does, and gives the translations that
    `seqlab translate` gives. A request of more than 16 MiB is refused before it is read.
    """
    from seqlab.commands.serve import serve as serve_model

    sys.exit(serve_model(Path.cwd(), run, host, port))


@main.command(short_help="List the newest runs in MLflow.")
@click.option("--filter", "condition", default="", help="Runs that match, in MLflow's search syntax.")
@click.option("--count", type=click.IntRange(min=1, max=10_000), default=20, show_default=True, help="At most so many.")
@errors_for_people
def runs(condition: str, count: int) -> None:
    """List the runs in MLflow, newest first: name, score, state, and when each started.

    A terminal shows long names shortened; a pipe gets them whole.
    """
    from seqlab.commands.runs import list_runs

    say(list_runs(Path.cwd(), condition, count, whole=not sys.stdout.isatty()))


@main.command(short_help="Show what runs now, with its curves.")
@click.option("--once", is_flag=True, help="Show it once, and end.")
@errors_for_people
def watch(*, once: bool) -> None:
    """Show what runs in this working copy and in copies of it (sweeps), from the journals, until Ctrl-C.

    Of a training: epoch and step, time left, throughput, the curves of training loss and of validation's measure.
    """
    from seqlab.commands.watch.display import watch as show

    show(Path.cwd(), once=once)


@main.command(short_help="Bring MLflow up to date.")
@errors_for_people
def sync() -> None:
    """Bring MLflow up to date with the journal and with this working copy.

    Creates the runs that this server has never seen, adds the points that are missing, touches nothing complete.
    """
    from seqlab.commands.sync import run_sync

    sys.exit(run_sync(Path.cwd()))


@main.command(short_help="Compare runs: which is best, and is it real?")
@click.argument("runs", type=NAME, nargs=-1, metavar="[RUN]...")
@click.option("--filter", "condition", default="", help="Finished runs that match, in MLflow's search syntax.")
@click.option("--heatmap", nargs=2, metavar="ROWS COLUMNS", help="Of the heat map.  [default: what varies most]")
@click.option("--output", type=FOLDER, help="Folder.  [default: reports, beside params.yaml]")
@errors_for_people
def compare(runs: tuple[str, ...], condition: str, heatmap: tuple[str, str] | None, output: Path | None) -> None:
    """Compare runs in MLflow, each RUN an id, a name or the beginning of a fingerprint; without, all finished ones.

    Writes comparison.html, comparison.md and comparison.csv: which run is best, whether the difference is real, which
    parameters differ, curves and translations side by side.
    """
    from seqlab.commands.compare.compare import compare as compare_runs
    from seqlab.tracking.home import find_home

    if runs and condition:
        raise click.UsageError("RUN and --filter exclude each other")
    output = output or find_home(Path.cwd()).root / "reports"
    say(compare_runs(Path.cwd(), output, wanted=runs, condition=condition, heat=heatmap))


@main.command(short_help="Say why a stage would run, or runs differ.")
@click.argument("names", type=NAME, nargs=-1, metavar="[STAGE]... | RUN RUN")
@errors_for_people
def why(names: tuple[str, ...]) -> None:
    """Say why `dvc repro` would run each STAGE (without arguments: all), or in what two runs differ.

    Names the parameter, the data, the package version or the definition in the code that changed. A RUN is an id, a
    name or the beginning of a fingerprint.
    """
    from seqlab.commands.why.question import explain

    say(explain(Path.cwd(), list(names)))


@main.command(short_help="Open MLflow where ratio, hidden size and BLEU are.")
@click.option("--port", type=click.IntRange(1, 65535), default=5000, show_default=True, help="Where to serve.")
@errors_for_people
def ui(port: int) -> None:
    """Serve MLflow's UI for this working copy, and open it where ratio, hidden size and BLEU are shown; Ctrl-C ends it.

    With MLFLOW_TRACKING_URI set to a server, only open that server's page.
    """
    from seqlab.commands.ui import show

    sys.exit(show(Path.cwd(), say, port))


@main.command(short_help="Make a run's model the champion.")
@click.argument("run", type=NAME)
@click.option("--yes", is_flag=True, help="Do not ask, whatever the scores say.")
@errors_for_people
def promote(run: str, *, yes: bool) -> None:
    """Make the model of RUN (id, name, or beginning of its fingerprint) the `champion` of its task in the registry.

    Asks before a champion that is better, or that was measured otherwise, is replaced.
    """
    from seqlab.commands.promote import promote as promote_run

    say(promote_run(Path.cwd(), run, lambda doubt: yes or agreed(f"{doubt} Promote it?")))


@main.command(short_help="Execute a run anew, and compare every byte.")
@click.argument("run", type=NAME, required=False)
@click.option("--trust", is_flag=True, help="Do not ask, whatever code it is.")
@errors_for_people
def verify(run: str | None, *, trust: bool) -> None:
    """Execute RUN anew (id, name or beginning of a fingerprint; without, the run of this working copy) and compare.

    Every stage runs again in a temporary copy, with the code and the parameters of the run. Asks before code is
    executed that neither a branch here nor this working copy has. Says `reproduced`, or names the files that differ,
    and the first optimizer step and tensor that do; then the exit status is 1.
    """
    from seqlab.commands.verify.verify import verify as verify_run

    verdict = verify_run(Path.cwd(), run, lambda doubt: trust or agreed(f"{doubt} Run it?"))
    say(verdict)
    if not verdict.reproduced:
        sys.exit(1)


for command in (sweep, search, recipe):
    main.add_command(command)


@main.command(short_help="Run what a change asks for, and compare.")
@click.option("--base", type=NAME, required=True, help="Revision to compare with, such as origin/main.")
@click.option("--output", type=OUTPUT, help="Markdown file to write.  [default: standard output]")
@click.option("--remote", type=NAME, help="DVC remote, made this working copy's default.  [default: its default]")
@click.option("--locked", is_flag=True, help="Fail if dvc.lock in this commit is not of its parameters and code.")
@errors_for_people
def ci(base: str, output: Path | None, remote: str | None, locked: bool) -> None:
    """Run what a change asks for, share the results by DVC's remote and MLflow, and compare them with another revision.

    What the remote has is restored, not run. A remote or a server that does not answer is noted in the comparison.
    """
    from seqlab.commands.ci.command import run

    run(Path.cwd(), base, output, remote, locked=locked)


@main.command(short_help="Print the scores of this working copy.")
@errors_for_people
def summary() -> None:
    """Print the scores of this working copy, where to look next, and what changed since, if anything did."""
    from seqlab.commands.summary import show_summary

    show_summary(Path.cwd())


@main.command(short_help="Say what is wrong with this installation.")
@errors_for_people
def doctor() -> None:
    """Say what is wrong with this installation and what to do, and which device, store and remote are in use.

    Exit status 1 if something is wrong.
    """
    from seqlab.commands.doctor import diagnose
    from seqlab.tracking.home import find_home

    diagnosis = diagnose(find_home(Path.cwd()).root)
    say(diagnosis)
    if diagnosis.problems:
        sys.exit(1)


@main.command(short_help="Print every parameter and what it does.")
@errors_for_people
def params() -> None:
    """Print every parameter, its value in params.yaml, and what it does."""
    from seqlab.commands.params import list_params

    say(list_params(Path.cwd()))
