"""How a fault of our own is written to the log: its kind and place, never its message, which may quote a person."""

import traceback
from pathlib import Path


def where(fault: BaseException) -> str:
    """`KeyError at turn.py:120 < budget.py:41`: enough to find it, nothing of what was said."""
    frames = traceback.extract_tb(fault.__traceback__)[-4:]
    places = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(fault).__name__} at {places}"
