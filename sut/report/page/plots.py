"""Plots as inline SVG, drawn here: no script in the page, and no library.

Altair with vl-convert was tried: 2.3 s of CPU for the six plots of one run and 35 MB more to
install, at the end of every session; these take milliseconds (docs/decisions/15-plots.md).

Colours are the page's own variables, so that a plot is dark where the page is dark. No plot tells
by colour alone: series differ in dash or width as well, and each is named.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT = 400, 240
LEFT, RIGHT, TOP, BOTTOM = 78, 28, 10, 40
TICKS = 5
# A limit beyond so many times the largest value is not drawn: it would press the curve flat.
FAR = 4
NOTHING = 1e-9
MILLION, SMALL = 1e6, 1e-3
DASHES = ("none", "7 3", "2 3", "9 3 2 3")

Points = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class Frame:
    """From data to the picture: x and y each between two values, y growing upward.

    Attributes:
        least: between two ticks of y; 1 where y counts.
    """

    x: tuple[float, float]
    y: tuple[float, float]
    least: float = 0.0

    def at(self, x: float, y: float) -> tuple[float, float]:
        """The place of a value in the picture, px."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return (
            LEFT + across * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM),
        )


def cdf(points: Points, axis: str, limit: float | None, share: float | None) -> str:
    """Share of the queries (`share`) that took at most so long (`ms`), and the limit.

    Args:
        points: rows of `ms` and `share`, ascending.
        axis: the axis' title.
        limit: ms; None: no limit holds.
        share: of the queries that must keep it, 0 to 1.
    """
    most = max(point["ms"] for point in points)
    shown_limit = limit if limit is not None and limit <= FAR * most else None
    frame = Frame((0, _top(max(most, shown_limit or 0))), (0, 1))
    marks = [_line(frame, [(p["ms"], p["share"]) for p in points], step=True)]
    if shown_limit is not None:
        marks.append(_rule(frame, x=shown_limit))
    if share is not None:
        marks.append(_rule(frame, y=share))
    return _svg(frame, axis, "share of the queries", marks, percent=True)


def cdfs(lines: Mapping[str, Points], axis: str) -> str:
    """`cdf` of several, each with its letter beside it and dashes of its own.

    Args:
        lines: rows of `ms` and `share` by letter.
        axis: the axis' title.
    """
    most = max(point["ms"] for points in lines.values() for point in points)
    frame = Frame((0, _top(most)), (0, 1))
    marks = []
    for number, (letter, points) in enumerate(lines.items()):
        rows = [(p["ms"], p["share"]) for p in points]
        dashes = DASHES[number % len(DASHES)]
        style = f'"line" style="stroke-dasharray:{dashes}"'
        marks.append(_line(frame, rows, step=True).replace('"line"', style))
        # One above the other, so that letters of equal lines do not cover each other.
        beside = next((row for row in rows if row[1] >= 0.9 - 0.1 * (number % 9)), rows[-1])
        x, y = frame.at(*beside)
        marks.append(
            f'<text class="letter" x="{x + 4:.1f}" y="{y + 10:.1f}">{escape(letter)}</text>'
        )
    return _svg(frame, axis, "share of the queries", marks, percent=True)


def over_time(points: Points, what: str, *, area: bool = False) -> str:
    """One figure (`value`) over the run's seconds (`s`); an area is of what is counted."""
    rows = [(p["s"], p["value"]) for p in points]
    frame = _frame(rows, least=1.0 if area else 0.0)
    mark = _area(frame, rows) if area else _line(frame, rows)
    return _svg(frame, "seconds from the first query", what, [mark])


def so_far(points: Points, held: Points, what: str, limit: float | None) -> str:
    """A percentile (`value`) over the run's seconds (`s`), and what early stopping makes of it.

    Args:
        points: the percentile of the queries that had ended by then.
        held: the figure that early stopping holds to the limit; drawn dotted.
        what: the axis' title.
        limit: of both; None: no limit holds, or it is far beyond.
    """
    rows, dotted = ([(p["s"], p["value"]) for p in each] for each in (points, held))
    most = max(y for _, y in [*rows, *dotted])
    shown = limit if limit is not None and limit <= FAR * most else None
    frame = Frame((0, _top(rows[-1][0])), (0, _top(max(most, shown or 0))))
    marks = [_line(frame, rows)]
    if dotted:
        marks.append(_line(frame, dotted).replace('"line"', '"line dotted"'))
    if shown is not None:
        marks.append(_rule(frame, y=shown))
    return _svg(frame, "seconds from the first query", what, marks)


def scatter(points: Points, x: str, y: str) -> str:
    """One point a query: `x` and `y`."""
    rows = [(p["x"], p["y"]) for p in points]
    frame = _frame(rows)
    dots = "".join(
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="1.8"/>' for a, b in (frame.at(*row) for row in rows)
    )
    return _svg(frame, x, y, [f'<g class="dots">{dots}</g>'])


def curve(
    rows: Sequence[tuple[float, float]], x: str, y: str, limit: float | None, mark: float | None
) -> str:
    """A point for each row, joined; the limit across and a mark upright.

    Args:
        rows: x and y, ascending in x.
        x: title of that axis.
        y: title of that axis.
        limit: of y; None: there is none, or it is far beyond the rows.
        mark: of x; None: there is none.
    """
    most = max(value for _, value in rows)
    shown = limit if limit is not None and limit <= FAR * most else None
    frame = Frame((0, _top(max(at for at, _ in rows))), (0, _top(max(most, shown or 0))))
    dots = "".join(
        f'<circle cx="{a:.1f}" cy="{b:.1f}" r="2.6"/>' for a, b in (frame.at(*row) for row in rows)
    )
    marks = [_line(frame, rows), f'<g class="dots">{dots}</g>']
    if shown is not None:
        marks.append(_rule(frame, y=shown))
    if mark is not None:
        marks.append(_rule(frame, x=mark).replace("limit", "peak"))
    return _svg(frame, x, y, marks)


