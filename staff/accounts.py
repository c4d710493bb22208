"""Getting in and out: login, second factor, logout; one's own account."""

import segno
from flask import abort, flash, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

import clock
from records import audit, presence, sessions, staff
from records.base import read, write
from staff import doors, lockout, passwords, totp
from staff.blueprint import blueprint
from staff.house import house, me
from staff.permissions import needs

_WRONG = "账号或密码不对。"
_LOCKED = "失败次数太多，请15分钟后再试；忘了密码请找管理员。"


@blueprint.get("/login")
def login() -> str | Response:
    """The login page."""
    return render_template("staff/login.html", back=request.args.get("next", ""), ended=request.args.get("ended"))


@blueprint.post("/login")
def login_given() -> str | Response | tuple[str, int]:
    """Check login and password; then in, or on to the second factor."""
    name = request.form.get("login", "").strip()[:40]
    address = request.remote_addr or ""
    back = request.form.get("next", "")
    client = house().redis
    if lockout.locked(client, name, address):
        return _again(_LOCKED, name, back), 429
    with read(house().engine) as conn:
        account = staff.by_login(conn, name)
    if not passwords.matches(account.password_hash if account else None, request.form.get("password", "")[:128]):
        lockout.failed(client, name, address)
        return _again(_WRONG, name, back), 401
    assert account is not None
    if account.totp:
        answer = redirect(url_for("staff.code", next=_inside(back)))
        doors.open_session(answer, account.id, full=False)
        return answer
    lockout.cleared(client, name, address)
    return _enter(account.id, back)


def _again(error: str, name: str, back: str) -> str:
    return render_template("staff/login.html", error=error, name=name, back=back)


def _inside(back: str) -> str:
    """An address within the console, so that nobody is sent elsewhere after the login."""
    plain = back.startswith("/staff") and "\\" not in back and not back.startswith("/staff/log")
    return back if plain and (len(back) == 6 or back[6] in "/?") else url_for("staff.home")


def _enter(staff_id: int, back: str) -> Response:
    answer = redirect(_inside(back))
    doors.open_session(answer, staff_id, full=True)
    now = clock.now()
    with write(house().engine) as conn:
        audit.note(conn, f"staff:{staff_id}", "login", f"staff:{staff_id}", now)
        presence.declare(conn, staff_id, "on", now)
    return answer


@blueprint.get("/code")
def code() -> str | Response:
    """Asks for the second factor's code."""
    if doors.half_open() is None:
        return redirect(url_for("staff.login"))
    return render_template("staff/code.html", back=request.args.get("next", ""))


@blueprint.post("/code")
def code_given() -> str | Response | tuple[str, int]:
    """Check the code; each is good once."""
    row = doors.half_open()
    if row is None:
        return redirect(url_for("staff.login"))
    address, client, back = request.remote_addr or "", house().redis, request.form.get("next", "")
    if lockout.locked(client, row.login, address):
        return render_template("staff/code.html", error=_LOCKED, back=back), 429
    step = totp.step_of(row.totp, request.form.get("code", "")[:10], clock.now())
    with write(house().engine) as conn:
        good = step is not None and staff.use_totp_step(conn, row.id, step)
    if not good:
        lockout.failed(client, row.login, address)
        return render_template("staff/code.html", error="验证码不对，或者已经用过。请等下一个。", back=back), 401
    lockout.cleared(client, row.login, address)
    return _enter(row.id, back)


@blueprint.post("/logout")
@needs("account.own")
def logout() -> Response:
    """Out; the chats one owned go back to their queue by the sweep when one doesn't come back."""
    with write(house().engine) as conn:
        presence.declare(conn, me().id, "off", clock.now())
        audit.note(conn, me().actor, "logout", me().actor, clock.now())
    answer = redirect(url_for("staff.login"))
    doors.close_session(answer)
    return answer


@blueprint.post("/theme")
@needs("account.own")
def theme() -> Response:
    """Light, dark, or as the computer has it."""
    wish, settings = request.form.get("theme", "auto"), house().settings
    answer = redirect(request.referrer if _same_host(request.referrer) else url_for("staff.home"))
    answer.set_cookie(
        settings.cookie("city_theme"), wish if wish in ("light", "dark") else "auto", path=settings.cookie_path("/staff"),
        max_age=31_536_000, samesite="Lax", httponly=True, secure=settings.https,
    )  # fmt: skip
    return answer


def _same_host(address: str | None) -> bool:
    return bool(address) and str(address).startswith(request.host_url)


