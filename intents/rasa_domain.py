"""Rasa's domain file, made from the taxonomy: `python -m intents.rasa_domain` rewrites intents/domain.yml."""

from pathlib import Path

from .nlu_files import HERE, taxonomy

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


if __name__ == "__main__":
    write()
