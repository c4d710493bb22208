"""One way to say no to a request: a status and a word for the log, never a page and never a trace."""


class Refused(Exception):
    """A request the callback doesn't accept.

    `status` is what the caller gets with an empty body: 400 for a malformed one, 403 for one that isn't
    proven to come from the platform, 413 for one that is too large. `reason` goes to the log; it holds no
    part of the request, so no personal data.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
