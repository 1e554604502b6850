"""What a tree's files say to one reader and not to another, and the finding that each meets."""

from __future__ import annotations

import os
from pathlib import Path

from tests.unit.submission.broken_trees import (
    RESULTS,
    SYSTEM,
    Breaker,
    measured,
    system,
    write,
)
from tests.unit.submission.saboteur import Row, conf, file, more_conf, results

WORDY = "It has words.\n"
NOT_OF_RUN = "It is not of this run: "
USER_CONF_IN_C: dict[str, Row] = {
    "a duration with an exponent": (
        conf("*.Server.target_qps = 20\n*.Server.min_duration = 6e5\n"),
        f"{NOT_OF_RUN}min_duration",
    ),
    "an octal duration": (
        conf("*.Server.target_qps = 20\n*.Server.min_duration = 0600000\n"),
        f"{NOT_OF_RUN}min_duration",
    ),
    "a duration below zero": (
        conf("*.Server.target_qps = 20\n*.Server.min_duration = -600000\n"),
        f"{NOT_OF_RUN}min_duration",
    ),
    "digits with a stroke": (conf("*.Server.target_qps = 2_0\n"), "LoadGen does not take the line"),
    "digits of another script": (
        conf("*.Server.target_qps = \u0662\u0660\n"),
        "LoadGen does not take the line",
    ),
    "blanks that C does not know": (
        conf("*.Server.target_qps\u00a0=\u00a020\n"),
        "It sets nothing.",
    ),
    "lines of an old Macintosh": (
        conf("# made by hand\r*.Server.target_qps = 20\r"),
        "It sets nothing.",
    ),
    "a remark in LoadGen's way": (
        conf("#made by hand\n*.Server.target_qps = 20\n"),
        "LoadGen does not take the line",
    ),
    "a sample to repeat": (
        more_conf("*.*.performance_issue_same_index = 3"),
        f"{NOT_OF_RUN}performance_issue_same_index",
    ),
    "an accuracy run of some samples by user.conf": (
        more_conf("*.*.accuracy_sample_count_override = 100"),
        f"{NOT_OF_RUN}accuracy_sample_count_override",
    ),
    "another seed of the accuracy log": (
        more_conf("*.*.accuracy_log_rng_seed = 7"),
        f"{NOT_OF_RUN}accuracy_log_rng_seed",
    ),
}


def system_file(name: str) -> Breaker:
    """The description of the system by another name."""
    folder = Path("systems")
    return lambda root: (root / folder / f"{SYSTEM}.json").rename(root / folder / name)


def renamed(old: str, new: str) -> Breaker:
    return lambda root: (root / RESULTS / old).rename(root / RESULTS / new)


def raw_name(root: Path) -> None:
    """A name in bytes that are no text."""
    Path(os.fsdecode(os.fsencode(root / "documentation") + b"/\xff.md")).write_text(WORDY, "utf-8")


