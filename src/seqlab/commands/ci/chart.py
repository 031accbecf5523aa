"""Charts as Mermaid draws them: text in a comment, no picture to keep anywhere."""

from collections.abc import Sequence

# Points that a chart of a comment's width can show.
MAX_POINTS = 60


def line_chart(title: str, x: tuple[str, Sequence[str]], y: str, series: Sequence[Sequence[float]]) -> str:
    """An xychart of one line for each series, in the colours grey and blue; `x` is the axis' name and its labels.

    A line with fewer figures than there are labels ends early. Mermaid has no legend: whoever shows the chart says
    which line is which.

    Raises:
        ValueError: a series has more figures than there are labels.
    """
    name, labels = x
    if any(len(each) > len(labels) for each in series):
        raise ValueError(f"{[len(each) for each in series]} figures for {len(labels)} labels")
    shown = _spread(len(labels))
    highest = max((value for each in series for value in each), default=0.0)
    return "\n".join(
        [
            '%%{init: {"themeVariables": {"xyChart": {"plotColorPalette": "#8c959f, #0969da"}}}}%%',
            "xychart-beta",
            f'    title "{title}"',
            f'    x-axis "{name}" [{", ".join(_label(labels[place]) for place in shown)}]',
            f'    y-axis "{y}" 0 --> {max(highest, 1.0):.2f}',
            *(
                f"    line [{', '.join(f'{each[place]:.2f}' for place in shown if place < len(each))}]"
                for each in series
            ),
        ]
    )


def _label(text: str) -> str:
    """A label in quotes, without what would end it; Mermaid knows no escape."""
    return '"{}"'.format("".join(sign for sign in text if sign.isalnum() or sign in " +–-."))


def _spread(count: int) -> list[int]:
    """At most MAX_POINTS places, evenly spaced, the first and the last among them."""
    if count <= MAX_POINTS:
        return list(range(count))
    return [round(place * (count - 1) / (MAX_POINTS - 1)) for place in range(MAX_POINTS)]
