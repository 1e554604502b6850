"""Files of a tree that somebody changed, and the finding that each meets."""

from __future__ import annotations

import re
import shutil

from tests.unit.audit.sabotage import spelled
from tests.unit.submission.broken_trees import (
    BENCHMARK,
    RESULTS,
    SYSTEM,
    detail,
    measured,
    system,
    verified,
    write,
)
from tests.unit.submission.saboteur import (
    CUT,
    LOG,
    Row,
    accuracy,
    alike,
    answer,
    conf,
    copied,
    digest,
    empty_log,
    file,
    first_with,
    linked,
    log,
    more_conf,
    other_hash,
    raw_json,
    results,
    sources_of_nothing,
    tested,
)

NOT_A_LOG = "This is not LoadGen's accuracy log: "
ACCURACY: dict[str, Row] = {
    "garbage for an accuracy log": (accuracy(LOG, lambda _: "garbage"), NOT_A_LOG),
    "an accuracy log without its end": (accuracy(LOG, lambda text: text[:4000]), NOT_A_LOG),
    "an accuracy log without its begin": (accuracy(LOG, lambda text: text[100:]), NOT_A_LOG),
    "an accuracy log cut twice": (
        accuracy(LOG, lambda text: text.replace(CUT, CUT + CUT)),
        NOT_A_LOG,
    ),
    "an accuracy log cut by hand": (
        accuracy(LOG, lambda text: text.replace(CUT, " cut here " + CUT)),
        NOT_A_LOG,
    ),
    "ends of nothing": (accuracy(LOG, lambda _: f"[{CUT}]"), NOT_A_LOG),
    "an answer that is not hexadecimal": (log(r'"data" ?: "..', '"data" : "zz'), NOT_A_LOG),
    "an answer of a token and a half": (log(r'"data" ?: "....', '"data" : "'), NOT_A_LOG),
    "an answer to sample 13368": (log(r'"qsl_idx" ?: \d+', '"qsl_idx" : 13368'), NOT_A_LOG),
    "a query before the first": (log(r'"seq_id" ?: \d+', '"seq_id" : -1'), NOT_A_LOG),
    "a query in words": (log(r'"seq_id" ?: \d+', '"seq_id" : "one"'), NOT_A_LOG),
    "an answer without a sample": (log(r'"qsl_idx" ?: \d+, ', ""), NOT_A_LOG),
    "a sample that is asked twice": (
        log(r'("qsl_idx" ?: \d+)([^}]*\}[^}]*)"qsl_idx" ?: \d+', r"\1\2\1"),
        NOT_A_LOG,
    ),
    "words between the answers": (log(r"\},\s*\{", "},\nwords\n{"), NOT_A_LOG),
    "Offline's accuracy log as Server's": (
        copied(f"accuracy/{LOG}", "Offline", "Server"),
        NOT_A_LOG + "it lacks first tokens",
    ),
    "Server's accuracy log as Offline's": (
        copied(f"accuracy/{LOG}", "Server", "Offline"),
        NOT_A_LOG + "it has first tokens",
    ),
    "a blank accuracy log": (accuracy(LOG, lambda _: "\n"), "The file is missing or empty."),
    "a log of no answers and its hash": (empty_log, "The log holds 0 answers"),
    "a hash of zeros": (digest(f"hash={'0' * 64}"), f"{'0' * 64} is not the SHA-256"),
    "a short hash": (digest("hash=abc123"), "abc123 is not the SHA-256"),
    "a hash of letters": (digest(f"hash={'xyzw' * 16}"), f"{'xyzw' * 16} is not the SHA-256"),
    "two hashes": (
        accuracy("accuracy.txt", lambda text: f"{text}hash={'0123456789abcdef' * 4}\n"),
        "It names 2 different hashes.",
    ),
    "another scenario's hash": (other_hash, "The accuracy log is that of results/"),
    "a score above 100": (
        accuracy("accuracy.txt", lambda text: text.replace("'38.7792'", "'138.7792'")),
        "ROUGE1 is 138.7792; no score is so high.",
    ),
    "a better score below the first": (
        accuracy("accuracy.txt", lambda text: text.replace("hash", "{'rouge1': '39.5', }\nhash")),
        "ROUGE1 is stated as 38.7792 and 39.5.",
    ),
    "a hundred answers scored": (
        accuracy("accuracy.txt", lambda text: text.replace("13368", "100")),
        "100 answers were scored; the data set has 13368.",
    ),
    "no length of the answers": (
        accuracy("accuracy.txt", lambda text: re.sub(r"'gen_len': \d+, ", "", text)),
        "GEN_LEN is not printed",
    ),
    "a score that is nan": (
        accuracy("accuracy.txt", lambda text: text.replace("'38.7792'", "'nan'")),
        "ROUGE1 is not printed",
    ),
    "a blank evaluation": (
        accuracy("accuracy.txt", lambda _: " \n"),
        "The file is missing or empty.",
    ),
}
NO_RUN = "The test's log is not of a run: "
TEST06: dict[str, Row] = {
    "Server's log as Offline's": (
        copied(f"TEST06/accuracy/{LOG}", "Server", "Offline"),
        "The test's log is that of results/",
    ),
    "a hundred copies of one sample": (
        tested(lambda answers: [each | {"qsl_idx": 7} for each in answers]),
        NO_RUN + "100 answers are of 1 samples",
    ),
    "a hundred copies of one answer": (tested(alike), NO_RUN + "100 answers are one and the same"),
    "ten samples, ten times each": (
        tested(lambda answers: [a | {"qsl_idx": n % 10} for n, a in enumerate(answers)]),
        NO_RUN + "100 answers are of 10 samples",
    ),
    "an answer to a sample beyond the data set": (
        first_with(qsl_idx=13368),
        NO_RUN + "it answers sample 13368 of 13368",
    ),
    "no answer": (tested(lambda _: []), NO_RUN + "it holds no answer"),
    "ninety-nine answers": (
        tested(lambda answers: answers[:99]),
        "samples logged is 99, must be == 100.",
    ),
    "one query twice": (
        tested(lambda answers: [*answers[:99], answers[0]]),
        "samples logged twice is 1",
    ),
    "an answer of 129 tokens": (first_with(**answer(range(5, 134))), "longest answer is 129"),
    "an answer of one token": (first_with(**answer([5])), "shortest answer is 1"),
    "a token count of its own": (
        first_with(token_count=99),
        "answers whose token count is not their length is 1",
    ),
    "another first token": (
        first_with(token_data=spelled([99])),
        "answers that do not begin with the first token reported is 1",
    ),
    "tokens after the end": (
        first_with(**answer([5, 128009, 6])),
        "answers that go on after an end-of-sequence id is 1",
    ),
    "a blank verification": (
        results("Server/TEST06/verify_accuracy.txt", "\n"),
        "The closed division requires TEST06; the file is missing or empty.",
    ),
    "a verification of other words": (
        results("Server/TEST06/verify_accuracy.txt", "First token check pass: True\n"
                "EOS check pass: True\nall is well\n"),
        "No line reads 'Sample length check pass: True'",
    ),
    "a verification that says both": (
        verified("EOS check pass: True", "EOS check pass: True\nEOS check pass: False"),
        "A line reads 'EOS check pass: False', and another that TEST06 passed.",
    ),
    "a blank log of TEST06": (
        results(f"Server/TEST06/accuracy/{LOG}", " "),
        "The closed division requires TEST06; the file is missing or empty.",
    ),
}  # fmt: skip
NOT_TAKEN = "LoadGen does not take the line "
USER_CONF: dict[str, Row] = {
    "a user.conf of garbage": (conf("garbage in here\n"), NOT_TAKEN),
    "a user.conf of words": (conf("*.Server.target_qps = many\n"), NOT_TAKEN),
    "two values on a line": (
        conf("*.Server.target_qps = 20 30\n"),
        "It is not of this run: target_qps",
    ),
    "a user.conf of binary": (conf("\x00\x01\x02 \x03\n"), NOT_TAKEN),
    "another scenario's user.conf": (copied("user.conf", "Offline", "Server"), "It is of Offline"),
    "a user.conf of remarks": (conf("# nothing\n\n"), "It sets nothing."),
    "a blank user.conf": (conf(" \n\t\n"), "The file is missing or empty."),
    "another target": (conf("*.Server.target_qps = 30\n"), "It is not of this run: target_qps"),
    "another least duration": (
        conf("*.Server.target_qps = 20\n*.Server.min_duration = 60000\n"),
        "It is not of this run: min_duration",
    ),
    "a percentile as a fraction": (
        conf("*.Server.target_qps = 20\n*.Server.target_latency_percentile = 0.99\n"),
        "It is not of this run: target_latency_percentile",
    ),
    "limits of its own": (
        more_conf("llama3_1-8b.Server.ttft_latency = 4000"),
        "It is not of this run: ttft_latency",
    ),
    "a longest duration in user.conf": (
        more_conf("*.Server.max_duration = 660000"),
        "It sets what no closed submission may: max_duration",
    ),
    "token latencies that LoadGen infers": (
        more_conf("*.*.infer_token_latencies = 1"),
        "It sets what no closed submission may: infer_token_latencies",
    ),
    "queries that LoadGen joins": (
        more_conf("*.Server.coalesce_queries = 1"),
        "It sets what no closed submission may: coalesce_queries",
    ),
    "one sample again and again by user.conf": (
        more_conf("llama3_1-8b.Server.performance_issue_same = 1"),
        "It sets what no closed submission may: performance_issue_same",
    ),
}
DESCRIPTION = f"systems/{SYSTEM}.json"
MEASURED = f"results/{SYSTEM}/{BENCHMARK}/Offline/measurements.json"
DOCUMENTS: dict[str, Row] = {
    "accelerators without a model": (
        system(accelerators_per_node="8"),
        "accelerators_per_node is 8, and their model is 'N/A'.",
    ),
    "accelerators whose model is none": (
        system(accelerators_per_node="8", accelerator_model_name="none"),
        "accelerators_per_node is 8, and their model is 'none'.",
    ),
    "a model of no accelerators": (
        system(accelerator_model_name="H100"),
        "accelerators_per_node is 0, and their model is H100.",
    ),
    "no nodes": (system(number_of_nodes="0"), "number_of_nodes is 0."),
    "no processors": (system(host_processors_per_node="0"), "host_processors_per_node is 0."),
    "memory in a list": (
        system(host_memory_capacity=["1 TB"]),
        "host_memory_capacity is neither text nor number.",
    ),
    "a flag for notes": (system(hw_notes=True), "hw_notes is neither text nor number."),
    "a key twice": (
        raw_json(DESCRIPTION, lambda text: text.replace("{", '{"status": "available", ', 1)),
        "The file is not JSON: it holds the key status more than once.",
    ),
    "a number that is none": (
        raw_json(DESCRIPTION, lambda text: text.replace("{", '{"watts": NaN, ', 1)),
        "The file is not JSON: NaN is not a number of JSON.",
    ),
    "a blank description": (file(DESCRIPTION, "\n"), "The file is missing or empty."),
    "a description that is a list": (
        raw_json(DESCRIPTION, lambda text: f"[{text}]"),
        "The file is not JSON: it holds no JSON object.",
    ),
    "measurements in a list": (
        measured(weight_data_types=["bf16"]),
        "weight_data_types is not a text.",
    ),
    "blank measurements": (file(MEASURED, " "), "The file is missing or empty."),
    "a measurement twice": (
        raw_json(MEASURED, lambda text: text.replace("{", '{"retraining": "Yes", ', 1)),
        "The file is not JSON: it holds the key retraining more than once.",
    ),
    "a blank README": (results("Server/README.md", "\n \n"), "The file is missing or empty."),
    "a README of other logs": (
        lambda root: write(
            root / RESULTS / "Server/README.md",
            re.sub(
                r"(performance/mlperf_log_detail.txt: )\w+",
                rf"\g<1>{'0a' * 32}",
                (root / RESULTS / "Server/README.md").read_text(encoding="utf-8"),
            ),
        ),
        "README.md states another SHA-256 of this file.",
    ),
    "a blank calibration": (
        file("documentation/calibration.md", "\n"),
        "The division closed requires this document.",
    ),
    "a blank description of the bandwidth": (
        file("documentation/bandwidth.md", " \t\n"),
        "The division closed requires this document.",
    ),
    "source files of nothing": (sources_of_nothing, "There is no source of this benchmark."),
}

