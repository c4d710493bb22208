"""What a form's slots read out of people's words, and what is spotted beside the answer."""

from datetime import datetime

import pytest

import clock
from handlers import declared, slots, spotting
from handlers.slots import Slot
from intents import entities

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=clock.CHINA)


def read(kind: str, said: str, **more: object) -> slots.Read:
    slot = Slot("x", "某项", "某项？", kind, **more)  # type: ignore[arg-type]
    return slots.read(slot, said, tuple(entities.extract(said, NOW)), NOW)


@pytest.mark.parametrize(
    ("kind", "said", "value"),
    [
        ("amount", "一万五", "15000"), ("amount", "8500", "8500"), ("amount", "七千左右", "7000"), ("months", "三个月", "3"),
        ("months", "5", "5"), ("months", "一年半", "18"), ("number", "12", "12"), ("number", "没签过", "0"), ("number", "三口人", "3"),
        ("yes_no", "没办呢", "否"), ("yes_no", "没问题", "是"), ("yes_no", "办了", "是"), ("yes_no", "还没有", "否"), ("stage", "上小学", "primary"),
        ("phone", "13800001234", "13800001234"), ("date", "上个月15号", "2026-10-15"),
    ],
)  # fmt: skip
def test_an_answer_is_read(kind: str, said: str, value: str) -> None:
    assert read(kind, said, most=100_000).value == value


@pytest.mark.parametrize(
    ("kind", "said", "fault"),
    [
        ("phone", "1380000123", "少了1位"),
        ("phone", "138000012345", "多了1位"),
        ("amount", "不少", "数字"),
        ("stage", "大学", "幼儿园"),
        ("yes_no", "也许", "“是”或“否”"),
    ],
)
def test_a_fault_names_the_way_out(kind: str, said: str, fault: str) -> None:
    answer = read(kind, said)
    assert answer.value == "" and fault in answer.fault


def test_a_day_that_must_be_past_is_not_ahead() -> None:
    assert "还没到" in read("date", "2027年1月1日", limit="past").fault


def test_a_choice_is_taken_by_label_number_or_word() -> None:
    options = (("消防", ("充电",)), ("房屋", ("隔断",)), ("其他", ("别的",)))
    assert [
        read("choice", said, options=options).value for said in ("消防", "2", "楼道里充电", "消防的，别的没有")
    ] == ["消防", "房屋", "消防", "消防"]
    assert read("choice", "不知道哪类", options=options).fault


def test_wanting_no_name_is_a_yes_to_being_anonymous() -> None:
    assert read("yes_no", "不想留名", signs="匿名|不想?留名").value == "是"


@pytest.mark.parametrize(
    ("said", "value"),
    [
        ("匿名", "是"),
        ("要匿名", "是"),
        ("不匿名", "否"),
        ("不用匿名，我不怕", "否"),
        ("别留我名字", "是"),
        ("不要留名", "是"),
    ],
)
def test_who_declines_to_stay_unnamed_is_named(said: str, value: str) -> None:
    slot = declared.forms()["hazard_report"].slot("anonymous")
    assert slots.read(slot, said, (), NOW).value == spotting.spotted(slot, said, ()) == value


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("我在海曙的宏大制衣厂干活", "宏大制衣厂"),
        ("永发模具厂欠我钱", "永发模具厂"),
        ("他们公司不给钱", ""),
        ("厂里不发工资", ""),
        ("是宏达电子有限公司", "宏达电子有限公司"),
    ],
)
def test_a_firm_is_told_from_the_firm(said: str, name: str) -> None:
    assert spotting.firm(said) == name


@pytest.mark.parametrize(
    ("said", "place"),
    [
        ("宏发五金厂，在北仑小港街道红联路", "北仑小港街道红联路"),
        ("在海曙集士港镇的宏大制衣厂干活", "海曙集士港镇"),
        ("我在海曙", ""),
        ("没说在哪", ""),
    ],
)
def test_a_place_is_more_than_its_district(said: str, place: str) -> None:
    assert spotting.place(said, entities.extract(said, NOW)) == place


def test_what_filled_other_slots_is_no_answer() -> None:
    assert spotting.leftover("三个月，一共一万八", ["三个月", "一万八"]) == ""
    assert spotting.leftover("他叫王建国，工地在北仑春晓", ["北仑春晓"]) == "王建国"
    assert spotting.leftover("宏发五金厂，在北仑小港", ["北仑小港"]) == "宏发五金厂"


@pytest.mark.parametrize(
    ("said", "months"),
    [
        ("2025年8月到10月", "3"), ("2025年11月到2026年2月", "4"), ("11月到次年2月", "4"), ("8月和9月", "2"), ("七月、八月、九月", "3"),
        ("7、8、9月", "3"), ("7、8、9三个月", "3"), ("2025年8月", "1"), ("八月份的没发", "1"), ("从今年6月开始没发", "5"),
        ("2025年8月到现在", "15"), ("去年12月份到今年3月", "4"), ("十一月和十二月", "2"), ("从十月起", "1"), ("三个多月", "3"), ("半年", "6"),
    ],
)  # fmt: skip
def test_months_that_are_named_are_counted(said: str, months: str) -> None:
    assert read("months", said, most=240).value == months


@pytest.mark.parametrize("said", ["一万五", "15000", "老板跑了"])
def test_what_names_no_span_of_months_is_asked_again(said: str) -> None:
    assert read("months", said, most=240).fault


@pytest.mark.parametrize(
    ("said", "day"), [("2025年8月", "2025-08-01"), ("去年8月份", "2025-08-01"), ("2020年5月生的", "2020-05-01")]
)
def test_a_month_without_a_day_is_its_first(said: str, day: str) -> None:
    assert read("date", said, limit="past").value == day
