#!/usr/bin/env bash
# What was never seen on a card, in about ten minutes, into one file:
#
#   scripts/gpu_evidence.sh evidence.tar.gz
#
# FLAGS  words for every run, e.g. FLAGS="--system h100 --set engine.vllm.load_format=dummy"
#        (random weights: throughput, times and faults count, answers and accuracy do not).
# LIMIT  seconds that one step may take, 300 unless set. A step that fails costs no other.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

out=${1:?"name the file to write, e.g. evidence.tar.gz"}
read -r -a flags <<< "${FLAGS:---system auto}"
limit=${LIMIT:-300}
python=${PYTHON:-.venv/bin/python}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

step() { # NAME COMMAND...: its output, its exit code and its seconds
    local name=$1 code begin=$SECONDS
    shift
    echo "evidence: $name ..." >&2
    timeout --signal=INT --kill-after=30 "$limit" "$@" > "$folder/$name.txt" 2>&1
    code=$?
    echo "$name,$code,$((SECONDS - begin))" >> "$folder/steps.csv"
}

run() { # NAME FLAGS...: a session under its own name
    local name=$1
    shift
    step "$name" "$python" -m sut.main "${flags[@]}" --results-dir "$folder/$name" "$@"
}

kill_core() { # a Server run whose engine core is killed: how it ends, and what is left
    local core
    "$python" -m sut.main "${flags[@]}" --results-dir "$folder/killed" --scenario Server \
        --set server.min_duration_s=120 &
    local harness=$!
    until grep -q "Generated\|generated_query_count" "$folder"/killed/*/Server/performance/mlperf_log_detail.txt \
        2> /dev/null; do
        kill -0 "$harness" 2> /dev/null || break
        sleep 1
    done
    core=$(pgrep -f "VLLM::EngineCore" | head -1)
    [ -n "$core" ] && kill -9 "$core"
    local struck=$SECONDS
    wait "$harness"
    echo "exit code $? after $((SECONDS - struck)) s; left: $(pgrep -fc 'VLLM::' || true)"
}

export -f kill_core
export python folder
step doctor "$python" -m sut.main doctor "${flags[@]}"
step nvidia-smi nvidia-smi -q
run quick --scenario Offline,Server
run interactive --scenario Interactive
run single-stream --scenario SingleStream
step kill-core bash -c "flags=(${flags[*]@Q}); kill_core"
step bench "$python" -m sut.main bench engine "${flags[@]}" --rounds 1
step tests "$python" -m pytest -q -m gpu tests/integration/test_gpu.py
# Models, caches and LoadGen's traces are not evidence of a card.
tar -czf "$out" -C "$folder" --exclude='mlperf_log_trace.json' .
cat "$folder/steps.csv"
echo "Written to $out."
