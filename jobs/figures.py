"""`flask --app app figures 2026-10`: what may be published about a month, as CSV (`records.open_figures`)."""

import csv
import sys
from typing import Protocol

import click
from sqlalchemy import Engine

import clock
from records import audit, open_figures
from records.base import read, write


class House(Protocol):
    """Where the figures come from."""

    @property
    def engine(self) -> Engine: ...


def command(house: House) -> click.Command:
    """The command line."""

    @click.command("figures", help="可以对外公布的月度数字（不足10人的不给，数字取整），写到标准输出")
    @click.argument("month")
    def figures(month: str) -> None:
        year, _, number = month.partition("-")
        try:
            with read(house.engine) as conn:
                found = open_figures.of_month(conn, int(year), int(number))
        except open_figures.NotOver as fault:
            raise click.ClickException(str(fault)) from fault
        except ValueError as fault:
            raise click.ClickException("月份要写成 2026-10 这样") from fault
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(["month", "region", "what", "kind", "people"])
        writer.writerows([one.month, one.region, one.what, one.kind, one.people] for one in found)
        with write(house.engine) as conn:
            audit.note(conn, "command:figures", "figures.published", month, clock.now())

    return figures
