"""`sut completion SHELL`: a script by which a shell completes verbs, flags, names and keys."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sut.config.flags import SCENARIOS, FlagParser, verb_parser
from sut.config.installed_engines import engine_names
from sut.config.shipped import names, round_names
from sut.config.verbs import DEFAULT_VERB, VERBS

COMMAND = "sut"
SHELLS = ("bash", "zsh", "fish")
EPILOG = f"""\
examples:
  {COMMAND} completion bash > ~/.local/share/bash-completion/completions/{COMMAND}
  {COMMAND} completion zsh > ~/.zfunc/_{COMMAND}      # a folder of $fpath
  {COMMAND} completion fish > ~/.config/fish/completions/{COMMAND}.fish

The script is for the command `{COMMAND}`, which lies beside the environment's python. A new shell
reads it. Make it anew after an update: the names in it are those of today.

exit codes:
  0  printed
  2  bad input
"""

# A key is followed by its value, so no blank is to follow it.
BASH_END = f"""

_{COMMAND}_complete() {{
  _shtab_{COMMAND} "$@"
  [[ "${{COMPREPLY[0]-}}" == *= ]] && compopt -o nospace 2>/dev/null
  return 0
}}
complete -o bashdefault -F _{COMMAND}_complete {COMMAND}
"""


def main(arguments: Sequence[str]) -> int:
    """Print the script."""
    import shtab

    shell = parser().parse_args(arguments).shell
    script = shtab.complete(command_line(), shell)
    print(script + BASH_END if shell == "bash" else script, end="")
    return 0


def parser() -> FlagParser:
    """The verb's flags."""
    about = "Print a script by which a shell completes verbs, flags, names and keys."
    made = verb_parser("completion", about, EPILOG)
    made.add_argument("shell", choices=SHELLS, help="which shell reads it")
    return made


def command_line() -> argparse.ArgumentParser:
    """The whole command line as one parser, for programs that read it; nothing parses with it."""
    words = _words()
    run = _told(_module(DEFAULT_VERB).parser(), words)
    whole = argparse.ArgumentParser(COMMAND, parents=[run], add_help=False)
    verbs = whole.add_subparsers(dest="verb")
    for verb, about in VERBS.items():
        module = _module(verb)
        inner: Mapping[str, Callable[[], FlagParser]] = getattr(module, "PARSERS", {})
        if not inner:
            own = _told(module.parser(), words)
            verbs.add_parser(verb, help=about, parents=[own], add_help=False)
            continue
        below = verbs.add_parser(verb, help=about).add_subparsers(dest="below")
        for name, make in inner.items():
            own = _told(make(), words)
            below.add_parser(name, help=own.description, parents=[own], add_help=False)
    return whole


def _module(verb: str) -> Any:
    return importlib.import_module(f"sut.commands.{verb.replace('-', '_')}")


def _told(own: FlagParser, words: Mapping[str, Sequence[str]]) -> FlagParser:
    """The same flags, each with what can stand behind it."""
    import shtab

    for action in own._actions:
        if action.type is Path:
            kind = shtab.DIRECTORY if action.metavar == "DIR" else shtab.FILE
            action.complete = kind  # type: ignore[attr-defined]
        elif action.choices is None and action.dest in words:
            action.choices = words[action.dest]
    return own


def _words() -> dict[str, Sequence[str]]:
    """What may stand behind a flag, by its name in the namespace."""
    from sut.config.keys import leaves

    return {
        "assignments": [f"{key}=" for key in leaves()],
        "scenario": SCENARIOS,
        "system": names("systems"),
        "model": names("models"),
        "engine": engine_names(),
        "round": round_names(),
    }
