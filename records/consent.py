"""What people agree to when they declare where they live. A version, once published, never changes: what somebody
agreed to can be read back for ever. A new wording is a new version.
"""

VERSION = "2026-11"
"""The version that is asked for now."""

TEXTS = {
    "2026-11": (
        "您填的姓名、证件号码、手机号、住址和同住人，只用于居住登记：核对后由社区流动人口服务管理机构和公安机关登记，"
        "不给别人看，不用于别的事。房东只看得到姓和人数，看不到证件号码和电话。"
        "加密保存；您随时可以在“我的记录”里查看、更正、撤回同意或要求删除"
        "（依法必须留存的除外）。不同意也可以带证件到村社窗口当面登记。"
        "依据：《个人信息保护法》第13、17、29条，《浙江省流动人口居住登记条例》第7、31条。"
    )
}
GUARDIAN = {"2026-11": "我是孩子的监护人，同意为未满14周岁的孩子登记（《个人信息保护法》第31条）。"}
ON_BEHALF = {"2026-11": "同住的成年人知道并同意由我代为登记。"}
