"""The console: where people pick up what the bot hands over."""

from flask import Flask


def register(app: Flask) -> None:
    """Add the console's pages under /staff, and its commands."""
    from staff.blueprint import blueprint
    from staff.commands import staff_commands

    app.register_blueprint(blueprint)
    app.cli.add_command(staff_commands)
