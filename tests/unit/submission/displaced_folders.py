"""Folders of a tree renamed, copied, moved up or down: what is done, and what is said of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from tests.unit.submission.broken_trees import BENCHMARK, RESULTS, SYSTEM, Breaker
from tests.unit.submission.saboteur import Row, several

EDGE = f"{BENCHMARK}-edge"
TOO_MANY = "This folder is one too many: what it holds belongs into the folder above."


def to(old: str, new: str) -> Breaker:
    """A file or folder below the submitter's by another name, or elsewhere."""

    def apply(root: Path) -> None:
        (root / new).parent.mkdir(parents=True, exist_ok=True)
        (root / old).rename(root / new)

    return apply


def copy(old: str, new: str) -> Breaker:
    return lambda root: shutil.copytree(root / old, root / new)


def deeper(path: str) -> Breaker:
    """All that a folder holds in a folder of the same name inside it."""
    return several(to(path, "away"), to("away", f"{path}/{Path(path).name}"))


def higher(path: str) -> Breaker:
    """All that a folder holds beside it, and the folder gone."""

    def apply(root: Path) -> None:
        folder = (root / path).rename(root / "away")
        for each in sorted(folder.iterdir()):
            each.rename((root / path).parent / each.name)
        folder.rmdir()

    return apply


def swap(first: str, second: str) -> Breaker:
    return several(to(first, "away"), to(second, first), to("away", second))


def above(change: Callable[[Path], object]) -> Breaker:
    """What is done to the division's folder or the tree's."""
    return lambda root: change(root.parents[1])


def missing(what: str) -> str:
    return f"The folder {what} is missing: what it should hold lies here."


