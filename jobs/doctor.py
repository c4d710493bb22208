"""`flask --app app doctor`: looks at everything the service needs and says in plain words what to do.

`flask --app app keys rotate` is here too. What only a channel knows is handed in by `app.py`.
"""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import click
import redis
from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

import clock
from records import breached, crypto, migrate, rehash, rotate, scanner
from records.base import Busy, read
from settings import Settings, SettingsError

SKEW = 60.0
"""Seconds our clock may differ from the database's or the platform's: callbacks older than minutes are refused."""
ROOM = 1 << 30
"""Bytes of disk that should be free in the data folder."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found: `ok`, `warn` (works, not for long) or `bad`; `todo` says what helps."""

    state: Literal["ok", "warn", "bad"]
    what: str
    todo: str = ""


Look = Callable[[], Iterable[Finding]]


class House(Protocol):
    """What is looked at."""

    @property
    def settings(self) -> Settings: ...
    @property
    def engine(self) -> Engine: ...
    @property
    def redis(self) -> redis.Redis: ...
    @property
    def understander(self) -> Any: ...
    @property
    def knowledge(self) -> Any: ...


def looks(house: House) -> list[Look]:
    """Every look that needs no channel, in the order they are told."""
    return [
        lambda: _configuration(house.settings), lambda: _doors(house.settings), lambda: _disk(house.settings), lambda: _database(house.engine),
        lambda: _keys(house.engine), lambda: _lookups(house.engine),
        lambda: _redis(house), lambda: _model(house), lambda: _knowledge(house),
    ]  # fmt: skip


def examine(every: Iterable[Look]) -> list[Finding]:
    """All findings; a look that breaks is a finding itself."""
    found: list[Finding] = []
    for look in every:
        try:
            found.extend(look())
        except Exception as error:  # noqa: BLE001 - a doctor who faints helps nobody
            found.append(Finding("bad", f"检查时出错：{type(error).__name__}", "把这一行连同日志发给开发人员"))
    return found


def command(house: House, more: Iterable[Look] = ()) -> click.Command:
    """The command line: a line a finding; exit 1 when something is bad."""

    @click.command("doctor", help="检查配置、数据库、Redis、微信、时钟、密钥、模型和知识库")
    def doctor() -> None:
        found = examine([*looks(house), *more])
        marks = {"ok": "✓", "warn": "！", "bad": "✗"}
        for one in found:
            click.echo(f"{marks[one.state]} {one.what}" + (f"\n    → {one.todo}" if one.todo else ""))
        bad = sum(one.state == "bad" for one in found)
        click.echo(f"checks={len(found)} bad={bad} warnings={sum(one.state == 'warn' for one in found)}")
        if bad:
            raise SystemExit(1)

    return doctor


def explain(error: Exception) -> None:
    """What keeps the service from starting, for somebody at a command line. Raises `ClickException`; elsewhere nothing.

    A server's own log gets the fault as it is.
    """
    if click.get_current_context(silent=True) is None:
        return
    if isinstance(error, SettingsError):
        told = "配置有问题，服务起不来（每行一处，改好再试）：\n" + "\n".join(str(error).splitlines()[1:])
    elif isinstance(error, OSError):
        told = f"读写文件出错（{error.strerror}）：{error.filename}\n    → 检查 DATA_DIR 的权限、磁盘空间和配额"
    elif isinstance(error, SQLAlchemyError):
        told = f"数据库地址用不了（{type(error).__name__}）\n    → 检查 DATABASE_URL，例如 postgresql://用户:密码@主机/库名"
    elif isinstance(
        error, ValueError
    ):  # of the knowledge base, the model's files, an address: their words name the place
        told = (
            f"数据或配置读不进来：{str(error)[:2000]}\n    → 数据：python -m knowledge_base check；地址：DATABASE_URL 例如 "
            "postgresql://用户:密码@主机:5432/库名，REDIS_URL 例如 redis://主机:6379/0"
        )
    else:
        told = f"服务起不来：{type(error).__name__}\n    → 把日志发给开发人员"
    raise click.ClickException(told) from error


def _configuration(settings: Settings) -> Iterable[Finding]:
    mode = "演练" if settings.rehearsal else "正式"
    yield Finding("ok", f"配置读取正常，{mode}模式，对外地址 {settings.public_url}")
    if settings.rehearsal:
        yield Finding("warn", "现在是演练模式：有沙盒和演练账号", "正式使用请设 APP_MODE=production")
    if settings.database_url.startswith("sqlite"):
        yield Finding(
            "warn", "数据库是 SQLite，只适合一台机器、人不多时", "多台机器或正式使用请设 DATABASE_URL=postgresql://…"
        )
    if not settings.rehearsal and not settings.proxies:
        yield Finding(
            "bad",
            "不认反向代理：所有人算同一个地址，一个人输错密码会锁住所有人",
            "PROXIES 设成前面反向代理的层数（一般是 1）",
        )
    if not settings.wechat_aes_key:
        yield Finding("warn", "没有 EncodingAESKey，消息不加密", "在公众平台选“安全模式”，把密钥填进 WECHAT_AES_KEY")
    if not settings.outside_webhook and not settings.outside_mail_to:
        yield Finding(
            "warn", "没人接的危机报警不会通知到外面", "设 OUTSIDE_WEBHOOK（企业微信群机器人）或 OUTSIDE_MAIL_TO"
        )