def strip(every: Sequence[float], same: Sequence[float], own: float, what: str) -> str:
    """Figures along one axis: all of them small, some of them large, one as a rule."""
    frame = Frame((0, _top(max([*every, *same, own]))), (1, 0))

    def dots(values: Sequence[float], up: float, radius: float) -> str:
        places = (frame.at(value, up) for value in values)
        return "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>' for x, y in places)

    marks = [
        f'<g class="dots">{dots(every, 0.65, 2.4)}</g>',
        f'<g class="dots">{dots(same, 0.35, 5)}</g>',
        _rule(frame, x=own),
    ]
    return _svg(frame, what, "", marks)


def lanes(points: Points) -> str:
    """A lane a query: from `begin` to `first` it waits for its first token, to `end` it decodes."""
    frame = Frame((0, _top(max(p["end"] for p in points))), (len(points), 0))
    marks = []
    for lane, point in enumerate(points):
        (a, y), (b, _), (c, _) = (
            frame.at(point[name], lane + 0.5) for name in ("begin", "first", "end")
        )
        marks.append(
            f'<path class="wait" d="M{a:.1f} {y:.1f}H{b:.1f}"/>'
            f'<path class="decode" d="M{b:.1f} {y:.1f}H{c:.1f}"/>'
        )
    return _svg(frame, "seconds from the first query", "query", marks)


def _frame(rows: Sequence[tuple[float, float]], least: float = 0.0) -> Frame:
    """Both axes from 0 to a round number beyond the largest value."""
    up = _top(max(y for _, y in rows), least)
    return Frame((0, _top(max(x for x, _ in rows))), (0, up), least)


def _top(value: float, least: float = 0.0) -> float:
    """The next multiple of the axis' own step; 1 where all is next to nothing."""
    if value < NOTHING:
        return 1.0
    step = max(_step(value), least)
    return math.ceil(value / step - 1e-9) * step


def _step(top: float) -> float:
    """1, 2 or 5 times a power of ten, so that some five steps reach the top."""
    raw = top / TICKS
    power = 10.0 ** math.floor(math.log10(raw))
    return next(f * power for f in (1.0, 2.0, 5.0, 10.0) if f * power >= raw * (1 - 1e-9))


def _line(frame: Frame, rows: Sequence[tuple[float, float]], *, step: bool = False) -> str:
    places = [frame.at(*row) for row in rows]
    path = f"M{places[0][0]:.1f} {places[0][1]:.1f}"
    for x, y in places[1:]:
        path += f"H{x:.1f}V{y:.1f}" if step else f"L{x:.1f} {y:.1f}"
    return f'<path class="line" d="{path}"/>'


def _area(frame: Frame, rows: Sequence[tuple[float, float]]) -> str:
    places = [frame.at(*row) for row in rows]
    floor = frame.at(0, frame.y[0])[1]
    path = "".join(f"L{x:.1f} {y:.1f}" for x, y in places)
    first, last = places[0][0], places[-1][0]
    return f'<path class="area" d="M{first:.1f} {floor:.1f}{path}L{last:.1f} {floor:.1f}Z"/>'


def _rule(frame: Frame, x: float | None = None, y: float | None = None) -> str:
    if x is not None:
        at, _ = frame.at(x, 0)
        return f'<path class="limit" d="M{at:.1f} {TOP}V{HEIGHT - BOTTOM}"/>'
    _, at = frame.at(0, y or 0)
    return f'<path class="limit" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>'


def _svg(frame: Frame, x: str, y: str, marks: Sequence[str], *, percent: bool = False) -> str:
    middle = (LEFT + WIDTH - RIGHT) / 2
    up = (TOP + HEIGHT - BOTTOM) / 2
    titles = (
        f'<text class="title" x="{middle:.0f}" y="{HEIGHT - 6}">{escape(x)}</text>'
        f'<text class="title" transform="translate(13 {up:.0f}) rotate(-90)">{escape(y)}</text>'
    )
    body = _axes(frame, percent=percent) + "".join(marks) + titles
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">{body}</svg>'


def _axes(frame: Frame, *, percent: bool) -> str:
    parts = []
    for value in _ticks(frame.x):
        x, floor = frame.at(value, frame.y[0])[0], HEIGHT - BOTTOM
        parts.append(f'<path class="grid" d="M{x:.1f} {TOP}V{floor}"/>')
        parts.append(f'<text class="x" x="{x:.1f}" y="{floor + 15}">{_label(value)}</text>')
    if frame.y[0] > frame.y[1]:
        return "".join(parts)  # lanes are not numbered
    for value in _ticks(frame.y, frame.least):
        _, y = frame.at(frame.x[0], value)
        label = f"{value:.0%}" if percent else _label(value)
        parts.append(f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text class="y" x="{LEFT - 6}" y="{y + 4:.1f}">{label}</text>')
    return "".join(parts)


def _label(value: float) -> str:
    """A tick's figure, without an exponent: 0.00005, 20,000 and 2.5 M."""
    if abs(value) >= MILLION:
        return f"{value / MILLION:,.6g} M"
    if 0 < abs(value) < SMALL:
        return f"{value:.9f}".rstrip("0")
    return f"{value:,.6g}"


def _ticks(ends: tuple[float, float], least: float = 0.0) -> list[float]:
    low, high = min(ends), max(ends)
    step = max(_step(high - low), least)
    return [low + n * step for n in range(round((high - low) / step) + 1)]
