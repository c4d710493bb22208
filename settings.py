"""Every setting of the service: its meaning, its default, its check. Read once from the environment.

`Settings.from_env(os.environ)` is the only reader. In rehearsal mode (the default) a secret that isn't set is made
once and kept in `DATA_DIR/secrets.json`, so that `make run` needs no preparation; in production a missing or
made-up secret stops the start with a sentence that says which.
"""

import base64
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

REGIONS = ("ningbo", "zhongshan")
ACCOUNT_KINDS = ("service", "subscription", "test")

N = TypeVar("N", int, float)


class SettingsError(Exception):
    """A setting is missing or wrong. The message names the setting, the fault and the way out."""


@dataclass(frozen=True, slots=True, repr=False)
class Settings:
    """What the service was told. Build it with `from_env`; tests may use `dataclasses.replace`."""

    app_mode: str
    """`rehearsal` (sandbox and demo logins on) or `production` (both refused)."""
    host: str
    port: int
    data_dir: Path
    """SQLite file, embedded Redis socket, made secrets, uploads, trained model, message spool."""
    database_url: str
    redis_url: str | None
    """None: the service starts its own redis-server on a private socket in `data_dir`."""
    secret_key: str
    """Signs sessions and links."""
    data_key: str
    """Encrypts personal data: 32 bytes, url-safe base64. Several, separated by commas: the first encrypts,
    all decrypt (key rotation)."""
    lookup_key: str
    """Makes the keyed hashes by which sealed values are found: 32 bytes, url-safe base64. Several, separated by
    commas: the first hashes, all find (`records/rehash.py`)."""
    public_url: str
    """How people's phones reach the service, without a slash at the end."""
    wechat_app_id: str
    wechat_app_secret: str
    wechat_token: str
    wechat_aes_key: str
    """43 characters, as the platform's console shows it. Empty: plaintext mode only."""
    mini_app_id: str
    """AppID of the mini-program that may use `/api/v1`; empty: none."""
    mini_app_secret: str
    wechat_api_base: str
    """The platform's API; in rehearsal the sandbox's."""
    account_kind: str
    """`service` (verified 服务号), `subscription` or `test`: what the account may do."""
    template_reminder: str
    """Id of the subscription template by which reminders go when no customer message may (`bot/wechat/pushes.yml`);
    empty: they wait for the person's next contact."""
    template_notice: str
    """The same for notices that people asked for."""
    template_reply: str
    """The same for what staff leave for somebody whom no customer message reaches; empty: they can only ring up."""
    callback_format: str
    """`xml` or `json`, as set in the platform's console."""
    callback_mode: str
    """`safe`: only encrypted pushes are taken, as the platform sends them in safe mode; `any`: plain ones too."""
    nlu_backend: str
    rasa_url: str
    regions: tuple[str, ...]
    reply_budget: float
    """Seconds a callback may take before the platform gets its acknowledgement and the reply follows later."""
    workers: int
    threads: int
    log_level: str
    proxies: int
    """How many reverse proxies stand before us; that many `X-Forwarded-*` entries are believed. One in production, where
    somebody must end TLS; with none believed everybody would count as one address."""
    stream_port: int
    """Where the console's live updates are served; 0: nowhere, the console asks every few seconds."""
    stream_url: str
    """How browsers reach the live updates (behind a proxy); empty: the page's own host at `stream_port`."""
    force_totp: str
    """Who must have a second factor: `everybody` (production, unless told otherwise), `administrators`, or nobody."""
    breached_passwords: Path | None
    """A list of stolen passwords that the office fetched (`records/breached.py`); None: new ones aren't looked up."""
    clamav_url: str
    """The virus scanner's socket, unix:/path or tcp://host:3310; empty: files aren't scanned."""
    outside_webhook: str
    """A WeCom group robot that is told of alarms nobody takes; empty: none."""
    outside_mail_to: str
    """Who is told by e-mail, addresses separated by commas; empty: nobody."""
    outside_mail_from: str
    smtp_url: str
    """smtp://user:password@host:port, or smtps://…; empty: no e-mail."""

    def __repr__(self) -> str:
        # Secrets must not reach a log through a stray repr.
        return f"Settings({self.app_mode}, {self.public_url})"

    @property
    def rehearsal(self) -> bool:
        """True where the sandbox and demo logins exist."""
        return self.app_mode == "rehearsal"

    @property
    def https(self) -> bool:
        """Whether people reach the service by https, as production always is."""
        return self.public_url.startswith("https://")

    def cookie(self, name: str) -> str:
        """A cookie's name. By https browsers then take it from this very host only, not from a neighbour's name."""
        return f"__Host-{name}" if self.https else name

    def cookie_path(self, path: str) -> str:
        """Where a cookie goes: `__Host-` is only taken for the whole host."""
        return "/" if self.https else path

    @property
    def model_dir(self) -> Path:
        """Where the trained classifier is kept."""
        return self.data_dir / "model"

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> "Settings":
        """Read, default and check every setting.

        Raises `SettingsError` with all faults at once, a line each.
        """
        return _Reader(env).settings()


