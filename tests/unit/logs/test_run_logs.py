"""LoadGen's logs → facts: our recordings, other people's, and broken ones."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import pytest

from sut.errors import LogError
from sut.logs.detail import MAX_MESSAGE_GROUPS, OTHER_TEXTS
from sut.logs.run_logs import LoadGenLogs, cross_check, read_logs
from tests.unit.result.sessions import FOREIGN

DETAIL, SUMMARY = "mlperf_log_detail.txt", "mlperf_log_summary.txt"


def line(key: str, value: object, *, error: bool = False, warning: bool = False) -> str:
    entry = {"key": key, "value": value, "metadata": {"is_error": error, "is_warning": warning}}
    return f":::MLLOG {json.dumps(entry)}\n"


def write(folder: Path, *lines: str, summary: str = "Scenario : Server\n") -> Path:
    folder.mkdir(exist_ok=True)
    (folder / DETAIL).write_text("".join(lines), encoding="utf-8")
    (folder / SUMMARY).write_text(summary, encoding="utf-8")
    return folder


def copy(source: Path, target: Path) -> Path:
    target.mkdir()
    for name in (DETAIL, SUMMARY):
        (target / name).write_bytes((source / name).read_bytes())
    return target


END = line("num_errors", 0)


# name, verdict, samples, release, audit, P99 of latency, P99 of TTFT
FOREIGN_FACTS = [
    ("dell_b200_8b_interactive", True, 481248, "5.1.0", False, 3444862744, 328857803),
    ("intel_gnr_8b_server", True, 13368, "5.1.0", False, 12820308461, 1740584245),
    ("krai_h200_70b_server_invalid", False, 100, "5.0.22", True, 26815544226, 6031181060),
    ("nvidia_jetson_8b-edge_singlestream", True, 10000, "5.1.0", False, 4206275150, 1416993311),
    ("redhat_l40s_8b_offline", True, 13368, "5.1.0", False, 1041938918168, None),
]


@pytest.mark.parametrize(
    ("name", "valid", "samples", "release", "audit", "p99", "ttft"), FOREIGN_FACTS
)
def test_logs_of_other_submitters(
    name: str, valid: bool, samples: int, release: str, audit: bool, p99: int, ttft: int | None
) -> None:
    if not (FOREIGN / name).is_dir():
        pytest.skip("the submitters' logs are not on this machine")
    logs = read_logs(FOREIGN / name)
    assert logs.figures.valid is valid
    assert logs.sample_count == samples
    assert logs.loadgen_version == release
    assert logs.audit_config_read is audit
    assert logs.figures.latency.p99_ns == p99
    assert logs.figures.ttft.p99_ns == ttft
    assert logs.num_errors == 0
    assert cross_check(logs) == []
    seed = logs.effective["effective_schedule_rng_seed"]
    assert seed == 18209322760996052031  # above 2**63: exact, an int
    assert isinstance(seed, int)


@pytest.mark.parametrize(
    ("name", "rate", "tokens"),
    [
        ("offline", "samples_per_second", "tokens_per_second"),
        ("server", "completed_samples_per_second", "completed_tokens_per_second"),
        ("interactive", "completed_samples_per_second", "completed_tokens_per_second"),
        (
            "singlestream",
            "samples_per_second_without_overhead",
            "tokens_per_second_without_overhead",
        ),
    ],
)
def test_recorded_figures_agree_in_both_logs(
    recorded: Path, name: str, rate: str, tokens: str
) -> None:
    logs = read_logs(recorded / name)
    assert logs.figures.valid is True
    assert cross_check(logs) == []
    # Every recording answers 3 to 8 tokens, each equally often: 5.5 on average.
    ratio = getattr(logs.figures, tokens) / getattr(logs.figures, rate)
    assert ratio == pytest.approx(5.5, rel=0.01)
    assert logs.summary is not None
    assert logs.summary.figures.latency == logs.figures.latency
    assert (logs.figures.ttft.empty, logs.figures.tpot.empty) == (name == "offline",) * 2


def test_accuracy_run_has_no_figures_and_is_whole(recorded: Path) -> None:
    logs = read_logs(recorded / "accuracy")
    assert logs.incomplete is None
    assert logs.figures.valid is None
    assert logs.result == {}
    assert logs.sample_count is None
    assert logs.figures.mode == "AccuracyOnly"
    assert cross_check(logs) == []


def test_errors_are_grouped_by_key_and_text(recorded: Path) -> None:
    logs = read_logs(recorded / "server_with_errors")
    assert logs.num_errors == 3
    counts = {group.text[:10]: group.count for group in logs.errors}
    assert counts == {"n_tokens a": 2, "Number of ": 1}
    assert logs.warnings == ()


@pytest.mark.parametrize("wording", ["to", "per"])
def test_both_wordings_of_the_token_time(tmp_path: Path, recorded: Path, wording: str) -> None:
    folder = copy(recorded / "server", tmp_path / "run")
    text = (folder / SUMMARY).read_text(encoding="utf-8")
    assert "Time per Output Token" in text
    (folder / SUMMARY).write_text(text.replace("Time per Output", f"Time {wording} Output"))
    logs = read_logs(folder)
    assert logs.summary is not None
    assert logs.summary.figures.tpot == logs.figures.tpot
    assert logs.figures.tpot.min_ns is not None


def test_first_value_of_a_key_holds(tmp_path: Path) -> None:
    folder = write(
        tmp_path, line("result_validity", "INVALID"), line("result_validity", "VALID"), END
    )
    assert read_logs(folder).figures.valid is False


def test_numbers_keep_their_type_and_size(tmp_path: Path) -> None:
    big = 2**64 - 1
    raw = ':::MLLOG {"key": "effective_target_qps", "value": 1e+08, "metadata": {}}\n'
    nan = ':::MLLOG {"key": "result_samples_per_second", "value": -nan, "metadata": {}}\n'
    logs = read_logs(write(tmp_path, line("effective_qsl_rng_seed", big), raw, nan, END))
    assert logs.effective == {"effective_qsl_rng_seed": big, "effective_target_qps": 1e8}
    assert logs.figures.samples_per_second is None


DIFFERENCES = [
    ("Completed samples per second    : ", "9", "completed_samples_per_second"),
    ("Completed tokens per second: ", "9", "completed_tokens_per_second"),
    ("Scheduled samples per second : ", "9", "scheduled_samples_per_second"),
    ("99.00 percentile latency (ns)   : ", "9", "latency.p99_ns"),
    ("Mean First Token latency (ns)               : ", "9", "ttft.mean_ns"),
    ("Max Time per Output Token (ns)                : ", "9", "tpot.max_ns"),
    ("qsl_rng_seed : ", "9", "qsl_rng_seed"),
    ("ttft_latency (ns): ", "9", "ttft_latency (ns)"),
    ("min_duration (ms): ", "9", "min_duration (ms)"),
]


@pytest.mark.parametrize(("prefix", "digit", "figure"), DIFFERENCES)
def test_a_changed_figure_is_found(
    tmp_path: Path, recorded: Path, prefix: str, digit: str, figure: str
) -> None:
    folder = copy(recorded / "server", tmp_path / "run")
    text = (folder / SUMMARY).read_text(encoding="utf-8")
    # The last of equal lines is the one read; change each of them.
    assert prefix in text
    text = text.replace(prefix, prefix + digit)
    if prefix.startswith("Completed tokens"):
        spaced = "Completed tokens per second                 : "
        text = text.replace(spaced, spaced + digit)
    (folder / SUMMARY).write_text(text, encoding="utf-8")
    assert [each.figure for each in cross_check(read_logs(folder))] == [figure]


def test_a_changed_verdict_and_error_count_are_found(tmp_path: Path, recorded: Path) -> None:
    folder = copy(recorded / "server_with_errors", tmp_path / "run")
    text = (folder / SUMMARY).read_text(encoding="utf-8")
    text = text.replace("Result is : VALID", "Result is : INVALID").replace("3 ERRORS", "2 ERRORS")
    (folder / SUMMARY).write_text(text, encoding="utf-8")
    assert [each.figure for each in cross_check(read_logs(folder))] == ["errors", "valid"]


@pytest.mark.parametrize(
    ("lines", "place", "words"),
    [
        ((), ":1", "empty"),
        (("no log\n", END), ":1", "is not a LoadGen entry"),
        ((line("a", 1), ":::MLLOG {broken\n", END), ":2", "is not a LoadGen entry"),
        ((line("a", 1), ':::MLLOG {"key": "resu'), ":2", "breaks off in line 2"),
        ((line("a", 1),), ":2", "without num_errors"),
        ((line("effective_test_mode", "AccuracyOnly"),), ":2", "without power_end"),
        ((':::MLLOG ["key"]\n', END), ":1", "is not a LoadGen entry"),
    ],
)
def test_broken_detail_log_names_the_line(
    tmp_path: Path, lines: tuple[str, ...], place: str, words: str
) -> None:
    write(tmp_path, *lines)
    with pytest.raises(LogError, match=words) as caught:
        read_logs(tmp_path)
    assert caught.value.where == f"{tmp_path / DETAIL}{place}"
    assert caught.value.remedy


@pytest.mark.parametrize("missing", [DETAIL, SUMMARY])
def test_missing_log_names_the_file(tmp_path: Path, missing: str) -> None:
    write(tmp_path, END)
    (tmp_path / missing).unlink()
    with pytest.raises(LogError, match="cannot be read") as caught:
        read_logs(tmp_path)
    assert caught.value.where == str(tmp_path / missing)


def test_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(LogError, match="no such folder"):
        read_logs(tmp_path / "absent")


@pytest.mark.parametrize(
    ("summary", "words"),
    [("", "empty"), ("hello\n", "LoadGen's"), ("Mean latency (ns) : fast\n", "is not a number")],
)
def test_broken_summary(tmp_path: Path, summary: str, words: str) -> None:
    write(tmp_path, END, summary=summary)
    with pytest.raises(LogError, match=words):
        read_logs(tmp_path)


def killed(folder: Path, source: Path, cut: int) -> LoadGenLogs:
    copy(source, folder)
    whole = (folder / DETAIL).read_bytes()
    (folder / DETAIL).write_bytes(whole[:cut])
    (folder / SUMMARY).write_bytes(b"")
    return read_logs(folder, allow_incomplete=True)


def test_log_of_a_killed_loadgen_is_read_as_far_as_it_goes(tmp_path: Path, recorded: Path) -> None:
    whole = (recorded / "server" / DETAIL).read_bytes()
    cut = whole.index(b'"result_validity"')
    logs = killed(tmp_path / "run", recorded / "server", cut)
    assert logs.incomplete is not None
    assert "breaks off" in logs.incomplete
    assert logs.effective["effective_scenario"] == "Server"
    assert logs.figures.valid is None
    assert logs.result == {}
    assert logs.summary is None


def test_incomplete_never_covers_corruption_in_the_middle(tmp_path: Path) -> None:
    write(tmp_path, line("a", 1), "garbage\n", END)
    with pytest.raises(LogError, match="is not a LoadGen entry"):
        read_logs(tmp_path, allow_incomplete=True)


def test_empty_log_is_usable_when_incomplete_is_allowed(tmp_path: Path) -> None:
    logs = read_logs(write(tmp_path, summary=""), allow_incomplete=True)
    assert logs.incomplete == "the log is empty"
    assert logs.detail.values == {}


def test_memory_does_not_grow_with_the_log(tmp_path: Path) -> None:
    write(tmp_path, summary="Scenario : Server\n")
    with (tmp_path / DETAIL).open("w", encoding="utf-8") as stream:
        for number in range(40_000):
            stream.write(line("error_runtime", f"sample {number % 5000} failed", error=True))
        stream.write(END)
    tracemalloc.start()
    logs = read_logs(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * 1024 * 1024
    assert sum(group.count for group in logs.errors) == 40_000
    assert len(logs.errors) == MAX_MESSAGE_GROUPS + 1
    assert logs.errors[-1].text == OTHER_TEXTS


def test_a_summary_of_many_megabytes_is_refused(tmp_path: Path) -> None:
    write(tmp_path, END, summary="Scenario : Server\n" * 300_000)
    with pytest.raises(LogError, match="5400000 bytes"):
        read_logs(tmp_path)


def test_a_file_of_ever_new_keys_is_refused(tmp_path: Path) -> None:
    write(tmp_path, *(line(f"key{number}", 1) for number in range(10_001)), END)
    with pytest.raises(LogError, match="different keys"):
        read_logs(tmp_path)
