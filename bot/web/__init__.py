"""The same conversation in a browser, and the pages people fill in."""

from flask import Flask


def register(app: Flask) -> None:
    """Add the pages."""
