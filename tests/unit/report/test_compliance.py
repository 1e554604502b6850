"""Session folder → compliance report: each rule turns when its fact is broken."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from sut.report.compliance.build import (
    compliance_json,
    compliance_report,
    compliance_text,
    headline,
    write_compliance,
)
from sut.report.compliance.evidence import open_session
from sut.report.compliance.rows import ComplianceReport, Row, Verdict
from tests.unit.quantize.records import LIST, OFFICIAL, record
from tests.unit.report.breaks import (
    ACC,
    ANSWER_BREAKS,
    INTER,
    LOG_BREAKS,
    PERF,
    SERVER,
    SESSION_BREAKS,
    TEST,
    Break,
    config,
    engine,
)
from tests.unit.report.compliant import (
    DETAIL,
    RUNS,
    compliant_session,
    remove_logged,
    set_fact,
    set_logged,
    small_round,
)
from tests.unit.result.sessions import edit, make_session, rewrite_log

MET, NOT_MET = Verdict.MET, Verdict.NOT_MET
NOT_MEASURED, NOT_APPLICABLE = Verdict.NOT_MEASURED, Verdict.NOT_APPLICABLE


def row_of(report: ComplianceReport, rule: str, subject: str) -> Row:
    found = [row for row in report.rows if (row.rule, row.subject) == (rule, subject)]
    assert len(found) == 1, f"{len(found)} rows {rule} of {subject}"
    return found[0]


def named(case: tuple[str, str, Break, Verdict]) -> str:
    return f"{case[0]}-{case[1].replace(' ', '-')}-{case[3].replace(' ', '-')}"


@pytest.mark.parametrize("case", [*SESSION_BREAKS, *LOG_BREAKS, *ANSWER_BREAKS], ids=named)
def test_a_broken_fact_turns_its_row(tmp_path: Path, case: tuple[str, str, Break, Verdict]) -> None:
    rule, subject, broken, verdict = case
    root = compliant_session(tmp_path)
    broken(root)
    report = compliance_report(root, small_round())
    assert row_of(report, rule, subject).verdict is verdict
    assert not report.compliant


def test_a_session_that_meets_every_rule_says_so(tmp_path: Path) -> None:
    report = compliance_report(compliant_session(tmp_path), small_round())
    wanting = [row for row in report.rows if row.verdict in (NOT_MET, NOT_MEASURED)]
    assert wanting == []
    assert report.compliant
    assert sum(report.counts.values()) == len(report.rows)
    # Offline has no TTFT and no TPOT limit; TEST06 is not issued equally; nothing is quantised.
    assert headline(report).endswith(
        f"0 not met, 0 not measured, {len(report.rows) - 4} met, 4 not applicable."
    )


def test_weights_of_the_official_list_meet_their_rule(tmp_path: Path) -> None:
    root = compliant_session(tmp_path)
    made = record(OFFICIAL).model_dump(mode="json")
    set_fact(root / "session.json", "quantised", value=made)
    assert LIST is not None
    rules = small_round(calibration_list=LIST.model_dump(mode="json"))
    row = row_of(compliance_report(root, rules), "calibration", "session")
    assert row.verdict is Verdict.MET
    assert row.measured == row.required == f"list SHA-256 {OFFICIAL}"


def test_every_rule_of_a_met_session_is_broken_by_some_test(tmp_path: Path) -> None:
    """A rule added without a test that turns it makes this fail."""
    report = compliance_report(compliant_session(tmp_path), small_round())
    broken = {case[0] for case in (*SESSION_BREAKS, *LOG_BREAKS, *ANSWER_BREAKS)}
    elsewhere = {"ttft", "tpot", "accuracy-ROUGE1", "accuracy-GEN_LEN", "TEST06-1"}
    assert {row.rule for row in report.rows} - elsewhere <= broken


def test_every_row_has_a_source_and_every_figure_a_proof(tmp_path: Path) -> None:
    report = compliance_report(compliant_session(tmp_path, "server", "interactive"), small_round())
    for row in report.rows:
        assert row.source
        assert row.proof or row.measured is None, row.rule
        assert row.reason or row.verdict not in (NOT_APPLICABLE, NOT_MEASURED), row.rule


def test_the_line_number_is_that_of_the_key(tmp_path: Path) -> None:
    root = compliant_session(tmp_path)
    report = compliance_report(root, small_round())
    for row in report.rows:
        for proof in row.proof:
            if proof.line is not None:
                line = (root / proof.file).read_text(encoding="utf-8").splitlines()[proof.line - 1]
                assert line.startswith(proof.text.removesuffix("...").removesuffix(", ")[:100])


def test_proof_of_a_counter_and_of_an_argument_is_a_json_path(tmp_path: Path) -> None:
    report = compliance_report(compliant_session(tmp_path), small_round())
    cache = row_of(report, "prefix-caching-off", "session").proof[0]
    assert cache.place == "session.json $.engine.arguments.enable_prefix_caching"
    assert cache.text == "false"
    hits = row_of(report, "prefix-cache-hits", PERF).proof[0]
    assert hits.place == f"{RUNS[PERF]}/run.json $.engine_counters.prefix_cache_hit_tokens"
    hashed = row_of(report, "files-unchanged", PERF).proof[0]
    assert hashed.path == '$.log_sha256["ledger.parquet"]'


@pytest.mark.parametrize(
    ("run", "recording", "limits"),
    [(SERVER, "server", (2000, 100)), (INTER, "interactive", (500, 30))],
)
class TestLatency:
    FIGURES = (
        ("ttft", "result_first_token_{}_percentile_latency_ns"),
        ("tpot", "result_time_per_output_token_{}_percentile_ns"),
    )

    def report(self, root: Path) -> ComplianceReport:
        return compliance_report(root, small_round())

    def test_limits_are_those_of_the_folder_and_are_met(
        self, tmp_path: Path, run: str, recording: str, limits: tuple[int, int]
    ) -> None:
        report = self.report(compliant_session(tmp_path, recording))
        for (rule, _), limit in zip(self.FIGURES, limits, strict=True):
            row = row_of(report, rule, run)
            assert (row.verdict, row.required) == (MET, f"< {limit} ms")
        for rule in ("latency-limits-asked", "latency-percentile", "distinct-queries"):
            assert row_of(report, rule, run).verdict is MET

    def test_a_figure_at_its_limit_is_not_below_it(
        self, tmp_path: Path, run: str, recording: str, limits: tuple[int, int]
    ) -> None:
        root = compliant_session(tmp_path, recording)
        percentile = "95.00" if run == SERVER else "99.00"
        for (_, key), limit in zip(self.FIGURES, limits, strict=True):
            set_logged(root / RUNS[run], key.format(percentile), str(limit * 1_000_000))
        report = self.report(root)
        assert [row_of(report, rule, run).verdict for rule, _ in self.FIGURES] == [NOT_MET] * 2

    def test_a_figure_that_is_absent_is_not_measured(
        self, tmp_path: Path, run: str, recording: str, limits: tuple[int, int]
    ) -> None:
        root = compliant_session(tmp_path, recording)
        percentile = "95.00" if run == SERVER else "99.00"
        remove_logged(root / RUNS[run], self.FIGURES[0][1].format(percentile))
        row = row_of(self.report(root), "ttft", run)
        assert (row.verdict, row.measured) == (NOT_MEASURED, None)

    @pytest.mark.parametrize(
        ("rule", "key", "value"),
        [
            ("latency-limits-asked", "requested_server_ttft_latency", "2000000001"),
            ("latency-limits-asked", "requested_server_tpot_latency", "100000001"),
            ("latency-percentile", "effective_target_latency_percentile", "0.9"),
            ("distinct-queries", "requested_server_coalesce_queries", "true"),
        ],
    )
    def test_looser_settings_are_seen(
        self,
        tmp_path: Path,
        run: str,
        recording: str,
        limits: tuple[int, int],
        rule: str,
        key: str,
        value: str,
    ) -> None:
        root = compliant_session(tmp_path, recording)
        set_logged(root / RUNS[run], key, value)
        assert row_of(self.report(root), rule, run).verdict is NOT_MET


def test_offline_has_no_latency_limit_and_says_why(tmp_path: Path) -> None:
    row = row_of(compliance_report(compliant_session(tmp_path), small_round()), "ttft", PERF)
    assert row.verdict is NOT_APPLICABLE
    assert row.reason == "the round sets no TTFT limit for Offline"


def test_a_checkpoints_own_quantisation_is_stated(tmp_path: Path) -> None:
    root = compliant_session(tmp_path)
    engine("details", "quantization", value="compressed-tensors")(root)
    row = row_of(compliance_report(root, small_round()), "numerics", "session")
    assert "quantization compressed-tensors" in str(row.measured)
    assert row.reason == "quantisation asks for the published calibration write-up"


def test_a_duration_that_is_short_is_not_met(tmp_path: Path) -> None:
    rules = small_round().model_dump(mode="json")
    offline = rules["benchmarks"]["llama3.1-8b"]["scenarios"]["Offline"]
    offline["min_duration_ms"] = 8
    report = compliance_report(compliant_session(tmp_path), small_round().model_validate(rules))
    row = row_of(report, "min-duration", PERF)
    assert row.verdict is NOT_MET
    assert row.required == "duration >= 0.008 s, LoadGen: minimum duration yes"


def test_an_answer_longer_than_the_bound_is_seen(tmp_path: Path) -> None:
    report = compliance_report(compliant_session(tmp_path), small_round(max_tokens=7))
    row = row_of(report, "longest-answer", PERF)
    assert (row.verdict, row.measured, row.required) == (NOT_MET, "8 tokens", "<= 7 tokens")


@pytest.mark.parametrize(
    ("metric", "position", "value", "verdict"),
    [
        ("ROUGE1", 0, 38.3914, NOT_MET),
        ("ROUGE1", 0, 38.3915, MET),
        ("ROUGE1", 0, None, NOT_MEASURED),
        ("GEN_LEN", 1, 3999.0, NOT_MET),
        ("GEN_LEN", 1, 5000.0, MET),
        ("GEN_LEN", 1, 5001.0, NOT_MET),
    ],
)
def test_accuracy_is_held_to_target_and_upper_limit_in_full_digits(
    tmp_path: Path, metric: str, position: int, value: float | None, verdict: Verdict
) -> None:
    root = compliant_session(tmp_path)
    path = root / RUNS[ACC] / "accuracy.json"
    metrics = json.loads(path.read_text(encoding="utf-8"))["metrics"]
    metrics[position]["value"] = value
    edit(path, metrics=metrics)
    row = row_of(compliance_report(root, small_round()), f"accuracy-{metric}", ACC)
    assert row.verdict is verdict
    if metric == "ROUGE1":
        assert row.required == "ROUGE1 >= 38.391408"
        assert row.proof[0].path == "$.metrics[0].value"


def test_a_metric_the_evaluation_lacks_is_not_measured(tmp_path: Path) -> None:
    root = compliant_session(tmp_path)
    edit(root / RUNS[ACC] / "accuracy.json", metrics=[])
    row = row_of(compliance_report(root, small_round()), "accuracy-ROUGE1", ACC)
    assert (row.verdict, row.measured) == (NOT_MEASURED, None)


def test_another_model_is_held_to_its_own_reference(tmp_path: Path) -> None:
    root = compliant_session(tmp_path)
    config("model", "official", value=False)(root)
    path = root / RUNS[ACC] / "accuracy.json"
    bounds = {"value": 20.0, "target": 21.0, "upper_limit": None, "passed": False}
    edit(path, metrics=[{"name": "ROUGE2"} | bounds], judged_against="references/small.json")
    row = row_of(compliance_report(root, small_round()), "accuracy-ROUGE2", ACC)
    assert row.verdict is NOT_MET
    assert row.reason is not None
    assert row.reason.startswith("judged against references/small.json")
    assert "constants" not in row.source


def test_another_model_without_reference_has_nothing_to_be_held_to(tmp_path: Path) -> None:
    root = compliant_session(tmp_path)
    config("model", "official", value=False)(root)
    row = row_of(compliance_report(root, small_round()), "accuracy", ACC)
    assert row.verdict is NOT_APPLICABLE


@pytest.mark.parametrize(("measured", "verdict"), [(False, NOT_MET), (None, NOT_MEASURED)])
def test_each_condition_of_a_compliance_test_is_a_row(
    tmp_path: Path, measured: bool | None, verdict: Verdict
) -> None:
    root = compliant_session(tmp_path)
    path = root / RUNS[TEST] / "verification.json"
    checks = json.loads(path.read_text(encoding="utf-8"))["checks"]
    edit(path, checks=[checks[0] | {"measured": measured, "passed": False}])
    row = row_of(compliance_report(root, small_round()), "TEST06-1", TEST)
    assert (row.words, row.verdict) == ("TEST06: first token", verdict)


def test_one_of_several_scenarios_is_enough_and_none_is_not(tmp_path: Path) -> None:
    rules = small_round(one_of=["Server", "Interactive"])
    alone = compliance_report(compliant_session(tmp_path / "a"), rules)
    assert row_of(alone, "scenario-set", "session").verdict is NOT_MET
    both = compliance_report(compliant_session(tmp_path / "b", "interactive"), rules)
    row = row_of(both, "scenario-set", "session")
    assert row.verdict is MET
    assert row.source.endswith("user_confs/rounds/v6.1.yaml, required; the checker")


def test_accuracy_count_that_an_older_loadgen_does_not_log_is_taken_from_the_total(
    tmp_path: Path,
) -> None:
    root = compliant_session(tmp_path)
    remove_logged(root / RUNS[ACC], "effective_accuracy_sample_count")
    row = row_of(compliance_report(root, small_round()), "sample-counts", ACC)
    assert (row.verdict, row.required) == (MET, "48")
    assert '"qsl_reported_total_count"' in row.proof[0].text


def test_a_corrupt_log_leaves_its_rows_without_figures(tmp_path: Path) -> None:
    root = compliant_session(tmp_path)
    rewrite_log(root / RUNS[PERF], DETAIL, lambda text: f"no entry\n{text}")
    report = compliance_report(root, small_round())
    for rule in ("seeds", "no-errors", "audit-config", "one-process", "loadgen-verdict"):
        row = row_of(report, rule, PERF)
        assert (row.verdict, row.measured or "") != (MET, ""), rule
        assert row.reason is not None
        assert row.reason.startswith(f"{DETAIL}:1: the line is not a LoadGen entry")
    assert row_of(report, "seeds", PERF).verdict is NOT_MEASURED
    assert str(root) not in compliance_json(report)


def test_a_session_whose_engine_never_started_is_reported(tmp_path: Path) -> None:
    root = compliant_session(tmp_path)
    shutil.rmtree(root / "Offline")
    edit(root / "session.json", engine=None, warmup=None)
    report = compliance_report(root, small_round())
    assert not report.compliant
    assert {row.subject for row in report.rows} == {"session", "Offline"}
    assert row_of(report, "runs-complete", "Offline").measured is None


def test_the_same_folder_gives_the_same_bytes_wherever_it_lies(tmp_path: Path) -> None:
    root = compliant_session(tmp_path / "here", "server")
    moved = tmp_path / "there" / root.name
    shutil.copytree(root, moved)
    texts = {compliance_json(compliance_report(each, small_round())) for each in (root, moved)}
    assert len(texts) == 1
    assert ComplianceReport.model_validate_json(texts.pop()).rows


def test_the_round_of_the_configuration_is_the_default(tmp_path: Path) -> None:
    report = compliance_report(make_session(tmp_path, "server"))
    row = row_of(report, "seeds", SERVER)
    assert row.verdict is MET
    assert "user_confs/rounds/v6.1.yaml, seeds; MODEL_CONFIG" in row.source
    assert row_of(report, "dataset-count", "session").required == "13368"
    assert row_of(report, "min-duration-asked", SERVER).required == ">= 600000 ms"


def test_writing_refuses_to_overwrite(tmp_path: Path) -> None:
    root = make_session(tmp_path, "offline")
    report = write_compliance(open_session(root))
    assert (root / "compliance.json").read_text(encoding="utf-8") == compliance_json(report)
    assert (root / "compliance.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    with pytest.raises(FileExistsError):
        write_compliance(open_session(root))


def test_the_text_names_verdict_figure_demand_and_place(tmp_path: Path) -> None:
    root = compliant_session(tmp_path)
    set_logged(root / RUNS[PERF], "result_validity", '"INVALID"')
    text = compliance_text(compliance_report(root, small_round()))
    lines = text.splitlines()
    assert lines[0].startswith("Rules of llama3.1-8b in round v6.1, closed division: 1 not met")
    at = lines.index("  NOT MET       LoadGen's verdict is VALID")
    assert lines[at + 1].strip() == "INVALID (required: VALID)"
    log = (root / RUNS[PERF] / DETAIL).read_text(encoding="utf-8").splitlines()
    number = next(n for n, line in enumerate(log, 1) if '"result_validity"' in line)
    assert lines[at + 2].strip().startswith(f"{RUNS[PERF]}/{DETAIL}:{number}: ")
    assert lines[-1].startswith("unverified: ")
