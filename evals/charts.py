"""Two plots as inline SVG: small enough to draw by hand, and a page with them needs no library."""

from collections.abc import Sequence
from html import escape

from evals.scoring import Bin

_WIDTH = 360


def bars(values: Sequence[tuple[str, float, int]], label: str = "F1 by severity") -> str:
    """F1 by class: (name, value between 0 and 1, how many cases)."""
    left, right, row = 62, 74, 26
    span = _WIDTH - left - right
    height = row * len(values) + 20
    parts = [
        f'<line class="grid" x1="{left + span * tick:.0f}" x2="{left + span * tick:.0f}" y1="0" y2="{height - 18}"/>'
        f'<text class="soft" x="{left + span * tick:.0f}" y="{height - 4}" text-anchor="middle">{tick:g}</text>'
        for tick in (0, 0.25, 0.5, 0.75, 1)
    ]
    for number, (name, value, support) in enumerate(values):
        y = number * row
        parts.append(
            f'<text x="{left - 8}" y="{y + 16}" text-anchor="end">{escape(name)}</text>'
            f'<rect class="bar" x="{left}" y="{y + 4}" width="{span * value:.1f}" height="{row - 10}" rx="3"/>'
            f'<text x="{left + span * value + 6:.1f}" y="{y + 16}">{value:.2f}'
            f'<tspan class="soft" dx="5">of {support}</tspan></text>'
        )
    return _svg(height, parts, label)


def reliability(bins: Sequence[Bin]) -> str:
    """Confidence across, share that is right upwards; both between 0 and 1."""
    left, bottom, side = 40, 34, 290
    height = side + bottom + 14

    def x(value: float) -> float:
        return left + side * value

    def y(value: float) -> float:
        return 10 + side * (1 - value)

    parts = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts.append(
            f'<line class="grid" x1="{x(tick):.0f}" x2="{x(tick):.0f}" y1="{y(0):.0f}" y2="{y(1):.0f}"/>'
            f'<line class="grid" x1="{x(0):.0f}" x2="{x(1):.0f}" y1="{y(tick):.0f}" y2="{y(tick):.0f}"/>'
            f'<text class="soft" x="{x(tick):.0f}" y="{y(0) + 15:.0f}" text-anchor="middle">{tick:g}</text>'
            f'<text class="soft" x="{left - 6}" y="{y(tick) + 4:.0f}" text-anchor="end">{tick:g}</text>'
        )
    parts.append(
        f'<line x1="{x(0):.0f}" y1="{y(0):.0f}" x2="{x(1):.0f}" y2="{y(1):.0f}" stroke="currentColor" '
        f'stroke-dasharray="4 4" opacity="0.5"/>'
        f'<text class="soft" x="{x(0.5):.0f}" y="{height - 2}" text-anchor="middle">confidence</text>'
    )
    most = max((one.count for one in bins), default=1)
    dots = [(x(one.confidence), y(one.right), 4 + 10 * (one.count / most) ** 0.5) for one in bins]
    taken: list[tuple[float, float]] = []
    for one, (at_x, at_y, radius) in sorted(zip(bins, dots, strict=True), key=lambda pair: -pair[0].count):
        words = f"{one.right:.0%} of {one.count}"
        parts.append(
            f'<circle class="bar" cx="{at_x:.1f}" cy="{at_y:.1f}" r="{radius:.1f}">'
            f"<title>{words}, at a confidence of {one.confidence:.2f}</title></circle>"
        )
        label_x = min(max(at_x, x(0.1)), x(0.93))
        # Where labels would cover each other, the larger group has its own; the other tells when it is pointed at.
        for label_y in (at_y - radius - 4, at_y + radius + 13):
            beside = all(abs(label_x - there) > 60 or abs(label_y - high) > 12 for there, high in taken)
            bare = all(abs(label_x - dot_x) > 30 + r or abs(label_y - 4 - dot_y) > 5 + r for dot_x, dot_y, r in dots)
            if beside and bare and 8 < label_y < y(0):
                taken.append((label_x, label_y))
                parts.append(f'<text x="{label_x:.1f}" y="{label_y:.1f}" text-anchor="middle">{words}</text>')
                break
    return _svg(height, parts, "reliability")


def _svg(height: int, parts: Sequence[str], label: str) -> str:
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'
