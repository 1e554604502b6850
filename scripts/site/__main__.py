"""`python -m scripts.site`: build the site; a warning is an error."""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import sys
import tempfile
from pathlib import Path

from scripts.site.stage import ROOT, stage

MISSING = "The site's generator is not here: run `make docs`, which installs it first."


def main() -> int:
    """Stage the pages, run Sphinx on them; its exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.site", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "site", help="folder made")
    out: Path = parser.parse_args().out
    if importlib.util.find_spec("sphinx") is None:
        print(MISSING, file=sys.stderr)
        return 2
    from sphinx.cmd.build import build_main

    with tempfile.TemporaryDirectory() as folder:
        stage(Path(folder))
        shutil.rmtree(out, ignore_errors=True)
        conf = str(Path(__file__).parent)
        code = build_main(["-q", "-W", "--keep-going", "-E", "-c", conf, folder, str(out)])
        shutil.rmtree(out / ".doctrees", ignore_errors=True)
    if code == 0:
        print(f"The site is in {out}: open docs/index.html.")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
