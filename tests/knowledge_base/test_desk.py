"""The knowledge desk in the console: two people, nothing lost, what was answered then, and what missed messages teach."""

import io
from datetime import timedelta

import pytest
from flask import Flask

import clock
from intents import nlu_files
from knowledge_base import live, transfer
from records import articles, points, privacy, proposals
from records.base import read, write
from staff import knowledge_text
from tests.plain import database_url  # noqa: F401 - a fixture
from tests.staff.conftest import asks, hire, says

__all__ = ["asks", "hire", "says"]


@pytest.fixture
def engine(app: Flask, folder):
    service = app.extensions["service"]
    with write(service.engine) as conn:
        transfer.seed(conn, at=clock.now() - timedelta(days=2), folder=folder)
    service.articles = live.Live(service.engine, folder=folder)
    yield service.engine
    service.articles.close()


ID = "nb-permit-renewal"


def form(engine, **fields):
    """The form of the article as a browser sends it."""
    with read(engine) as conn:
        row = articles.get(conn, ID)
        content = articles.revision(conn, ID, row.revision).content
    sent = {name: value for name, value in content.items() if isinstance(value, str)}
    sent |= {name: "\n".join(content.get(name, ())) for name in knowledge_text.LISTS}
    sent |= {name: " ".join(content.get(name, ())) for name in knowledge_text.WORDS}
    for n, source in enumerate(content["sources"]):
        sent |= {f"source-{n}-{name}": value for name, value in source.items()}
    return sent | {"base": row.revision, "why": "改字"} | fields


def post(desk, path, status, **sent):
    answer = desk.client.post(path, data=sent | {"csrf_token": desk.csrf})
    page = answer.get_data(as_text=True)
    assert answer.status_code == status, (answer.status_code, page[:600])
    return page


def test_a_text_goes_from_the_editor_over_a_reviewer_to_the_public(app, engine, hire):
    editor, reviewer = hire("editor"), hire("reviewer")
    post(editor, f"/staff/knowledge/{ID}/edit", 302, **form(engine, answer="每年要签注一次。"))
    post(editor, f"/staff/knowledge/{ID}/move", 302, state="in_review", number=2)
    page = editor.get(f"/staff/knowledge/{ID}")
    assert "要请另一个人审核" in page and "审核通过" not in page
    post(editor, f"/staff/knowledge/{ID}/move", 403, state="approved", number=2)
    page = reviewer.get(f"/staff/knowledge/{ID}")
    assert "<del>签</del><ins>要签注</ins>" in page
    post(reviewer, f"/staff/knowledge/{ID}/move", 302, state="approved", number=2)
    held = app.extensions["service"].articles
    assert held.current.articles[ID].answer == "每年签一次。"
    post(editor, f"/staff/knowledge/{ID}/move", 302, state="published", number=2)
    held.refresh()
    article = held.current.articles[ID]
    assert (article.answer, article.reviewed_by, article.approved_by) == (
        "每年要签注一次。",
        "员工editor",
        "员工reviewer",
    )
    assert article.valid(clock.today())


def test_a_reviewer_who_wrote_a_word_of_it_cannot_approve_it(engine, hire):
    reviewer = hire("reviewer")
    post(reviewer, f"/staff/knowledge/{ID}/edit", 302, **form(engine, answer="我写的。"))
    post(reviewer, f"/staff/knowledge/{ID}/move", 302, state="in_review", number=2)
    page = post(reviewer, f"/staff/knowledge/{ID}/move", 409, state="approved", number=2)
    assert "自己写的内容要请另一个人审核" in page


def test_the_second_of_two_editors_sees_both_texts_and_keeps_his_own(engine, hire):
    first, second = hire("editor"), hire("editor", "second")
    mine = form(engine, answer="第二个人写的。")
    post(first, f"/staff/knowledge/{ID}/edit", 302, **form(engine, answer="第一个人写的。"))
    page = post(second, f"/staff/knowledge/{ID}/edit", 409, **mine)
    assert "员工editor存了第2版" in page
    assert "<del>一</del>" in page and "<ins>二</ins>" in page
    assert "第二个人写的。</textarea>" in page and 'name="base" value="2"' in page
    post(second, f"/staff/knowledge/{ID}/edit", 302, **mine | {"base": 2})


def test_what_is_wrong_is_said_in_chinese_and_a_faulty_draft_is_kept_but_not_submitted(engine, hire):
    editor = hire("editor")
    faulty = form(engine, next_review="2027-13-01", answer="")
    post(editor, f"/staff/knowledge/{ID}/edit", 302, **faulty)
    page = editor.get(f"/staff/knowledge/{ID}")
    assert (
        "复核日：不是日期：2027-13-01" in page
        and "回答：没有填" in page
        and "编写" not in page.split("faults")[1][:400]
    )
    page = post(editor, f"/staff/knowledge/{ID}/move", 409, state="in_review", number=2)
    assert "还不能提交" in page


