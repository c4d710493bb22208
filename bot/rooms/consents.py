"""`/consent/<secret>`: what a firm wrote about somebody, shown to him alone, to agree to or refuse."""

from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response as BaseResponse

import clock
from bot.rooms import forms
from bot.rooms.blueprint import pages, person_id_for_filing
from bot.rooms.scan import remember
from bot.service import service
from records import consent, declarations, filing, links
from records.base import write

View = BaseResponse | str | tuple[Any, int]


@pages.route("/consent/<secret>", methods=["GET", "POST"])
def own_consent(secret: str) -> View:
    """Whoever opens the link proves with the last four characters of his ID number that it is his."""
    now, fault = clock.now(), ""
    with write(service().engine) as conn:
        link = links.look(conn, "consent", secret, now)
        row = declarations.get(conn, link.subject_id) if link else None
        if link is None or row is None or row.state != "waiting" or not row.who:
            return render_template("scan/link_over.html"), 410
        shown = declarations.of_filing(conn, row.filing_id)[0]
        proven = request.form.get("last4", "").strip().upper() == row.who["number"][-4:]
        if request.method == "POST" and not proven:
            links.missed(conn, link.id)
            fault = "后四位对不上。请看看是不是发给您本人的链接"
        elif request.method == "POST" and request.form.get("answer") == "refuse":
            links.use(conn, link.id, None, now)
            declarations.move(conn, row.id, "declined", "person", now)
            return render_template("scan/declined.html")
        elif request.method == "POST" and request.form.get("agree") == consent.VERSION:
            if links.use(conn, link.id, person_id_for_filing(conn), now):
                filing.consented(conn, row, person_id_for_filing(conn), now)
            remember(shown.number)
            return redirect(url_for("rooms.receipt", number=shown.number), 303)
        elif request.method == "POST":
            fault = "请勾选同意，或者点“不同意”"
        address = declarations.address_of(shown)
    return render_template(
        "scan/consent.html", shown=forms.masked(row) if proven else None, address=address, row=row, fault=fault,
        consent=consent,
    ), 422 if fault else 200  # fmt: skip
