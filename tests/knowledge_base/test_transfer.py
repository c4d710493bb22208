"""Articles go from the files into the database and back without loss; neither side overwrites the other unasked."""

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

import clock
import knowledge_base
from knowledge_base import KnowledgeError, live, store, transfer
from records import article_history, articles, crypto, migrate, service_points, staff
from records.base import engine_for, read, write
from tests.knowledge_base.kit import ARTICLE
from tests.knowledge_base.kit import write as put

NOW = clock.now()
COMMAND = "command:knowledge import"


@pytest.fixture
def engine(database_url):
    crypto.configure("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
    made = engine_for(database_url)
    migrate.upgrade(made)
    yield made
    made.dispose()


def take(engine, folder=None, at=NOW, **more):
    with write(engine) as conn:
        return transfer.import_folder(conn, folder, actor=COMMAND, at=at, **more)


def give(engine, folder, **more):
    with write(engine) as conn:
        return transfer.export_folder(conn, folder, **more)


def edit(engine, **fields):
    """An editor changes the article in the console; a second person approves; it is published."""
    with write(engine) as conn:
        row = articles.get(conn, "nb-permit-renewal")
        text = articles.revision(conn, row.id, row.revision).content | fields
        n = articles.save(conn, text, base=row.revision, actor="staff:1", at=NOW, why="改")
        for state, actor in (("in_review", "staff:1"), ("approved", "staff:2"), ("published", "staff:2")):
            articles.move(conn, row.id, state, number=n, actor=actor, name=actor, at=NOW)


def answer(engine):
    with read(engine) as conn:
        row = articles.get(conn, "nb-permit-renewal")
        return articles.revision(conn, row.id, row.revision).content["answer"]


def test_all_that_ships_goes_in_and_comes_out_again_the_same(engine, knowledge, tmp_path):
    assert len([id for id in take(engine).new if id in knowledge.articles]) == len(knowledge.articles)
    first = live.Live(engine)
    assert dict(first.current.articles) == dict(knowledge.articles)
    assert list(first.current.articles) == list(knowledge.articles)  # the order tells which side is offered first
    first.close()
    shutil.copy(store.FOLDER / "regions.yml", tmp_path)
    shutil.copytree(store.FOLDER / "rules", tmp_path / "rules")
    give(engine, tmp_path)
    back = knowledge_base.load(tmp_path)
    assert dict(back.articles) == dict(knowledge.articles)
    assert (dict(back.hotlines), dict(back.synonyms)) == (dict(knowledge.hotlines), dict(knowledge.synonyms))
    faults = []
    every = [store.phones(folder, back.regions, faults) for folder in (tmp_path, store.FOLDER)]
    assert every[0] == every[1] and not faults  # the unverified and the obsolete too


def test_files_whose_articles_have_not_changed_are_left_as_they_were_written(engine, tmp_path):
    take(engine)
    shutil.copytree(store.FOLDER, tmp_path, dirs_exist_ok=True)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.yml")}
    assert give(engine, tmp_path)[1] == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.yml")} == before


def test_importing_again_makes_revisions_only_of_what_changed(engine, folder):
    first = take(engine, folder).new
    assert "nb-permit-renewal" in first and "tel-120" in first and "synonym-list" in first
    again = take(engine, folder)
    assert (again.new, again.changed, again.same) == ([], [], len(first))
    put(folder, "ningbo/permit.yml", ARTICLE.replace("每年签一次。", "每年要签一次。"))
    assert take(engine, folder, NOW + timedelta(hours=1)).changed == ["nb-permit-renewal"]
    with read(engine) as conn:
        assert [text.number for text in article_history.texts(conn, "nb-permit-renewal")] == [2, 1]
        rows = article_history.periods(conn, "nb-permit-renewal")
        assert [(row.number, row.ends) for row in rows] == [(2, None), (1, NOW + timedelta(hours=1))]


def test_what_was_changed_in_the_console_is_not_overwritten_by_an_old_file(engine, folder):
    take(engine, folder)
    edit(engine, answer="工作台改的。")
    done = take(engine, folder)
    assert (done.changed, done.conflicts) == ([], [])  # the file didn't change: it has nothing new to say
    assert answer(engine) == "工作台改的。"


def test_changed_on_both_sides_is_a_conflict_that_is_told_and_left(engine, folder):
    take(engine, folder)
    edit(engine, answer="工作台改的。")
    put(folder, "ningbo/permit.yml", ARTICLE.replace("每年签一次。", "文件改的。"))
    assert take(engine, folder).conflicts == ["nb-permit-renewal"]
    assert answer(engine) == "工作台改的。"
    assert take(engine, folder, force=True).changed == ["nb-permit-renewal"]
    assert answer(engine) == "文件改的。"


def test_after_an_export_the_file_may_be_edited_and_imported(engine, folder):
    take(engine, folder)
    edit(engine, answer="工作台改的。")
    assert give(engine, folder) == (1, 1)
    path = folder / "articles/ningbo/permit.yml"
    path.write_text(path.read_text(encoding="utf-8").replace("工作台改的。", "又在文件里改的。"), encoding="utf-8")
    assert take(engine, folder).changed == ["nb-permit-renewal"]
    assert answer(engine) == "又在文件里改的。"


def test_a_file_that_renews_what_ended_by_itself_is_taken(engine, folder):
    take(engine, folder)
    with write(engine) as conn:
        articles.expire(conn, NOW + timedelta(days=400))
    put(folder, "ningbo/permit.yml", ARTICLE.replace("2027-05-20", "2029-05-20"))
    assert take(engine, folder).changed == ["nb-permit-renewal"]


def test_what_is_shown_is_exported_and_drafts_only_when_asked_for(engine, folder):
    take(engine, folder)
    with write(engine) as conn:
        row = articles.revision(conn, "nb-permit-renewal", 1).content
        articles.save(conn, row | {"answer": "还没写好。"}, base=1, actor="staff:1", at=NOW, why="")
    give(engine, folder)
    path = folder / "articles/ningbo/permit.yml"
    assert "还没写好" not in path.read_text(encoding="utf-8")
    give(engine, folder, drafts=True)
    assert "还没写好" in path.read_text(encoding="utf-8")
    assert "status: draft" in path.read_text(encoding="utf-8")


def test_a_folder_with_a_fault_is_refused_whole(engine, folder):
    put(folder, "ningbo/work.yml", ARTICLE.replace("nb-permit-renewal", "nb-other"))
    put(folder, "ningbo/permit.yml", ARTICLE.replace("2027-05-20", "2027-13-01"))
    with pytest.raises(KnowledgeError, match="`next_review` is not a date: 2027-13-01"):
        take(engine, folder)
    with read(engine) as conn:
        assert article_history.now_shown(conn) == []


def test_only_an_empty_database_is_seeded(engine, folder):
    with write(engine) as conn:
        assert transfer.seed(conn, at=NOW, folder=folder) > 1
        assert transfer.seed(conn, at=NOW, folder=folder) == 0


def test_a_database_that_held_articles_alone_gets_the_phone_services_and_synonyms_and_keeps_its_texts(engine, folder):
    take(engine, folder)
    edit(engine, answer="工作台改的。")
    with write(engine) as conn:
        for table in ("article_events", "article_periods", "article_revisions"):
            conn.exec_driver_sql(f"DELETE FROM {table} WHERE article_id <> 'nb-permit-renewal'")
        conn.exec_driver_sql("DELETE FROM articles WHERE kind <> 'article'")
        assert transfer.seed(conn, at=NOW, folder=folder) > 10
    held = live.Live(engine, folder=folder)
    assert held.current.hotline("tel-12356") is not None
    assert held.current.articles["nb-permit-renewal"].answer == "工作台改的。"
    held.close()


PLACE = """version: 1
places:
- {key: nb-hall, region: ningbo, kind: hall, name: 测试大厅, address: 测试路1号, source: 测试, checked_on: 2026-11-20,
   latitude: 29.87, longitude: 121.55}
"""


def test_service_points_come_from_files_and_from_two_people(engine, folder):
    (folder / "places").mkdir()
    (folder / "places/ningbo.yml").write_text(PLACE, encoding="utf-8")
    assert take(engine, folder).places == 1
    with write(engine) as conn:
        for login in ("one", "two"):
            staff.create(conn, login, login, "editor", "x", NOW)
        fields = knowledge_base.load(folder).places[0].fields() | {"key": "nb-aid", "latitude": 29.9}
        service_points.put(conn, fields, actor="staff:1", at=NOW)
    shown = live.Live(engine, folder=folder)
    assert [place.key for place in shown.current.places] == ["nb-hall"]
    with write(engine) as conn:
        with pytest.raises(service_points.IllegalMove, match="另一个人"):
            service_points.move(conn, "nb-aid", "shown", staff_id=1)
        service_points.move(conn, "nb-aid", "shown", staff_id=2)
    shown.refresh()
    near = shown.current.near(29.9, 121.55)
    assert [(place.key, round(km, 1)) for place, km in near] == [("nb-aid", 0.0), ("nb-hall", 3.3)]
    assert shown.current.near(30.9, 121.55) == []
    assert {place.key for place in shown.current.places_in("ningbo")} == {"nb-aid", "nb-hall"}
    assert shown.current.places_in("zhongshan") == []
    shown.close()


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        ("latitude: 129.87", "`latitude` does not lie in this country: 129.87"),
        ("latitude: 29.87", None),
        ("kind: pub", "`kind` is not one of"),
        ("checked_on: gestern", "`checked_on` is not a date: gestern"),
    ],
)
def test_a_wrong_place_is_named(folder, wrong, fault):
    name = wrong.split(":")[0]
    lines = "\n".join(
        line.replace(f"{name}: {old}", wrong)
        for line in PLACE.splitlines()
        for old in [{"latitude": "29.87", "kind": "hall", "checked_on": "2026-11-20"}[name]]
    )
    (folder / "places").mkdir()
    Path(folder / "places/ningbo.yml").write_text(lines, encoding="utf-8")
    if fault is None:
        assert len(knowledge_base.load(folder).places) == 1
        return
    with pytest.raises(KnowledgeError, match=fault):
        knowledge_base.load(folder)