def _doors(settings: Settings) -> Iterable[Finding]:
    """What guards accounts and files."""
    try:
        said = scanner.version()
        if said is None:
            yield Finding("warn", "没有设病毒扫描：照片会重画，PDF 按原样收下", "装 ClamAV，把 CLAMAV_URL 设成它的接口")
        else:
            yield Finding("ok", f"病毒扫描在运行（{said}）")
    except scanner.Away:
        yield Finding("bad", "病毒扫描没有应答：所有照片和文件都收不下", f"启动 clamd，或检查 {settings.clamav_url}")
    if settings.breached_passwords is not None:
        wrong = breached.fault(settings.breached_passwords)
        yield (
            Finding("bad", f"泄露密码清单读不了（{wrong}）", "重新下载 BREACHED_PASSWORDS 指的文件")
            if wrong
            else Finding("ok", "新密码会查泄露清单")
        )
    elif not settings.rehearsal:
        yield Finding(
            "warn", "没有泄露密码清单，新密码只查常见的", "下载按 SHA-1 排序的清单，路径写进 BREACHED_PASSWORDS"
        )
    if not settings.rehearsal and settings.force_totp != "everybody":
        yield Finding("warn", "只有管理员必须两步验证", "去掉 FORCE_TOTP，让每个工作人员都用")


def _disk(settings: Settings) -> Iterable[Finding]:
    try:
        probe = settings.data_dir / "doctor.probe"
        probe.write_bytes(b"ok")
        probe.unlink()
    except OSError as error:
        yield Finding("bad", f"数据目录写不进去（{error.strerror}）", f"检查 {settings.data_dir} 的权限和磁盘配额")
        return
    free = shutil.disk_usage(settings.data_dir).free
    if free < ROOM:
        yield Finding("bad", f"数据目录只剩 {free >> 20} MB", "清理磁盘；没有空间时，数据库忙的消息会丢")
    else:
        yield Finding("ok", f"数据目录可写，剩余 {free >> 30} GB")
    if settings.data_dir.stat().st_mode & 0o077 and not settings.rehearsal:
        yield Finding("warn", "别的系统用户也能看数据目录", f"chmod 700 {settings.data_dir}")


def _database(engine: Engine) -> Iterable[Finding]:
    try:
        with read(engine) as conn:
            if engine.dialect.name == "postgresql":
                version = str(conn.execute(text("SHOW server_version")).scalar_one())
                there = conn.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one()
                yield _skew("数据库", float(there))
            else:
                version = str(conn.execute(text("SELECT sqlite_version()")).scalar_one())
        yield Finding("ok", f"数据库连得上（{engine.dialect.name} {version}）")
        have, need = migrate.current(engine), migrate.newest()
    except (Busy, SQLAlchemyError) as error:
        yield Finding(
            "bad", f"数据库连不上（{type(error).__name__}）", "检查 DATABASE_URL、数据库是否在运行、防火墙和账号密码"
        )
        return
    if have != need:
        yield Finding(
            "bad", f"数据库版本是 {have or '空'}，程序需要 {need}", "运行 make migrate（或 python -m records.migrate）"
        )
    else:
        yield Finding("ok", f"数据库版本 {have}，和程序一致")


def _skew(whose: str, there: float) -> Finding:
    apart = abs(clock.now().timestamp() - there)
    if apart > SKEW:
        return Finding(
            "bad",
            f"本机时钟和{whose}差 {apart:.0f} 秒",
            "打开时间同步（timedatectl set-ntp true）；差太多会拒收微信消息",
        )
    return Finding("ok", f"时钟和{whose}一致（差 {apart:.0f} 秒）")


def _keys(engine: Engine) -> Iterable[Finding]:
    old = unread = 0
    try:
        for table, column in rotate.sealed_columns():
            for sealed in rotate.sample(engine, table, column, 20):
                try:
                    crypto.cipher().decrypt(sealed)
                    old += not crypto.cipher().uses_newest(sealed)
                except crypto.CipherError:
                    unread += 1
    except (Busy, SQLAlchemyError):
        return
    if unread:
        yield Finding("bad", "有些个人数据用现在的 DATA_KEY 解不开", "把以前的密钥加回 DATA_KEY（逗号分隔，新的在前）")
    elif old:
        yield Finding("warn", "有些个人数据还是旧密钥加密的", "运行 flask --app app keys rotate；可以中断，可以重来")
    else:
        yield Finding("ok", "个人数据的密钥正常")


