"""The console: where people pick up what the bot hands over."""

from flask import Flask


def register(app: Flask) -> None:
    """Add the console's pages."""
