"""The look-up of known faults says so when it could look nothing up: silence must never read as health."""

import os
import subprocess
from pathlib import Path

import pytest

from .conftest import ROOT

SAID = {
    "none": ("No known vulnerabilities found", 0, 0),
    "some": ("Found 2 known vulnerabilities in 1 package\nflask 0.1 PYSEC-1", 1, 1),
    "away": ("ERROR:pip_audit._cli:Failed to establish a new connection", 1, 3),
    "mirror": ("flask  Dependency not found on PyPI and could not be audited: flask (3)", 0, 3),
}


@pytest.mark.parametrize("case", SAID)
def test_what_the_tool_says_is_told_apart(tmp_path: Path, case: str) -> None:
    words, code, wanted = SAID[case]
    tool = tmp_path / "tool"
    tool.write_text(f"#!/bin/sh\necho '{words}'\nexit {code}\n")
    tool.chmod(0o755)
    run = subprocess.run(
        [ROOT / "deploy" / "audit.sh"],
        env={**os.environ, "AUDIT": str(tool)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == wanted, run.stdout + run.stderr
    assert ("No known faults" in run.stdout) == (case == "none")
    assert ("checked" in run.stderr) == (wanted == 3)
