"""Values that nobody means: in --set, in the environment, in flags; misspelt words."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.provoke.catalogue.sessions import OFFLINE, SERVER, SMALL, session, verb
from scripts.provoke.fault import EITHER, HONEST, NO_RUN, NOTHING, Fault, Outcomes

DEEP = 10_000
LAUGHS = (
    "[&a [x,x,x,x,x,x,x,x,x,x], &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a], "
    "&c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b], &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c], "
    "&e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d], &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e], "
    "&g [*f,*f,*f,*f,*f,*f,*f,*f,*f,*f], &h [*g,*g,*g,*g,*g,*g,*g,*g,*g,*g]]"
)
VALUES: tuple[tuple[str, str, str], ...] = (
    ("1e300", "1e300", "1e300"),
    ("minus", "-1", "-1"),
    ("nan", ".nan", ".nan"),
    ("infinite", ".inf", ".inf"),
    ("tiny", "1e-300", "1e-300"),
    ("digits", "a number of 100,000 digits", "9" * 100_000),
    ("brackets", f"{DEEP:,} brackets", "[" * DEEP),
    ("lists", f"{DEEP:,} lists, whole", "[" * DEEP + "]" * DEEP),
    ("braces", f"{DEEP:,} braces", "{a: " * DEEP),
    ("laughs", "aliases that make 10^8 values", LAUGHS),
    ("self", "a list that holds itself", "&a [*a]"),
    ("tag", "a tag of Python's", "!!python/object/apply:os.abort []"),
    ("long", "100,000 letters", "x" * 100_000),
    ("bytes", "bytes that are not UTF-8", "\udcff\udcfe"),
    ("controls", "an escape of the terminal's, and a newline", "\x1b[2J\n\x07"),
    ("markup", "markup", "[red]{0}%s<script>"),
    ("empty", "empty", ""),
)
KEYS = (
    "server.target_qps",
    "warmup.queries",
    "engine.null.ttft_ms",
    "scenarios",
    "engine.vllm.extra.compilation_config",
)
# Keys that take text, and may take much of it.
TEXTS = ("model.path", "dataset.path", "node_name", "engine.ray.address", "engine.kind", "round")
VARIABLES = ("NODE_NAME", "MAX_TOKENS", "OFFLINE_TARGET_QPS")
# Within each bound by itself, and too much together: refused, over in time, or stopped by memory.
TOGETHER: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("queries", "5*10^7 queries", (*OFFLINE, "--set", "offline.min_query_count=50000000")),
    (
        "rate-and-time",
        "10^6 samples/s for 30 days",
        (*OFFLINE, *("--set", "offline.target_qps=1e6", "--set", "offline.min_duration_s=2592000")),
    ),
    (
        "arrivals-and-time",
        "10^6 arrivals/s for 30 days",
        (*SERVER, *("--set", "server.target_qps=1e6", "--set", "server.min_duration_s=2592000")),
    ),
    ("arrivals", "10^6 arrivals/s", (*SERVER, "--set", "server.target_qps=1e6")),
    ("tokens", "10^7 tokens in each answer", (*SMALL, "--set", "engine.null.tokens=10000000")),
    ("samples", "200,000 samples made", (*SMALL, "--set", "dataset.synthetic_count=200000")),
    (
        "warm-up",
        "10,000 queries of warm-up, of a day each, in 3 s",
        (*SERVER, *("--set", "warmup.queries=10000", "--set", "warmup.timeout_s=3"),
         *("--set", "engine.null.ttft_ms=86400000", "--set", "engine.stall_timeout_s=3")),
    ),
    (
        "delay",
        "an answer takes a day, and 3 s are waited for one",
        (*SMALL, "--set", "engine.null.ttft_ms=86400000", "--set", "engine.stall_timeout_s=3"),
    ),
    ("start", "the engine must start in 1 ms", (*SMALL, "--set", "engine.start_timeout_s=0.001")),
    (
        "silence",
        "LoadGen must give a sign each millisecond",
        (*SMALL, "--set", "loadgen.silence_timeout_s=0.001"),
    ),
    ("stall", "an answer must come each millisecond",
     (*SMALL, "--set", "engine.stall_timeout_s=0.001")),
    ("rare", "an arrival in 11 days, for 1 s",
     (*SERVER, "--set", "server.target_qps=1e-6", "--set", "server.min_duration_s=1")),
)  # fmt: skip
WORDS: tuple[tuple[str, ...], ...] = (
    ("rum",),
    ("Offline",),
    ("", "--scenario", "Offline"),
    ("--scenario", "Ofline"),
    ("--scenario", ""),
    ("--scenario", ",,,"),
    ("--scenario", "Offline," * 5000),
    ("--senario", "Offline"),
    ("--profile", "quik"),
    ("--round", "v9.9"),
    ("--round", "../../etc/passwd"),
    ("--engine", "vlm"),
    ("--engine", "os:system"),
    ("--system", "cpuu"),
    ("--system", "../../../etc/passwd"),
    ("--model", "smolm"),
    ("--model", "/nonexistent/model"),
    ("--dataset", "smaple"),
    ("--dataset", "/nonexistent/data.json"),
    ("--mode", "perf"),
    ("--set", "server.target_qps"),
    ("--set", "=1"),
    ("--set", "server=1"),
    ("--set", "servr.target_qps=1"),
    ("--set", "a." * 5000 + "b=1"),
    ("--set", "by_scenario.Ofline.engine.null.ttft_ms=1"),
    ("--set", "by_scenario=1"),
    ("--set", "engine.options.__class__=1"),
    ("--set", "engine.null.__init__=1"),
    ("--replicas", "many"),
    ("--replicas", "1e9"),
    ("--repeat", "9" * 5000),
    ("--repeat", "٣", "--json"),
    ("--events", "--json"),
    ("--config",),
    ("--config", ""),
    ("--user-conf", ""),
    ("--address", "nowhere", "--replicas", "1"),
    ("--address", "ray://" + "a" * 5000, "--replicas", "1"),
    ("report",),
    ("report", ""),
    ("report", "/"),
    ("report", "/nonexistent"),
    ("report", "x" * 5000),
    ("recover", "/nonexistent"),
    ("recover", "/dev/null"),
    ("verify", "/proc"),
    ("check", "/proc/self"),
    ("check", "/dev"),
    ("compare", "/nonexistent", ","),
    ("compare", ",,,", ",,,"),
    ("history", "/proc/self/fd"),
    ("regress", "/dev/null", "--baseline", "/dev/null"),
    ("accuracy", "/dev"),
    ("audit", "--verify", "/proc", "--scenario", "Server"),
    ("peak", "--scenario", "Offline"),
    ("bench",),
    ("cluster", "strat"),
    ("quantize", "--scheme", "w3a3"),
    ("doctor", "--jsno"),
)
SAYS = ("history /proc/self/fd",)


def faults() -> Iterator[Fault]:
    """All of them."""
    yield from _assigned()
    for name in VARIABLES:
        for value_name, how, value in VALUES:
            if len(value) <= 100_000:
                make = session(SMALL, variables={name: value})
                ends: Outcomes = (NOTHING, *HONEST)
                yield Fault(f"variable/{name}-{value_name}", f"{name} is {how}", make, ends, (0, 2))
    for name, how, arguments in TOGETHER:
        make = session(arguments)
        ends = (NOTHING, NO_RUN, *EITHER)
        yield Fault(f"together/{name}", how, make, ends, (0, 1, 2, 3), silence_s=30)
    for words in WORDS:
        told = " ".join(
            word if len(word) < 60 else f"{word[:20]}… ({len(word):,})" for word in words
        )
        if words[0].startswith("-") and "--scenario" not in words:
            words = ("--scenario", "Offline", *words)
        codes = (0, 1, 2) if told in SAYS else (1, 2, 3)
        yield Fault(f"words/{told}", f"`{told}`", verb(*words), (NOTHING,), codes)


def _assigned() -> Iterator[Fault]:
    for key in KEYS:
        for name, how, value in VALUES:
            make = session(SMALL, "--set", f"{key}={value}")
            yield Fault(
                f"set/{key}-{name}", f"--set {key}= {how}", make, (NOTHING, *HONEST), (0, 2)
            )
    for key in TEXTS:
        for name, how, value in VALUES[11:]:
            make = session(SMALL, "--set", f"{key}={value}")
            yield Fault(
                f"set/{key}-{name}", f"--set {key}= {how}", make, (NOTHING, *HONEST), (0, 2)
            )
