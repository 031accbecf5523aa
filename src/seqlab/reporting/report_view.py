"""What both pages show, gathered once."""

from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.compat import StringIO

from seqlab.core.errors import SeqlabError
from seqlab.pages.visible import visible
from seqlab.params.params import Params
from seqlab.reporting.exposure import exposure_bias
from seqlab.reporting.samples import Samples, choose, pick, ranking
from seqlab.reporting.statistics_table import StatisticsTable, statistics_table
from seqlab.reporting.wording import (
    bottleneck,
    ensemble,
    gradients,
    model_name,
    origin,
    output_name,
    parameter_groups,
    parameters_name,
    recipe,
    search_name,
)
from seqlab.results.exposure import common_positions
from seqlab.results.paths import SCORES, TRAINING, TRANSLATIONS
from seqlab.results.reading import Results, read_results, read_translations
from seqlab.results.records import Exposure, LengthBucket


@dataclass(frozen=True)
class ReportView:
    """The content of a report: results, and the words around them."""

    params: Params
    results: Results
    samples: Samples
    recipe: str
    model: str
    search: str
    translated_by: str
    ensemble: str
    output: str
    bottleneck: str
    buckets: list[LengthBucket]
    exposure: list[Exposure]
    exposure_bias: str
    origin: str
    gradients: str
    notes: list[str]
    statistics: StatisticsTable
    parameters: list[tuple[str, list[tuple[str, str, str]]]]
    params_yaml: str


def gather(params: Params, root: Path) -> ReportView:
    """Read everything below `root` that a report shows.

    Raises:
        SeqlabError: a file is missing or damaged, or two files contradict each other.
    """
    results = read_results(root)
    keys = ranking(read_translations(root))
    if len(keys) != results.scores.examples:
        raise SeqlabError(
            f"{TRANSLATIONS} holds {len(keys):,} translations, and {SCORES} counts "
            f"{results.scores.examples:,}; delete both and run `dvc repro`"
        )
    if params.evaluate.parameters != "best" and len(results.training.kept) < 2:
        raise SeqlabError(
            f"{TRAINING} names no epochs whose parameters are kept, and evaluate.parameters is "
            f"{params.evaluate.parameters}; run `dvc repro`"
        )
    samples = pick(read_translations(root), choose(keys, params.report.samples))
    return ReportView(
        params=params,
        results=results,
        samples=samples,
        recipe=recipe(params),
        model=model_name(params.model),
        search=search_name(params),
        translated_by=parameters_name(params, results.training),
        ensemble=ensemble(results.scores.ensemble_with),
        output=output_name(results.manifest),
        bottleneck=bottleneck(results.buckets, params.model),
        buckets=results.buckets,
        exposure=common_positions(results.exposure),
        exposure_bias=exposure_bias(results.exposure),
        origin=visible(origin(results.training)),
        gradients=gradients(results.training, params.train.max_grad_norm),
        notes=[note for note in (results.manifest.seen_in_training, *results.scores.notes) if note],
        statistics=statistics_table(results.statistics),
        parameters=parameter_groups(params),
        params_yaml=_yaml(params),
    )


def _yaml(params: Params) -> str:
    stream = StringIO()
    yaml = YAML(pure=True)
    yaml.width = 4096
    yaml.dump(params.model_dump(), stream)
    return stream.getvalue()
