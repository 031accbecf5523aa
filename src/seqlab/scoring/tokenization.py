"""How the scores cut texts into words: by sacreBLEU's tokenizers, under its names for them."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path

from sacrebleu import BLEU

from seqlab.core.errors import SeqlabError
from seqlab.text.spacing import is_unspaced

# By ISO 639-1 and 639-3. sacreBLEU's own choices for Chinese, Japanese and Korean; for others that are written without
# spaces by character, as flores200 would first need a download.
_LANGUAGES = {
    "zh": {"zh", "zho", "chi", "cmn", "yue", "wuu", "lzh"},
    "ja-mecab": {"ja", "jpn"},
    "ko-mecab": {"ko", "kor"},
    "char": {"th", "tha", "lo", "lao", "km", "khm", "my", "mya", "bur", "bo", "bod", "tib", "dz", "dzo"},
}
_OTHERS = "13a"
_EXTRAS = ("ja-mecab", "ko-mecab")


def resolve(tokenize: str, target: str) -> str:
    """The tokenizer that parameter evaluate.tokenize means for the target side: `auto` goes by its language."""
    if tokenize != "auto":
        return tokenize
    language = re.split("[-_]", target.casefold())[0]
    return next((name for name, languages in _LANGUAGES.items() if language in languages), _OTHERS)


def bleu_metric(tokenize: str, *, effective_order: bool = False) -> BLEU:
    """BLEU in mixed case with exponential smoothing, over the words of a tokenizer other than `auto`.

    Raises:
        SeqlabError: the tokenizer needs a package or a file that is not here.
    """
    if tokenize == "flores200":
        _require_flores200()
    try:
        # force: no warnings on standard error about translations that end in " .", which a weak model may well write.
        return BLEU(tokenize=tokenize, smooth_method="exp", effective_order=effective_order, force=True)
    except (RuntimeError, ImportError, AssertionError) as error:
        if tokenize not in _EXTRAS:
            raise
        raise SeqlabError(
            f"evaluate.tokenize {tokenize} needs MeCab and its dictionary ({str(error).strip().splitlines()[0]}): "
            "run `pip install --no-deps --require-hashes -r requirements-mecab.txt`, or set evaluate.tokenize to char, "
            "which needs nothing"
        ) from None


def from_signature(tokenizer: str) -> str:
    """The name of the tokenizer that stands after `tok:` in a signature, where MeCab's version is added to it."""
    return next((name for name in _EXTRAS if tokenizer.startswith(name)), tokenizer)


def uncut(tokenizer: Callable[[str], str], references: Sequence[tuple[str, ...]]) -> bool:
    """Whether the references are without spaces between words still, once the tokenizer has cut them."""
    return is_unspaced(tokenizer(text) for texts in references for text in texts)


def uncut_note(tokenize: str, references: Sequence[tuple[str, ...]]) -> str | None:
    """What to say where BLEU would take a sentence for a word or two; None where it does not."""
    if not uncut(bleu_metric(tokenize).tokenizer, references):
        return None
    return (
        f"BLEU's tokenization {tokenize} takes a sentence without spaces for a word or two: set evaluate.tokenize to "
        "char, or corpus.target to the language's code, such as zh, and evaluate.tokenize to auto"
    )


def _require_flores200() -> None:
    from sacrebleu.tokenizers.tokenizer_spm import SPM_MODELS
    from sacrebleu.utils import SACREBLEU_DIR

    path = Path(SACREBLEU_DIR, "models", Path(SPM_MODELS["flores200"]["url"]).name)
    if path.is_file() and path.stat().st_size:
        return
    raise SeqlabError(
        f"evaluate.tokenize flores200 needs sacreBLEU's SentencePiece model, and {path} is not there: get it by "
        "`python -c \"import sacrebleu; sacrebleu.BLEU(tokenize='flores200')\"`, or set evaluate.tokenize to char"
    )
