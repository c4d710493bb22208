"""WeChat as a channel of the turn, and everything of it that an application registers."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Flask

from bot.message import Link, Reply
from bot.service import Service
from bot.wechat import consents, door, jssdk, menu, oauth, pushes, replies, routes, spool
from settings import Settings


class Channel:
    """How WeChat carries what doesn't fit into the passive answer; see `bot.message.Channel`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def overflow(self, said: Sequence[Reply]) -> list[dict[str, Any]]:
        """What follows the passive answer as customer messages."""
        return replies.first_and_rest(self._settings, said)[1]

    def immediate(self, said: Sequence[Reply]) -> list[dict[str, Any]]:
        """The passive answer as a customer message; with choices to tap where nothing has overflowed from it."""
        text, rest = replies.first_and_rest(self._settings, said)
        if not rest:
            return replies.payloads(self._settings, said)
        return [{"kind": "text", "text": text}]

    def payloads(self, said: Sequence[Reply]) -> list[dict[str, Any]]:
        """Everything as customer messages."""
        return replies.payloads(self._settings, said)

    def consent(self) -> Link | None:
        """The page where somebody agrees to one subscription message (wx-push-03)."""
        return Link("同意收一条微信通知", consents.PATH) if pushes.templates(self._settings) else None

    def instead(self, payload: Mapping[str, Any]) -> dict[str, Any] | None:
        """The subscription message that may go where no customer message may."""
        return pushes.instead(self._settings, payload)


def register(app: Flask, _service: Service) -> None:
    """The callback, the pages' login and signatures, the commands `menu publish` and `spool status|retry`.

    The callback carries its own proof of origin, so it is free of CSRF tokens.
    """
    for blueprint in (routes.blueprint, oauth.blueprint, jssdk.blueprint, consents.blueprint):
        app.register_blueprint(blueprint)
    app.extensions["csrf"].exempt(routes.blueprint)
    door.put_before(app)
    app.cli.add_command(menu.group)
    app.cli.add_command(spool.group)