SERVER = f"{RESULTS}/Server"
RENAMED: dict[str, Row] = {
    "a benchmark as its edge twin": (
        to(str(RESULTS), f"results/{SYSTEM}/{EDGE}"),
        f"The logs are of {BENCHMARK}.",
    ),
    "a benchmark and its source as the edge twin": (
        several(
            to(str(RESULTS), f"results/{SYSTEM}/{EDGE}"), to(f"src/{BENCHMARK}", f"src/{EDGE}")
        ),
        f"The logs are of {BENCHMARK}.",
    ),
    "a benchmark by no name": (
        to(str(RESULTS), f"results/{SYSTEM}/nonsense"),
        f"This must be called {BENCHMARK}.",
    ),
    "the source by no name": (
        to(f"src/{BENCHMARK}", f"src/{EDGE}"),
        f"This must be called {BENCHMARK}.",
    ),
    "the folder of the source": (to("src", "code"), "This must be called src."),
    "the folder of the documents": (to("documentation", "docs"), "This must be called docu"),
    "the folder of the results": (to("results", "result"), "This must be called results."),
    "the folder of the systems": (to("systems", "system"), "This must be called systems."),
    "the description of a system": (
        to(f"systems/{SYSTEM}.json", "systems/other.json"),
        f"This must be called {SYSTEM}.json.",
    ),
    "the description in another form": (
        to(f"systems/{SYSTEM}.json", f"systems/{SYSTEM}.yaml"),
        f"This must be called {SYSTEM}.json.",
    ),
    "a system": (to(f"results/{SYSTEM}", "results/other"), "This must be called other.json."),
    "Server as Interactive": (
        to(SERVER, f"{RESULTS}/Interactive"),
        "Both runs are of Server, by their logs.",
    ),
    "Offline as Interactive": (
        to(f"{RESULTS}/Offline", f"{RESULTS}/Interactive"),
        "Both runs are of Offline, by their logs.",
    ),
    "Server as a scenario of nobody's": (
        to(SERVER, f"{RESULTS}/Foo"),
        "Both runs are of Server, by their logs.",
    ),
    "the scenarios swapped": (
        swap(SERVER, f"{RESULTS}/Offline"),
        "Runs lie in each other's folders: Offline/accuracy, Offline/performance, Server/",
    ),
    "the performance runs swapped": (
        swap(f"{SERVER}/performance", f"{RESULTS}/Offline/performance"),
        "Runs lie in each other's folders: Offline/performance, Server/performance.",
    ),
    "performance and accuracy swapped": (
        swap(f"{SERVER}/performance/run_1", f"{SERVER}/accuracy"),
        "Runs lie in each other's folders: Server/accuracy, Server/performance.",
    ),
    "run_2": (
        to(f"{SERVER}/performance/run_1", f"{SERVER}/performance/run_2"),
        "This must be called run_1.",
    ),
    "the folder of the runs": (
        to(f"{SERVER}/performance", f"{SERVER}/perf"),
        "This must be called performance.",
    ),
    "the folder of the accuracy run": (
        to(f"{SERVER}/accuracy", f"{SERVER}/acc"),
        "This must be called accuracy.",
    ),
    "a test": (to(f"{SERVER}/TEST06", f"{SERVER}/TEST6"), "This must be called TEST06."),
    "the folder of a test's log": (
        to(f"{SERVER}/TEST06/accuracy", f"{SERVER}/TEST06/acc"),
        "This must be called accuracy.",
    ),
    "the lines of a test": (
        to(f"{SERVER}/TEST06/verify_accuracy.txt", f"{SERVER}/TEST06/verify.txt"),
        "This must be called verify_accuracy.txt.",
    ),
    "a log": (
        to(
            f"{SERVER}/performance/run_1/mlperf_log_detail.txt",
            f"{SERVER}/performance/run_1/mlperf_log_detail.log",
        ),
        "This must be called mlperf_log_detail.txt.",
    ),
    "user.conf": (to(f"{SERVER}/user.conf", f"{SERVER}/user.config"), "This must be called user."),
    "a division of nobody's": (
        above(lambda tree: (tree / "closed").rename(tree / "closed2")),
        "closed2 is not a division.",
    ),
}
COPIED: dict[str, Row] = {
    "a submitter beside itself": (copy(".", "../Other"), "All runs in it are those of closed/"),
    "a submitter of an earlier name": (copy(".", "../A"), "All runs in it are those of closed/E"),
    "a system": (copy(f"results/{SYSTEM}", "results/a"), "All runs in it are those of closed/"),
    "a system in capitals": (
        copy(f"results/{SYSTEM}", f"results/{SYSTEM.title()}"),
        "All runs in it are those of closed/",
    ),
    "a benchmark": (copy(str(RESULTS), f"{RESULTS}-copy"), "All runs in it are those of closed/"),
    "a benchmark as the edge twin": (
        copy(str(RESULTS), f"results/{SYSTEM}/{EDGE}"),
        "All runs in it are those of closed/",
    ),
    "Server as Interactive": (
        copy(SERVER, f"{RESULTS}/Interactive"),
        "All runs in it are those of closed/",
    ),
    "Server as a scenario of nobody's": (
        copy(SERVER, f"{RESULTS}/Server-old"),
        "All runs in it are those of closed/",
    ),
}
MOVED: dict[str, Row] = {
    **{
        f"{path or 'a submitter'} in itself": (deeper(path), TOO_MANY)
        for path in (
            "documentation",
            "systems",
            "results",
            f"results/{SYSTEM}",
            str(RESULTS),
            SERVER,
            f"{SERVER}/performance",
            f"{SERVER}/performance/run_1",
            f"{SERVER}/accuracy",
            f"{SERVER}/TEST06",
            f"{SERVER}/TEST06/accuracy",
        )
    },
    "a division in itself": (above(lambda tree: deeper("closed")(tree)), TOO_MANY),
    "no folder of a submitter": (
        above(lambda tree: higher("Example")(tree / "closed")),
        "The submitter's folder is missing: what belongs",
    ),
    "no folder of the source": (higher("src"), missing("src")),
    "no folder of the documents": (higher("documentation"), missing("documentation")),
    "no folder of the systems": (higher("systems"), missing("systems")),
    "no folder of the results": (higher("results"), missing("results")),
    "no folder of a system": (higher(f"results/{SYSTEM}"), missing("of the system")),
    "no folder of a benchmark": (higher(str(RESULTS)), missing("of the benchmark")),
    "no folder of a scenario": (higher(SERVER), missing("of the scenario")),
    "no folder of the runs": (higher(f"{SERVER}/performance"), missing("performance")),
    "no folder of the run": (higher(f"{SERVER}/performance/run_1"), missing("run_1")),
    "no folder of the accuracy run": (higher(f"{SERVER}/accuracy"), missing("accuracy")),
    "no folder of a test's log": (higher(f"{SERVER}/TEST06/accuracy"), missing("accuracy")),
    "no documents": (
        lambda root: shutil.rmtree(root / "documentation"),
        "The folder is missing, and with it calibration.md, bandwidth.md.",
    ),
    "no results": (lambda root: shutil.rmtree(root / "results"), "There are no results."),
    "a system without a benchmark": (
        lambda root: shutil.rmtree(root / RESULTS),
        "The folder is empty.",
    ),
    "no submitter": (lambda root: shutil.rmtree(root), "The folder is empty."),
}

