"""The embedded corpus: sentence pairs of a synchronous grammar of English and French.

A tree (`clauses`) is drawn (`sampler`) and said in both languages (`english`, `french_clause`). Typography: straight
apostrophes, and a plain space before the French question mark.

The rules below give each sentence one translation: you is vous; they is ils; a/some is un/des/du, and any is de after
a negation; this is ce; the imparfait is `was reading`, of states `knew`, with jamais `never used to read`; the English
present after when and while is a futur in French where the main verb is; a question inverts a pronoun subject other
than je, and has est-ce que otherwise. What a reader could still take otherwise, though this corpus always means one
thing: lit as `is reading`, son in `son ami` as his or her (it belongs to the subject of its clause), `je suis` as
`I am` before a noun (it is `I follow` there), friend, student, neighbour and child as women (they are masculine).
"""

from seqlab.core.errors import SeqlabError
from seqlab.core.parallel import Example
from seqlab.corpus.grammar import english, french_clause
from seqlab.corpus.grammar.sampler import Sampler
from seqlab.params.corpus import GrammarParams

LANGUAGES = ("en", "fr")
# So many draws in a row without a new pair mean that the grammar has few left.
_PATIENCE = 20_000


def generate(params: GrammarParams, source: str, target: str) -> dict[str, list[Example]]:
    """Random pairs, one reference each, the same whichever side is the source.

    No text occurs twice on either side, within a split or across splits. The test set is drawn first, then the
    validation set: another `train_size` changes neither. With a `test_extra_depth` each sentence of the test set nests
    exactly so many levels below `max_depth`, which training never sees.

    Raises:
        SeqlabError: languages other than English and French, or more pairs asked for than the grammar yields.
    """
    _check_languages(source, target)
    pairs = _draw(params)
    examples = [Example(en, (fr,)) if source == "en" else Example(fr, (en,)) for en, fr in pairs]
    valid_end = params.test_size + params.valid_size
    return {
        "train": examples[valid_end:],
        "valid": examples[params.test_size : valid_end],
        "test": examples[: params.test_size],
    }


def _check_languages(source: str, target: str) -> None:
    if {source, target} == set(LANGUAGES):
        return
    raise SeqlabError(
        f"the embedded grammar cannot translate from {source!r} to {target!r}: "
        "set corpus.source and corpus.target to en and fr, or to fr and en"
    )


def _draw(params: GrammarParams) -> list[tuple[str, str]]:
    """All pairs, those of the test set first."""
    wanted = params.test_size + params.valid_size + params.train_size
    sampler = Sampler(params.seed, params.max_depth)
    pairs: list[tuple[str, str]] = []
    seen: set[str] = set()
    failures = 0
    while len(pairs) < wanted:
        is_deeper = params.test_extra_depth and len(pairs) < params.test_size
        tree = sampler.deeper(params.test_extra_depth) if is_deeper else sampler.sentence()
        pair = english.sentence(tree), french_clause.sentence(tree)
        if seen.isdisjoint(pair):
            seen.update(pair)
            pairs.append(pair)
            failures = 0
            continue
        failures += 1
        if failures == _PATIENCE:
            raise SeqlabError(
                f"the embedded grammar gave {len(pairs)} different pairs of the {wanted} asked for with "
                f"corpus.grammar.max_depth {params.max_depth}: lower train_size, valid_size or test_size, "
                "or raise max_depth"
            )
    return pairs