@blueprint.get("/account")
@needs("account.own")
def account() -> str:
    """One's own account."""
    with read(house().engine) as conn:
        running = sessions.of_staff(conn, me().id, clock.now())
    return render_template("staff/account.html", sessions=running)


def _proved(given: str) -> bool:
    """Whether the password typed again is one's own; failures count as those of the login do, so that who finds a desk
    left open can't try them all. Aborts with 429 when there were too many."""
    client, address, login = house().redis, request.remote_addr or "", me().login
    if lockout.locked(client, login, address):
        abort(429, _LOCKED)
    with read(house().engine) as conn:  # hashing takes a while: never while the database is held for writing
        row = staff.get(conn, me().id)
    if row is not None and passwords.matches(row.password_hash, given[:128]):
        lockout.cleared(client, login, address)
        return True
    lockout.failed(client, login, address)
    return False


@blueprint.post("/account/password")
@needs("account.own")
def password_changed() -> Response:
    """A new password; every other session of the account ends."""
    new = request.form.get("new", "")
    fault = passwords.fault(new, me().login, me().name, house().settings.breached_passwords)
    if not _proved(request.form.get("old", "")):
        fault = "现在的密码不对。"
    elif new != request.form.get("again", ""):
        fault = "两次输入的新密码不一样。"
    if fault:
        flash(fault, "error")
        return redirect(url_for("staff.account"))
    now = clock.now()
    hashed = passwords.hashed(new)
    with write(house().engine) as conn:
        staff.set_password(conn, me().id, hashed)
        sessions.end_all(conn, me().id, now, but=me().session_id)
        audit.note(conn, me().actor, "staff.password", me().actor, now)
    flash("密码已改，其他地方的登录都已退出。", "good")
    return redirect(url_for("staff.account"))


@blueprint.post("/account/sessions")
@needs("account.own")
def session_ended() -> Response:
    """End one of one's other sessions, or (`which=all`) all of them; the password is asked for."""
    which, now = request.form.get("which", ""), clock.now()
    if not _proved(request.form.get("password", "")):
        flash("密码不对，没有退出任何登录。", "error")
        return redirect(url_for("staff.account"))
    with write(house().engine) as conn:
        if which == "all":
            ended = sessions.end_all(conn, me().id, now, but=me().session_id)
        else:
            ended = sessions.end_one(conn, me().id, int(which) if which.isdecimal() else 0, now)
        audit.note(conn, me().actor, "staff.sessions_own", me().actor, now, str(ended))
    flash(f"已退出{ended}处登录。", "good")
    return redirect(url_for("staff.account"))


@blueprint.get("/account/second-factor")
@needs("account.own")
def second_factor() -> str:
    """Set up the second factor: a QR code for the app, and the first code to prove it."""
    secret = session.setdefault("totp_new", totp.new_secret())
    forced = doors.needs_totp(me())
    data = segno.make(totp.uri(secret, me().login), error="m").svg_data_uri(scale=4, border=2)
    return render_template("staff/second_factor.html", secret=secret, picture=data, forced=forced)


@blueprint.post("/account/second-factor")
@needs("account.own")
def second_factor_set() -> Response:
    """Turn the second factor on (with the password and a first code) or off (with the password)."""
    now, off = clock.now(), bool(request.form.get("off"))
    if off and doors.totp_wanted(me().role):
        abort(403, "正式运行时，您的账号不能关掉两步验证。")
    if not _proved(request.form.get("password", "")):
        flash("密码不对，两步验证没有关。" if off else "密码不对，两步验证没有打开。", "error")
        return redirect(url_for("staff.account" if off else "staff.second_factor"))
    if off:
        with write(house().engine) as conn:
            staff.set_totp(conn, me().id, None)
            audit.note(conn, me().actor, "staff.totp_off", me().actor, now)
        flash("两步验证已关。", "good")
        return redirect(url_for("staff.account"))
    secret = session.get("totp_new", "")
    step = totp.step_of(secret, request.form.get("code", "")[:10], now) if secret else None
    if step is None:
        flash("验证码不对。请核对手机时间，再输一次。", "error")
        return redirect(url_for("staff.second_factor"))
    with write(house().engine) as conn:
        staff.set_totp(conn, me().id, secret)
        staff.use_totp_step(conn, me().id, step)
        audit.note(conn, me().actor, "staff.totp_on", me().actor, now)
    session.pop("totp_new", None)
    flash("两步验证已开。以后登录要再输手机上的6位数。", "good")
    return redirect(url_for("staff.account"))
