"""`sut trace DIR`: a session's queries as a timeline that Perfetto and Chrome open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sut.config.flags import FlagParser, verb_parser
from sut.errors import ConfigError
from sut.record.folder import write_asked
from sut.record.locate import session_folder

EPILOG = """\
examples:
  python -m sut.main trace results/mlperf_datacenter/NODE_TIMESTAMP
  python -m sut.main trace results/mlperf_datacenter/NODE_TIMESTAMP --run Server/performance

Open the file at https://ui.perfetto.dev, which reads it in the browser, or in chrome://tracing.
docs/trace.md says what it shows. Nothing is run, and the session is left as it is.

exit codes:
  0  the file is written
  1  the session has no such run, or no ledger
  2  bad input
"""


def main(arguments: Sequence[str]) -> int:
    """Write the timeline of a session's runs.

    Returns:
        0: it is written.

    Raises:
        LogError: the directory holds no such run.
        ConfigError: the file exists, or cannot be written.
    """
    options = parser().parse_args(arguments)
    folder = session_folder(options.directory)
    if options.out.absolute().is_relative_to(folder.absolute()):
        raise ConfigError(
            f"{options.out} lies in the session's folder, which stays as it was closed.",
            where="--out",
            remedy="Name a file elsewhere.",
        )

    from sut.record.session import read_session
    from sut.report.timeline import trace_bytes

    content = trace_bytes(read_session(folder), options.run)
    write_asked("--out", options.out, content)
    print(f"Written to {options.out}. Open it at https://ui.perfetto.dev.")
    return 0


def parser() -> FlagParser:
    """The verb's flags."""
    made = verb_parser(
        "trace", "Write a session's queries as a timeline, in the Trace Event Format.", EPILOG
    )
    add = made.add_argument
    add("directory", type=Path, metavar="DIR", help="a session's folder or result")
    add("--run", metavar="SCENARIO/RUN", help="this run only, e.g. Server/performance (all)")
    add(
        "--out",
        type=Path,
        default=Path("trace.json.gz"),
        metavar="FILE",
        help="a new file (trace.json.gz)",
    )
    return made
