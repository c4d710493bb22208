"""Rooms on people's phones: what a scanned code opens, one's own declarations, the landlord's and the firm's pages."""

from collections.abc import Callable

from flask import Flask

from bot.rooms import commands, consents, employer, follow, labels, landlord, mine, scan
from bot.rooms.blueprint import pages

__all__ = ["consents", "employer", "follow", "landlord", "mine", "register", "scan"]


def register(
    app: Flask, *, login_url: Callable[[str], str], follow_code: Callable[[str, int], str | None] | None = None
) -> None:  # fmt: skip
    """Add the pages and the commands.

    `login_url(path)`: where a phone signs in with its channel and comes back to `path`. `follow_code(scene, seconds)`:
    the text of a temporary code that follows the account with that scene, or None; no function where there is no such
    account.
    """
    app.extensions["rooms"] = {
        "login_url": login_url, "follow_code": follow_code,
        # The console hands out label sheets too, and knows nothing of this room but these two.
        "labels": labels.document, "label_sizes": {key: size.title for key, size in labels.SIZES.items()},
    }  # fmt: skip
    app.register_blueprint(pages)
    app.cli.add_command(commands.group)
