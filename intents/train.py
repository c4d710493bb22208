"""Training: `python -m intents.train` makes the model the files call for, unless it is there already.

A model lives in `DATA_DIR/model/<digest>`; the digest is of the training files, the taxonomy and the code that reads
them, so a model made from anything else is never found, only rebuilt.
"""

import argparse
import fcntl
import hashlib
import json
import logging
import os
import shutil
import sys
import time
from pathlib import Path

from . import crisis, crisis_model, further, gate, nlu_files
from .classifier import Classifier
from .encoder import Encoder
from .encoder_files import prepare
from .fitting import STEPS, Progress, cores, fit, threads

log = logging.getLogger(__name__)

_CODE = (
    "normalise.py",
    "nlu_files.py",
    "clauses.py",
    "sounds.py",
    "features.py",
    "elsewhere.py",
    "lookups/elsewhere.yml",
    "encoder.py",
    "encoder_files.py",
    "packed.py",
    "classifier.py",
    "fitting.py",
    "crisis.py",
    "crisis/patterns.yml",
    "crisis/lines.tsv",
    "crisis/talk.txt",
    "crisis_model.py",
    "further.py",
    "gate.py",
    "train.py",
)


def model_folder() -> Path:
    """`DATA_DIR/model`, where settings keep it too."""
    return (Path(os.environ.get("DATA_DIR") or "var") / "model").absolute()


def digest(folder: Path = nlu_files.NLU) -> str:
    """Of everything a model depends on: training files, taxonomy, floors, code."""
    sha = hashlib.sha256()
    here = nlu_files.HERE
    for path in [
        *sorted(folder.glob("*.yml")),
        *sorted(further.FOLDER.glob("*.yml")),
        here / "taxonomy.yml",
        here / "floors.yml",
        *(here / name for name in _CODE),
    ]:
        sha.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return sha.hexdigest()[:20]


def ensure(folder: Path | None = None, nlu: Path = nlu_files.NLU, progress: Progress | None = None) -> Classifier:
    """The model for the training files as they are now; trained first when it isn't there.

    Several processes may call it at once: one trains, the others wait. Raises `BrokenFile` or `BelowFloor`.
    """
    folder = folder or model_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        encoder = Encoder(prepare(folder))
        target = folder / digest(nlu)
        found = _load(target, encoder)
        if found is not None:
            return found
        log.info("training the classifier: the files or the code changed")
        tell = progress or log.info
        lines = nlu_files.read_folder(nlu)
        learnt = [line for line in lines if not nlu_files.is_dev(line.text)]
        with encoder.remembering(), threads(cores()):
            trained = fit([line.text for line in learnt], [line.intent for line in learnt], encoder, tell)
            tell("danger")
            named = {*trained.labels, further.ANY}
            said_next = [line for line in further.read_folder() if {line.topic, line.intent} <= named]
            heard = crisis_model.own_lines() if "psych_crisis" in named else []
            known = [line for line in heard if not nlu_files.is_dev(line.text)]
            talk = [line for line in crisis_model.talk_lines() if not nlu_files.is_dev(line.text)] if heard else []
            danger = crisis_model.train(trained, [*learnt, *known, *further.harmless(said_next), *talk])
            crisis.use(danger)
            tell("further questions")
            goes_on = further.train(trained, said_next, lines)
            tell("gate")
            held = [line for line in lines if nlu_files.is_dev(line.text)]
            gate.check(trained, held, [line for line in heard if nlu_files.is_dev(line.text)], gate.Floors.load())
            gate.check_further(goes_on, [line for line in said_next if nlu_files.is_dev(line.text)], gate.Floors.load())
        _store(trained, danger, goes_on, target)
        _remove_others(folder, target)
    return _read(target, encoder)


def made(folder: Path | None = None) -> bool:
    """Whether the model for the training files as they are now is there, so that `ensure` has only to load it."""
    return ((folder or model_folder()) / digest(nlu_files.NLU) / "complete.json").is_file()


def _read(target: Path, encoder: Encoder) -> Classifier:
    """The classifier stored at `target`; from now on the crisis detector asks its learned half too, and `further.likely`
    the model of what goes on."""
    classifier = Classifier.load(target, encoder)
    threads(1)  # one message's products are small: more threads would only wait for each other
    crisis.use(crisis_model.CrisisModel.load(target, classifier))
    further.use(further.Further.load(target, classifier))
    return classifier


def _load(target: Path, encoder: Encoder) -> Classifier | None:
    """A stored model whose files are all there and whole; None sends for a new one."""
    try:
        sizes = json.loads((target / "complete.json").read_text(encoding="utf-8"))
        if any((target / name).stat().st_size != size for name, size in sizes.items()):
            raise ValueError("a file has another size than when it was written")
        return _read(target, encoder)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        log.warning("the stored model %s is damaged (%s); making a new one", target.name, error)
        return None


def _store(trained: Classifier, danger: crisis_model.CrisisModel, goes_on: further.Further, target: Path) -> None:
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.rmtree(target, ignore_errors=True)
    unfinished.mkdir()
    trained.save(unfinished)
    danger.save(unfinished)
    goes_on.save(unfinished)
    sizes = {path.name: path.stat().st_size for path in unfinished.iterdir()}
    (unfinished / "complete.json").write_text(json.dumps(sizes), encoding="utf-8")
    unfinished.rename(target)


def _remove_others(folder: Path, keep: Path) -> None:
    # A process that still serves an older model has its files mapped; they live until it ends.
    for path in folder.iterdir():
        if path.is_dir() and path != keep and not path.name.startswith("encoder-"):
            shutil.rmtree(path, ignore_errors=True)


def main(arguments: list[str] | None = None) -> int:
    """The command line; 0 when the model is there, 1 when the training files are broken or it is below a floor."""
    from tqdm import tqdm

    parser = argparse.ArgumentParser(prog="python -m intents.train", description="Train the classifier.")
    parser.add_argument("--folder", type=Path, help="where models are kept (default: DATA_DIR/model)")
    parser.add_argument("--nlu", type=Path, default=nlu_files.NLU, help="the folder of training files")
    options = parser.parse_args(arguments)
    start = time.monotonic()
    with tqdm(total=len(STEPS) + 3, unit="step", disable=not sys.stderr.isatty()) as bar:

        def show(step: str) -> None:
            bar.set_description(step)
            bar.update()

        try:
            model = ensure(options.folder, options.nlu, show)
        except (nlu_files.BrokenFile, gate.BelowFloor) as error:
            print(error, file=sys.stderr)
            return 1
    print(f"labels={len(model.labels)} features={len(model.vectoriser.known)} seconds={time.monotonic() - start:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
