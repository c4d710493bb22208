"""Somebody who looks for work sees what is on file for his place, or that nothing is."""

import csv
from pathlib import Path

import clock
from bot import turn
from bot.message import Inbound
from bot.service import Service
from handlers import job_posts
from records import conversations, people, subscriptions, vacancies
from records.base import read, write

POSTS = [
    ["岗位", "单位", "地区", "工作地点", "最低月薪", "最高月薪", "联系方式", "截止日期"],
    ["叉车司机", "试仓", "慈溪", "试街1号", "6000", "8000", "0574-00000000", "2099-12-31"],
    ["普工", "试灯厂", "慈溪", "", "5000", "", "", "2099-12-31"],
    ["普工", "试铁厂", "慈溪", "", "", "", "", "2099-12-30"],
    ["保洁", "试楼", "慈溪", "", "", "4000", "", "2099-12-29"],
    ["叉车司机", "过期厂", "慈溪", "", "9000", "", "", "2000-01-01"],
    ["叉车司机", "远方厂", "中山", "", "9000", "", "", "2099-12-31"],
]


def load(service: Service, folder: Path, posts: list[list[str]]) -> vacancies.Loaded:
    file = folder / "posts.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(posts)
    tree = service.knowledge.regions
    names = {one.short: one.key for one in tree.regions.values()}
    loaded = vacancies.load(service.engine, file, "试招聘会", names, clock.now(), tree.chain)
    assert loaded.bad == []
    return loaded


def says(service: Service, number: int, text: str = "", choice: str = "") -> turn.Taken:
    kind = "text" if text else "event"
    event = "click" if choice else ""
    said = Inbound("web", "o-one", f"m:{number}", kind, clock.now(), text=text, choice=choice, event=event)
    return turn.take(service, said)


def seen(taken: turn.Taken) -> str:
    return "\n".join(reply.text for reply in taken.replies)


def test_who_asks_for_work_sees_posts_of_the_place_that_fit(service: Service, tmp_path: Path) -> None:
    load(service, tmp_path, POSTS)
    text = seen(says(service, 1, "我在慈溪，想找个开叉车的工作"))
    assert "1. 叉车司机，试仓；每月6000到8000元；在试街1号；报名：0574-00000000；2099年12月31日前有效。" in text
    assert "过期厂" not in text and "远方厂" not in text and "普工" not in text


def test_what_fits_nobody_is_said_and_other_posts_are_told_as_such(service: Service, tmp_path: Path) -> None:
    load(service, tmp_path, POSTS)
    text = seen(says(service, 1, "我在慈溪，想找电焊的工作"))
    assert "合您要求的，慈溪市现在没有登记在册的" in text
    assert text.count("前有效") == job_posts.SHOWN and "工资面议" in text and "每月5000元起" in text


def test_nothing_on_file_is_said_plainly_and_the_offer_to_be_told_is_kept(service: Service) -> None:
    asked = says(service, 1, "我在慈溪，想找工作")
    assert "慈溪市现在没有登记在册的招工" in seen(asked)
    assert job_posts.TELL_ME in asked.replies[0].choices
    told = says(service, 2, choice=job_posts.TELL_ME.id)
    assert "慈溪市的“求职招聘”" in seen(told)
    with read(service.engine) as conn:
        wishes = subscriptions.of_person(conn, told.person_id)
    assert [(row.topic, row.region) for row in wishes] == [("job_seeking", "cixi")]


def test_a_filed_wish_is_answered_with_posts_that_fit_it(service: Service, tmp_path: Path) -> None:
    load(service, tmp_path, POSTS)
    for number, text in enumerate(("登记求职", "叉车工", "没有", "慈溪", "7000", "13900001111"), 1):
        says(service, number, text)
    filed = seen(says(service, 9, "确认"))
    assert "已经提交，编号 FH-" in filed and "叉车司机，试仓" in filed and "远方厂" not in filed


HEAD = POSTS[0]