def test_html_in_a_text_is_shown_as_text(engine, hire):
    editor = hire("editor")
    post(editor, f"/staff/knowledge/{ID}/edit", 302, **form(engine, answer="<script>alert(1)</script>"))
    page = editor.get(f"/staff/knowledge/{ID}")
    assert "<script>alert" not in page and "&lt;script&gt;" in page


def test_a_new_article_begins_as_a_draft_and_two_plain_answers_to_one_question_are_refused(engine, hire):
    editor = hire("editor")
    new = form(engine, id="nb-permit-two", family="permit")
    post(editor, "/staff/knowledge/new", 302, **new)
    assert "已经是这个地区这件事的主要回答" in editor.get("/staff/knowledge/nb-permit-two")
    assert "已经有人用了" in post(editor, "/staff/knowledge/new", 422, **new)
    assert "编号" in post(editor, "/staff/knowledge/new", 422, **new | {"id": "Nicht Gut"})


def test_an_editor_of_one_district_leaves_the_others_alone(engine, hire):
    editor = hire("editor", region="haishu")
    editor.get(f"/staff/knowledge/{ID}/edit", 403)
    post(editor, f"/staff/knowledge/{ID}/edit", 403, **form(engine, region="haishu"))
    assert "不在您负责的范围" in post(editor, "/staff/knowledge/new", 422, **form(engine, id="x-y", family="permit"))


def test_the_desk_finds_by_state_place_and_words(engine, hire):
    clerk = hire("officer")
    assert ID in clerk.get("/staff/knowledge?q=签注&region=ningbo&state=published")
    for query in ("q=没有这个词", "region=zhongshan", "state=draft", "q=%25"):
        assert "没有符合的条目" in clerk.get(f"/staff/knowledge?{query}")
    assert "写一条" not in clerk.get("/staff/knowledge")


def test_what_was_answered_on_a_day_can_be_read_word_for_word(engine, hire):
    clerk = hire("officer")
    with write(engine) as conn:
        articles.move(conn, ID, "withdrawn", number=1, actor="staff:9", at=clock.now(), reason="核实")
    today = clock.today()
    page = clerk.get(f"/staff/knowledge/day?day={today - timedelta(days=1)}")
    assert "每年签一次。" in page and "审核 审核组" in page
    assert "没有给人看过" in clerk.get(f"/staff/knowledge/day?day={today + timedelta(days=1)}")
    assert "没有给人看过" in clerk.get(f"/staff/knowledge/day?day={today - timedelta(days=9)}")
    clerk.get("/staff/knowledge/day?day=gestern", 400)


def test_what_ended_by_itself_is_told_to_its_owner_until_somebody_ticks_it_off(engine, hire):
    editor = hire("editor")
    assert "复核日" not in editor.get("/staff/knowledge/calendar")
    with write(engine) as conn:
        articles.expire(conn, clock.now() + timedelta(days=400))
    assert "已自动停用" in editor.get("/staff/knowledge")
    assert "已到期，停用中" in editor.get("/staff/knowledge/calendar")
    post(editor, "/staff/knowledge/notices/1/seen", 302)
    assert "已自动停用" not in editor.get("/staff/knowledge")


def test_a_missed_question_becomes_a_question_of_an_article_with_a_second_yes(app, engine, hire, says):
    editor, other = hire("editor"), hire("editor", "other")
    says("量子纠缠的贝尔不等式怎么推导")
    page = editor.get("/staff/knowledge/gaps")
    assert "量子纠缠的贝尔不等式怎么推导" in page
    with read(engine) as conn:
        row = proposals.unanswered(conn, clock.now() - timedelta(days=1))[0]
    sent = {"text": "证上的日子怎么续", "target": f"question:{ID}"}
    post(editor, f"/staff/knowledge/gaps/{row.id}", 302, **sent)
    page = post(editor, "/staff/knowledge/proposals/1", 409, yes="1")
    assert "自己提的要请另一个人同意" in page
    post(other, "/staff/knowledge/proposals/1", 302, yes="1")
    held = app.extensions["service"].articles
    held.refresh()
    assert "证上的日子怎么续" in held.current.articles[ID].questions
    assert held.current.articles[ID].approved_by == "员工other"
    assert "量子纠缠" not in editor.get("/staff/knowledge/gaps")


