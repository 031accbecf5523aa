"""Where pictures go: over those that pages show."""

from tools.pictures import DOCS, PAGES


def test_every_picture_is_there_and_on_a_page() -> None:
    names = [*(f"{name}.png" for name, *_ in PAGES), "mlflow.png", "bottleneck.png"]
    assert sorted(path.name for path in DOCS.glob("*.png")) == sorted(names)
    pages = "".join(path.read_text("utf-8") for path in [*DOCS.glob("*.md"), DOCS.parent / "README.md"])
    assert [name for name in names if f"{name})" not in pages] == []
