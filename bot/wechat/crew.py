"""A few threads that take turns while the callback's own threads watch the clock.

What `concurrent.futures` adds (a future, a condition, a count of idle threads) costs as much as storing a turn, and
nothing of it is needed here: a job tells by itself when it is done.
"""

import contextvars
import threading
from collections.abc import Callable
from queue import SimpleQueue

Job = Callable[[], None]


class Crew:
    """Threads that run jobs in the order they come, each in the context it was handed over in."""

    def __init__(self, size: int) -> None:
        """`size`: how many threads; they are started at once and end with the process or with `shutdown`."""
        self._jobs: SimpleQueue[tuple[contextvars.Context, Job] | None] = SimpleQueue()
        self._threads = [threading.Thread(target=self._work, name=f"turn-{n}", daemon=True) for n in range(size)]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job) -> None:
        """Have `job` run by the next free thread. It must not raise."""
        self._jobs.put((contextvars.copy_context(), job))

    def shutdown(self, *, wait: bool = True) -> None:
        """Take no more; `wait` until what was handed over is done."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _work(self) -> None:
        while (handed := self._jobs.get()) is not None:
            context, job = handed
            context.run(job)
