"""What the tests of the knowledge base write their bad files from."""

from datetime import date

TODAY = date(2026, 11, 22)

ARTICLE = """
- id: nb-permit-renewal
  intents: [permit_renewal]
  region: ningbo
  aspect: main
  title: 居住证签注
  questions: [签注怎么办]
  answer: 每年签一次。
  sources:
  - {issuer: 浙江省人大常委会, document: 条例, article: "19", effective_from: 2016-07-01}
  facts: [zj-permit-renew]
  confidence: high
  owner: 流动人口服务管理
  reviewed_on: 2026-11-20
  reviewed_by: 编辑部
  approved_by: 审核组
  next_review: 2027-05-20
  status: published
"""


def write(folder, name, articles):
    path = folder / "articles" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("version: 1\narticles:\n" + articles.strip("\n") + "\n", encoding="utf-8")
    return path
