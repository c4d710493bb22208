"""A few invented vacancies for rehearsals: firms, numbers and places are nobody's."""

from datetime import datetime, timedelta

from sqlalchemy import Connection

from records import vacancies

SOURCE = "演练招聘会"
_POSTS = (
    ("叉车司机", "演练物流园", "cixi", "慈溪市演练路1号", 6500, 8000, "有叉车证"),
    ("普工", "演练五金厂", "fenghua", "奉化区演练街道", 5000, 6500, "包吃住"),
    ("普工", "演练电器厂", "cixi", "慈溪市演练路2号", 5200, 7000, "包住"),
    ("缝纫工", "演练制衣厂", "haishu", "海曙区演练路3号", 5500, 7500, "熟手优先"),
    ("保安", "演练广场", "yinzhou", "鄞州区演练路4号", 4500, 5200, "会用电脑优先"),
    ("保洁", "演练物业", "haishu", "海曙区演练路5号", 4000, 4600, ""),
    ("厨师", "演练酒楼", "yuyao", "余姚市演练路6号", 7000, 9000, "两年以上经验"),
    ("灯具装配工", "演练灯饰厂", "zhongshan", "中山市演练镇", 5000, 7000, "包吃住"),
)  # fmt: skip


def seed(conn: Connection, at: datetime) -> int:
    """Load them in place of what was loaded before, good for the next sixty days. Returns how many there are."""
    names = ("title", "firm", "region", "place", "pay_from", "pay_to", "wants")
    until = (at + timedelta(days=60)).date()
    rows = [
        dict(zip(names, post, strict=True)) | {"number": number, "people": 5, "contact": "0574-00000000", "until": until}
        for number, post in enumerate(_POSTS, 2)
    ]  # fmt: skip
    vacancies.replace(conn, SOURCE, rows, at)
    return len(rows)
