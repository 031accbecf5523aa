from seqlab.commands.ci.reproduction import Reproduction, StageOutcome


def heard(*lines: str) -> Reproduction:
    reproduction = Reproduction(dict.fromkeys(["download", "tokenize", "train"], StageOutcome.NOT_REACHED))
    for line in lines:
        reproduction.listen(line)
    return reproduction


def test_what_dvc_says_of_each_stage() -> None:
    reproduction = heard(
        "Stage 'download' didn't change, skipping",
        "Stage 'tokenize' is cached - skipping run, checking out outputs",
        "Running stage 'train':",
        "> python -m pipeline.train",
    )
    assert list(reproduction.stages.values()) == [StageOutcome.UNCHANGED, StageOutcome.RESTORED, StageOutcome.RAN]


def test_a_stage_that_runs_because_nothing_could_be_pulled_ran() -> None:
    lines = ["Pulling data for stage: 'train'", "Unable to pull data for stage: 'train'"]
    assert heard(*lines).stages["train"] == StageOutcome.RESTORED
    assert heard(*lines, "Running stage 'train':").stages["train"] == StageOutcome.RAN


def test_the_stage_that_dvc_spoke_of_last_failed() -> None:
    reproduction = heard("Stage 'download' didn't change, skipping", "Running stage 'tokenize':", "a word of the stage")
    reproduction.fail()
    assert not reproduction.succeeded
    assert reproduction.stages == {
        "download": StageOutcome.UNCHANGED,
        "tokenize": StageOutcome.FAILED,
        "train": StageOutcome.NOT_REACHED,
    }


def test_a_failure_before_any_stage() -> None:
    reproduction = heard("ERROR: dvc.yaml is damaged")
    reproduction.fail()
    assert set(reproduction.stages.values()) == {StageOutcome.NOT_REACHED}


def test_a_stage_s_own_words_name_no_stage() -> None:
    reproduction = heard("Running stage 'other':", "epoch 1: Running stage 'train':")
    assert set(reproduction.stages.values()) == {StageOutcome.NOT_REACHED}
