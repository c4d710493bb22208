"""What Rasa reads that is made from our files: `python -m intents.rasa_domain` rewrites intents/domain.yml.

`python -m intents.rasa_domain --learnt FOLDER` also copies the training files to FOLDER without the development
lines, so that Rasa learns what the local classifier learns and both are measured on lines that neither has seen.
"""

import argparse
import sys
from pathlib import Path

from .nlu_files import HERE, NLU, is_dev, strip_annotations, taxonomy

DOMAIN = HERE / "domain.yml"
ENTITIES = ("district", "phone", "id_number", "date", "stage", "amount", "duration_months", "room_code")


def domain() -> str:
    """The text of domain.yml: the taxonomy's intents in its order, and the entity types of the training files."""
    lines = [
        "# Made from taxonomy.yml by `python -m intents.rasa_domain`; change that file, not this one.",
        'version: "3.1"',
        "intents:",
        *(f"- {name}" for name in taxonomy()),
        "entities:",
        *(f"- {name}" for name in ENTITIES),
    ]
    return "\n".join(lines) + "\n"


def write(path: Path = DOMAIN) -> None:
    """Bring the domain file up to date."""
    path.write_text(domain(), encoding="utf-8")


def copy_learnt(target: Path, source: Path = NLU) -> int:
    """Write every training file of `source` to `target`, unchanged but for the development lines; returns how many
    lines are left. Files of `target` that `source` no longer has are removed."""
    target.mkdir(parents=True, exist_ok=True)
    kept = 0
    for path in target.glob("*.yml"):
        path.unlink()
    for path in sorted(source.glob("*.yml")):
        out = []
        for line in path.read_text(encoding="utf-8").splitlines():
            example = line.strip()
            if example.startswith("- ") and not example.startswith("- intent:"):
                if is_dev(strip_annotations(example[2:].strip())):
                    continue
                kept += 1
            out.append(line)
        (target / path.name).write_text("\n".join(out) + "\n", encoding="utf-8")
    return kept


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m intents.rasa_domain", description="Make the files Rasa reads.")
    parser.add_argument(
        "--learnt", type=Path, metavar="FOLDER", help="copy the training files without development lines"
    )
    options = parser.parse_args(arguments)
    write()
    if options.learnt:
        print(f"lines={copy_learnt(options.learnt)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
