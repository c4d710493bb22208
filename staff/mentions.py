"""Where colleagues named somebody with @: one list, the newest first, and what of it is new."""

from flask import render_template

from records import notes, staff
from records.base import read, write
from staff.blueprint import blueprint
from staff.house import house, me, scope
from staff.permissions import needs


@blueprint.get("/mentions")
@needs("inbox.see")
def mentions_page() -> str:
    """Notes that name one's login, as far as one may see their chats. Opening the page counts as having seen them."""
    with read(house().engine) as conn:
        last = notes.seen_up_to(conn, me().id)
        rows, names = notes.naming(conn, scope(), me().login), staff.names(conn)
    if rows and rows[0].id > last:
        with write(house().engine) as conn:
            notes.see(conn, me().id, rows[0].id)
    return render_template("staff/mentions.html", rows=rows, last=last, names=names)
