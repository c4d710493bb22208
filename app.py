"""Builds the application; no logic lives here. `python app.py` is the whole service on one machine.

`create_app(settings)` wires the rooms together: channels and pages (`bot`), the console (`staff`), what runs later
(`jobs`). A WSGI server calls it without arguments in each of its processes; `flask --app app …` finds it too.
"""

import multiprocessing
import os
import sys
from collections.abc import Callable
from functools import cache, partial
from itertools import starmap
from pathlib import Path
from typing import Any

from flask import Flask
from granian import Granian
from granian.constants import Interfaces
from granian.log import LogLevels

import logs
import redis_server
import staff
from bot import api, case_photos, health, metrics, pages, web
from bot import rooms as room_pages
from bot.service import Later, Remembering, Service, Understands
from bot.wechat import channel as wechat
from bot.wechat import checkup, codes, delivery, media, menu, mini, oauth, recordings, spool, typing
from intents import train
from intents.understander import Understander
from jobs import clocks, demo, doctor, figures, moves, queue, reconcile, retention, supervisor, worker
from jobs import delivery as outbox
from knowledge_base import live
from records import crypto, scanner
from records.base import engine_for
from records.switches import Watch
from settings import Settings, SettingsError
from staff import sweeps as staff_sweeps


def create_app(settings: Settings | None = None, **parts: Any) -> Flask:
    """The application of one process.

    `settings`: from the environment when not given. `parts` replaces parts of the service (`understander`,
    `knowledge`), so that tests needn't train or load twice. Raises `SettingsError` and `KnowledgeError`; to somebody
    at a command line (`flask --app app …`) the same in plain words.
    """
    try:
        return _create_app(settings, **parts)
    except Exception as error:
        doctor.explain(error)
        raise


def _create_app(settings: Settings | None = None, **parts: Any) -> Flask:
    settings = settings or Settings.from_env(os.environ)
    _log(settings)
    app = Flask(__name__, static_folder=None)
    pages.prepare(app, settings)
    service = build_service(settings, **parts)
    app.extensions["service"] = service
    health.register(app, partial(spool.gauges, service.settings))
    wechat.register(app, service)
    _register_rooms(app, service)
    app.cli.add_command(doctor.command(service, [lambda: starmap(doctor.Finding, checkup.checks(service))]))
    app.cli.add_command(doctor.keys(service))
    app.cli.add_command(figures.command(service))
    return app


def build_service(settings: Settings, **parts: Any) -> Service:
    """Everything a turn needs, without a web server around it (the worker and the commands use it too).

    Of `parts`, `articles` is what another `live.Live` of the same database already holds.
    """
    crypto.configure(settings.data_key, settings.lookup_key)
    scanner.configure(settings.clamav_url)
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = engine_for(settings.database_url, pool=settings.threads + 2)
    client = redis_server.connect(settings)
    service = Service(
        settings=settings,
        engine=engine,
        redis=client,
        articles=live.Fixed(parts["knowledge"])
        if parts.get("knowledge")
        else live.Live(engine, client, settings.regions, known=parts.get("articles")),
        understander=parts.get("understander") or understander_of(settings),
        switches=Watch(engine),
    )
    service.channels["wechat"] = wechat.Channel(settings)
    service.nudge = queue.nudger(queue.open_queue(settings))
    return service


def understander_of(settings: Settings) -> Understands:
    """The local model, or Rasa with the local model behind it (`NLU_BACKEND=rasa`)."""
    local = _model(settings.model_dir)
    if settings.nlu_backend != "rasa":
        return Remembering(local)
    from intents.rasa import RasaUnderstander  # brings an HTTP client that nothing else needs

    return RasaUnderstander(local, settings.rasa_url)


@cache
def _model(folder: Path) -> Understander:
    """Loaded once a process, and by the supervisor before it forks: all its processes share one."""
    return Understander.load(folder)


def _register_rooms(app: Flask, service: Service) -> None:
    """The pages of the other rooms, each by its own `register(app)`."""
    web.register(app)
    room_pages.register(app, login_url=oauth.login_url, follow_code=partial(codes.temporary, service))
    staff.register(app)
    api.register(app, openid_of=partial(mini.openid_of, service))
    if service.settings.rehearsal:
        from bot.sandbox import door
        from bot.sandbox import routes as sandbox

        platform = sandbox.register(app, service.settings, service.redis)
        service.settings = door.for_process(service.settings, platform)


