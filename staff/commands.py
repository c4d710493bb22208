"""`flask --app app staff …`: accounts from the command line, for the first administrator and for emergencies."""

import click
from flask.cli import AppGroup
from sqlalchemy.exc import IntegrityError

import clock
from records import audit, migrate, sessions, staff
from records.base import write
from staff import passwords
from staff.house import house

staff_commands = AppGroup("staff", help="Accounts of the console.")


@staff_commands.command("create")
@click.argument("login")
@click.option("--name", prompt="Name shown to colleagues")
@click.option("--role", type=click.Choice(list(staff.ROLES)), default="administrator", show_default=True)
@click.option(
    "--team", "teams", multiple=True, type=click.Choice(list(staff.TEAMS)), help="May be given several times."
)
@click.option("--password", default="", help="Left out: one is made up and printed once.")
def create(login: str, name: str, role: str, teams: tuple[str, ...], password: str) -> None:
    """Make an account."""
    shown = "" if password else passwords.made_up()
    fault = passwords.fault(password or shown, login, name, house().settings.breached_passwords)
    if fault:
        raise click.ClickException(fault)
    migrate.upgrade(house().engine)
    try:
        with write(house().engine) as conn:
            now = clock.now()
            made = staff.create(
                conn, login, name, role, passwords.hashed(password or shown), now, teams=teams or ("general",)
            )
            audit.note(conn, "command:staff create", "staff.created", f"staff:{made}", now, role)
    except IntegrityError as error:
        raise click.ClickException(f"there is an account {login!r} already; choose another login") from error
    click.echo(f"created={login}" + (f" password={shown}" if shown else ""))


@staff_commands.command("disable")
@click.argument("login")
def disable(login: str) -> None:
    """Shut an account and end all its sessions at once."""
    with write(house().engine) as conn:
        row = staff.by_login(conn, login)
        if row is None:
            raise click.ClickException(f"there is no open account {login!r}")
        now = clock.now()
        staff.disable(conn, row.id, now)
        ended = sessions.end_all(conn, row.id, now)
        audit.note(conn, "command:staff disable", "staff.disabled", f"staff:{row.id}", now)
    click.echo(f"disabled={login} sessions_ended={ended}")
