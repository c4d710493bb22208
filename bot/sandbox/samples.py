"""Small pictures, sounds and films made on the spot, so that nobody needs a file to try the service."""

import struct
import zlib

VOICE = "audio/amr"
VIDEO = "video/mp4"
PICTURE = "image/png"


def picture(width: int = 360, height: int = 270) -> bytes:
    """A PNG: a grey wall, a dark socket and a bare red wire; enough for 'photo of a hazard'."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            rows += bytes(_colour(x / width, y / height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _colour(x: float, y: float) -> tuple[int, int, int]:
    if abs(x - 0.62 - 0.12 * (y - 0.3) ** 2) < 0.012 and y > 0.3:
        return 196, 58, 49
    if 0.52 < x < 0.72 and 0.18 < y < 0.38:
        return (60, 62, 66) if 0.54 < x < 0.70 and 0.21 < y < 0.35 else (236, 236, 232)
    if y > 0.86:
        return 150, 122, 96
    shade = int(196 + 24 * y)
    return shade, shade, shade - 8


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def voice(seconds: int = 3) -> bytes:
    """An AMR narrow-band file of silence: 50 no-data frames a second (RFC 4867, frame type 15)."""
    return b"#!AMR\n" + bytes([0x7C]) * 50 * seconds


def video() -> bytes:
    """The first box of an MP4 file; nothing plays it, but it is what `media/get` hands over."""
    return struct.pack(">I4s4sI4s", 20, b"ftyp", b"isom", 512, b"isom")
