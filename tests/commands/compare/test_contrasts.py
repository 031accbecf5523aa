from seqlab.commands.compare.contrasts import contrasts
from seqlab.results.records import Translation


def sentences(*scores: float) -> list[Translation]:
    return [
        Translation(source="word " * (number + 1), references=["r"], translation=f"t{score}", score=-1.0, bleu=score)
        for number, score in enumerate(scores)
    ]


def test_where_runs_differ_most_comes_first_and_ties_by_length() -> None:
    found = contrasts([sentences(0, 50, 10, 100), sentences(40, 50, 50, 0)])
    assert [(each.number, each.spread) for each in found] == [(4, 100), (3, 40), (1, 40)]
    assert found[0].translations == [("t100", 100), ("t0", 0)]


def test_it_is_bounded() -> None:
    assert len(contrasts([sentences(*range(50)), sentences(*[100] * 50)], 20)) == 20
