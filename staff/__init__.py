"""The console: where people pick up what the bot hands over."""

from flask import Flask


def register(app: Flask) -> None:
    """Add the console's pages under /staff, and its commands."""
    from staff import (  # noqa: F401 - the views register themselves
        knowledge,
        knowledge_calendar,
        knowledge_entries,
        knowledge_gaps,
        knowledge_places,
        knowledge_points,
    )
    from staff.blueprint import blueprint
    from staff.commands import staff_commands
    from staff.knowledge_commands import knowledge_commands

    app.register_blueprint(blueprint)
    app.cli.add_command(staff_commands)
    app.cli.add_command(knowledge_commands)
