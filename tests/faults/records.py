"""What came of each fault, added up over any number of runs?

    python tests/faults/records.py FILE ... [docs/reliability.md]

adds up files of records, one JSON object a line, and prints the table, or puts it into the page.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

_BEGIN, _END = "<!-- records -->\n", "<!-- end of records -->"
OUTCOMES = ("identical", "told", "lost", "wrong")
_HEADS = ("the same bytes at once", "told what to do, then the same", "lost", "wrong")


@dataclass(frozen=True, kw_only=True)
class Record:
    """One fault. engine: "local, 1", "local, 2" (workers) or "ray". state: of the run when it came.

    outcome: one of `OUTCOMES`. redone: sound results that were made again for nothing. note: what
    was hit, and what the command said.
    """

    engine: str
    state: str
    fault: str
    outcome: str
    redone: int
    seed: int
    note: str = ""


def append(file: Path, records: Iterable[Record]) -> None:
    """Add records to a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as stream:
        stream.writelines(json.dumps(asdict(record)) + "\n" for record in records)


def read(file: Path) -> list[Record]:
    """Return all records of a file."""
    return [Record(**json.loads(line)) for line in file.read_text().splitlines()]


def table(records: Iterable[Record]) -> str:
    """Return how many faults of each kind had each outcome, as a table of Markdown."""
    records = list(records)
    counted = Counter((record.fault, record.outcome) for record in records)
    faults = Counter(record.fault for record in records)
    rows = [
        ("fault", "times", *_HEADS),
        ("---", *["--:"] * (1 + len(_HEADS))),
        *(
            (fault, str(faults[fault]), *(str(counted[fault, outcome]) for outcome in OUTCOMES))
            for fault in sorted(faults)
        ),
    ]
    kills = sum(times for fault, times in faults.items() if fault.startswith("kill"))
    engines = Counter(record.engine for record in records)
    states = Counter(record.state for record in records)
    return "\n".join(
        [
            *(f"| {' | '.join(row)} |" for row in rows),
            "",
            f"{kills:,} kills and {sum(faults.values()) - kills:,} other faults; "
            f"{sum(record.redone for record in records):,} sound results were made again. "
            f"By engine and workers: {_listed(engines)}. By state of the run: {_listed(states)}.",
        ]
    )


def _listed(times: Counter[str]) -> str:
    return "; ".join(f"{name}: {count:,}" for name, count in sorted(times.items()))


def put_into(page: Path, text: str) -> None:
    """Replace the table of a page."""
    before, _, rest = page.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    page.write_text(f"{before}{_BEGIN}\n{text}\n\n{_END}{after}")


def main(paths: list[Path]) -> None:
    files = [path for path in paths if path.suffix != ".md"]
    text = table(record for file in files for record in read(file))
    pages = [path for path in paths if path not in files]
    for page in pages:
        put_into(page, text)
    if not pages:
        sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main([Path(word) for word in sys.argv[1:]])
