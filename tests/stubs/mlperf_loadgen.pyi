# What mlcommons-loadgen 6.0.17 offers, as far as this project may use it; written from the
# docstrings of the binding. tests/unit/loadgen/test_stub.py holds it against the module.
# The binding's setters take any int; unsigned on LoadGen's side.

from collections.abc import Callable, Sequence
from typing import ClassVar

class TestScenario:
    SingleStream: ClassVar[TestScenario]
    MultiStream: ClassVar[TestScenario]
    Server: ClassVar[TestScenario]
    Offline: ClassVar[TestScenario]
    def __init__(self, value: int) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class TestMode:
    SubmissionRun: ClassVar[TestMode]
    AccuracyOnly: ClassVar[TestMode]
    PerformanceOnly: ClassVar[TestMode]
    FindPeakPerformance: ClassVar[TestMode]
    def __init__(self, value: int) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class LoggingMode:
    AsyncPoll: ClassVar[LoggingMode]
    EndOfTestOnly: ClassVar[LoggingMode]
    Synchronous: ClassVar[LoggingMode]
    def __init__(self, value: int) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def value(self) -> int: ...

class TestSettings:
    scenario: TestScenario
    mode: TestMode
    single_stream_expected_latency_ns: float
    single_stream_target_latency_percentile: float
    multi_stream_expected_latency_ns: float
    multi_stream_target_latency_percentile: float
    multi_stream_samples_per_query: int
    server_target_qps: float
    server_target_latency_ns: int
    server_target_latency_percentile: float
    server_coalesce_queries: bool
    server_find_peak_qps_decimals_of_precision: int
    server_find_peak_qps_boundary_step_size: float
    server_max_async_queries: int
    server_num_issue_query_threads: int
    offline_expected_qps: float
    min_duration_ms: int
    max_duration_ms: int
    min_query_count: int
    max_query_count: int
    qsl_rng_seed: int
    sample_index_rng_seed: int
    schedule_rng_seed: int
    accuracy_log_rng_seed: int
    accuracy_log_probability: float
    accuracy_log_sampling_target: int
    accuracy_sample_count_override: int
    print_timestamps: bool
    performance_issue_unique: bool
    performance_issue_same: bool
    performance_issue_same_index: int
    performance_sample_count_override: int
    sample_concatenate_permutation: bool
    test05: bool
    test05_qsl_rng_seed: int
    test05_sample_index_rng_seed: int
    test05_schedule_rng_seed: int
    use_token_latencies: bool
    infer_token_latencies: bool
    token_latency_scaling_factor: int
    ttft_latency: int
    tpot_latency: int
    def __init__(self) -> None: ...
    def FromConfig(self, path: str, model: str, scenario: str, conf_type: int = 1) -> int: ...

class LogOutputSettings:
    outdir: str
    prefix: str
    suffix: str
    prefix_with_datetime: bool
    copy_detail_to_stdout: bool
    copy_summary_to_stdout: bool
    def __init__(self) -> None: ...

class LogSettings:
    log_output: LogOutputSettings
    log_mode: LoggingMode
    log_mode_async_poll_interval_ms: int
    enable_trace: bool
    def __init__(self) -> None: ...

class QuerySample:
    id: int
    index: int
    def __init__(self, id: int = ..., index: int = ..., /) -> None: ...

class QuerySampleResponse:
    id: int
    data: int
    size: int
    n_tokens: int
    def __init__(
        self, id: int = ..., data: int = ..., size: int = ..., n_tokens: int = ..., /
    ) -> None: ...

def ConstructSUT(
    issue: Callable[[list[QuerySample]], None], flush: Callable[[], None], /
) -> int: ...
def DestroySUT(sut: int, /) -> None: ...
def ConstructFastSUT(
    issue: Callable[[list[int], list[int]], None], flush: Callable[[], None], /
) -> int: ...
def DestroyFastSUT(sut: int, /) -> None: ...
def ConstructQSL(
    total_sample_count: int,
    performance_sample_count: int,
    load: Callable[[list[int]], None],
    unload: Callable[[list[int]], None],
    /,
) -> int: ...
def DestroyQSL(qsl: int, /) -> None: ...
def StartTest(
    sut: int, qsl: int, test_settings: TestSettings, audit_config_filename: str = "audit.config"
) -> None: ...
def StartTestWithLogSettings(
    sut: int,
    qsl: int,
    test_settings: TestSettings,
    log_settings: LogSettings,
    audit_config_filename: str = "audit.config",
) -> None: ...
def FirstTokenComplete(
    responses: Sequence[QuerySampleResponse],
    response_cb: Callable[[QuerySampleResponse], None] | None = None,
) -> None: ...
def QuerySamplesComplete(
    responses: Sequence[QuerySampleResponse],
    response_cb: Callable[[QuerySampleResponse], None] | None = None,
) -> None: ...