def test_a_training_example_reaches_the_training_files_once_and_only_when_approved(app, engine, hire, says, tmp_path):
    editor, other = hire("editor"), hire("editor", "other")
    says("量子纠缠的贝尔不等式怎么推导")
    with read(engine) as conn:
        row = proposals.unanswered(conn, clock.now() - timedelta(days=1))[0]
    post(editor, f"/staff/knowledge/gaps/{row.id}", 302, text="[证]到日子了", target="example:permit_renewal")
    run = app.test_cli_runner()
    training = tmp_path / "nlu"
    training.mkdir()
    command = ["knowledge", "proposals", "export", "--folder", str(training)]
    assert "exported=0" in run.invoke(args=command).output
    post(other, "/staff/knowledge/proposals/1", 302, yes="1")
    assert "exported=1 intents=1" in run.invoke(args=command).output
    assert "exported=0" in run.invoke(args=command).output
    lines = nlu_files.read_folder(training)
    assert [(line.text, line.intent) for line in lines] == [("（证）到日子了", "permit_renewal")]


def test_numbers_in_missed_messages_are_masked_and_may_not_be_taught(engine, hire, says):
    editor = hire("editor")
    says("量子纠缠请打13912345678推导贝尔不等式")
    page = editor.get("/staff/knowledge/gaps")
    assert "13912345678" not in page
    with read(engine) as conn:
        row = proposals.unanswered(conn, clock.now() - timedelta(days=1))[0]
    post(editor, f"/staff/knowledge/gaps/{row.id}", 400, text="请打13912345678", target="example:help")


def test_what_is_said_in_danger_never_comes_to_the_desk(engine, hire, says):
    editor = hire("editor")
    says("我不想活了")
    assert "不想活" not in editor.get("/staff/knowledge/gaps")


def test_articles_go_in_and_out_by_command(app, engine, folder, tmp_path):
    run = app.test_cli_runner()
    assert "new=0 changed=0 unchanged=22 conflicts=0" in run.invoke(args=["knowledge", "import", str(folder)]).output
    out = tmp_path / "out"
    assert "articles=1 " in run.invoke(args=["knowledge", "export", str(out)]).output
    assert (out / "articles/ningbo/permit.yml").exists()
    (folder / "articles/ningbo/permit.yml").write_text("version: 1\narticles: 3\n", encoding="utf-8")
    failed = run.invoke(args=["knowledge", "import", str(folder)])
    assert failed.exit_code == 1 and "nothing was imported" in failed.output and "permit.yml" in failed.output


PERSON = {"name": "王小明", "number": "990101199001011230", "region": "ningbo"}


def award(**more):
    return PERSON | {"kind": "blood", "points": "2.5", "day": clock.today().isoformat(), "why": "献血一次"} | more


def test_points_count_after_a_second_person_and_are_seen_by_their_owner_alone(engine, hire, asks):
    clerk, other = hire("officer"), hire("officer", "other")
    handoff = asks()
    assert handoff
    post(clerk, "/staff/points", 302, **award())
    page = clerk.get("/staff/points")
    assert "王**" in page and PERSON["number"] not in page and "2.5" in page
    assert "自己录入的" in post(clerk, "/staff/points/1", 409, state="approved")
    with read(engine) as conn:
        assert points.of_person(conn, 1) is None
    post(clerk, "/staff/points/link", 400, person_id=1, number=PERSON["number"])
    post(clerk, "/staff/points/link", 302, person_id=1, number=PERSON["number"], seen="1")
    post(other, "/staff/points/1", 302, state="approved")
    with read(engine) as conn:
        rows = points.of_person(conn, 1)
        assert [(row.kind, row.state) for row in rows] == [("blood", "approved")]
        assert str(points.balance(rows)) == "2.5"
    post(other, "/staff/points/1", 409, state="revoked")
    post(other, "/staff/points/1", 302, state="revoked", reason="重复录入")
    with read(engine) as conn:
        assert points.balance(points.of_person(conn, 1)) == 0


def test_a_firm_gives_no_more_than_its_allotment(engine, hire):
    clerk, other = hire("officer"), hire("officer", "other")
    post(clerk, "/staff/points/givers", 302, kind="firm", name="测试厂", region="zhenhai", points="5")
    for _ in range(3):
        post(clerk, "/staff/points", 302, **award(kind="firm", giver_id="1", points="2"))
    for id in (1, 2):
        post(other, f"/staff/points/{id}", 302, state="approved")
    assert "额度只剩1分" in post(other, "/staff/points/3", 409, state="approved")
    post(other, "/staff/points/1", 302, state="revoked", reason="离职")
    post(other, "/staff/points/3", 302, state="approved")
    assert "已经给出4分" in post(
        clerk, "/staff/points/givers", 400, kind="firm", name="测试厂", region="zhenhai", points="3"
    )


