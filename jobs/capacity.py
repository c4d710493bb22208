"""`python -m jobs.capacity`: how many machines and people a day of rush needs; writes docs/capacity.md and its plots.

A queue of a city on the day a policy changes, message by message, and Erlang C for staff. What one process manages
is read from docs/bench.md (`python -m bench --only processes --write`); every assumption is an option.
"""

import argparse
import heapq
import math
import random
import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
BUDGET = 4.0
VARIATION = 0.5
"""Standard deviation of a turn's time by its mean: most are alike, a form's last step takes twice as long."""


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


@dataclass(frozen=True, slots=True)
class Measured:
    """Full turns a second by number of processes on one machine, and on which machine."""

    rates: dict[int, float]
    where: str

    @property
    def largest(self) -> int:
        """The most processes that were measured on one machine."""
        return max(self.rates)

    def rate(self, processes: int) -> float:
        """Turns a second of so many processes: whole machines as measured, the last one in proportion."""
        machines, rest = divmod(processes, self.largest)
        few = max((count for count in self.rates if count <= rest), default=0)
        return machines * self.rates[self.largest] + (self.rates[few] * rest / few if few else 0.0)


def measured(page: Path | None = None) -> Measured | None:
    """What docs/bench.md says of more processes on PostgreSQL; None where it was not measured."""
    page = page or DOCS / "bench.md"
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    found = re.search(r"## More processes, PostgreSQL.*?(?=\n## |\n<!--|\Z)", text, re.DOTALL)
    rows = re.findall(r"^\| (\d+) \| ([\d,]+) \|", found[0], re.MULTILINE) if found else []
    if not rows:
        return None
    machine = re.search(r"<!-- processes -->.*?\*([^*]+)\*", text, re.DOTALL)
    return Measured({int(n): float(rate.replace(",", "")) for n, rate in rows}, machine[1] if machine else "")


def late(day: Day, processes: int, capacity: float, seed: int = 1) -> tuple[float, float, list[float]]:
    """(longest wait, share answered after `BUDGET`, longest wait of each second) with `capacity` turns a second.

    Every message arrives by chance (Poisson) at the rate of its second and takes the first free of `processes`, for a
    time by chance (gamma) whose mean is the processes' share of `capacity`.
    """
    chance = random.Random(seed)  # noqa: S311 - a simulation
    mean = processes / capacity
    shape = 1 / VARIATION**2
    free = [0.0] * processes
    waits = [0.0] * (day.minutes * 240)
    total = behind = 0
    for second in range(len(waits)):
        rate, at = day.rate(second), float(second)
        while rate > 0 and (at := at + chance.expovariate(rate)) < second + 1:
            begins = max(at, free[0])
            done = begins + chance.gammavariate(shape, mean / shape)
            heapq.heapreplace(free, done)
            total += 1
            behind += done - at > BUDGET
            waits[second] = max(waits[second], begins - at)
    return max(waits), behind / max(1, total), waits


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


def _basis(found: Measured | None, per_process: float) -> tuple[Measured, str]:
    if found is None:
        words = (
            f"One process is taken to manage **{per_process:g} turns a second** and processes to add up: an ASSUMPTION, "
            "nothing was measured here. `python -m bench --only processes --write`, then this command again."
        )
        return Measured({1: per_process}, ""), words
    told = ", ".join(f"{count}: **{rate:,.0f}**" for count, rate in sorted(found.rates.items()))
    words = (
        f"Measured full turns a second by processes on one machine, PostgreSQL on the same machine ({found.where}; "
        f"docs/bench.md): {told}. More processes are reckoned as more such machines of {found.largest} processes; that their one "
        "shared database keeps up is NOT measured, it commits once a turn."
    )
    return found, words


def needed(basis: Measured, rate: float) -> int:
    """The fewest processes that manage `rate` turns a second."""
    count = 1
    while basis.rate(count) < rate:
        count += 1
    return count


def page(day: Day, per_process: float, found: Measured | None = None) -> tuple[str, dict[str, str]]:
    """docs/capacity.md, and its plots by name."""
    length = day.minutes * 240
    peak = max(day.rate(second) for second in range(length))
    basis, words = _basis(found, per_process)
    rows, curves = [], {}
    each = basis.largest if basis.largest > 1 else 4
    for share in (0.25, 0.5, 0.75, 1.0, 1.1):
        processes = needed(basis, peak * share)
        longest, behind, waits = late(day, processes, basis.rate(processes))
        rows.append(
            f"| {processes} | {math.ceil(processes / each)} | {basis.rate(processes):,.0f} | {longest:,.1f} s | {behind:.1%} | "
            f"{processes * 12} | {math.ceil(behind * day.people * day.share * day.messages):,} |"
        )
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
        words, "",
        "Nothing is lost when too few run: beyond 4 s the message is kept, and answered by customer message (promise 5); "
        "each of those costs one of the five that the platform allows, and one call of its API.", "",
        f"| processes | machines of {each} | turns a second | longest wait | answered after 4 s | database connections at most | customer messages |",
        "|---|---|---|---|---|---|---|", *rows, "",
        "![seconds of waiting](images/capacity-wait.svg)", "",
        f"The database commits once a turn, {peak:,.0f} a second at the peak. Connections: (threads + 2) × 2 a process at most; beyond some 200, "
        "put PgBouncer (session mode) between.",
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
        "--per-process", type=float, help="turns a second of one web process, instead of what docs/bench.md says"
    )
    given = parser.parse_args()
    found = None if given.per_process else measured()
    text, plots = page(Day(given.people, given.share, given.minutes, given.messages), given.per_process or 40.0, found)
    (DOCS / "images").mkdir(exist_ok=True)
    for name, svg in plots.items():
        (DOCS / "images" / name).write_text(svg, encoding="utf-8")
    (DOCS / "capacity.md").write_text(text, encoding="utf-8")
    print(f"wrote docs/capacity.md and {len(plots)} plots")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
