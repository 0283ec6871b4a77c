"""The timeline as a picture: requests, errors and latency by the second, with the faults marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log10
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from .stage import Fault
from .tally import Sample

_WIDTH, _PANEL, _GAP, _LEFT, _RIGHT, _TOP, _LEGEND = 1500, 190, 42, 70, 20, 46, 22
_INK, _PALE, _GRID = "#222222", "#777777", "#e4e4e4"
_SERVED, _FAILED, _LOST, _MIDDLE, _WORST = "#2f6fb3", "#e08a1e", "#c62828", "#2f6fb3", "#8e44ad"
_SHADES = ("#fdf1dc", "#e9f2fb")


@dataclass(frozen=True)
class Second:
    """What ended within one second: answered well, failed at first, failed for good; latencies in milliseconds."""

    served: int
    failed: int
    lost: int
    middle: float
    worst: float


@dataclass(frozen=True)
class Curve:
    """A line of one panel: its colour, its name, and its value in each second."""

    name: str
    colour: str
    values: Sequence[float]


def seconds(samples: Sequence[Sample], begin: float, end: float) -> list[Second]:
    """The run by the second."""
    buckets: list[list[Sample]] = [[] for _ in range(int(end - begin) + 1)]
    for one in samples:
        if begin <= one.ended <= end:
            buckets[int(one.ended - begin)].append(one)
    found = []
    for bucket in buckets:
        times = sorted((one.ended - one.began) * 1000 for one in bucket)
        lost = sum(one.lost for one in bucket)
        failed = sum(one.failed for one in bucket) - lost
        served = len(bucket) - lost - failed
        found.append(Second(served, failed, lost, times[len(times) // 2] if times else 0.0, times[-1] if times else 0.0))
    return found


def draw(file: Path, samples: Sequence[Sample], faults: Sequence[Fault]) -> None:
    """Write the PNG. Raises ValueError where there is nothing to draw."""
    if not samples:
        raise ValueError("there are no requests to draw")
    begin, end = min(one.began for one in samples), max(one.ended for one in samples)
    rows = seconds(samples, begin, end)
    height = _TOP + 3 * (_PANEL + _GAP) + _LEGEND * ((len(faults) + 2) // 3) + 16
    image = Image.new("RGB", (_WIDTH, height), "white")
    sheet = _Sheet(ImageDraw.Draw(image), max(1.0, end - begin), begin)
    sheet.text(_LEFT, 4, "One site, ten hosts: what its clients saw", 18)
    sheet.shade(faults)
    sheet.panel(0, "requests / s", [Curve("answered", _SERVED, [row.served for row in rows])], _linear)
    errors = [
        Curve("failed at first, served at the second try", _FAILED, [row.failed for row in rows]),
        Curve("refused or failed", _LOST, [row.lost for row in rows]),
    ]
    sheet.panel(1, "errors / s", errors, _linear)
    latency = [
        Curve("slowest", _WORST, [row.worst for row in rows]),
        Curve("median", _MIDDLE, [row.middle for row in rows]),
    ]
    sheet.panel(2, "latency, ms", latency, _decades)
    sheet.legend(faults)
    file.parent.mkdir(exist_ok=True)
    image.save(file)


class _Sheet:
    """The drawing, its time axis of `span` seconds from `begin`."""

    def __init__(self, pen: ImageDraw.ImageDraw, span: float, begin: float) -> None:
        self._pen, self._span, self._begin = pen, span, begin

    def text(self, x: float, y: float, words: str, size: int = 12, colour: str = _INK) -> None:
        self._pen.text((x, y), words, fill=colour, font=ImageFont.load_default(size))

    def shade(self, faults: Sequence[Fault]) -> None:
        """The time of each fault, with its number; a line at the harm."""
        bottom = _TOP + 3 * (_PANEL + _GAP) - _GAP
        for number, fault in enumerate(faults):
            left, right = self._x(fault.begun), self._x(fault.ended)
            self._pen.rectangle((left, _TOP, right, bottom), fill=_SHADES[number % 2])
            self._pen.line((left, _TOP, left, bottom), fill=_PALE)
            self.text(left + 3, _TOP + 1, str(number + 1), 13)

    def panel(self, place: int, title: str, curves: Sequence[Curve], scale: Callable[[float, float], float]) -> None:
        top = _TOP + place * (_PANEL + _GAP)
        bottom = top + _PANEL
        highest = max(1.0, *(max(curve.values, default=0) for curve in curves))
        self._axes(top, title, highest, scale)
        for number, curve in enumerate(curves):
            points = [
                (self._x(self._begin + second + 0.5), bottom - scale(value, highest) * (_PANEL - 18))
                for second, value in enumerate(curve.values)
            ]
            self._pen.line(points, fill=curve.colour, width=2, joint="curve")
            self.text(_LEFT + 140 + 260 * number, top - 17, curve.name, 12, curve.colour)

    def legend(self, faults: Sequence[Fault]) -> None:
        top = _TOP + 3 * (_PANEL + _GAP) - 14
        for number, fault in enumerate(faults):
            x, y = _LEFT + (number % 3) * 475, top + (number // 3) * _LEGEND
            told = f"{number + 1}  {fault.name}: {fault.requests} requests, {fault.failed} failed, {fault.recovery_s:.1f} s"
            self.text(x, y, told, 12)

    def _axes(self, top: int, title: str, highest: float, scale: Callable[[float, float], float]) -> None:
        bottom = top + _PANEL
        for value in _ticks(highest, scale):
            y = bottom - scale(value, highest) * (_PANEL - 18)
            self._pen.line((_LEFT, y, _WIDTH - _RIGHT, y), fill=_GRID)
            self.text(_LEFT - 48, y - 7, f"{value:,.0f}", 11, _PALE)
        self._pen.line((_LEFT, bottom, _WIDTH - _RIGHT, bottom), fill=_INK)
        step = max(1, int(self._span / 12 / 10 + 0.5)) * 10
        for second in range(0, int(self._span) + 1, step):
            self.text(self._x(self._begin + second) - 8, bottom + 3, f"{second} s", 11, _PALE)
        self.text(_LEFT + 4, top - 18, title, 13)

    def _x(self, moment: float) -> float:
        inside = min(max(moment - self._begin, 0.0), self._span)
        return _LEFT + inside / self._span * (_WIDTH - _LEFT - _RIGHT)


def _linear(value: float, highest: float) -> float:
    return value / highest


def _decades(value: float, highest: float) -> float:
    """A logarithmic axis from 1 ms up: a wait of ten seconds must not hide what a usual answer takes."""
    return log10(max(1.0, value)) / max(1.0, log10(max(10.0, highest)))


def _ticks(highest: float, scale: Callable[[float, float], float]) -> list[float]:
    if scale is _decades:
        return [10.0**power for power in range(6) if 10.0**power <= max(10.0, highest)]
    step = next(step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000) if highest / step <= 5 or step == 5000)
    return [float(value) for value in range(0, int(highest) + 1, step)]
