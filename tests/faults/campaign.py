"""What happens to a run that is hit again and again, and does it end as if nothing had?"""

import re
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from faults.damage import DAMAGES, PRECIOUS, Damage, damage_something
from faults.records import Record
from faults.small_disk import SmallDisk
from faults.warm import Command
from faults.watching import children, end, signal_some, wait_for
from faults.world import Made, World, copy_run, counted, made_again, sound_artifacts
from prunescope.results.layout import WORK

_LONGEST = 1_500  # characters of an error, which is one paragraph
_REMOVE = ("PATH is in the way.*move it", "remove PATH", "PATH .*: remove it")
_AGAIN = "the same (call|command|run)|run the study again|wait for it, or stop it"
_ROUNDS = 6  # of doing what an error says
_LONGEST_RUN = 300.0  # seconds


class Lost(Exception):
    """A run that cannot be brought to its end by what its errors say."""


@dataclass
class Campaign:
    """One run folder, and all that is done to it.

    state: of the run at first: "new", "unfinished" or "finished".
    pending: faults whose outcome is not known yet, with what was said after each.
    kept: sound results, which nothing may make again. precious: files of somebody else, to which
    links lead.
    """

    world: World
    seed: int
    workers: int
    state: str
    engine: str = "local"
    options: tuple[str, ...] = ()
    pending: list[tuple[str, str, str]] = field(default_factory=list)
    kept: dict[str, Made] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    precious: list[Path] = field(default_factory=list)
    disk: SmallDisk | None = None

    def __post_init__(self) -> None:
        self.chance = Random(self.seed)
        self.place = self.world.folder / "campaign"
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir()
        self.run = self.place / "run"
        self.commands = 0
        self.started = 0.0
        self.wrong_kept: Path | None = None
        self.damages = 0

    def begin_anew(self) -> None:
        """Put a copy of the finished run in place of the run."""
        if self.wrong_kept is None:
            self.wrong_kept = self.place / "wrong"
            self.run.rename(self.wrong_kept)
        shutil.rmtree(self.run, ignore_errors=True)
        copy_run(self.world.finished, self.run)
        self.kept = sound_artifacts(self.run)

    def start(self, *, clock: float = 0.0) -> Command:
        """Start the study's command, the same each time."""
        self.commands += 1
        self.started = time.time()
        words = ["run", self.world.recipe, "--out", self.run, *self.options]
        words += ["--workers", str(self.workers)]
        log = self.place / f"log-{self.commands}"
        return self.world.warm.start(words, log, clock=clock, forked=self.chance.random() < 0.9)

    def kill(self, who: str, after: float, *, clock: float = 0.0) -> None:
        """Run the study, and kill processes of it after a while."""
        command = self.start(clock=clock)
        if who == "one worker":
            wait_for(lambda: bool(children(command.process)) or command.status() is not None, 60)
        wait_for(lambda: command.status() is not None, after)
        struck = signal_some(command, who, signal.SIGKILL, self.chance)
        if struck:
            self._note(f"kill: {who}")
        if not struck or who == "one worker":
            self._to_tables(command)
        else:
            command.wait()
        self._hear(command)

    def damage(self) -> Damage:
        """Damage something; what is then no longer sound may be made again."""
        self.damages += 1
        aside = self.place / f"aside-{self.damages}"
        done = damage_something(self.run, aside, self.chance)
        self.precious += aside.glob("**/precious")
        self._note(done.kind, str(done.path.relative_to(self.run)))
        sound = sound_artifacts(self.run)
        before = {} if done.kind == "file times wrong" else self.kept  # by which it is known
        self.kept = {name: before.get(name, made) for name, made in sound.items()}
        return done

    def freeze(self, who: str, after: float, seconds: float) -> None:
        """Run the study, stop processes of it for a while, and let them go on.

        Meanwhile the same command is refused, since the frozen one holds the lock.
        """
        command = self.start()
        wait_for(lambda: command.status() is not None, after)
        if signal_some(command, who, signal.SIGSTOP, self.chance):
            self._note(f"frozen: {who}")
            time.sleep(seconds)
            other = self.start()
            wait_for(lambda: other.status() is not None, seconds)
            if other.status() == 1:
                self._note("second command meanwhile")
                if "is being written by" not in other.said or "Traceback" in other.said:
                    raise Lost(f"a second command is not refused: {other.said[-_LONGEST:]}")
            end(other)
            signal_some(command, "whole group", signal.SIGCONT, self.chance)
        self._to_tables(command)
        self._hear(command)

    def fill(self, disk: SmallDisk) -> None:
        """Run the study on a disk that is too small, until it says so."""
        command = self.start()
        if command.wait() != 0:
            self.disk = disk
            self._note("no inodes left" if "inodes" in disk.room else "full disk")
            if "make room" not in command.said:
                raise Lost(f"a full disk is not told: {command.said[-_LONGEST:]}")
            self._hear(command)

    def lose(
        self, what: str, kill: Callable[[Random], bool], after: float, *, times: int = 2
    ) -> None:
        """Run the study on a cluster that loses a part of itself; let the study go on."""
        command = self.start()
        for _ in range(times):
            if command.status() is None and not wait_for(
                lambda: command.status() is not None, after
            ):
                self._note(f"kill: {what}") if kill(self.chance) else None
        self._to_tables(command)
        self._hear(command)

    def resume(self, *, whole: bool, clock: float = 0.0) -> None:
        """Run the study to its end, doing what its errors say, and compare what it made.

        whole: figures and page, too; otherwise it is killed where they begin.
        Raises Lost where that does not lead to an end.
        """
        whole = whole and self.world.drawn
        for _ in range(_ROUNDS):
            command = self.start(clock=clock)
            reached = not whole and self._to_tables(command)
            status = command.wait()
            if reached or status == 0:
                self._compare(whole=status == 0 and self.world.drawn)
                return
            self._hear(command)
        raise Lost(f"{_ROUNDS} errors in turn, the last: {command.said[-_LONGEST:]}")

    def _to_tables(self, command: Command) -> bool:
        """Wait until the figures begin, or the command ends; return which. Then end it."""
        wait_for(lambda: self._draws() or command.status() is not None, _LONGEST_RUN)
        reached = command.status() is None and self._draws()
        if reached:
            end(command)
        return reached

    def _draws(self) -> bool:
        """Return whether the command that runs has begun with the figures, or the page."""
        with suppress(OSError):
            return any(
                path.stat().st_ctime > self.started
                for kind in ("figures", "report")
                for path in self.run.glob(f"{WORK}/{kind}*")
            )
        return False

    def _hear(self, command: Command) -> None:
        """Do what an ended command says it needs. Raises Lost where it says nothing clear."""
        self._forget_replaced()
        status = command.status()
        if status is None or status <= 0:
            return
        said = command.said
        error = next((t for t in said.splitlines()[::-1] if t.startswith("prunescope: ")), "")
        if "Traceback" in said or not error or len(error) > _LONGEST:
            raise Lost(f"no clear error: {said[-2 * _LONGEST :]}")
        self._obey(error)
        if not self.told or self.told[-1] != error:
            self.told.append(error)
            if self.pending:  # what was damaged last has to answer for it
                damaged = [i for i, (kind, _, _) in enumerate(self.pending) if kind in DAMAGES]
                last = damaged[-1] if damaged else -1
                kind, what, _ = self.pending[last]
                self.pending[last] = (kind, what, error)

    def _forget_replaced(self) -> None:
        """Let go of results that stand under another key: tables of what a failed stage left."""
        with suppress(OSError):
            now = sound_artifacts(self.run)
            self.kept = {
                name: made for name, made in self.kept.items() if now.get(name, made)[0] == made[0]
            }

    def _obey(self, error: str) -> None:
        if "make room" in error and self.disk is not None:
            self.disk.make_room()
            return
        named = rf"{re.escape(str(self.place))}[^\s,;:)]*"
        for remedy in _REMOVE:
            if found := re.search(remedy.replace("PATH", f"({named})"), error):
                self._put_away(Path(found[1]))
                return
        if not re.search(_AGAIN, error):
            raise Lost(f"an error that does not say what to do: {error}")

    def _put_away(self, path: Path) -> None:
        if not path.is_symlink() and not path.exists():
            raise Lost(f"an error that names what is not there: {path}")
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

    def _note(self, kind: str, what: str = "") -> None:
        self.pending.append((kind, what, ""))
        with suppress(OSError):
            sound = sound_artifacts(self.run)
            self.kept = {name: self.kept.get(name, made) for name, made in sound.items()}

    def _compare(self, *, whole: bool) -> None:
        """Settle what became of all pending faults."""
        expected = {
            name: content
            for name, content in self.world.whole.items()
            if whole or not name.startswith(("figures/", "report/"))
        }
        made = {
            name: content
            for name, content in counted(self.run, whole=whole).items()
            if content != PRECIOUS
        }
        differing = sorted(n for n in made.keys() | expected if made.get(n) != expected.get(n))
        harmed = [
            str(path)
            for path in self.precious
            if not path.is_file() or path.read_bytes() != PRECIOUS
        ]
        now = sound_artifacts(self.run)
        again = made_again(self.kept, now)
        wrong = bool(differing or harmed)
        self.settle("wrong" if wrong else "", f"{differing[:3]} {harmed}", again)
        self.kept = now
        if wrong and self.state == "finished":
            self.begin_anew()

    def settle(self, outcome: str = "", note: str = "", again: list[str] | None = None) -> None:
        """Record all pending faults. outcome: of all; empty where each went well."""
        if outcome:  # of several faults, what was damaged last has to answer for it
            damaged = [fault for fault in self.pending if fault[0] in DAMAGES]
            self.pending = damaged[-1:] or self.pending[-1:]
        for position, (kind, what, said) in enumerate(self.pending):
            last = position == len(self.pending) - 1
            self.records.append(
                Record(
                    engine=self.engine if self.engine == "ray" else f"local, {self.workers}",
                    state=self.state,
                    fault=kind,
                    outcome=outcome or ("told" if said else "identical"),
                    redone=len(again or ()) if last else 0,
                    seed=self.seed,
                    note=" ".join(
                        filter(None, [what, said, note if outcome else "", str(again or "")])
                    ),
                )
            )
        self.pending.clear()
