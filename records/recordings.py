"""What kinds of sound and film we keep of what people send, told by their first bytes."""

NAMES = {"audio/amr": "amr", "audio/mpeg": "mp3", "audio/ogg": "ogg", "video/mp4": "mp4"}
"""Kind → what a file of it is called."""
PLAYED = ("audio/mpeg", "audio/ogg", "video/mp4")
"""Kinds that browsers play; AMR, which WeChat makes of voices, isn't one."""


def kind_of(data: bytes) -> str | None:
    """The MIME type of a recording; None for anything else."""
    if data.startswith((b"#!AMR\n", b"#!AMR-WB\n")):
        return "audio/amr"
    if data.startswith((b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2")):
        return "audio/mpeg"
    if data.startswith(b"OggS"):
        return "audio/ogg"
    return "video/mp4" if data[4:8] == b"ftyp" else None
