"""`python -m knowledge_base check`: what a clerk runs before handing in a change, and what CI runs."""

import argparse
import sys
from datetime import date
from pathlib import Path

import clock
from knowledge_base.check import check


def main(argv: list[str] | None = None) -> int:
    """Print every fault and warning, then `articles=… errors=… warnings=…`. Exit 1 on errors."""
    parser = argparse.ArgumentParser(prog="python -m knowledge_base")
    commands = parser.add_subparsers(dest="command", required=True)
    checker = commands.add_parser("check", help="schema, dead references, expiry, contradictions")
    checker.add_argument("--folder", type=Path, help="another knowledge base than the one in the project")
    checker.add_argument("--on", type=date.fromisoformat, help="as if today were this day (YYYY-MM-DD)")
    wanted = parser.parse_args(argv)
    report = check(wanted.folder, wanted.on or clock.now().date())
    for fault in report.errors:
        print(f"error: {fault}")
    for fault in report.warnings:
        print(f"warning: {fault}")
    print(f"articles={report.articles} errors={len(report.errors)} warnings={len(report.warnings)}")
    return 1 if report.errors else 0


if __name__ == "__main__":
    sys.exit(main())
