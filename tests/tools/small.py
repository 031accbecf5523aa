"""Settings by which a training takes a second."""

SMALL = (
    "corpus.grammar.train_size=200",
    "corpus.grammar.valid_size=20",
    "corpus.grammar.test_size=20",
    "corpus.grammar.max_depth=0",
    "train.epochs=1",
    "train.teacher_forcing_ratio=1.0",
    "model.hidden_size=8",
    "evaluate.bootstrap_samples=100",
)
