"""The callback's own door answers as the view behind it does, and lets everything else through."""

from flask import Flask
from flask.testing import FlaskClient

from bot import pages
from bot.service import Service
from bot.wechat import door, routes

from .conftest import Platform, message


def fronted(service: Service) -> FlaskClient:
    """The callback with its door in front."""
    app = Flask(__name__)
    app.secret_key = service.settings.secret_key
    app.extensions["service"] = service
    app.register_blueprint(routes.blueprint)
    door.put_before(app)
    return app.test_client()


def test_a_message_is_answered_at_the_door(service: Service) -> None:
    platform = Platform(service.settings, fronted(service))
    answer = platform.post(message(Content="您好"))
    assert answer.status_code == 200 and b"<xml>" in answer.data
    assert answer.content_type == "application/xml; charset=utf-8"
    assert "Set-Cookie" not in answer.headers
    assert all(answer.headers[name] == value for name, value in pages.FIXED.items())


def test_door_and_view_refuse_alike(service: Service, web: FlaskClient) -> None:
    before = fronted(service)
    for query, body in (("", b""), ("?signature=x&timestamp=1&nonce=2", b"<xml/>"), ("", b"x" * (routes.LARGEST + 1))):
        at_the_door, at_the_view = (client.post(f"/wechat{query}", data=body) for client in (before, web))
        assert at_the_door.status_code == at_the_view.status_code >= 400
        assert at_the_door.data == at_the_view.data == b""


def test_of_a_field_given_twice_the_first_counts_as_in_flask(service: Service, web: FlaskClient) -> None:
    for client in (fronted(service), web):
        platform = Platform(service.settings, client)
        good = "&".join(f"{name}={value}" for name, value in platform.query().items())
        body = message(Content="您好")
        assert client.post(f"/wechat?{good}&signature=forged", data=body).status_code == 200
        assert client.post(f"/wechat?signature=forged&{good}", data=body).status_code == 403


def test_the_address_check_goes_to_flask(service: Service) -> None:
    assert fronted(service).get("/wechat").status_code == 403
    assert fronted(service).put("/wechat").status_code == 405
