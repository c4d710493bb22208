"""Articles in the database: two people, one state machine, no lost words, and what was shown on any day."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

import clock
from records import article_history, articles, crypto, migrate, staff
from records.article_tables import Notice, Period
from records.articles import Conflict, IllegalMove
from records.base import engine_for, read, write

MARCH = datetime(2027, 3, 1, 9, tzinfo=clock.CHINA)
TEXT = {
    "id": "nb-test", "intents": ["permit_renewal"], "region": "ningbo", "aspect": "main", "title": "签注",
    "questions": ["怎么签注"], "answer": "每年签一次。",
    "sources": [{"issuer": "浙江省人大常委会", "document": "条例", "effective_from": "2016-07-01"}],
    "facts": ["zj-permit-renew"], "confidence": "high", "owner": "流动人口服务管理", "next_review": "2027-05-20",
}  # fmt: skip


@pytest.fixture
def engine(database_url, tmp_path):
    crypto.configure("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
    made = engine_for(database_url)
    migrate.upgrade(made)
    with write(made) as conn:
        for login in ("writer", "second"):
            staff.create(conn, login, login, "editor", "x", MARCH)
    yield made
    made.dispose()


WRITER, SECOND = "staff:1", "staff:2"


def begin(engine, at=MARCH):
    with write(engine) as conn:
        articles.create(conn, TEXT, file="ningbo/permit.yml", actor=WRITER, at=at, why="新写")


def step(engine, state, actor, number=1, at=MARCH, **more):
    with write(engine) as conn:
        return articles.move(conn, "nb-test", state, number=number, actor=actor, at=at, name=actor, **more)


def publish(engine, number=1, at=MARCH):
    step(engine, "in_review", WRITER, number, at)
    step(engine, "approved", SECOND, number, at)
    step(engine, "published", SECOND, number, at)


def standing(engine):
    with read(engine) as conn:
        return articles.get(conn, "nb-test")


def test_the_way_of_an_article_to_the_public(engine):
    begin(engine)
    assert standing(engine).shown is None
    publish(engine)
    row = standing(engine)
    assert (row.state, row.shown, str(row.shown_until)) == ("published", 1, "2027-05-20")
    with read(engine) as conn:
        steps = [event.state for event in article_history.events(conn, "nb-test")]
        assert articles.version(conn) == 1
    assert steps == ["published", "approved", "in_review", "draft"]


def test_only_the_moves_in_the_table_are_possible(engine):
    names = set(articles.MOVES)
    assert {state for moves in articles.MOVES.values() for state in moves} <= names == set(articles.STATES)
    begin(engine)
    for state in sorted(names - articles.MOVES["draft"]):
        with pytest.raises(IllegalMove, match="草稿"):
            step(engine, state, SECOND)
    publish(engine)
    for state in sorted(names - articles.MOVES["published"]):
        with pytest.raises(IllegalMove, match="已发布"):
            step(engine, state, SECOND)


def test_nobody_approves_what_he_wrote_not_even_a_part_of_it(engine):
    begin(engine)
    with write(engine) as conn:
        articles.save(conn, TEXT | {"answer": "改了。"}, base=1, actor=SECOND, at=MARCH, why="改字")
    step(engine, "in_review", WRITER, 2)
    for actor in (WRITER, SECOND):
        with pytest.raises(IllegalMove, match="另一个人"):
            step(engine, "approved", actor, 2)
    step(engine, "approved", "staff:3", 2)


def test_who_wrote_an_earlier_published_text_may_approve_the_next(engine):
    begin(engine)
    publish(engine)
    with write(engine) as conn:
        articles.save(conn, TEXT | {"answer": "改了。"}, base=1, actor=SECOND, at=MARCH, why="改字")
    step(engine, "in_review", SECOND, 2)
    step(engine, "approved", WRITER, 2)


def test_a_text_sent_back_needs_a_reason(engine):
    begin(engine)
    step(engine, "in_review", WRITER)
    with pytest.raises(IllegalMove, match="理由"):
        step(engine, "draft", SECOND)
    step(engine, "draft", SECOND, reason="缺条款号")
    with read(engine) as conn:
        assert article_history.events(conn, "nb-test")[0].reason == "缺条款号"
        assert articles.revision(conn, "nb-test", 1).reviewed_by == ""


def test_of_two_who_save_at_once_the_second_gets_both_texts_and_nothing_is_lost(engine):
    begin(engine)
    with write(engine) as conn:
        articles.save(conn, TEXT | {"answer": "甲改的。"}, base=1, actor=WRITER, at=MARCH, why="甲")
    with write(engine) as conn, pytest.raises(Conflict) as caught:
        articles.save(conn, TEXT | {"answer": "乙改的。"}, base=1, actor=SECOND, at=MARCH, why="乙")
    assert caught.value.mine["answer"] == "乙改的。"
    assert (caught.value.theirs["answer"], caught.value.number, caught.value.author) == ("甲改的。", 2, WRITER)
    with write(engine) as conn:
        articles.save(conn, caught.value.mine, base=caught.value.number, actor=SECOND, at=MARCH, why="乙看过甲的")
        assert [row.number for row in article_history.texts(conn, "nb-test")] == [3, 2, 1]


def test_an_approval_holds_for_the_text_that_was_read_and_no_other(engine):
    begin(engine)
    step(engine, "in_review", WRITER)
    with write(engine) as conn:
        articles.save(conn, TEXT | {"answer": "悄悄改的。"}, base=1, actor=WRITER, at=MARCH, why="")
    with pytest.raises(IllegalMove, match="刷新"):
        step(engine, "approved", SECOND, 1)


def test_people_see_the_old_text_until_the_new_one_is_published(engine):
    begin(engine)
    publish(engine)
    with write(engine) as conn:
        articles.save(conn, TEXT | {"answer": "新的。"}, base=1, actor=WRITER, at=MARCH, why="新规")
        assert article_history.now_shown(conn)[0].content["answer"] == "每年签一次。"
    publish(engine, 2, MARCH + timedelta(days=1))
    with read(engine) as conn:
        assert article_history.now_shown(conn)[0].content["answer"] == "新的。"


def test_what_was_answered_on_the_third_of_march(engine):
    begin(engine)
    publish(engine)
    noon = MARCH.replace(day=3, hour=12)
    with write(engine) as conn:
        articles.save(conn, TEXT | {"answer": "新的。"}, base=1, actor=WRITER, at=noon, why="新规")
    publish(engine, 2, noon)
    step(engine, "withdrawn", SECOND, 2, MARCH.replace(day=5), reason="要核实")
    with read(engine) as conn:

        def at(moment):
            row = article_history.shown_at(conn, "nb-test", moment)
            return row and row.content["answer"]

        assert at(MARCH - timedelta(seconds=1)) is None
        assert at(noon - timedelta(seconds=1)) == "每年签一次。"
        assert at(noon) == "新的。"
        assert at(MARCH.replace(day=6)) is None
        third = MARCH.replace(day=3, hour=0)
        rows = article_history.shown_between(conn, third, third + timedelta(days=1), words="签注")
        assert [(row.number, row.content["answer"]) for row in rows] == [(1, "每年签一次。"), (2, "新的。")]
        assert article_history.shown_between(conn, third, third + timedelta(days=1), words="不相干") == []


def test_past_its_review_it_is_taken_out_by_itself_and_its_owner_told(engine):
    begin(engine)
    publish(engine)
    last = datetime(2027, 5, 20, 23, tzinfo=clock.CHINA)
    with write(engine) as conn:
        assert articles.expire(conn, last) == []
    with write(engine) as conn:
        assert articles.expire(conn, last + timedelta(hours=2)) == ["nb-test"]
        assert articles.expire(conn, last + timedelta(hours=3)) == []  # told once
    row = standing(engine)
    assert (row.state, row.shown, row.stopped) == ("due", None, "review")
    with read(engine) as conn:
        told = conn.execute(select(Notice.__table__)).one()
        assert told.owner == "流动人口服务管理" and "2027-05-20" in told.text
        assert conn.execute(select(Period.ends)).scalar() == last + timedelta(hours=2)
        assert articles.version(conn) == 2


def test_when_its_law_ends_it_is_withdrawn(engine):
    with write(engine) as conn:
        text = TEXT | {"sources": [TEXT["sources"][0] | {"effective_to": "2027-03-31"}]}
        articles.create(conn, text, file="ningbo/permit.yml", actor=WRITER, at=MARCH, why="")
    publish(engine)
    with write(engine) as conn:
        articles.expire(conn, datetime(2027, 4, 1, 0, 1, tzinfo=clock.CHINA))
    assert (standing(engine).state, standing(engine).stopped) == ("withdrawn", "law")


def test_what_has_run_out_cannot_be_published(engine):
    begin(engine, MARCH)
    step(engine, "in_review", WRITER)
    step(engine, "approved", SECOND)
    with pytest.raises(IllegalMove, match="2027-05-20"):
        step(engine, "published", SECOND, at=MARCH + timedelta(days=200))


def test_a_law_of_tomorrow_does_not_take_away_todays_answer(engine):
    begin(engine)
    publish(engine)
    law = {"issuer": "浙江省人大常委会", "document": "新条例", "effective_from": "2027-03-02"}
    with write(engine) as conn:
        articles.save(conn, TEXT | {"sources": [law]}, base=1, actor=WRITER, at=MARCH, why="新条例")
    with pytest.raises(IllegalMove, match="2027-03-02起才施行"):
        publish(engine, 2)
    assert standing(engine).shown == 1
    step(engine, "published", SECOND, 2, MARCH + timedelta(days=1))
    assert standing(engine).shown == 2


def test_a_draft_in_the_making_keeps_its_state_when_the_shown_text_runs_out(engine):
    begin(engine)
    publish(engine)
    with write(engine) as conn:
        articles.save(conn, TEXT | {"next_review": "2028-05-20"}, base=1, actor=WRITER, at=MARCH, why="复核")
        articles.expire(conn, MARCH + timedelta(days=200))
    assert (standing(engine).state, standing(engine).shown) == ("draft", None)
