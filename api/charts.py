"""Charts as SVG that print: bars, and strips of hours or days. Used by the pages of insight.

The one thing to know: colours are those of the page (`currentColor`, classes of `hotwash.css`), every value stands in
the drawing as text, and the same numbers are in a table beside it, so nothing is lost in print or to a screen reader.
Why no library: decision 0014.
"""

from collections.abc import Sequence

from markupsafe import Markup, escape

_WIDTH = 640
_LABEL = 200
_BAR, _GAP = 18, 8
_VALUE = 56
_STRIP_HEIGHT, _STRIP_FOOT, _STRIP_HEAD = 90, 20, 16
# A label longer than this would run into its bar.
_LONGEST_LABEL = 28


def bars(pairs: Sequence[tuple[str, int]], title: str) -> Markup:
    """One bar a name, from the left."""
    most = max((value for _, value in pairs), default=0) or 1
    height = len(pairs) * (_BAR + _GAP) + _GAP
    shapes = []
    for place, (name, value) in enumerate(pairs):
        y = _GAP + place * (_BAR + _GAP)
        length = round((_WIDTH - _LABEL - _VALUE) * value / most, 1)
        shapes.append(
            f'<text x="{_LABEL - 8}" y="{y + 13}" text-anchor="end">{escape(_short(name))}</text>'
            f'<rect class="bar" x="{_LABEL}" y="{y}" width="{length}" height="{_BAR}" rx="3"/>'
            f'<text x="{_LABEL + length + 6}" y="{y + 13}">{value}</text>'
        )
    return _svg(title, height, shapes)


def strip(pairs: Sequence[tuple[str, int]], title: str) -> Markup:
    """One column a name, standing beside each other."""
    most = max((value for _, value in pairs), default=0) or 1
    step = _WIDTH / max(1, len(pairs))
    base = _STRIP_HEAD + _STRIP_HEIGHT
    shapes = [f'<line class="base" x1="0" y1="{base}" x2="{_WIDTH}" y2="{base}"/>']
    for place, (name, value) in enumerate(pairs):
        middle = round((place + 0.5) * step, 1)
        length = round(_STRIP_HEIGHT * value / most, 1)
        shapes.append(
            f'<rect class="bar" x="{round(place * step + step * 0.15, 1)}" y="{base - length}"'
            f' width="{round(step * 0.7, 1)}" height="{length}"/>'
            f'<text x="{middle}" y="{base + 15}" text-anchor="middle">{escape(name)}</text>'
        )
        if value:
            shapes.append(f'<text x="{middle}" y="{base - length - 4}" text-anchor="middle">{value}</text>')
    return _svg(title, base + _STRIP_FOOT, shapes)


def _svg(title: str, height: float, shapes: Sequence[str]) -> Markup:
    return Markup(  # noqa: S704 - names are escaped above, the rest are numbers
        f'<svg class="chart" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">'
        + "".join(shapes)
        + "</svg>"
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_LABEL else name[: _LONGEST_LABEL - 1] + "…"