class _Reader:
    """Collects faults while reading, so that an operator sees all of them in one go."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.faults: list[str] = []
        self.mode = self.one_of("APP_MODE", ("rehearsal", "production"), "rehearsal")
        self.data_dir = Path(env.get("DATA_DIR") or "var").absolute()
        self.kept: dict[str, str] = {}

    def one_of(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.env.get(name) or default
        if value not in allowed:
            self.faults.append(f"{name} is {value!r}; it must be one of: {', '.join(allowed)}")
            return default
        return value

    def number(self, name: str, default: N, low: N, high: N, kind: Callable[[str], N]) -> N:
        raw = self.env.get(name)
        if not raw:
            return default
        try:
            value = kind(raw)
        except ValueError:
            self.faults.append(f"{name} is {raw!r}, which is not a number; give one from {low} to {high}")
            return default
        if not low <= value <= high:
            self.faults.append(f"{name} is {raw}; it must be from {low} to {high}")
        return value

    def secret(self, name: str, make: Callable[[], str], check: Callable[[str], str | None]) -> str:
        """A secret from the environment; made and kept in rehearsal, demanded in production."""
        value = self.env.get(name, "")
        if value:
            fault = check(value)
            if fault:
                self.faults.append(f"{name} {fault}")
            elif self.mode == "production" and value in self.kept.values():
                self.faults.append(f"{name} is one that a rehearsal made up; give production a secret of its own")
            return value
        if self.mode == "production":
            self.faults.append(f"{name} is not set; production needs it ({_HINTS[name]})")
            return ""
        return self.kept.setdefault(name, make())

    def settings(self) -> Settings:
        production = self.mode == "production"
        with _KeptSecrets(self.data_dir, write=not production) as kept:
            self.kept = kept
            made = {name: self.secret(name, make, check) for name, make, check in _SECRETS}
            lookup_key = self.secret(
                "LOOKUP_KEY", lambda: "" if self.faults else lookup_key_of(made["DATA_KEY"]), _data_key_fault
            )
            mini_app_id, mini_app_secret = self._mini_program(made)
        port = self.number("PORT", 8000, 1, 65535, int)
        host = self.env.get("HOST") or "127.0.0.1"
        public_url = (self.env.get("PUBLIC_URL") or f"http://127.0.0.1:{port}").rstrip("/")
        api_base = self.env.get("WECHAT_API_BASE") or (
            "https://api.weixin.qq.com" if production else f"http://127.0.0.1:{port}/sandbox/api"
        )
        if production:
            self._check_production(public_url)
        settings = Settings(
            app_mode=self.mode,
            host=host,
            port=port,
            data_dir=self.data_dir,
            database_url=self._address("DATABASE_URL", ("sqlite:///", "postgresql://", "postgresql+psycopg://"))
            or f"sqlite:///{self.data_dir / 'city.db'}",
            redis_url=self._address("REDIS_URL", ("redis://", "rediss://", "unix://")) or None,
            secret_key=made["SECRET_KEY"],
            data_key=made["DATA_KEY"],
            lookup_key=lookup_key,
            public_url=public_url,
            wechat_app_id=made["WECHAT_APP_ID"],
            wechat_app_secret=made["WECHAT_APP_SECRET"],
            wechat_token=made["WECHAT_TOKEN"],
            wechat_aes_key=made["WECHAT_AES_KEY"],
            mini_app_id=mini_app_id,
            mini_app_secret=mini_app_secret,
            wechat_api_base=api_base.rstrip("/"),
            account_kind=self.one_of("WECHAT_ACCOUNT_KIND", ACCOUNT_KINDS, "service"),
            template_reminder=self.env.get("WECHAT_TEMPLATE_REMINDER") or "",
            template_notice=self.env.get("WECHAT_TEMPLATE_NOTICE") or "",
            template_reply=self.env.get("WECHAT_TEMPLATE_REPLY") or "",
            callback_format=self.one_of("WECHAT_CALLBACK_FORMAT", ("xml", "json"), "xml"),
            callback_mode=self.one_of(
                "WECHAT_CALLBACK_MODE", ("safe", "any"), "safe" if self.mode == "production" else "any"
            ),
            nlu_backend=self.one_of("NLU_BACKEND", ("local", "rasa"), "local"),
            rasa_url=(self.env.get("RASA_URL") or "http://127.0.0.1:5005").rstrip("/"),
            regions=self._regions(),
            reply_budget=self.number("REPLY_BUDGET", 4.0, 0.1, 4.5, float),
            workers=self.number("WORKERS", 2, 1, 64, int),
            threads=self.number("THREADS", 4, 1, 64, int),
            proxies=self.number("PROXIES", 1 if production else 0, 0, 5, int),
            log_level=self.one_of("LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO"),
            stream_port=self.number("STREAM_PORT", port + 1 if port < 65535 else 0, 0, 65535, int),
            stream_url=(self.env.get("STREAM_URL") or "").rstrip("/"),
            force_totp=self.one_of("FORCE_TOTP", ("everybody", "administrators"), "everybody") if production else "",
            breached_passwords=self._breached(),
            clamav_url=self._address("CLAMAV_URL", ("unix:/", "tcp://")),
            outside_webhook=self._address("OUTSIDE_WEBHOOK", ("https://", "http://")),
            outside_mail_to=self.env.get("OUTSIDE_MAIL_TO") or "",
            outside_mail_from=self.env.get("OUTSIDE_MAIL_FROM") or "",
            smtp_url=self._address("SMTP_URL", ("smtp://", "smtps://")),
        )
        if self.faults:
            raise SettingsError("the service can't start:\n" + "\n".join(f"- {fault}" for fault in self.faults))
        return settings

    def _check_production(self, public_url: str) -> None:
        if not public_url.startswith("https://"):
            self.faults.append("PUBLIC_URL must be the https:// address that phones reach; WeChat calls nothing else")
        if (self.env.get("FLASK_DEBUG") or "0") != "0":
            self.faults.append("FLASK_DEBUG is on; production refuses debug, unset it")
        if "/sandbox" in (self.env.get("WECHAT_API_BASE") or ""):
            self.faults.append("WECHAT_API_BASE points at a sandbox; production talks to the platform itself")
        if self.one_of("INNER_TLS", ("required", "off"), "required") == "required":
            self.faults.extend(
                f"{name} goes over a network in the clear; {way}, or, where that network is one machine's or encrypted "
                "by itself, say INNER_TLS=off"
                for name, way in _INNER.items()
                if _in_the_clear(self.env.get(name) or "")
            )

    def _mini_program(self, made: Mapping[str, str]) -> tuple[str, str]:
        """AppID and AppSecret of the mini-program; made up in rehearsal, both or none in production."""
        given = self.env.get("MINI_APP_ID") or "", self.env.get("MINI_APP_SECRET") or ""
        if any(given) and not all(given):
            self.faults.append("MINI_APP_ID and MINI_APP_SECRET belong together; set both or neither")
        if self.mode == "production" or any(given):
            return given
        secret = self.kept.setdefault("MINI_APP_SECRET", secrets.token_hex(16))
        return self.kept.setdefault("MINI_APP_ID", "wx" + secrets.token_hex(8)), secret

    def _breached(self) -> Path | None:
        named = self.env.get("BREACHED_PASSWORDS") or ""
        if named and not Path(named).is_file():
            self.faults.append(
                f"BREACHED_PASSWORDS names {named}, which is no file; leave it empty or give the list's path"
            )
        return Path(named) if named else None

    def _address(self, name: str, schemes: tuple[str, ...]) -> str:
        value = self.env.get(name) or ""
        if value and not value.startswith(schemes):
            self.faults.append(f"{name} must begin with {' or '.join(schemes)}")
        return value

    def _regions(self) -> tuple[str, ...]:
        named = tuple(r.strip() for r in (self.env.get("REGIONS") or ",".join(REGIONS)).split(",") if r.strip())
        unknown = [r for r in named if r not in REGIONS]
        if unknown:
            self.faults.append(f"REGIONS names {', '.join(unknown)}; there are packs for: {', '.join(REGIONS)}")
        return named


_INNER = {
    "DATABASE_URL": "add ?sslmode=verify-full", "REDIS_URL": "use rediss://", "RASA_URL": "use https://",
    "CLAMAV_URL": "use its socket on this machine, unix:/…",
}  # fmt: skip
"""What is called within the house, and how it is called safely."""


def _in_the_clear(address: str) -> bool:
    """Whether calls to `address` leave this machine without a cipher and a checked certificate."""
    parts = urlsplit(address)
    query = parse_qs(parts.query)
    host = query.get("host", [parts.hostname or ""])[0]
    here = host in ("", "localhost", "::1") or host.startswith(("127.", "/"))
    if here or parts.scheme in ("rediss", "https", "unix", "sqlite"):
        return False
    return query.get("sslmode", [""])[0] not in ("verify-ca", "verify-full")


def lookup_key_of(data_key: str) -> str:
    """The key of the hashes where no LOOKUP_KEY is set: it hangs on the last (oldest) key of DATA_KEY."""
    oldest = base64.urlsafe_b64decode(data_key.rsplit(",", 1)[-1].strip() or "=")
    return base64.urlsafe_b64encode(hashlib.sha256(b"lookup" + oldest).digest()).decode()


def _data_key_fault(value: str) -> str | None:
    for key in value.split(","):
        try:
            right = len(base64.urlsafe_b64decode(key.strip())) == 32
        except ValueError:
            right = False
        if not right:
            return "is not 32 bytes in url-safe base64 (several: separated by commas)"
    return None


def _aes_key_fault(value: str) -> str | None:
    return None if len(value) == 43 and value.isalnum() else "is not the 43 letters and digits of EncodingAESKey"


def _short_fault(value: str) -> str | None:
    return None if len(value) >= 16 else "is shorter than 16 characters"


def _any(value: str) -> str | None:
    return None


def _token_fault(value: str) -> str | None:
    fits = 3 <= len(value) <= 32 and value.isalnum()
    return None if fits else "is not 3 to 32 letters and digits, as the platform asks"


def _aes_key() -> str:
    # 43 base64 characters carry 258 bits; the last one may only hold two zero bits more (platform: decode(key + "=")).
    key = base64.b64encode(secrets.token_bytes(32)).decode().rstrip("=")
    return key if key.isalnum() else _aes_key()


_SECRETS: tuple[tuple[str, Callable[[], str], Callable[[str], str | None]], ...] = (
    ("SECRET_KEY", lambda: secrets.token_urlsafe(32), _short_fault),
    ("DATA_KEY", lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(), _data_key_fault),
    ("WECHAT_APP_ID", lambda: "wx" + secrets.token_hex(8), _any),
    ("WECHAT_APP_SECRET", lambda: secrets.token_hex(16), _any),
    ("WECHAT_TOKEN", lambda: secrets.token_hex(12), _token_fault),
    ("WECHAT_AES_KEY", _aes_key, _aes_key_fault),
)
_HINTS = {
    "SECRET_KEY": "32 random characters; signs logins and links",
    "DATA_KEY": "32 random bytes in url-safe base64; encrypts personal data, keep a copy in a safe",
    "LOOKUP_KEY": "32 random bytes in url-safe base64; people are found by it, keep a copy in a safe; a database that "
    "was written without it: python -m records.rotate prints the one in use",
    "WECHAT_APP_ID": "AppID of the official account",
    "WECHAT_APP_SECRET": "AppSecret of the official account",
    "WECHAT_TOKEN": "the Token typed into the platform's page 消息与事件推送",
    "WECHAT_AES_KEY": "the EncodingAESKey of the same page",
}


class _KeptSecrets:
    """The made-up secrets of a rehearsal, read and written under a file lock (workers start together)."""

    def __init__(self, folder: Path, write: bool) -> None:
        self.path, self.write = folder / "secrets.json", write

    def __enter__(self) -> dict[str, str]:
        self.handle: Any = None
        if self.write:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.handle = os.fdopen(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600), "r+")
            fcntl.flock(self.handle, fcntl.LOCK_EX)
        text = self.path.read_text() if self.path.exists() else ""
        self.before: dict[str, str] = json.loads(text) if text else {}
        self.kept = dict(self.before)
        return self.kept

    def __exit__(self, *exc: object) -> None:
        if self.handle is None:
            return
        if self.kept != self.before:
            self.handle.seek(0)
            self.handle.truncate()
            json.dump(self.kept, self.handle, indent=1)
        self.handle.close()