MEASUREMENTS = f"measurements/{SYSTEM}/{BENCHMARK}"
COMPLIANCE = f"compliance/{SYSTEM}/{BENCHMARK}"
# The layout of v5.1, where each name stands in four places.
OLD: dict[str, Row] = {
    "a system in the results": (
        to(f"results/{SYSTEM}", "results/other"),
        f"This must be called {SYSTEM}.",
    ),
    "a system's copy": (copy(f"results/{SYSTEM}", "results/a"), "All runs in it are those of clo"),
    "a benchmark of the results as its edge twin": (
        to(str(RESULTS), f"results/{SYSTEM}/{EDGE}"),
        f"The logs are of {BENCHMARK}.",
    ),
    "a benchmark by an alias in one place": (
        to(str(RESULTS), f"results/{SYSTEM}/llama3_1-8b"),
        f"This must be called {BENCHMARK}.",
    ),
    "a benchmark of another family's name": (
        to(str(RESULTS), f"results/{SYSTEM}/resnet"),
        f"This must be called {BENCHMARK}.",
    ),
    "a scenario in the results": (
        to(SERVER, f"{RESULTS}/Interactive"),
        "Both runs are of Server, by their logs.",
    ),
    "a scenario in small letters": (to(SERVER, f"{RESULTS}/server"), "This must be called Server."),
    "measurements of no name": (to("measurements", "measure"), "This must be called measureme"),
    "a system in the measurements": (
        to(f"measurements/{SYSTEM}", "measurements/other"),
        f"This must be called {SYSTEM}.",
    ),
    "a benchmark in the measurements": (
        to(MEASUREMENTS, f"measurements/{SYSTEM}/nonsense"),
        f"This must be called {BENCHMARK}.",
    ),
    "a scenario in the measurements": (
        to(f"{MEASUREMENTS}/Server", f"{MEASUREMENTS}/Interactive"),
        "This must be called Server.",
    ),
    "a scenario in the compliance tests": (
        to(f"{COMPLIANCE}/Server", f"{COMPLIANCE}/Interactive"),
        "This must be called Server.",
    ),
    "compliance in itself": (deeper("compliance"), TOO_MANY),
    "measurements of a benchmark in themselves": (deeper(MEASUREMENTS), TOO_MANY),
    "no folder of the measured system": (
        higher(f"measurements/{SYSTEM}"),
        missing("of the system"),
    ),
    "no measurements": (
        lambda root: shutil.rmtree(root / "measurements"),
        "The folder is missing, and with it ",
    ),
    "no results of a scenario": (
        lambda root: shutil.rmtree(root / SERVER),
        "The folder is missing or empty; compliance/",
    ),
    "no results at all": (
        lambda root: shutil.rmtree(root / "results"),
        "The folder is missing or empty; compliance/",
    ),
}
