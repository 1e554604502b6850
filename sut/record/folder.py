"""Where every file of a run lives, and how files are written: atomically, never over another.

<results_dir>/
  <node>_<timestamp>/                one call of the harness
    config.json                      resolved RunConfig, and where each value came from
    session.json                     SessionFacts: engine, hardware, data set, warm-up, versions
    ending.json                      EndingFacts, of a session that did not come to its end
    traceback.txt                    of an error that nobody foresaw
    .running.json                    while the session is under way: whose it is, and its phase
    engine.log                       what the engine and its processes print
    config.2.json  session.2.json  engine.2.log   of a second start of the engine, where scenarios
                                     have settings of their own; of a third, and so on
    <Scenario>/<run>/                one LoadGen run: performance, accuracy, TEST06
      audit.config                   of a compliance test: what LoadGen read after user.conf
      user.conf                      generated, what LoadGen read
      loadgen.log                    what LoadGen's process prints, as a rule nothing
      .begun.json                    what run.json will say if the run never ends; gone once it did
      .reserve                       while LoadGen runs: room for what is written after it
      run.json                       RunFacts: stamps, failures, counters, file hashes
      ledger.parquet                 one row per query, from our ledger
      ledger.journal                 its rows as they change; gone once ledger.parquet is whole
      cards.jsonl                    clocks, power and load of the cards, once a second
      engine.jsonl                   how busy each engine was, each time it told
      queries.parquet                one row per query, LoadGen's stamps where it has them
      mlperf_log_{summary,detail}.txt  mlperf_log_{accuracy,trace}.json   LoadGen's, untouched
      accuracy.json  accuracy.txt    the evaluation of an accuracy run
      samples.json                   a few of its answers as text
      verification.json  verify_accuracy.txt   what a compliance test found
    manifest.json                    SHA-256 of everything above, written when the session closed
    result.json  summary.txt         functions of everything above
    result_of_node.json  summary_of_node.txt   of a coordinated run, where a node's own said else
    node.log                         of a coordinated run: what its command line printed on its node
    report.html                      the result with its plots, one page without a script
    compliance.json  compliance.html   each rule of the round, how it is met, its proof
  mlperf_datacenter_<node>_<timestamp>.json      the same bytes as result.json
  summary_<node>_<timestamp>.txt                 the same bytes as summary.txt
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sut.errors import ConfigError, RunError
from sut.new_file import new_file

NODE_LOG = "node.log"

# docs/rules.md, "Names that stay": the form that other programs read with strptime.
STAMP = "%Y%m%d_%H%M%S"
_STAMPED = re.compile(r".+_(\d{8}_\d{6})")

LOADGEN_FILES = (
    "mlperf_log_summary.txt",
    "mlperf_log_detail.txt",
    "mlperf_log_accuracy.json",
    "mlperf_log_trace.json",
)


def stamp_of(when: datetime) -> str:
    """A time as names of files and `benchmark_info.timestamp` have it: UTC, to the second."""
    return when.astimezone(UTC).strftime(STAMP)


def write_atomic(path: Path, content: str | bytes) -> None:
    """Write `content` to `path` so that a reader sees all of it or nothing.

    Raises:
        FileExistsError: `path` exists; results are never overwritten.
    """
    with new_file(path) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


def write_again(path: Path, text: str) -> None:
    """Write what is made of other files, in place of what an earlier call made of them.

    Raises:
        RunError: it cannot be written.
    """
    beside = path.with_name(f".{path.name}")
    try:
        # Names of files may be bytes that are no text.
        beside.write_bytes(text.encode("utf-8", "backslashreplace"))
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise RunError(
            f"it cannot be written: {error.strerror}.",
            where=str(path),
            remedy="Mend that, and give the same command again: what it is made of is kept.",
        ) from error


def next_number(folder: Path, prefix: str = "") -> int:
    """One more than the highest of a folder's names `prefix` NUMBER; other names do not count."""
    numbered = re.compile(rf"{re.escape(prefix)}(\d{{1,9}})", re.ASCII)
    found = [numbered.fullmatch(each.name) for each in folder.glob("*")]
    return 1 + max((int(each[1]) for each in found if each is not None), default=0)


def write_asked(flag: str, path: Path, content: str | bytes) -> None:
    """Write a file that a flag names.

    Raises:
        ConfigError: it exists, or cannot be written.
    """
    try:
        write_atomic(path, content)
    except FileExistsError as error:
        raise ConfigError(
            f"{path} exists and is not overwritten.", where=flag, remedy="Name a new file."
        ) from error
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be written: {error.strerror}.",
            where=flag,
            remedy="Name a file in a folder that you may write to.",
        ) from error


def try_results_dir(results_dir: Path, named: str = "results_dir") -> None:
    """Make the folder where there is none, and write into it once.

    Args:
        results_dir: the folder.
        named: the key or the flag that named it.

    Raises:
        ConfigError: nothing can be written there.
    """
    try:
        results_dir.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryDirectory(dir=results_dir, prefix=".try-").cleanup()
    except OSError as error:
        raise unwritable(results_dir, error, named) from error


def unwritable(results_dir: Path, error: OSError, named: str = "results_dir") -> ConfigError:
    """What to tell of a folder for results that refused."""
    flag = named if named.startswith("--") else "--results-dir"
    return ConfigError(
        f"{named} is {results_dir}, where nothing can be written: {error.strerror}.",
        remedy=f"Give {flag} a folder that you may write to.",
    )


