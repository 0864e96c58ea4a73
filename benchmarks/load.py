"""How long does a run folder of ten thousand stages take to say how far it is?"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from prunescope.base.files import canonical_json, hash_file
from prunescope.base.recipes import sealed
from prunescope.experiment.facts import record_facts
from prunescope.experiment.plan import Plan, plan_study
from prunescope.experiment.source_facts import facts_of
from prunescope.recipe import Recipe, shipped_recipe
from prunescope.results.artifacts import Artifact
from prunescope.results.checksums import with_checksum
from prunescope.results.layout import LOCK, STUDY, manifest_name
from prunescope.results.manifest import stamp_of
from prunescope.results.provenance import Provenance, environment

_FILES = 3
_LEVELS = 124


def main() -> None:
    """Print one JSON object: seconds of the command `status`, as a whole, in a folder made up,
    and those of the processor.

    Every artifact is there, with three small files, but for tables, figures and page. Starting
    Python is in the seconds.
    """
    given = arguments()
    conditions = environment()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        plan = make_run(run, given.stages)
        taken = [seconds_of_status(run) for _ in range(given.runs + 1)][1:]
    seconds, processor = zip(*taken, strict=True)
    figures = {
        "status_seconds": round(statistics.median(seconds), 2),
        "least": round(min(seconds), 2),
        "most": round(max(seconds), 2),
        "processor_seconds": round(statistics.median(processor), 2),
        "load": os.getloadavg()[0],
        "stages": len(plan.stages),
        "artifacts": len(plan.artifacts),
        "runs": given.runs,
    }
    print(json.dumps(figures | {"conditions": conditions}))


def arguments() -> argparse.Namespace:
    """Return what is asked for on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stages", type=int, default=10_000, help="at least, about")
    parser.add_argument("--runs", type=int, default=7)
    return parser.parse_args()


def make_run(out: Path, stages: int) -> Plan:
    """Make a run folder of so many stages that are finished, without their content."""
    recipe = study_of(stages)
    facts = facts_of(recipe)
    plan = plan_study(recipe, facts)
    out.mkdir()
    (out / STUDY).write_bytes(sealed(recipe.to_yaml()).encode())
    (out / LOCK).touch()
    kinds: dict[Artifact, str] = {}
    for stage in plan.stages:
        for artifact in () if stage.derived else stage.artifacts:
            fill(out / artifact.path, artifact, stage.kind)
            kinds[artifact] = stage.kind
    record = Provenance(out)
    record.remember(record_facts(recipe, facts))
    record.begin({}, threads=1, workers=1)
    stamps = {each: stamp_of(out / each.path, each.part) for each in kinds}
    record.adopt_found(kinds, stamps)
    return plan


def study_of(stages: int) -> Recipe:
    """Return a study of about so many stages, as replicates of the demo with many levels."""
    values: dict[str, Any] = shipped_recipe("demo").model_dump(mode="json", exclude_none=True)
    levels = min(_LEVELS, max(1, stages // 4 - 1))
    values["pruning"]["strategies"] = {"lottery": {"fraction": 0.2, "levels": levels}}
    values["replicates"] = max(1, stages // (4 * (levels + 1)))
    return Recipe.validate_from(values, "the demo").anchored()


def fill(folder: Path, artifact: Artifact, kind: str) -> None:
    """Make the files of an artifact, without waiting for the disk."""
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{artifact.part or 'file'}-{number}.bin" for number in range(_FILES)]
    for name in names:
        (folder / name).write_bytes(b"some")
    files = dict.fromkeys(names, hash_file(folder / names[0]))
    content = {"key": artifact.key, "kind": kind, "files": files, "sizes": dict.fromkeys(names, 4)}
    manifest = canonical_json(with_checksum(content)).encode() + b"\n"
    (folder / manifest_name(artifact.part)).write_bytes(manifest)


def seconds_of_status(run: Path) -> tuple[float, float]:
    """Return the seconds of the command, and those of the processor.

    Fails where it does not find everything done.
    """
    started, before = time.monotonic(), os.times()
    command = [sys.executable, "-m", "prunescope", "status", str(run), "--json"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    taken, after = time.monotonic() - started, os.times()
    found = json.loads(said.splitlines()[-1])
    assert found["to_do"] == ["tables", "figures", "report"], found["to_do"][:5]
    return taken, sum(after[2:4]) - sum(before[2:4])  # of children


if __name__ == "__main__":
    main()
