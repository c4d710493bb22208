"""Settings: every fault is named at once, production refuses what only a rehearsal may have (ASVS V12, V13)."""

import base64
import json
import re
import secrets
from dataclasses import fields
from pathlib import Path

import pytest

from settings import Settings, SettingsError, lookup_key_of


def key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


@pytest.fixture
def earnest(tmp_path: Path) -> dict[str, str]:
    """An environment that production takes."""
    return {
        "APP_MODE": "production", "DATA_DIR": str(tmp_path / "data"), "PUBLIC_URL": "https://city.test",
        "SECRET_KEY": secrets.token_urlsafe(32), "DATA_KEY": key(), "LOOKUP_KEY": key(), "WECHAT_APP_ID": "wx" + "0" * 16,
        "WECHAT_APP_SECRET": "0" * 32, "WECHAT_TOKEN": "token123", "WECHAT_AES_KEY": "a" * 43,
    }  # fmt: skip


def refused(env: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(env)
    return str(caught.value)


def test_production_starts_with_everything_given(earnest: dict[str, str]) -> None:
    settings = Settings.from_env(earnest)
    assert (
        not settings.rehearsal
        and settings.wechat_api_base == "https://api.weixin.qq.com"
        and settings.force_totp == "everybody"
    )
    assert settings.proxies == 1, "whoever ends TLS is believed, or all people would be one address"
    assert not (Path(earnest["DATA_DIR"]) / "secrets.json").exists(), "production makes no secrets up"


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATA_KEY", "LOOKUP_KEY", "WECHAT_APP_ID", "WECHAT_APP_SECRET", "WECHAT_TOKEN", "WECHAT_AES_KEY"])  # fmt: skip
def test_production_refuses_a_missing_secret_by_name(earnest: dict[str, str], name: str) -> None:
    del earnest[name]
    words = refused(earnest)
    assert f"{name} is not set" in words and words.count("\n- ") == 1


def test_production_names_every_fault_at_once(earnest: dict[str, str]) -> None:
    words = refused(earnest | {"PUBLIC_URL": "http://city.test", "SECRET_KEY": "", "PORT": "0", "FLASK_DEBUG": "1"})
    for name in ("PUBLIC_URL", "SECRET_KEY", "PORT", "FLASK_DEBUG"):
        assert name in words


@pytest.mark.parametrize("url", ["http://city.test", "", "city.test", "ftp://city.test"])
def test_production_demands_https(earnest: dict[str, str], url: str) -> None:
    assert "PUBLIC_URL must be the https://" in refused(earnest | {"PUBLIC_URL": url})


@pytest.mark.parametrize("name", ["SECRET_KEY", "DATA_KEY", "LOOKUP_KEY", "WECHAT_TOKEN", "WECHAT_AES_KEY", "WECHAT_APP_SECRET"])  # fmt: skip
def test_production_refuses_a_secret_that_a_rehearsal_made_up(earnest: dict[str, str], name: str) -> None:
    Settings.from_env({"DATA_DIR": earnest["DATA_DIR"]})
    made = json.loads((Path(earnest["DATA_DIR"]) / "secrets.json").read_text())
    assert f"{name} is one that a rehearsal made up" in refused(earnest | {name: made[name]})


@pytest.mark.parametrize("flag", ["1", "true", "yes"])
def test_production_refuses_debug(earnest: dict[str, str], flag: str) -> None:
    assert "FLASK_DEBUG is on" in refused(earnest | {"FLASK_DEBUG": flag})


def test_production_refuses_the_sandbox(earnest: dict[str, str]) -> None:
    base = "http://127.0.0.1:8000/sandbox/api"
    assert "WECHAT_API_BASE points at a sandbox" in refused(earnest | {"WECHAT_API_BASE": base})


def test_production_has_no_demo_accounts(earnest: dict[str, str]) -> None:
    from jobs import demo
    from records import staff
    from records.base import engine_for, read

    settings = Settings.from_env(
        earnest | {"DATABASE_URL": f"sqlite:///{Path(earnest['DATA_DIR']).parent / 'city.db'}"}
    )
    patch = pytest.MonkeyPatch()
    patch.setattr(demo.train, "ensure", lambda *_args, **_more: None)
    try:
        demo.prepare(settings)
    finally:
        patch.undo()
    engine = engine_for(settings.database_url)
    with read(engine) as conn:
        assert conn.execute(staff.Staff.__table__.select()).all() == []
    engine.dispose()


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("APP_MODE", "test", "must be one of: rehearsal, production"), ("PORT", "x", "not a number"), ("PORT", "70000", "from 1 to 65535"),
        ("DATA_KEY", "short", "not 32 bytes"), ("LOOKUP_KEY", "short", "not 32 bytes"), ("WECHAT_TOKEN", "a b", "3 to 32"),
        ("WECHAT_AES_KEY", "a" * 42, "43 letters"), ("SECRET_KEY", "short", "shorter than 16"), ("REGIONS", "paris", "there are packs for"),
        ("SMTP_URL", "mail.test", "must begin with smtp://"), ("WECHAT_ACCOUNT_KIND", "x", "must be one of"), ("REPLY_BUDGET", "9", "from 0.1 to 4.5"),
        ("MINI_APP_ID", "wx1", "belong together"), ("PROXIES", "9", "from 0 to 5"), ("LOG_LEVEL", "loud", "must be one of"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_the_way_out(tmp_path: Path, name: str, value: str, fault: str) -> None:
    words = refused({"DATA_DIR": str(tmp_path), name: value})
    assert name in words and fault in words


def test_keys_may_stand_side_by_side_while_they_rotate(tmp_path: Path) -> None:
    both = f"{key()},{key()}"
    settings = Settings.from_env({"DATA_DIR": str(tmp_path), "LOOKUP_KEY": both, "DATA_KEY": both})
    assert settings.lookup_key == both and settings.data_key == both


def test_a_rehearsal_makes_its_secrets_once_and_keeps_them_to_itself(tmp_path: Path) -> None:
    first, second = (Settings.from_env({"DATA_DIR": str(tmp_path)}) for _ in range(2))
    assert first == second
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0
    assert first.lookup_key == lookup_key_of(first.data_key), (
        "what was found before there was a LOOKUP_KEY is found still"
    )
    changed = Settings.from_env({"DATA_DIR": str(tmp_path), "DATA_KEY": key()})
    assert changed.lookup_key == first.lookup_key, "the hashes don't follow the data key"


def test_no_secret_shows_in_a_representation(earnest: dict[str, str]) -> None:
    settings = Settings.from_env(earnest)
    for name in ("secret_key", "data_key", "lookup_key", "wechat_app_secret", "wechat_token", "wechat_aes_key"):
        assert getattr(settings, name) and getattr(settings, name) not in repr(settings)
    assert {field.name for field in fields(settings)} >= {"mini_app_id", "mini_app_secret"}


@pytest.mark.parametrize(
    ("name", "plain", "safe"),
    [("DATABASE_URL", "postgresql+psycopg://u:p@db.city.test/city", "postgresql+psycopg://u:p@db.city.test/city?sslmode=verify-full"),
     ("DATABASE_URL", "postgresql://u:p@10.0.0.7/city?sslmode=require", "postgresql://u:p@127.0.0.1/city"),
     ("DATABASE_URL", "postgresql://u@/city?host=10.0.0.7", "postgresql://u@/city?host=/run/postgresql"),
     ("REDIS_URL", "redis://:p@redis.city.test:6379/0", "rediss://:p@redis.city.test:6379/0"),
     ("REDIS_URL", "redis://10.0.0.8", "unix:///run/redis.sock"), ("RASA_URL", "http://rasa:5005", "https://rasa.city.test"),
     ("CLAMAV_URL", "tcp://scanner:3310", "unix:/run/clamav/clamd.ctl")],
)  # fmt: skip
def test_production_calls_nothing_in_the_clear_over_a_network(
    earnest: dict[str, str], name: str, plain: str, safe: str
) -> None:
    assert f"{name} goes over a network in the clear" in refused(earnest | {name: plain})
    Settings.from_env(earnest | {name: safe})
    Settings.from_env(earnest | {name: plain, "INNER_TLS": "off"})


def test_a_list_of_stolen_passwords_that_is_not_there_stops_the_start(earnest: dict[str, str], tmp_path: Path) -> None:
    assert "BREACHED_PASSWORDS names" in refused(earnest | {"BREACHED_PASSWORDS": str(tmp_path / "none")})


class Watched(dict[str, str]):
    """An environment that remembers what was asked of it."""

    asked: set[str]

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        self.asked.add(name)
        return super().get(name, default)


def test_every_setting_is_named_where_an_operator_looks(earnest: dict[str, str]) -> None:
    env = Watched(earnest)
    env.asked = set()
    Settings.from_env(env)
    root = Path(__file__).parents[1]
    pages = "".join((root / name).read_text("utf-8") for name in ("deploy/city.env.example", "docs/operations.md"))
    assert len(env.asked) > 35
    assert {name for name in env.asked if not re.search(rf"\b{name}\b", pages)} == set()


def test_the_examples_defaults_are_the_defaults(earnest: dict[str, str]) -> None:
    """What stands there behind a # changes nothing when the # is taken away."""
    example = (Path(__file__).parents[1] / "deploy/city.env.example").read_text("utf-8")
    said = dict(re.findall(r"^#([A-Z_]+)=(.*)$", example, re.M))
    assert len(said) > 10
    plain, named = Settings.from_env(earnest), Settings.from_env(earnest | said)
    assert [one.name for one in fields(Settings) if getattr(plain, one.name) != getattr(named, one.name)] == []