STRAYS: dict[str, Row] = {
    "a file among the systems' results": (file("results/notes.md"), "Only folders lie here."),
    "a file among the benchmarks": (file(f"results/{SYSTEM}/a.csv"), "Only folders lie here."),
    "a file among the scenarios": (results("summary.csv"), "Only folders lie here."),
    "a file in a scenario": (results("Server/ledger.parquet"), "Nothing else may lie"),
    "a folder in a scenario": (results("Server/old/user.conf"), "Nothing else may lie"),
    "a second run": (
        lambda root: shutil.copytree(
            root / RESULTS / "Server/performance/run_1",
            root / RESULTS / "Server/performance/run_2",
        ),
        "Nothing else may lie",
    ),
    "a file beside run_1": (results("Server/performance/a.log"), "Nothing else may lie"),
    "a folder in accuracy": (results("Server/accuracy/images/a.png"), "Nothing else may lie"),
    "a folder in run_1": (results("Offline/performance/run_1/a/b.c"), "Nothing else may lie"),
    "a file in TEST06": (results("Server/TEST06/verification.json"), "Nothing else may lie"),
    "a file in TEST06's accuracy": (
        results("Server/TEST06/accuracy/a.txt"),
        "Nothing else may lie",
    ),
    "a compliance test in a folder of its own name": (
        lambda root: shutil.copytree(
            root / RESULTS / "Server/TEST06", root / RESULTS / "Server/test6"
        ),
        "Nothing else may lie",
    ),
    "a scenario that the benchmark does not have": (
        results("MultiStream/performance/run_1/mlperf_log_detail.txt"),
        f"{BENCHMARK} has no scenario MultiStream.",
    ),
    "a benchmark that the round does not have": (
        file(f"results/{SYSTEM}/llama9-1b/Offline/performance/run_1/mlperf_log_detail.txt"),
        "Round v6.1 has no benchmark llama9-1b",
    ),
    "the benchmark in capitals": (
        lambda root: (root / RESULTS).rename(root / RESULTS.parent / "Llama3.1-8B"),
        "This must be called llama3.1-8b.",
    ),
    "a scenario in two spellings": (
        lambda root: shutil.copytree(root / RESULTS / "Server", root / RESULTS / "server"),
        "All runs in it are those of closed/",
    ),
    "a benchmark in two spellings": (
        lambda root: shutil.copytree(root / RESULTS, root / RESULTS.parent / "llama3_1-8b"),
        "All runs in it are those of closed/",
    ),
    "a file among the systems": (file("systems/README.md"), "Only descriptions of systems"),
    "a folder among the systems": (file("systems/old/a.json", "{}"), "Only descriptions of"),
    "a submitter without results": (
        lambda root: write(root.parent / "Other/systems/a.json", "{}"),
        "There are no results.",
    ),
    "a division in capitals": (
        lambda root: write(root.parents[1] / "Closed/Example/a.md"),
        "Closed is not a division.",
    ),
    "a folder beside the divisions": (
        lambda root: write(root.parents[1] / "tmp/a.md"),
        "tmp is not a division.",
    ),
    "a log that is a link out of the tree": (
        lambda root: linked(root / RESULTS / "Server/user.conf"),
        "This is a link",
    ),
    "a folder of results that is a link out of the tree": (
        lambda root: (root / "src/away").symlink_to(root.parents[2]),
        "This is a link",
    ),
    "one run for performance and accuracy": (
        lambda root: shutil.copyfile(
            detail(root, "Server", "performance"), detail(root, "Server", "accuracy")
        ),
        "This is the run of results/",
    ),
}
