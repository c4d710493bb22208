"""What the full turn is measured against: the same server with less and less work to do.

`ok` answers 'ok'; `echo` decrypts, parses, answers and encrypts with wechatpy alone; `floor` is that echo with a
Redis SET NX and one committed insert. Each is a factory for granian; settings come from the environment as for the
service itself.
"""

import os
from typing import Any

from flask import Flask, Response, request
from sqlalchemy import BigInteger, Column, DateTime, Integer, LargeBinary, MetaData, String, Table, insert
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.replies import TextReply

import clock
import redis_server
from records.base import engine_for, write
from settings import Settings

TABLE = Table(
    "bench_floor",
    MetaData(),
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("sender", String(64)),
    Column("message", LargeBinary),
    Column("at", DateTime(timezone=True)),
)


def ok() -> Flask:
    """Answers 'ok'."""
    app = Flask("ok")
    app.add_url_rule("/wechat", view_func=lambda: Response("ok"), methods=["POST"])
    return app


def echo() -> Flask:
    """Says in safe mode what was said."""
    settings = Settings.from_env(os.environ)
    crypto = _crypto(settings)
    app = Flask("echo")
    app.add_url_rule("/wechat", view_func=lambda: _echoed(crypto, lambda message: None), methods=["POST"])
    return app


def floor() -> Flask:
    """The echo, de-duplicated in Redis and stored by one committed insert."""
    settings = Settings.from_env(os.environ)
    crypto = _crypto(settings)
    store = redis_server.connect(settings)
    engine = engine_for(settings.database_url, pool=settings.threads + 2)
    statement = insert(TABLE)

    def keep(message: Any) -> None:
        if store.set(f"bench:{message.source}:{message.id}", "1", nx=True, ex=60):
            row = {"sender": message.source, "message": message.content.encode(), "at": clock.now()}
            with write(engine) as conn:
                conn.execute(statement, row)

    app = Flask("floor")
    app.add_url_rule("/wechat", view_func=lambda: _echoed(crypto, keep), methods=["POST"])
    return app


def _crypto(settings: Settings) -> WeChatCrypto:
    return WeChatCrypto(settings.wechat_token, settings.wechat_aes_key, settings.wechat_app_id)


def _echoed(crypto: WeChatCrypto, keep: Any) -> Response:
    args = request.args
    xml = crypto.decrypt_message(request.get_data(), args["msg_signature"], args["timestamp"], args["nonce"])
    message = parse_message(xml)
    keep(message)
    reply = TextReply(content=message.content, message=message).render()
    return Response(crypto.encrypt_message(reply, args["nonce"], args["timestamp"]), mimetype="application/xml")
