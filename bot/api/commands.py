"""`flask --app app vacancies import FILE --source NAME`: posts from the employment service's file."""

from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

import clock
from bot.service import Service
from records import audit, sheets, vacancies
from records.base import Busy, write

group = AppGroup("vacancies", help="招工信息：从文件导入")


@group.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--source", required=True, help="谁给的；同一来源的新文件代替旧的")
def import_file(file: Path, source: str) -> None:
    """Load posts from FILE (.csv or .xlsx) in place of what the source said before. Bad rows are named and left out."""
    service: Service = current_app.extensions["service"]
    tree = service.knowledge.regions
    names = {name: one.key for one in tree.regions.values() for name in (one.key, one.name, one.short)}
    try:
        loaded = vacancies.load(service.engine, file, source, names, clock.now(), tree.chain)
        with write(service.engine) as conn:
            audit.note(
                conn, "command:vacancies import", "import", f"{loaded.taken} vacancies of {source[:40]}", clock.now()
            )
    except sheets.SheetError as fault:
        raise click.ClickException(str(fault)) from None
    except Busy as fault:
        raise click.ClickException(f"the database can't be had ({fault}); run the same command again") from None
    if loaded.told:
        service.nudge()
        click.echo(f"  told {loaded.told} people who had asked for posts there", err=True)
    for line, reason in loaded.bad:
        click.echo(f"  line {line}: {reason}", err=True)
    click.echo(f"taken={loaded.taken} rejected={len(loaded.bad)}")
