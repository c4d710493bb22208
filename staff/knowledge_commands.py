"""`flask --app app knowledge …`: articles between files and database, and approved examples into the training files."""

from pathlib import Path

import click
from flask.cli import AppGroup

import clock
from intents import nlu_files
from knowledge_base import KnowledgeError, live, transfer
from records import audit, migrate, proposals
from records.base import write
from staff.house import house

knowledge_commands = AppGroup("knowledge", help="Articles between files and database.")


@knowledge_commands.command("import")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option("--force", is_flag=True, help="The files win over what was changed in the console.")
def import_(folder: Path | None, force: bool) -> None:
    """Take the articles, phone services, synonyms, rule values and service points of FOLDER (the project's own by default) into
    the database."""
    migrate.upgrade(house().engine)
    try:
        with write(house().engine) as conn:
            done = transfer.import_folder(conn, folder, actor="command:knowledge import", at=clock.now(), force=force)
            audit.note(conn, "command:knowledge import", "articles.imported", "articles", clock.now())
    except KnowledgeError as error:
        raise click.ClickException(f"nothing was imported:\n{error}") from error
    live.announce(house().redis)
    for id in done.conflicts:
        click.echo(f"conflict: {id} was changed both in the files and in the console; export it first, or --force")
    for id in done.absent:
        click.echo(f"only in the database: {id}")
    click.echo(
        f"new={len(done.new)} changed={len(done.changed)} unchanged={done.same} conflicts={len(done.conflicts)} "
        f"places={done.places}"
    )


@knowledge_commands.command("export")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--drafts", is_flag=True, help="The newest texts, published or not.")
def export(folder: Path, drafts: bool) -> None:
    """Write what the database holds into FOLDER's files; files whose data is the same are left as they are."""
    with write(house().engine) as conn:
        count, files = transfer.export_folder(conn, folder, drafts=drafts)
    click.echo(f"articles={count} files_written={files}")


@knowledge_commands.group("proposals", help="What staff made of missed questions.")
def proposals_() -> None:
    """Proposals."""


@proposals_.command("export")
@click.option("--folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=nlu_files.NLU)
def proposals_export(folder: Path) -> None:
    """Append the approved training examples to the training files of FOLDER; train afterwards."""
    with write(house().engine) as conn:
        rows = [row for row in proposals.listing(conn, ("approved",), 10_000) if row.kind == "example"]
        by_intent: dict[str, list[str]] = {}
        for row in rows:
            by_intent.setdefault(row.target, []).append(row.text)
        for intent, texts in by_intent.items():
            _append(folder / f"{intent}.yml", intent, texts)
        proposals.exported(conn, [row.id for row in rows])
    click.echo(f"exported={len(rows)} intents={len(by_intent)}")


def _append(path: Path, intent: str, texts: list[str]) -> None:
    if not path.exists():
        path.write_text('version: "3.1"\nnlu:\n', encoding="utf-8")
    lines = "".join(f"    - {_plain(text)}\n" for text in dict.fromkeys(texts))
    block = f"- intent: {intent}\n  metadata: {{register: plain}}\n  examples: |\n{lines}"
    text = path.read_text(encoding="utf-8")
    path.write_text(text + ("" if text.endswith("\n") else "\n") + block, encoding="utf-8")


def _plain(text: str) -> str:
    """Brackets mark entities in these files; in people's words they are only brackets."""
    return text.translate(str.maketrans("[]{}", "（）（）"))