def post(title: str, region: str, firm: str = "试厂", until: str = "2099-12-31") -> list[str]:
    return [title, firm, region, "", "5000", "6000", "", until]


def test_where_a_place_has_none_the_districts_next_to_it_are_told(service: Service, tmp_path: Path) -> None:
    load(service, tmp_path, [HEAD, post("保洁", "余姚"), post("叉车司机", "镇海"), post("叉车司机", "宁海")])
    asked = says(service, 1, "我在慈溪，想找个开叉车的工作")
    text = seen(asked)
    assert "慈溪市现在没有登记在册的招工" in text and "邻近的镇海区合您要求的有" in text
    assert "1. 叉车司机，试厂（镇海区）；每月5000到6000元" in text
    assert "宁海" not in text and "保洁" not in text, "too far, or not what was asked for"
    assert job_posts.TELL_ME in asked.replies[0].choices, "one may still wait for posts of his own place"


def test_the_nearest_district_comes_first(service: Service, tmp_path: Path) -> None:
    load(
        service,
        tmp_path,
        [HEAD, post("普工", "江北"), post("普工", "镇海"), post("普工", "余姚"), post("普工", "余姚", "二厂")],
    )
    text = seen(says(service, 1, "我在慈溪，想找工作"))
    assert "邻近的余姚市、镇海区有" in text and "江北" not in text


def test_what_fits_next_door_is_told_beside_what_a_place_has(service: Service, tmp_path: Path) -> None:
    load(service, tmp_path, [HEAD, post("保洁", "慈溪"), post("叉车司机", "余姚")])
    text = seen(says(service, 1, "我在慈溪，想找个开叉车的工作"))
    assert "别的岗位有这些：\n1. 保洁" in text and "邻近的余姚市合您要求的有：\n1. 叉车司机" in text


def test_a_place_with_no_neighbours_of_ours_says_only_what_it_has(service: Service, tmp_path: Path) -> None:
    load(service, tmp_path, [HEAD, post("普工", "余姚")])
    assert "邻近" not in seen(says(service, 1, "我在中山，想找工作"))


def test_neighbours_are_neighbours_both_ways(service: Service) -> None:
    near = job_posts.neighbours()
    assert set(near) <= set(service.knowledge.regions.regions)
    for region, others in near.items():
        assert region not in others and all(region in near[other] for other in others), region


def told(service: Service, sender: str) -> list[str]:
    with read(service.engine) as conn:
        person = people.find(conn, "web", sender)
        rows = conversations.transcript(conn, person.id)
    return [
        reply["text"] for row in rows if row.author == "bot" for reply in row.body if vacancies.NEWS in reply["text"]
    ]


def waits(service: Service, sender: str, region: str) -> None:
    with write(service.engine) as conn:
        people.add(conn, "web", sender, clock.now())
        subscriptions.add(conn, people.find(conn, "web", sender).id, vacancies.TOPIC, region, clock.now())


def test_who_waits_for_posts_is_told_once_when_a_file_brings_some(service: Service, tmp_path: Path) -> None:
    for sender, region in (("here", "cixi"), ("city", "ningbo"), ("elsewhere", "beilun")):
        waits(service, sender, region)
    assert load(service, tmp_path, [HEAD, post("普工", "慈溪", until="2000-01-01")]).told == 0, "long over"
    posts = [HEAD, post("普工", "慈溪", until="2000-01-01")]
    loaded = load(service, tmp_path, [*posts, post("保洁", "慈溪")])
    assert (loaded.told, loaded.fresh) == (2, frozenset({"cixi"}))
    assert [len(told(service, sender)) for sender in ("here", "city", "elsewhere")] == [1, 1, 0]
    waits(service, "here", "cixi")
    assert load(service, tmp_path, [*posts, post("保洁", "慈溪")]).told == 0, "the same file again is no news"
    assert load(service, tmp_path, [*posts, post("厨师", "慈溪")]).told == 1
