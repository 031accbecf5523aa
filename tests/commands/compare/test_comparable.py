import pytest

from seqlab.commands.compare.comparable import check_comparable, mixed_numerics, scored
from seqlab.commands.compare.runs import ComparedRun
from seqlab.core.errors import SeqlabError
from seqlab.tracking.publishing.tags import NUMERICS_CLASS

SIGNATURE = "nrefs:1|bs:1000|seed:12345|case:mixed|eff:no|tok:13a|smooth:exp|version:2.6.0"


def run(name: str, *, test_set: str = "a" * 32, signature: str = SIGNATURE, **metrics: float) -> ComparedRun:
    tags = {"data.data/raw/test.jsonl": test_set, "signature.bleu": signature}
    return ComparedRun(name, name, "", "", {}, tags, {"test/bleu": 30.0, **metrics})


def test_runs_without_a_score_are_left_out_with_a_note() -> None:
    unscored = ComparedRun("b", "tf0.50", "", "", {}, {}, {"valid/bleu": 20.0})
    kept, notes = scored([run("a"), unscored])
    assert [each.name for each in kept] == ["a"]
    assert notes == ["1 run (tf0.50) left out: no score of a test set yet"]
    assert scored([run("a")])[1] == []


def test_other_confidence_intervals_do_not_matter() -> None:
    check_comparable([run("a"), run("b", signature=SIGNATURE.replace("bs:1000", "bs:50"))])


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (run("c", test_set="b" * 32), "test sets differ"),
        (run("c", signature=SIGNATURE.replace("tok:13a", "tok:char")), "BLEU signatures differ"),
        (run("c", signature=SIGNATURE.replace("version:2.6.0", "version:2.5.1")), "BLEU signatures differ"),
        (run("c", test_set="b" * 32, signature="x:y"), "test sets and BLEU signatures differ"),
    ],
)
def test_what_measures_something_else_is_refused_with_a_way_out(other: ComparedRun, what: str) -> None:
    with pytest.raises(SeqlabError) as raised:
        check_comparable([run("a"), run("b"), other])
    message = str(raised.value)
    assert what in message
    assert "2 runs (a, b): test set aaaaaaaaaaaa, signature nrefs:1|case:mixed" in message
    assert f"1 run (c): test set {other.test_set[:12]}" in message
    assert (
        f"--filter \"tags.`data.data/raw/test.jsonl` = '{'a' * 32}' and tags.`signature.bleu` = '{SIGNATURE}'\""
        in message
    )


def test_machines_that_compute_otherwise_are_named() -> None:
    def on(capability: str, threads: int = 1, system: str = "Linux") -> ComparedRun:
        numerics = f"system {system}, cpu_capability {capability}, numerics native, threads {threads}, device cpu"
        return ComparedRun("a", "a", "", "", {}, {NUMERICS_CLASS: numerics}, {})

    assert mixed_numerics([on("AVX512"), on("AVX512")]) == []
    # Other threads were asked for.
    assert mixed_numerics([on("AVX512"), on("AVX512", threads=2)]) == []
    (note,) = mixed_numerics([on("AVX512"), on("AVX2"), on("AVX512", threads=2)])
    assert "(cpu_capability AVX2, cpu_capability AVX512)" in note
