"""Python loads this by itself at the start of each process of the storm: their clock is off by what a file says.

Only the service's own clock (`clock.now`) jumps, ahead or back; the kernel's stays, for it belongs to other programs too.
"""

import os
import sys
from datetime import datetime, timedelta
from pathlib import Path

sys.path.insert(0, os.environ["STORM_ROOT"])

import clock

_right = clock.now
_wrong_by = Path(os.environ["STORM_CLOCK"])


def _now() -> datetime:
    try:
        seconds = float(_wrong_by.read_text())
    except (OSError, ValueError):
        seconds = 0.0
    return _right() + timedelta(seconds=seconds)


clock.now = _now
