"""Figures as inline SVG that takes the page's colours and font, in light and dark."""

import io
import re
import xml.etree.ElementTree as ET

from markupsafe import Markup
from matplotlib import RcParams, rc_context, rcParamsDefault
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Drawn in these stand-ins, and replaced by variables of the page's style sheet.
INK, SOFT, RULE, FIRST, SECOND = "#010101", "#020202", "#030303", "#040404", "#050505"
_VARIABLES = {INK: "ink", SOFT: "soft", RULE: "rule", FIRST: "first", SECOND: "second"}
_NAMESPACE = "{http://www.w3.org/2000/svg}"
_LINK = "{http://www.w3.org/1999/xlink}href"

# Starts from matplotlib's defaults: a user's matplotlibrc changes no byte.
STYLE = RcParams(
    rcParamsDefault
    | {
        "svg.fonttype": "none",
        "font.size": 10.5,
        "axes.edgecolor": RULE,
        "axes.facecolor": "none",
        "axes.grid": True,
        "axes.grid.axis": "y",
        "axes.labelcolor": SOFT,
        "axes.spines.left": False,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "figure.facecolor": "none",
        "grid.color": RULE,
        "grid.linewidth": 0.8,
        "legend.frameon": False,
        "legend.labelcolor": INK,
        "text.color": INK,
        "xtick.color": SOFT,
        "xtick.major.size": 3,
        "ytick.color": SOFT,
        "ytick.major.size": 0,
    }
)

_POINTS_PER_INCH = 72


def blank(size: tuple[int, int]) -> Figure:
    """An empty figure of so many points, width and height; to be called under `STYLE`, as all that draws on it."""
    width, height = size
    return Figure(
        figsize=(width / _POINTS_PER_INCH, height / _POINTS_PER_INCH), dpi=_POINTS_PER_INCH, layout="constrained"
    )


def blank_axes(size: tuple[int, int]) -> tuple[Figure, Axes]:
    """As `blank`, with axes of which the vertical one has few ticks."""
    chart = blank(size)
    axes = chart.subplots()
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    return chart, axes


def inline(figure: Figure, name: str, label: str) -> Markup:
    """Return `figure` as an `<svg>` element with the accessible name `label`; to be called under `STYLE`, as it draws.

    `name` keeps the ids of several figures on one page apart.
    """
    FigureCanvasSVG(figure)
    buffer = io.BytesIO()
    with rc_context({"svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = ET.fromstring(buffer.getvalue())  # noqa: S314 (matplotlib wrote it)
    _strip(root)
    _, _, width, height = root.attrib["viewBox"].split()
    root.attrib.clear()
    root.attrib.update({"viewBox": f"0 0 {width} {height}", "role": "img", "aria-label": label})
    for element in root.iter():
        element.tag = element.tag.removeprefix(_NAMESPACE)
        if _LINK in element.attrib:
            element.attrib["href"] = element.attrib.pop(_LINK)
    return Markup(_recoloured(ET.tostring(root, encoding="unicode")))  # noqa: S704 (serialised, so escaped)


def _strip(element: ET.Element) -> None:
    """Drop what the page has no use for: metadata, style rules that would leak into the page, ids of groups, fonts."""
    for child in list(element):
        if child.tag in (f"{_NAMESPACE}metadata", f"{_NAMESPACE}style"):
            element.remove(child)
        else:
            _strip(child)
    if element.tag == f"{_NAMESPACE}g":
        element.attrib.pop("id", None)
    if element.tag == f"{_NAMESPACE}text":
        element.attrib["style"] = re.sub(r"font-family: [^;]*;? ?", "", element.attrib["style"])
    for text in ("text", "tail"):
        if not (getattr(element, text) or "").strip():
            setattr(element, text, None)


def _recoloured(svg: str) -> str:
    for colour, variable in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{variable})")
    return re.sub(r"\s*\n\s*", " ", svg)
