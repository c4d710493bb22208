"""Who may do what: one table, read by every view through `@needs`."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

DESK = frozenset({"grid_worker", "front_desk", "officer", "counsellor", "supervisor"})
EVERYBODY = DESK | {"editor", "reviewer", "administrator"}
CARE = frozenset({"counsellor", "supervisor"})
LEAD = frozenset({"supervisor", "administrator"})

PERMISSIONS: dict[str, frozenset[str]] = {
    "account.own": EVERYBODY,  # one's own password, second factor, look of the console
    "live": EVERYBODY,  # the console's pulse: alarms (where allowed), counts
    "inbox.see": DESK,
    "inbox.every_team": frozenset({"supervisor"}),
    "inbox.watch": frozenset({"supervisor"}),  # waiting times and load of everybody
    "chat.see": DESK,
    "chat.claim": DESK,
    "chat.reply": DESK,
    "chat.step_in": frozenset({"supervisor"}),  # write in, or take away, a chat that somebody else owns
    "chat.search": DESK,
    "personal.reveal": DESK,
    "psychology.see": CARE,  # promise 12: nobody else sees what is said to a counsellor
    "crisis.desk": CARE,
    "canned.use": DESK,
    "canned.share": frozenset({"supervisor", "editor"}),
    "drafts.approve": DESK - {"grid_worker"},  # answers of the bot that staff see first
    "notices.see": frozenset({"officer", "editor", "reviewer", "supervisor"}),
    "notices.write": frozenset({"officer", "editor", "reviewer", "supervisor"}),
    "notices.approve": frozenset({"reviewer", "supervisor"}),  # of what somebody else wrote
    "cases.see": DESK,
    "cases.move": frozenset({"grid_worker", "officer", "counsellor", "supervisor"}),
    "cases.export": frozenset({"supervisor"}),
    "rooms.see": DESK - {"counsellor"},
    "rooms.desk": DESK - {"counsellor"},  # check people in and out, check what they declared
    "rooms.inspect": frozenset({"grid_worker", "officer", "supervisor"}),
    "rooms.manage": frozenset({"officer", "supervisor"}),  # colours, codes, closing rooms, landlords' and firms' links
    "knowledge.see": EVERYBODY,
    "knowledge.edit": frozenset({"editor", "reviewer", "supervisor"}),  # write, submit, publish, withdraw
    "knowledge.review": frozenset({"reviewer", "supervisor"}),  # approve what somebody else wrote
    "points.see": frozenset({"front_desk", "officer", "supervisor"}),
    "points.enter": frozenset({"front_desk", "officer", "supervisor"}),
    "points.approve": frozenset({"officer", "supervisor"}),  # what somebody else entered; allotments; revoking
    "switches.see": LEAD,
    "switches.change": LEAD,
    "hours.change": LEAD,
    "reports.see": LEAD,
    "quality.score": frozenset({"supervisor"}),
    "accounts.manage": frozenset({"administrator"}),
    "audit.see": LEAD,
}
"""Permission → the roles that have it."""

View = TypeVar("View", bound=Callable[..., Any])


def permitted(role: str, permission: str) -> bool:
    """Whether a role has a permission. Raises `KeyError` for a permission that isn't in the table."""
    return role in PERMISSIONS[permission]


def needs(permission: str) -> Callable[[View], View]:
    """Only for somebody who is logged in and has `permission`; everybody else gets the login, or a 403.

    Raises `KeyError` at import for a permission that isn't in the table.
    """
    PERMISSIONS[permission]

    def guard(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            from staff.doors import turned_away

            refusal = turned_away(permission)
            return refusal if refusal is not None else view(*args, **kwargs)

        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return guard
