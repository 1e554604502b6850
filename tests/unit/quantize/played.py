"""A small Llama-like folder, and an environment whose llm-compressor is a few lines of Python."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from sut.quantize.environment import STAMP, fingerprint
from tests.unit.accuracy.answered import make_model
from tests.unit.config.support import tensors

CONFIG: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"], "hidden_size": 64, "intermediate_size": 128,
    "num_attention_heads": 4, "num_key_value_heads": 2, "num_hidden_layers": 1,
    "vocab_size": 400, "max_position_embeddings": 4096, "eos_token_id": 2, "dtype": "bfloat16",
}  # fmt: skip
LAYER = "model.layers.0."
MATRICES = {
    LAYER + "self_attn.q_proj.weight": [64, 64], LAYER + "self_attn.k_proj.weight": [32, 64],
    LAYER + "self_attn.v_proj.weight": [32, 64], LAYER + "self_attn.o_proj.weight": [64, 64],
    LAYER + "mlp.gate_proj.weight": [128, 64], LAYER + "mlp.up_proj.weight": [128, 64],
    LAYER + "mlp.down_proj.weight": [64, 128],
}  # fmt: skip
OTHERS = {
    "model.embed_tokens.weight": [400, 64], "lm_head.weight": [400, 64], "model.norm.weight": [64],
    LAYER + "input_layernorm.weight": [64], LAYER + "post_attention_layernorm.weight": [64],
}  # fmt: skip
ANSWER = {
    "versions": {"python": "3.11.7", "llmcompressor": "9.9"}, "device": "cpu", "seconds": 1.5,
    "quantised_modules": 7,
}  # fmt: skip

# What inside.py would do, as far as its caller sees it.
STUB = """\
#!{python}
import json, shutil, sys
from pathlib import Path
assert sys.argv[1] == "-I" and sys.argv[2].endswith("inside.py"), sys.argv
asked = json.loads(Path(sys.argv[3]).read_text())
Path({seen!r}).write_text(json.dumps(asked))
print("calibrating")
{failing}
out, source = Path(asked["out"]), Path(asked["source"])
config = json.loads((source / "config.json").read_text())
config["quantization_config"] = {{
    "quant_method": "compressed-tensors", "config_groups": {groups}
}}
(out / "config.json").write_text(json.dumps(config))
(out / "generation_config.json").write_text('{{"written": "by transformers"}}')
shutil.copy({checkpoint!r}, out / "model.safetensors")
Path(sys.argv[4]).write_text(json.dumps({answer}))
"""


def source_folder(folder: Path, **changes: Any) -> Path:
    """Weights as they were published, with a tokenizer."""
    make_model(folder)
    (folder / "config.json").write_text(json.dumps(CONFIG | changes))
    return tensors(folder, MATRICES | OTHERS)


def environment(
    folder: Path,
    *,
    failing: str = "",
    groups: str = 'asked["config_groups"]',
    leave_out: Sequence[str] = (),
) -> Path:
    """A ready environment.

    Args:
        failing: a statement of Python that it runs before it writes anything.
        groups: an expression of Python for what its config.json says of the quantisation.
        leave_out: tensors that its checkpoint lacks.
    """
    (folder / "bin").mkdir(parents=True)
    made = folder / "made"
    made.mkdir()
    shapes = MATRICES | OTHERS
    scales = {f"{name}_scale": [shape[0], 1] for name, shape in MATRICES.items()}
    kept = {name: shape for name, shape in (shapes | scales).items() if name not in leave_out}
    text = STUB.format(
        python=sys.executable,
        seen=str(folder / "asked.json"),
        failing=failing,
        groups=groups,
        checkpoint=str(tensors(made, kept) / "model.safetensors"),
        answer=ANSWER,
    )
    python = folder / "bin" / "python"
    python.write_text(text)
    python.chmod(0o755)
    (folder / STAMP).write_text(json.dumps({"fingerprint": fingerprint()}))
    return folder


def asked_of(folder: Path) -> dict[str, Any]:
    """The request that the environment was given."""
    found: dict[str, Any] = json.loads((folder / "asked.json").read_text())
    return found


def copy_of_data(path: Path, ids: Sequence[str]) -> Path:
    """A copy of the data set with a row for each id."""
    rows = [{"id": i, "article": f"Storm {i} came.", "highlights": f"Storm {i}."} for i in ids]
    pd.DataFrame(rows).to_csv(path, index=False)
    return path
