"""Charts as SVG made here: no script, no library; each says its numbers in words too, for those who don't see it."""

from collections.abc import Sequence
from datetime import date

from markupsafe import Markup, escape

WIDTH, HEIGHT, FOOT = 640, 180, 24
NAMES = 240
"""Room for twelve characters, which on a phone are drawn half as large again (`pages.css`)."""


def bars(days: Sequence[tuple[date, int]], title: str) -> Markup:
    """A bar for each day."""
    most = max((count for _, count in days), default=0) or 1
    step = WIDTH / max(len(days), 1)
    every = max(1, len(days) // 7)
    parts = []
    for n, (day, count) in enumerate(days):
        tall = (HEIGHT - FOOT - 16) * count / most
        x, y = n * step + step * 0.15, HEIGHT - FOOT - tall
        label = f"{day.month}月{day.day}日：{count}"
        parts.append(
            f'<rect class="bar" x="{x:.1f}" y="{y:.1f}" width="{step * 0.7:.1f}" height="{tall:.1f}" rx="2"><title>{label}</title></rect>'
        )
        if n % every == 0:
            parts.append(
                f'<text x="{n * step + step / 2:.1f}" y="{HEIGHT - 6}" text-anchor="middle">{day.month}/{day.day}</text>'
            )
        if count and count == most:
            parts.append(
                f'<text class="top" x="{n * step + step / 2:.1f}" y="{y - 4:.1f}" text-anchor="middle">{count}</text>'
            )
    said = f"{title}，{len(days)}天共{sum(count for _, count in days)}，最多一天{max((c for _, c in days), default=0)}"
    line = f'<line x1="0" y1="{HEIGHT - FOOT}" x2="{WIDTH}" y2="{HEIGHT - FOOT}"/>'
    return _svg(HEIGHT, said, line + "".join(parts))


def across(rows: Sequence[tuple[str, int]], title: str) -> Markup:
    """A bar for each row, lying, with its name and number."""
    most = max((count for _, count in rows), default=0) or 1
    parts = []
    for n, (name, count) in enumerate(rows):
        y = n * 28
        wide = (WIDTH - NAMES - 80) * count / most
        parts.append(f'<text x="{NAMES - 10}" y="{y + 20}" text-anchor="end">{escape(name[:12])}</text>')
        parts.append(f'<rect class="bar" x="{NAMES}" y="{y + 6}" width="{max(wide, 2):.1f}" height="18" rx="3"/>')
        parts.append(f'<text x="{NAMES + 8 + wide:.1f}" y="{y + 20}">{count}</text>')
    said = f"{title}：" + "，".join(f"{name}{count}" for name, count in rows)
    return _svg(max(28 * len(rows), 28), said, "".join(parts))


def _svg(height: int, said: str, inside: str) -> Markup:
    head = f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(said)}">'
    return Markup(head + inside + "</svg>")  # noqa: S704 - every name in it was escaped above