SYSTEMS: dict[str, Row] = {
    "nodes of 400 digits": (system(number_of_nodes="1" * 400), "number_of_nodes is 1111111111"),
    "nodes that no int takes": (system(number_of_nodes="1" * 5000), "number_of_nodes is 11111111"),
    "nodes in digits of another script": (system(number_of_nodes="\u0663"), "number_of_nodes is '"),
    "nodes below zero": (system(number_of_nodes="-1"), "number_of_nodes is '-1'."),
    "nodes as a fraction": (system(number_of_nodes=1.5), "number_of_nodes is 1.5; the checker"),
    "nodes of two noughts": (system(number_of_nodes="00"), "number_of_nodes is 00."),
    "nodes of the number 0": (system(number_of_nodes=0), "The key number_of_nodes is empty."),
    "no cores": (system(host_processor_core_count="0"), "host_processor_core_count is 0."),
    "cores below zero": (system(host_processor_core_count=-4), "host_processor_core_count is -4."),
    "processors below zero": (system(host_processors_per_node="-2"), "host_processors_per_node is"),
    "network cards below zero": (system(host_network_card_count="-1"), "host_network_card_count"),
    "accelerators without memory": (
        system(accelerators_per_node="8", accelerator_model_name="H100"),
        "accelerators_per_node is 8, and their memory is 'N/A'.",
    ),
    "memory of no accelerators": (
        system(accelerator_memory_capacity="80 GB"),
        "accelerators_per_node is 0, and their memory is 80 GB.",
    ),
    "a framework of blanks": (system(framework=" \u00a0"), "The key framework is empty."),
    "half a character": (system(framework="vllm \ud800"), "framework holds U+D800"),
    "a framework with a nought byte": (system(framework="vllm\0"), "framework holds U+0000"),
    "a status in a list": (system(status=["rdi"]), "status is neither text nor number."),
    "a type in a list": (system(system_type=["edge"]), "system_type is neither text nor number."),
    "measurements of blanks": (measured(retraining=" "), "The key retraining is missing or empty."),
    "measurements with an escape": (measured(retraining="No\x1b[2J"), "retraining holds U+001B"),
}
NOTHING = "The division closed requires this document."
WORDS: dict[str, Row] = {
    "a calibration of headings": (file("documentation/calibration.md", "# A\n\n## B\n"), NOTHING),
    "a calibration of remarks": (
        file("documentation/calibration.md", "<!-- the weights were calibrated -->\n"),
        NOTHING,
    ),
    "a bandwidth to be written": (file("documentation/bandwidth.md", "TODO\n"), NOTHING),
    "a bandwidth that nobody sees": (file("documentation/bandwidth.md", "\u200b\ufeff\n"), NOTHING),
    "a README to be written": (
        results("Server/README.md", "# TBD\n"),
        "The document says nothing.",
    ),
    "a README of another scenario": (
        lambda root: write(
            root / RESULTS / "Server/README.md",
            (root / RESULTS / "Offline/README.md").read_text(encoding="utf-8"),
        ),
        "It states another SHA-256 of 3 files: ",
    ),
    "nothing but another family": (
        lambda root: (root / RESULTS).rename(root / RESULTS.parent / "resnet50"),
        "Benchmarks of other families are not judged here: resnet50.",
    ),
    "a division that is a link": (
        lambda root: (root.parents[1] / "open").symlink_to("closed"),
        "This is a link",
    ),
}
NAMES: dict[str, Row] = {
    "a name of two lines": (file("documentation/a\nb.md", WORDY), "The name holds a blank."),
    "a name with a blank of another kind": (
        file("documentation/a\u00a0b.md", WORDY),
        "The name holds a blank.",
    ),
    "a name that rings": (
        file("documentation/a\x07.md", WORDY),
        "The name holds what cannot be printed.",
    ),
    "a name that is no text": (raw_name, "The name holds what cannot be printed."),
    "a pipe": (
        lambda root: os.mkfifo(root / "documentation/pipe"),
        "This is neither a file nor a folder.",
    ),
    "a description in capitals": (
        system_file("Rehearsal-CPU.json"),
        f"This must be called {SYSTEM}.json.",
    ),
    "a description of another ending": (
        system_file(f"{SYSTEM}.JSON"),
        f"This must be called {SYSTEM}.json.",
    ),
    "a run in capitals": (
        renamed("Server/performance/run_1", "Server/performance/RUN_1"),
        "This must be called run_1.",
    ),
    "an accuracy run in capitals": (
        renamed("Server/accuracy", "Server/Accuracy"),
        "This must be called accuracy.",
    ),
    "a test in small letters": (
        renamed("Server/TEST06", "Server/test06"),
        "This must be called TEST06.",
    ),
    "scores in capitals": (
        renamed("Server/accuracy/accuracy.txt", "Server/accuracy/Accuracy.txt"),
        "This must be called accuracy.txt.",
    ),
    "a README in small letters": (
        renamed("Server/README.md", "Server/readme.md"),
        "This must be called README.md.",
    ),
}
