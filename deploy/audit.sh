#!/bin/sh
# Look every locked package up in the public list of known faults (PyPI's and OSV's, through pip-audit).
# Exit 0: none known. 1: faults found, named above. 3: the list can't be reached from here, so NOTHING was checked.
cd "$(dirname "$0")/.." || exit 3
tool="${AUDIT:-.venv/bin/uv tool run --quiet pip-audit}"
out=$(mktemp) || exit 3
trap 'rm -f "$out"' EXIT
status=0
for lock in requirements.txt requirements-dev.txt; do
  echo "$lock"
  # shellcheck disable=SC2086  # the tool is a command with its arguments
  $tool --disable-pip --require-hashes --progress-spinner off --timeout 10 -r "$lock" >"$out" 2>&1
  code=$?
  cat "$out"
  # A mirror without the list answers "not found" for each package, and the tool counts that as no fault.
  if grep -q 'could not be audited' "$out"; then
    echo "The list of known faults doesn't know the packages from here: nothing (or not all) was checked. Run this where PyPI itself can be reached, e.g. in CI, weekly." >&2
    exit 3
  fi
  if [ "$code" -ne 0 ]; then
    if grep -q 'vulnerabilit.* in [0-9]* package' "$out"; then
      status=1
    else
      echo "The list of known faults can't be reached from here: nothing was checked. Run this where it can be, e.g. in CI, weekly." >&2
      exit 3
    fi
  fi
done
[ "$status" -eq 0 ] && echo "No known faults in the locked packages."
exit "$status"
