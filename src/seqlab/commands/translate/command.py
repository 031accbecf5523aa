"""The command `seqlab translate`."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import click

from seqlab.commands.translate.answers import as_lines, as_record
from seqlab.commands.translate.attention_page import MOST_MAPS, render_attention
from seqlab.commands.translate.output import open_output
from seqlab.commands.translate.texts import Text, batches, from_lines, from_records
from seqlab.commands.why.stale import stale_note
from seqlab.core.atomic import write_text
from seqlab.core.errors import SeqlabError
from seqlab.evaluation.members import find_members
from seqlab.evaluation.parameters import Parameters
from seqlab.evaluation.translation import Translation
from seqlab.evaluation.translator import Translator
from seqlab.params.params import Params, load_params, parse_params
from seqlab.params.schema import EvaluateParams, origin_folder
from seqlab.results.paths import BEST, PARAMS
from seqlab.seq2seq.engines.choice import choose
from seqlab.system.dvc import dvc_status
from seqlab.system.output_file import replaced
from seqlab.system.terminal import say
from seqlab.tracking.fingerprint.pipeline import MODEL_STAGES
from seqlab.tracking.home import find_home
from seqlab.tracking.publishing.downloads import download_checkpoint


@dataclass(frozen=True)
class TranslateOptions:
    """What was asked for; None: as params.yaml has it for stage evaluate, or not at all."""

    checkpoint: Path | None
    run: str | None
    parameters: Parameters | None
    beam_size: int | None
    length_penalty: float | None
    max_length: int | None
    n_best: int
    input: Path | None
    output: Path | None
    json: bool
    attention: Path | None


def translate(start: Path, arguments: Sequence[str], options: TranslateOptions) -> None:
    """Translate the arguments, or the lines of a file or of standard input, with a model of the project around `start`.

    Raises:
        SeqlabError: outside a project; an option is out of range; there is no such model, or it has no attention where
            a map was asked for; an input is not what it should be; an output cannot be written.
        UsageError: more translations are asked for than the search keeps.
    """
    params = load_params(find_home(start).root / PARAMS)
    chosen = _chosen(params, options)
    if options.n_best > chosen.beam_size:
        raise click.UsageError(f"--n-best {options.n_best} needs --beam-size {options.n_best} or more")
    translator = load_translator(
        start, params, run=options.run, checkpoint=options.checkpoint, parameters=options.parameters
    )
    shown: list[tuple[str, Translation]] = []
    number = 0
    with _texts(arguments, options, params.evaluate.batch_size) as texts, open_output(options.output) as write:
        for batch in texts:
            room = MOST_MAPS - len(shown) if options.attention else 0
            found = translator.translate(
                [text.source for text in batch],
                beam_size=chosen.beam_size,
                length_penalty=chosen.length_penalty,
                max_length=chosen.max_length,
                n_best=options.n_best,
                batch_size=params.evaluate.batch_size,
                attention_of=range(room),
            )
            shown += [(text.source, each[0]) for text, each in zip(batch[:room], found, strict=False)]
            _check_attention(shown)
            number += len(batch)
            for text, each in zip(batch, found, strict=True):
                lines = [as_record(text, each, options.n_best)] if options.json else as_lines(each, options.n_best)
                for line in lines:
                    write(line)
    if options.attention:
        _write_page(options.attention, render_attention(shown, number - len(shown)))


def _chosen(params: Params, options: TranslateOptions) -> EvaluateParams:
    """How to search: as the options say, else as params.yaml does; within the same bounds."""
    content = params.model_dump(mode="json")
    given = {name: getattr(options, name) for name in ("beam_size", "length_penalty", "max_length")}
    # How many translations to show is asked here; params.yaml says it of stage evaluate.
    content["evaluate"] |= {name: value for name, value in given.items() if value is not None} | {"n_best": 1}
    return parse_params(content, "with these options").evaluate


def load_translator(
    start: Path,
    params: Params,
    *,
    run: str | None = None,
    checkpoint: Path | None = None,
    parameters: Parameters | None = None,
) -> Translator:
    """Load the model of a run in MLflow or of a checkpoint folder; else of the working copy around `start`.

    The last translates together with those that evaluate.ensemble_with names, the others alone. Of the working copy's
    own there is a word on standard error where it is not the one that would come out.

    Raises:
        SeqlabError: there is none.
    """
    parameters = parameters or params.evaluate.parameters
    if run:
        return _translator(download_checkpoint(run, start), params, parameters)
    if checkpoint:
        return _translator(checkpoint, params, parameters)
    root = find_home(start).root
    others = _others(root, params)
    with ThreadPoolExecutor(max_workers=1) as pool:
        # DVC takes as long to start as PyTorch: side by side.
        status = pool.submit(dvc_status, root)
        translator = _translator(root / BEST, params, parameters, others)
        note = stale_note(root, "these translations are", MODEL_STAGES, status.result)
    if note:
        say(note, err=True)
    return translator


def _others(root: Path, params: Params) -> list[Path]:
    named = origin_folder(params.evaluate.ensemble_with)
    return [member.folder for member in find_members(root / named, root / BEST)] if named else []


def _translator(folder: Path, params: Params, parameters: Parameters, others: Sequence[Path] = ()) -> Translator:
    device = params.runtime.device
    try:
        return Translator.load(folder, device, parameters, others, choose(device, params.runtime.engine))
    except (AssertionError, RuntimeError) as error:
        # A build of PyTorch without CUDA, or no driver.
        reason = str(error).partition("\n")[0]
        raise SeqlabError(
            f"runtime.device is {device}, which PyTorch cannot use here ({reason}): set it to cpu"
        ) from None


@contextmanager
def _texts(arguments: Sequence[str], options: TranslateOptions, batch_size: int) -> Iterator[Iterable[list[Text]]]:
    """Batches of texts: all arguments; or lines as they are typed; or lines of a file or a pipe, many at once."""
    if arguments:
        yield [[Text(argument) for argument in arguments]]
        return
    read = from_records if options.json else from_lines
    if options.input:
        with _opened(options.input) as file:
            yield batches(read(file, str(options.input)), batch_size)
        return
    if sys.stdin is None:
        raise SeqlabError("standard input is closed: give texts, or --input FILE")
    if sys.stdin.isatty():
        say("Type a text and press Enter; end with Ctrl-D.", err=True)
        batch_size = 1
    yield batches(read(sys.stdin.buffer, "standard input"), batch_size)


def _opened(path: Path) -> BinaryIO:
    try:
        return open(path, "rb")
    except OSError as error:
        raise SeqlabError(f"cannot read {path}: {error.strerror}") from None


def _check_attention(shown: Sequence[tuple[str, Translation]]) -> None:
    # A text without tokens has no map either; its translation is empty.
    if any(translation.text and translation.attention is None for _, translation in shown):
        raise SeqlabError("this model has no attention, so there is no map to draw; train one with model.attention dot")


def _write_page(path: Path, page: str) -> None:
    try:
        write_text(replaced(path), page)
    except OSError as error:
        raise SeqlabError(f"cannot write {path}: {error.strerror or error}") from None
    say(f"Attention {path}", err=True)