def sha256_of(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _numbered(name: str, number: int, ending: str) -> str:
    return f"{name}.{ending}" if number == 1 else f"{name}.{number}.{ending}"


@dataclass(frozen=True)
class RunDir:
    """The folder of one LoadGen run."""

    root: Path

    @property
    def user_conf(self) -> Path:
        return self.root / "user.conf"

    @property
    def audit_config(self) -> Path:
        return self.root / "audit.config"

    @property
    def begun(self) -> Path:
        return self.root / ".begun.json"

    @property
    def reserve(self) -> Path:
        return self.root / ".reserve"

    @property
    def run_facts(self) -> Path:
        return self.root / "run.json"

    @property
    def ledger(self) -> Path:
        return self.root / "ledger.parquet"

    @property
    def journal(self) -> Path:
        return self.root / "ledger.journal"

    @property
    def queries(self) -> Path:
        return self.root / "queries.parquet"

    @property
    def cards(self) -> Path:
        return self.root / "cards.jsonl"

    @property
    def accuracy(self) -> Path:
        return self.root / "accuracy.json"

    @property
    def engine_load(self) -> Path:
        return self.root / "engine.jsonl"

    @property
    def samples(self) -> Path:
        return self.root / "samples.json"

    @property
    def verification(self) -> Path:
        return self.root / "verification.json"

    def loadgen_files(self) -> dict[str, Path]:
        """The LoadGen logs that exist, by file name."""
        return {name: self.root / name for name in LOADGEN_FILES if (self.root / name).is_file()}

    def hashes(self) -> dict[str, str]:
        """SHA-256 of everything a verdict rests on, by file name."""
        ours = (self.user_conf, self.audit_config, self.ledger, self.cards)
        files = self.loadgen_files() | {each.name: each for each in ours}
        return {name: sha256_of(path) for name, path in sorted(files.items()) if path.is_file()}


@dataclass(frozen=True)
class SessionDir:
    """The folder of one call of the harness."""

    root: Path

    @classmethod
    def create(cls, results_dir: Path, node: str, now: datetime | None = None) -> SessionDir:
        """Make a fresh folder; a second call in the same second is named after the next free one.

        A suffix would make the stamp unreadable for who takes it for a time.
        """
        first = now or datetime.now(UTC)
        results_dir.mkdir(parents=True, exist_ok=True)
        for attempt in range(1000):
            root = results_dir / f"{node}_{stamp_of(first + timedelta(seconds=attempt))}"
            try:
                root.mkdir()
            except FileExistsError:
                continue
            return cls(root)
        raise FileExistsError(results_dir / f"{node}_{stamp_of(first)}")

    @classmethod
    def open(cls, root: Path) -> SessionDir:
        """The folder of an earlier call."""
        return cls(root)

    @property
    def name(self) -> str:
        """<node>_<timestamp>, wherever it lies."""
        return self.root.resolve().name

    @property
    def stamp(self) -> str | None:
        """The time that it is named after; None where it is named otherwise."""
        found = _STAMPED.fullmatch(self.name)
        return found[1] if found else None

    def config_of_start(self, number: int) -> Path:
        """The configuration of one start of the engine, counted from 1."""
        return self.root / _numbered("config", number, "json")

    @property
    def config(self) -> Path:
        return self.config_of_start(1)

    def facts_of_start(self, number: int) -> Path:
        """SessionFacts of one start of the engine, counted from 1."""
        return self.root / _numbered("session", number, "json")

    @property
    def session_facts(self) -> Path:
        return self.facts_of_start(1)

    @property
    def ending(self) -> Path:
        return self.root / "ending.json"

    @property
    def manifest(self) -> Path:
        return self.root / "manifest.json"

    def log_of_start(self, number: int) -> Path:
        """What the engine printed in one start, counted from 1."""
        return self.root / _numbered("engine", number, "log")

    @property
    def engine_log(self) -> Path:
        """What the engine printed that was started last."""
        number = 1
        while self.log_of_start(number + 1).is_file():
            number += 1
        return self.log_of_start(number)

    @property
    def result(self) -> Path:
        return self.root / "result.json"

    @property
    def summary(self) -> Path:
        return self.root / "summary.txt"

    @property
    def published_result(self) -> Path:
        return self.root.parent / f"mlperf_datacenter_{self.name}.json"

    @property
    def published_summary(self) -> Path:
        return self.root.parent / f"summary_{self.name}.txt"

    def run_dir(self, scenario: str, run: str) -> RunDir:
        """The folder of one LoadGen run, whether it is there or not."""
        return RunDir(self.root / scenario / run)

    def new_run_dir(self, scenario: str, run: str) -> RunDir:
        """Make the folder of one LoadGen run; refuses one that exists."""
        directory = self.run_dir(scenario, run)
        directory.root.mkdir(parents=True)
        return directory

    def run_dirs(self) -> list[RunDir]:
        """Every LoadGen run of this session, in order of start."""
        found = [path.parent for path in self.root.glob("*/*/run.json")]
        return [RunDir(path) for path in sorted(found, key=lambda p: p.stat().st_mtime_ns)]

    def publish(self) -> None:
        """Put result and summary under the names that users look for."""
        for source, target in (
            (self.result, self.published_result),
            (self.summary, self.published_summary),
        ):
            write_atomic(target, source.read_bytes())
