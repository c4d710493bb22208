"""`python -m jobs.capacity`: how many machines and people a day of rush needs; writes docs/capacity.md and its plots.

A fluid queue of a city on the day a policy changes, and Erlang C for staff. Every assumption is an option.
"""

import argparse
import math
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
BUDGET = 4.0


@dataclass(frozen=True, slots=True)
class Day:
    """The rush: `people` in the city, the `share` of them who write within `minutes`, messages each."""

    people: int = 4_300_000
    share: float = 0.05
    minutes: int = 10
    messages: float = 1.6

    def rate(self, second: float) -> float:
        """Messages a second: a quick rise, a peak at a fifth of the time, a tail three times as long as the rush."""
        x = second / (self.minutes * 60)
        shape = (x / 0.2) * math.exp(1 - x / 0.2) if x >= 0 else 0.0
        return self.people * self.share * self.messages / (self.minutes * 60) * shape / (0.2 * math.e)


def late(day: Day, capacity: float) -> tuple[float, float, list[float]]:
    """(longest wait in seconds, share answered after `BUDGET`, wait at each second) with `capacity` turns a second."""
    queue, total, behind, waits = 0.0, 0.0, 0.0, []
    for second in range(day.minutes * 60 * 4):
        arriving = day.rate(second)
        queue = max(0.0, queue + arriving - capacity)
        wait = queue / capacity
        waits.append(wait)
        total += arriving
        behind += arriving if wait > BUDGET else 0.0
    return max(waits), behind / total, waits


def erlang_c(load: float, staff: int) -> float:
    """The chance that somebody must wait, with `load` erlangs and `staff` places (one chat each)."""
    if staff <= load:
        return 1.0
    blocked = 1.0  # Erlang B by its recursion, which never overflows
    for count in range(1, staff + 1):
        blocked = load * blocked / (count + load * blocked)
    return blocked / (1.0 - load / staff * (1.0 - blocked))


def staff_for(per_hour: float, minutes: float, each: int, goal: float, within: float) -> int:
    """The fewest people (each with `each` chats at a time) so that a share `goal` waits at most `within` seconds."""
    load = per_hour * minutes / 60
    people = max(1, math.ceil((load + 0.001) / each))
    while 1 - erlang_c(load, people * each) * math.exp(-(people * each - load) * within / (minutes * 60)) < goal:
        people += 1
    return people


def plot(title: str, unit: str, lines: dict[str, list[float]]) -> str:
    """An SVG of some lines over minutes."""
    top = max(max(line) for line in lines.values()) or 1.0
    colours = ("#0b6e4f", "#c8553d", "#2d4f8b", "#8a6d00")
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 300" font-family="sans-serif" font-size="12">',
        f'<title>{title}</title><rect width="640" height="300" fill="#fff"/><text x="50" y="20" font-size="14">{title}</text>',
        f'<path d="M50 30V260H620" fill="none" stroke="#444"/><text x="46" y="36" text-anchor="end">{top:,.0f}</text>',
        f'<text x="46" y="262" text-anchor="end">0</text><text x="6" y="150">{unit}</text>',
    ]
    for number, (name, line) in enumerate(lines.items()):
        step = max(1, len(line) // 200)
        points = " ".join(
            f"{50 + 570 * i / len(line):.1f},{260 - 225 * line[i] / top:.1f}" for i in range(0, len(line), step)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colours[number % 4]}" stroke-width="2"/>')
        parts.append(f'<text x="430" y="{50 + 16 * number}" fill="{colours[number % 4]}">{name}</text>')
        parts.append(f'<text x="620" y="278" text-anchor="end">{len(line) / 60:.0f} min</text>' if number == 0 else "")
    return "\n".join([*parts, "</svg>", ""])


def page(day: Day, per_process: float) -> tuple[str, dict[str, str]]:
    """docs/capacity.md, and its plots by name."""
    length = day.minutes * 240
    peak = max(day.rate(second) for second in range(length))
    rows, curves = [], {}
    for share in (0.25, 0.5, 0.75, 1.0):
        processes = math.ceil(peak * share / per_process)
        longest, behind, waits = late(day, processes * per_process)
        rows.append(f"| {processes} | {math.ceil(processes / 8)} | {longest:,.0f} s | {behind:.0%} |")
        curves[f"{processes} processes"] = waits
    total = day.people * day.share * day.messages
    desk = [
        f"| {hour:,} | {staff_for(hour, 8, 3, 0.8, 60)} | {staff_for(hour, 8, 3, 0.95, 60)} |" for hour in (30, 120, 500, 2000)
    ]  # fmt: skip
    text = "\n".join([
        "# Capacity", "", "Made by `python -m jobs.capacity`; every assumption is an option of that command.", "",
        "## The day a policy changes", "",
        f"{day.people:,} people, {day.share:.0%} write {day.messages} messages each within {day.minutes} minutes and the tail after it: "
        f"some {total:,.0f} messages, {peak:,.0f} a second at the peak.", "",
        "![messages a second](images/capacity-load.svg)", "",
        f"One web process takes **{per_process:g} turns a second** in this table. That figure is an assumption taken from the LOWEST of a few quick, cold "
        "runs of the bench on a busy machine (79–92 a second for two workers, 400 requests; half of that for one); "
        "throughput with 1, 2 and 4 processes has not been measured, and the table assumes that processes add up. "
        "Run `make bench` on the machine in question and give its figure: `--per-process`. Nothing is lost when too few "
        "run: beyond 4 s the message is kept and answered by customer message (promise 5).", "",
        "| processes | machines of 8 cores | longest wait | answered after 4 s |", "|---|---|---|---|", *rows, "",
        "![seconds of waiting](images/capacity-wait.svg)", "",
        "The database commits once a turn; PostgreSQL must take the peak as well. Connections: (threads + 2) × 2 a process at most.",
        f"Storage: some 3 KB a turn with its indexes, so this day adds about {total * 3 / 1e6:,.1f} GB (an estimate).", "",
        "## Staff (Erlang C)", "", "Chats last 8 minutes, one person has three at a time; who waits, waits for the whole desk.", "",
        "| chats an hour | people: 80 % within 1 min | people: 95 % within 1 min |", "|---|---|---|", *desk, "",
    ])  # fmt: skip
    load = plot("Messages a second", "1/s", {"arriving": [day.rate(second) for second in range(length)]})
    return text, {"capacity-load.svg": load, "capacity-wait.svg": plot("Wait for an answer", "s", curves)}


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m jobs.capacity")
    parser.add_argument("--people", type=int, default=Day().people)
    parser.add_argument("--share", type=float, default=Day().share)
    parser.add_argument("--minutes", type=int, default=Day().minutes)
    parser.add_argument("--messages", type=float, default=Day().messages)
    parser.add_argument(
        "--per-process", type=float, default=40.0, help="turns a second of one web process (make bench)"
    )
    given = parser.parse_args()
    text, plots = page(Day(given.people, given.share, given.minutes, given.messages), given.per_process)
    (DOCS / "images").mkdir(exist_ok=True)
    for name, svg in plots.items():
        (DOCS / "images" / name).write_text(svg, encoding="utf-8")
    (DOCS / "capacity.md").write_text(text, encoding="utf-8")
    print(f"wrote docs/capacity.md and {len(plots)} plots")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
