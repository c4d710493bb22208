"""Accounts: who works here, as what; invitations; shutting an account; and the audit log."""

from datetime import datetime

from flask import abort, flash, redirect, render_template, request, url_for
from sqlalchemy.exc import IntegrityError
from werkzeug.wrappers import Response

import clock
from records import audit, sessions, staff
from records.base import read, write
from staff import passwords
from staff.blueprint import blueprint
from staff.house import house, me
from staff.inbox import region_names
from staff.permissions import needs


@blueprint.get("/people")
@needs("accounts.manage")
def people_page() -> str:
    """All accounts, and the form that invites somebody."""
    with read(house().engine) as conn:
        rows = staff.everybody(conn)
    return render_template(
        "staff/people.html", rows=rows, roles=staff.ROLES, teams=staff.TEAMS, region_names=region_names(), link=None
    )


def _wish() -> tuple[str, tuple[str, ...], str | None]:
    """Role, queues and region of a form, checked."""
    role, teams = request.form.get("role", ""), tuple(request.form.getlist("teams"))
    region = request.form.get("region") or None
    if role not in staff.ROLES or not teams or any(team not in staff.TEAMS for team in teams):
        abort(400, "请选角色和至少一个队列。")
    if region is not None and region not in region_names():
        abort(400, "没有这个地区。")
    return role, teams, region


@blueprint.post("/people/invite")
@needs("accounts.manage")
def person_invited() -> str:
    """Make an invitation; its link is shown once."""
    name, now = request.form.get("name", "").strip()[:40], clock.now()
    role, teams, region = _wish()
    if not name:
        abort(400, "请填姓名。")
    with write(house().engine) as conn:
        token = staff.invite(conn, name, role, teams, region, me().id, now)
        audit.note(conn, me().actor, "staff.invited", role, now)
        rows = staff.everybody(conn)
    link = house().settings.public_url + url_for("staff.invited", token=token)
    return render_template(
        "staff/people.html", rows=rows, roles=staff.ROLES, teams=staff.TEAMS, region_names=region_names(), link=link,
        invited=name,
    )  # fmt: skip


@blueprint.post("/people/<int:staff_id>")
@needs("accounts.manage")
def person_changed(staff_id: int) -> Response:
    """Another role, queues, region or capacity; or the account shut (`act=disable`), opened, its sessions ended."""
    act, now = request.form.get("act", "change"), clock.now()
    if staff_id == me().id and act in ("disable", "change"):
        abort(400, "自己的账号请由另一位管理员来改，免得把自己关在外面。")
    with write(house().engine) as conn:
        if act == "disable":
            staff.disable(conn, staff_id, now)
            ended = sessions.end_all(conn, staff_id, now)
            flash(f"账号已停用，{ended}处登录已退出。", "good")
        elif act == "enable":
            staff.enable(conn, staff_id)
        elif act == "sessions":
            flash(f"已退出{sessions.end_all(conn, staff_id, now)}处登录。", "good")
        elif act == "totp":
            staff.set_totp(conn, staff_id, None)
            flash("两步验证已清掉，请本人重新设置。", "good")
        else:
            role, teams, region = _wish()
            capacity = request.form.get("capacity", 5, type=int)
            if not 0 <= capacity <= 50:
                abort(400, "同时接待数要在0到50之间。")
            staff.change(conn, staff_id, role=role, teams=teams, region=region, capacity=capacity)
        audit.note(conn, me().actor, f"staff.{act}", f"staff:{staff_id}", now)
    return redirect(url_for("staff.people_page"))


@blueprint.get("/invited/<token>")
def invited(token: str) -> str:
    """What an invitation's link opens: choose a login and a password."""
    with read(house().engine) as conn:
        row = staff.invitation(conn, token, clock.now())
    if row is None:
        abort(404, "这个邀请链接已经用过或过期了。请让管理员再发一个。")
    return render_template("staff/invited.html", invitation=row, token=token)


@blueprint.post("/invited/<token>")
def invited_given(token: str) -> str | Response | tuple[str, int]:
    """Make the account; the link is used up."""
    login, password = request.form.get("login", "").strip().lower()[:40], request.form.get("password", "")
    with read(house().engine) as conn:
        row = staff.invitation(conn, token, clock.now())
    if row is None:
        abort(404, "这个邀请链接已经用过或过期了。请让管理员再发一个。")
    fault = passwords.fault(password, login, row.name, house().settings.breached_passwords)
    if not login.isascii() or not login.replace("-", "").replace(".", "").isalnum() or len(login) < 3:
        fault = "账号要3个以上的字母或数字。"
    if password != request.form.get("again", ""):
        fault = "两次输入的密码不一样。"
    if not fault:
        try:
            with write(house().engine) as conn:
                made = staff.accept(conn, token, login, passwords.hashed(password), clock.now())
                audit.note(conn, f"staff:{made}", "staff.joined", f"staff:{made}", clock.now())
        except IntegrityError:
            fault = "这个账号名已经有人用了，请换一个。"
    if fault:
        return render_template("staff/invited.html", invitation=row, token=token, error=fault, login=login), 400
    flash("账号开好了，请登录。", "good")
    return redirect(url_for("staff.login"))


@blueprint.get("/audit")
@needs("audit.see")
def audit_page() -> str:
    """The audit log: searched, never edited."""
    given = {name: request.args.get(name, "").strip()[:60] for name in ("actor", "action", "subject", "since")}
    since = None
    if given["since"]:
        try:
            since = datetime.fromisoformat(given["since"]).replace(tzinfo=clock.CHINA)
        except ValueError:
            abort(400, "日期要写成 2026-10-01 这样。")
    with read(house().engine) as conn:
        names = staff.names(conn)
        actor = next((f"staff:{id}" for id, name in names.items() if name == given["actor"]), given["actor"])
        rows = audit.search(
            conn, actor=actor, action=given["action"], subject=given["subject"], since=since,
            before=request.args.get("before", 0, type=int),
        )  # fmt: skip
    shown = {f"staff:{id}": name for id, name in names.items()}
    return render_template("staff/audit.html", rows=rows, names=shown, given=given)
