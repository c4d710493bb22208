"""`flask --app app rooms …`: rooms from a file and back, label sheets, revoking codes."""

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import AppGroup
from sqlalchemy import func, select
from tqdm import tqdm

import clock
from bot.rooms import labels as sheets_of_labels
from bot.service import Service
from records import audit, room_codes, room_import, rooms, sheets
from records.base import Busy, read, write

group = AppGroup("rooms", help="房间：导入、导出、打印房间码、作废房间码")


@group.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="只检查，不写入")
def import_file(file: Path, dry_run: bool) -> None:
    """Load rooms from FILE (.csv or .xlsx). Rows that can't be taken go to FILE.rejected.csv; correct and load that."""
    started = time.monotonic()
    bad = file.with_name(f"{file.stem.removesuffix('.rejected')}.rejected.csv")
    if bad == file:
        bad = file.with_name(f"{file.stem}.again.csv")
    try:
        with tqdm(unit=" rows", disable=not sys.stderr.isatty(), file=sys.stderr) as bar:
            count = room_import.load(
                _service().engine, file, clock.now(), bad_path=bad, dry_run=dry_run, progress=lambda n: _step(bar, n)
            )
    except sheets.SheetError as fault:
        raise click.ClickException(str(fault)) from None
    except Busy as fault:
        raise click.ClickException(f"the database can't be had ({fault}); run the same command again") from None
    for reason, times in sorted(count.reasons.items(), key=lambda item: -item[1]):
        click.echo(f"  {times} × {reason}", err=True)
    if count.rejected:
        click.echo(f"  rejected rows, each with its line and reason: {bad}", err=True)
    if count.unchanged:
        click.echo(f"unchanged={count.unchanged}")
    if dry_run:
        click.echo("dry run: nothing was written")
    seconds = round(time.monotonic() - started)
    click.echo(f"imported={count.imported} updated={count.updated} rejected={count.rejected} seconds={seconds}")


@group.command("labels")
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--where", default="", help="district=…,street=…,community=…,building=…,room=…,short=…,printed=no")
@click.option("--size", default="24", type=click.Choice(list(sheets_of_labels.SIZES)), help="labels a sheet, or roll")
def labels(out: Path, where: str, size: str) -> None:
    """Write label sheets for rooms as a PDF."""
    started = time.monotonic()
    service = _service()
    code_ids: list[int] = []
    try:
        statement = rooms.selection(where)
        with read(service.engine) as conn:
            total = conn.execute(select(func.count()).select_from(statement.order_by(None).subquery())).scalar_one()
            if not total:
                raise click.ClickException(f"no room fits --where {where!r}; see `rooms export` for what there is")
            with tqdm(total=total, unit=" labels", disable=not sys.stderr.isatty(), file=sys.stderr) as bar:

                def drawn(number: int) -> None:
                    _step(bar, number)

                def remembered() -> Iterator[Sequence[Any]]:
                    for page in rooms.pages(conn, statement, 500):
                        code_ids.extend(row.code_id for row in page)
                        yield page

                count, pages = sheets_of_labels.draw(
                    remembered(), out, sheets_of_labels.SIZES[size], service.settings.public_url, drawn
                )
    except (ValueError, sheets_of_labels.NoFont) as fault:
        raise click.ClickException(str(fault)) from None
    _note_printed(service, code_ids)
    seconds = round(time.monotonic() - started)
    click.echo(f"labels={count} pages={pages} seconds={seconds}")


def _note_printed(service: Service, code_ids: list[int]) -> None:
    for start in range(0, len(code_ids), 500):
        with write(service.engine) as conn:
            room_codes.printed(conn, code_ids[start : start + 500], clock.now())


@group.command("export")
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--where", default="", help="as for labels")
def export(out: Path, where: str) -> None:
    """Write rooms with their landlords as a CSV that `import` reads again. Keep it safe: it names people."""
    started = time.monotonic()
    try:
        written = room_import.export(_service().engine, out, where)
    except ValueError as fault:
        raise click.ClickException(str(fault)) from None
    with write(_service().engine) as conn:
        audit.note(conn, "command:rooms export", "rooms.export", f"{written} rooms", clock.now(), where[:200] or None)
    click.echo(f"exported={written} seconds={round(time.monotonic() - started)}")


@group.command("revoke")
@click.argument("codes", nargs=-1, required=True)
@click.option("--reason", required=True, help="为什么作废")
def revoke(codes: tuple[str, ...], reason: str) -> None:
    """Take the codes of rooms (NB-FH-000123 or the token) out of force; new ones are made, to be printed."""
    done = 0
    for code in codes:
        with write(_service().engine) as conn:
            found = rooms.find(conn, code)
            if found is None or found.how == "revoked":
                click.echo(f"  {code}: {'no such room' if found is None else 'revoked before'}", err=True)
                continue
            room_codes.revoke(conn, found.room.id, "command:rooms revoke", reason, clock.now())
            audit.note(conn, "command:rooms revoke", "rooms.revoke", found.room.short, clock.now(), reason[:200])
            done += 1
            click.echo(f"  {found.room.short}: print anew with --where short={found.room.short}", err=True)
    click.echo(f"revoked={done} unknown={len(codes) - done}")


def _step(bar: "tqdm[None]", number: int) -> None:
    bar.update(number)


def _service() -> Service:
    service: Service = current_app.extensions["service"]
    return service
