"""reports/scores.json as the report reads it."""

from pydantic import ConfigDict, Field

from seqlab.reporting.record import Record


class Score(Record):
    """A corpus score with its 95 % confidence interval and sacreBLEU signature."""

    model_config = ConfigDict(allow_inf_nan=False)
    score: float
    signature: str
    low: float
    high: float


class Rouge(Record):
    """ROUGE of the test set, and the percentage of the references' letters that it does not know."""

    rouge1: Score
    rouge2: Score
    rougeL: Score  # noqa: N815 (the library's name)
    unread_letters: float


class Compared(Record):
    """A figure of the translations beside that of the references; `text` is the most frequent translation."""

    score: float
    references: float
    signature: str = ""
    text: str = ""


class Diversity(Record):
    """How diverse the translations are: percentages, and the number of different outputs."""

    distinct_1: Compared
    distinct_2: Compared
    different_outputs: Compared
    most_frequent_output: Compared


class Scores(Record):
    """Scores of the test set; ROUGE and diversity if asked for; `notes` on what a reader must know of them."""

    bleu: Score
    chrf: Score
    ter: Score
    perplexity: float | None
    exact_match: float
    examples: int
    rouge: Rouge | None = None
    diversity: Diversity | None = None
    notes: list[str] = Field(default_factory=list)