def work(**parts: Any) -> int:
    """The worker process: delivers the outbox, replays the spool, sweeps. `parts`: as for `create_app`."""
    settings = Settings.from_env(os.environ)
    _log(settings)
    service = build_service(settings, **{"understander": Later(partial(understander_of, settings))} | parts)
    metrics.start(service.redis)
    senders = {"wechat": metrics.watched(partial(delivery.send, service))}
    photos = {"wechat": partial(media.original, service), "web": partial(case_photos.own, service)}
    jobs: list[worker.Job] = [partial(outbox.deliver_due, service.engine, senders), partial(spool.replay, service)]
    jobs += [partial(staff_sweeps.every_second, service), partial(typing.push, service)]
    sweeps: list[worker.Job] = [
        partial(outbox.sweep, service.engine),
        partial(media.sweep, service),
        partial(recordings.sweep, service),
        partial(case_photos.gather, service, photos),
        partial(staff_sweeps.now_and_then, service),
        partial(clocks.reminders_due, service.engine),
        partial(clocks.overdue_cases, service.engine),
        partial(moves.remind_of_duties, service.engine),
        partial(moves.ask_again, service.engine),
        partial(moves.retire, service.engine),
        partial(clocks.articles_expire, service.engine, service.redis),
        partial(retention.sweep, service.engine),
        partial(reconcile.chats, service.engine),
        reconcile.people(service.engine),
        partial(clocks.erasures_due, service.engine, settings.data_dir / "uploads"),
        partial(clocks.case_photos_expire, service.engine, settings.data_dir / "uploads"),
        clocks.leftovers_expire(settings.data_dir / "uploads", spool.folder(settings)),
    ]
    if settings.rehearsal:
        jobs.append(menu.publisher(service))
    return worker.run(queue.open_queue(settings), jobs, sweeps)


def serve() -> int:
    """The whole service on one machine: prepare what is missing, then become its supervisor."""
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    _log(settings)
    return supervisor.apart("prepare", partial(demo.prepare, settings), partial(_read_model, settings)) or supervise()


def _read_model(settings: Settings) -> None:
    """Meanwhile: read the model. One that has to be trained first is made in `prepare`, and read when it is there."""
    if train.made(settings.model_dir):
        _model(settings.model_dir)


def supervise() -> int:
    """Keep the web processes, the worker and the live updates running, all forked from here."""
    settings = Settings.from_env(os.environ)
    _log(settings)
    supervisor.quiet_threads()
    parts = shared(settings)
    targets: dict[str, Callable[[], object]] = {
        "web": partial(web_server, settings, **parts),
        "worker": partial(work, **parts),
    }
    if settings.stream_port:
        targets["stream"] = partial(stream_server, settings)
    return supervisor.supervise(settings, targets)


def shared(settings: Settings) -> dict[str, Any]:
    """The large parts that never change: made once, before anything is forked, they are in memory once for all.

    No connection may outlive this: a forked copy of one would speak into the other process's conversation.
    """
    crypto.configure(settings.data_key, settings.lookup_key)
    engine = engine_for(settings.database_url)
    articles = live.Live(engine, None, settings.regions)
    engine.dispose()
    return {"understander": understander_of(settings), "articles": articles}


def web_server(settings: Settings, **parts: Any) -> None:
    """The web processes: granian, a few threads each. `parts`: as for `create_app`."""
    multiprocessing.set_start_method("fork", force=True)  # elsewhere than on Linux it would start them empty
    Granian(
        "app:create_app", address=settings.host, port=settings.port, interface=Interfaces.WSGI, factory=True,
        workers=settings.workers, blocking_threads=settings.threads, backlog=1024, respawn_failed_workers=True,
        workers_kill_timeout=10, log_level=LogLevels.warning, websockets=False,
    ).serve(target_loader=partial(_in_worker, settings, **parts), wrap_loader=False)  # fmt: skip


def _in_worker(settings: Settings, **parts: Any) -> Flask:
    """`create_app` in a web process, which ends when the one that started it is killed: it would go on answering with old
    code, beside its successors, and after the service was stopped."""
    redis_server.end_with_parent()
    return create_app(settings, **parts)


def stream_server(settings: Settings) -> None:
    """The console's live updates: one event loop holds all open consoles."""
    Granian(
        "stream:create", address=settings.host, port=settings.stream_port, interface=Interfaces.ASGI, factory=True,
        workers=1, backlog=2048, respawn_failed_workers=True, workers_kill_timeout=3, log_level=LogLevels.warning,
        websockets=False,
    ).serve()  # fmt: skip


def _log(settings: Settings) -> None:
    logs.configure(settings.log_level)


_COMMANDS = {"": serve, "worker": work, "supervise": supervise}
USAGE = """python app.py: the whole service, as settings.py reads it from the environment
python app.py worker: the background process alone
python app.py supervise: the whole service, its processes started again when they end"""


def command(arguments: list[str]) -> int:
    """What the command line asks for; 2 for what there isn't, which must not start a service."""
    chosen = _COMMANDS.get(" ".join(arguments))
    if chosen is None:
        print(f"python app.py {' '.join(arguments)}: no such command\n{USAGE}", file=sys.stderr)
        return 2
    return chosen()


if __name__ == "__main__":
    raise SystemExit(command(sys.argv[1:]))