def _lookups(engine: Engine) -> Iterable[Finding]:
    """Whether people are found by the hashes that are stored of them."""
    try:
        older, lost = rehash.sample(engine)
    except (Busy, SQLAlchemyError, crypto.CipherError):
        return  # told by the others
    if lost:
        yield Finding(
            "bad", f"用现在的 LOOKUP_KEY 认不出最近的 {lost} 个人：他们再来会被当成新人",
            "马上把以前的 LOOKUP_KEY 加回来（逗号分隔），重启；要换密钥请按 docs/operations.md 的四步",
        )  # fmt: skip
    elif older:
        yield Finding("warn", "有些摘要还是旧 LOOKUP_KEY 算的", "运行 flask --app app keys rehash；可以中断，可以重来")
    elif crypto.cipher().hash_keys > 1:
        yield Finding("ok", "检索用的密钥正在更换，最近的人都认得出")
    else:
        yield Finding("ok", "检索用的密钥正常")


def _redis(house: House) -> Iterable[Finding]:
    try:
        info: Any = house.redis.info("server")
        yield Finding("ok", f"Redis 连得上（{info['redis_version']}）")
    except redis.RedisError:
        yield Finding(
            "bad", "Redis 连不上：照样回答市民，但没有实时提醒，限流变松", "检查 REDIS_URL 和 Redis 是否在运行"
        )


def _model(house: House) -> Iterable[Finding]:
    heard = house.understander.understand("居住证快到期了怎么办签注", clock.now())
    state: Literal["ok", "bad"] = "ok" if heard.intent == "permit_renewal" else "bad"
    yield Finding(
        state,
        f"听懂了试问的一句话（{heard.intent}，{heard.backend}）",
        "" if state == "ok" else "运行 python -m intents.train 重新训练",
    )
    if house.settings.nlu_backend == "rasa" and heard.backend != "rasa":
        yield Finding("warn", "设了用 Rasa，但它没有回答，现在用自带的", f"检查 {house.settings.rasa_url} 是否在运行")


def _knowledge(house: House) -> Iterable[Finding]:
    count = len(house.knowledge.articles)
    if not count:
        yield Finding("bad", "知识库是空的", "运行 python -m knowledge_base check 看错在哪里")
        return
    today = clock.today()
    stale = sum(not one.valid(today) for one in house.knowledge.articles.values())
    yield Finding("ok", f"知识库有 {count} 篇")
    if stale:
        yield Finding("warn", f"{stale} 篇过了复核日期或所依据的文件已失效，不给市民看", "在工作台“知识”里复核")


def keys(house: House) -> click.Group:
    """`keys rotate`."""
    group = click.Group("keys", help="个人数据的密钥")

    @group.command("rotate", help="用最新的密钥重新加密全部个人数据（服务不用停，可以中断重来）")
    def rotate_command() -> None:
        uploads, spool = house.settings.data_dir / "uploads", house.settings.data_dir / "spool"
        done = rotate.rotate(house.engine, uploads, lambda name, n: click.echo(f"  {name}: {n}"), spool=spool)
        left = rotate.rotate(house.engine, uploads, spool=spool).changed
        if left:
            click.echo("还有机器在用旧密钥写入：先让每台机器都换上新的 DATA_KEY 并重启，再运行一次")
        else:
            click.echo("没有一个值还靠旧密钥：DATA_KEY 里只留第一个就行了（多台机器时，每台都要先运行过）")
        click.echo(f"changed={done.changed} current={done.current} left={left}")

    group.add_command(_rehash_command(house))
    return group


def _rehash_command(house: House) -> click.Command:
    """`keys rehash`."""

    @click.command("rehash", help="用最新的 LOOKUP_KEY 重算全部检索用的摘要（服务不用停，可以中断重来）")
    def rehash_command() -> None:
        folder = house.settings.data_dir / "uploads"
        if crypto.cipher().hash_keys < 2:
            raise click.ClickException("LOOKUP_KEY 里只有一把密钥，没有可换的；步骤见 docs/operations.md")
        done = rehash.rehash(house.engine, folder, lambda name, n: click.echo(f"  {name}: {n}"))
        left = rehash.rehash(house.engine, folder).changed
        if left:
            click.echo("还有机器在用旧密钥写入：先让每台机器的 LOOKUP_KEY 都把新的放在最前面并重启，再运行一次")
        else:
            click.echo("全部换好了：LOOKUP_KEY 里只留第一个就行了（多台机器时，照片目录不共用的，每台都要运行过）")
        if done.unknown:
            click.echo(f"有 {done.unknown} 条原文已不在，换不了：以后按手机号、证件号找不到它们，别的不受影响")
        click.echo(f"changed={done.changed} unknown={done.unknown} left={left}")

    return rehash_command
