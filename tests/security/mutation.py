"""Sound input with a few cruel changes: what the fuzzing breeds from where nothing guides it."""

import random

NASTY = ("]]>", "<![CDATA[", "<!DOCTYPE x [<!ENTITY a \"b\">]>", "&a;", "\x00", "\ud800", "</xml>", "'", '"', "%00", "1" * 400, "١٢٣", "２０２６年2月30日",
         "13800013800", "990101199001011232", "0月0日", "99999999999999999999元", "下下下下周", "NB-FH-", "半年半", "十亿亿", "-1")  # fmt: skip


def mutated(chance: random.Random, seed: bytes) -> bytes:
    """`seed` with a few cruel changes."""
    body = bytearray(seed)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(body) + 1)
        what = chance.randrange(5)
        if what == 0 and body:
            body[at % len(body)] = chance.randrange(256)
        elif what == 1:
            del body[at : at + chance.randint(1, 30)]
        elif what == 2:
            body[at:at] = chance.choice(NASTY).encode("utf-8", "surrogatepass")
        elif what == 3:
            body[at:at] = body[at // 2 : at]
        else:
            body[at:at] = chance.randbytes(chance.randint(1, 12))
    return bytes(body[:70_000])