SHEET = "姓名,身份证号,类别,分值,日期,事由\n王小明,990101199001011230,志愿服务,1,2026-11-01,文明劝导\n李小红,990101199203042422,,86.5,2026-10-01,\n"


def upload(desk, text, status):
    sent = {"csrf_token": desk.csrf, "file": (io.BytesIO(text.encode()), "a.csv")}
    answer = desk.client.post("/staff/points/import", data=sent, content_type="multipart/form-data")
    assert answer.status_code == status, answer.get_data(as_text=True)[:500]
    return answer.get_data(as_text=True)


def test_a_file_is_taken_whole_or_not_at_all(engine, hire):
    clerk, other = hire("officer"), hire("officer", "other")
    page = upload(clerk, SHEET.replace("2026-11-01", "2026-13-01").replace(",86.5,", ",viel,"), 400)
    assert "一条也没有导入" in page and "第2行" in page and "第3行" in page
    assert "读不懂" in upload(clerk, "a,b\n1,2\n", 400)
    upload(clerk, SHEET, 302)
    with read(engine) as conn:
        rows = points.listing(conn)
    assert sorted((row.kind, row.hundredths) for row in rows) == [("official", 8650), ("volunteering", 100)]
    post(other, f"/staff/points/batch/{rows[0].batch}", 302, state="approved")
    with read(engine) as conn:
        assert len(points.listing(conn, state="approved")) == 2
    post(other, f"/staff/points/batch/{rows[0].batch}", 409, state="revoked")
    post(other, f"/staff/points/batch/{rows[0].batch}", 302, state="revoked", reason="文件发错了")
    with read(engine) as conn:
        assert len(points.listing(conn, state="revoked")) == 2


def test_one_persons_account_is_found_by_a_form_and_the_look_is_recorded(engine, hire):
    clerk = hire("officer")
    post(clerk, "/staff/points", 302, **award())
    page = post(clerk, "/staff/points/find", 200, number=PERSON["number"])
    assert "王**" in page and "2.5" in page and PERSON["number"] not in page
    post(clerk, "/staff/points/find", 400, number="123")
    with read(engine) as conn:
        seen = conn.exec_driver_sql("SELECT action, subject FROM audit WHERE action = 'points.seen'").all()
    assert len(seen) == 1 and PERSON["number"] not in seen[0][1]


def test_service_points_need_a_second_person_and_say_what_is_wrong(app, engine, hire):
    editor, other = hire("editor"), hire("editor", "other")
    assert "还没有核实过的服务点" in editor.get("/staff/knowledge/places")
    place = {
        "key": "nb-hall", "region": "ningbo", "kind": "hall", "name": "测试大厅", "address": "测试路1号", "source": "现场看过",
        "checked_on": clock.today().isoformat(), "latitude": "29.87",
    }  # fmt: skip
    assert "纬度" in post(editor, "/staff/knowledge/places", 422, **place)
    post(editor, "/staff/knowledge/places", 302, **place | {"longitude": "121.55"})
    post(editor, "/staff/knowledge/places/nb-hall/move", 409, state="shown")
    post(other, "/staff/knowledge/places/nb-hall/move", 302, state="shown")
    held = app.extensions["service"].articles
    held.refresh()
    assert [p.name for p in held.current.places_in("ningbo")] == ["测试大厅"]


def test_every_article_that_ships_could_be_submitted_as_it_is(app, knowledge):
    for article in knowledge.articles.values():
        assert knowledge_text.faults(transfer.row_of(article), article.file, knowledge) == [], article.id


def test_what_is_taught_from_somebody_is_erased_with_his_words(app, engine, hire, says):
    editor = hire("editor")
    person = says("量子纠缠的贝尔不等式怎么推导").person_id
    with read(engine) as conn:
        row = proposals.unanswered(conn, clock.now() - timedelta(days=1))[0]
    post(editor, f"/staff/knowledge/gaps/{row.id}", 302, text="证上的日子怎么续", target=f"question:{ID}")
    post(hire("officer"), "/staff/points/link", 302, person_id=person, number=PERSON["number"], seen="1")
    with write(engine) as conn:
        assert points.of_person(conn, person) == []
        privacy.erase(conn, person, clock.now())
    with read(engine) as conn:
        assert proposals.listing(conn, tuple(proposals.STATES)) == []
        assert points.of_person(conn, person) is None
