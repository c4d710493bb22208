"""Somebody who looks for work sees what is on file for his place, or that nothing is."""

import csv
from pathlib import Path

import clock
from bot import turn
from bot.message import Inbound
from bot.service import Service
from handlers import job_posts
from records import subscriptions, vacancies
from records.base import read

POSTS = [
    ["岗位", "单位", "地区", "工作地点", "最低月薪", "最高月薪", "联系方式", "截止日期"],
    ["叉车司机", "试仓", "慈溪", "试街1号", "6000", "8000", "0574-00000000", "2099-12-31"],
    ["普工", "试灯厂", "慈溪", "", "5000", "", "", "2099-12-31"],
    ["普工", "试铁厂", "慈溪", "", "", "", "", "2099-12-30"],
    ["保洁", "试楼", "慈溪", "", "", "4000", "", "2099-12-29"],
    ["叉车司机", "过期厂", "慈溪", "", "9000", "", "", "2000-01-01"],
    ["叉车司机", "远方厂", "中山", "", "9000", "", "", "2099-12-31"],
]


def load(service: Service, folder: Path, posts: list[list[str]]) -> None:
    file = folder / "posts.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows(posts)
    loaded = vacancies.load(service.engine, file, "试招聘会", {"慈溪": "cixi", "中山": "zhongshan"}, clock.now())
    assert loaded.bad == []


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
    assert "已经提交，编号 CX-" in filed and "叉车司机，试仓" in filed and "远方厂" not in filed
