"""The verbs of the command line, each with what it does, in the order of the help."""

DEFAULT_VERB = "run"
VERBS = {
    "run": "run the benchmark (what happens without a verb)",
    "doctor": "say whether this machine can run it, and what to mend",
    "accuracy": "score an accuracy run and hold it to its targets",
    "audit": "run a compliance test, or verify the logs of one",
    "submit": "make the submission tree of a round from results",
    "check": "check a submission tree, with MLCommons' own checker too",
    "verify": "say what a session or a tree proves, only states, or contradicts",
    "rehearse": "go through every step of a submission with a model of random weights",
    "campaign": "run scenarios, modes, systems and settings of a plan, and go on where it stopped",
    "report": "build result and summary again from a run's directory; its compliance report",
    "compare": "put the figures of runs side by side, with their noise and what they differ in",
    "regress": "hold a run against a stored one: exit code 1 where it is worse beyond noise",
    "history": "list the results of a folder by time",
    "simulate": "foretell a recorded run with other rates, batches or replicas; no measurement",
    "export": "write the per-query table of a run or a session as CSV or Parquet",
    "completion": "print a script by which bash, zsh or fish completes verbs, flags and keys",
    "recover": "make a result of a session whose harness was killed",
    "trace": "write a session's queries as a timeline that Perfetto opens",
    "prepare-dataset": "build a benchmark's data set from a local copy of its source",
    "peak": "find the highest rate at which Server or Interactive is VALID",
    "tune": "find the settings of the engine with which a scenario does best",
    "quantize": "quantise a model's weights with llm-compressor and the official calibration list",
    "cluster": "start, stop or check a Ray cluster",
    "bench": "compare the harness with the raw engine, or measure the harness alone",
}

READING = (
    *("accuracy", "check", "compare", "export", "history", "regress", "report", "simulate"),
    *("trace", "verify"),
)
"""Verbs that look through what others may have made, and start nothing."""
