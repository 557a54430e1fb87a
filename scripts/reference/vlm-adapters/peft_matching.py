"""Which modules PEFT targets, with which rank, alpha and scaling: packages/vlm-adapters/test/fixtures/peft-matching.json.

Run by hand: python scripts/reference/vlm-adapters/peft_matching.py
"""

import json
import math
from pathlib import Path

import peft
from peft import LoraConfig
from peft.tuners.tuners_utils import check_target_module_exists
from peft.utils.other import get_pattern_key

PROJECTIONS = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj"]
PROJECTIONS += ["mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"]
NAMES = [f"model.language_model.layers.{layer}.{name}" for layer in (0, 1, 10, 11) for name in PROJECTIONS]
NAMES += [f"model.visual.blocks.{block}.{name}" for block in (0, 1) for name in ("attn.qkv", "attn.proj", "mlp.gate_proj")]
NAMES += ["model.visual.merger.mlp.0", "model.layers.1.experts.layers.0.up_proj", "lm_head", "q_proj"]

CASES = [
    {"target_modules": ["q_proj", "v_proj"]},
    {"target_modules": ["self_attn.q_proj"]},
    {"target_modules": ["_proj"]},
    {"target_modules": ["model.language_model.layers.1.self_attn.q_proj", "gate_proj"]},
    {"target_modules": ["q_proj", "lm_head"]},
    {"target_modules": r".*language_model\..*\.(q_proj|k_proj)"},
    {"target_modules": r"q_proj|.*v_proj"},
    {"target_modules": r"model\.language_model\.layers\.1"},
    {"target_modules": r".*\.1\..*proj"},
    {"target_modules": r"\A.*\.(?P<last>[qk]_proj)\Z"},
    {"target_modules": r"(?i).*\.Q_PROJ"},
    {"target_modules": r"(?s:.*)\.(?:up|down)_proj(?#the feed-forward ones)"},
    {"target_modules": r".*layers\.\d{,1}\..*k_proj"},
    {"target_modules": r".*[]_.]q_proj"},
    {"target_modules": r"(?P<a>model)\.(?:(?!visual).)*\.(?:q|k)_proj"},
    {"target_modules": ["q_proj", "gate_proj"], "exclude_modules": ["layers.1.self_attn.q_proj"]},
    {"target_modules": ["q_proj", "gate_proj"], "exclude_modules": r".*visual.*"},
    {"target_modules": ["q_proj"], "layers_to_transform": [1, 10]},
    {"target_modules": ["q_proj", "gate_proj", "up_proj"], "layers_to_transform": 1},
    {"target_modules": ["gate_proj", "up_proj"], "layers_to_transform": [0, 1], "layers_pattern": "layers"},
    {"target_modules": ["gate_proj", "up_proj"], "layers_to_transform": [0], "layers_pattern": ["blocks", "layers"]},
    {"target_modules": ["gate_proj"], "layers_to_transform": 0, "layers_pattern": ["(?:blocks|layers)"]},
    {"target_modules": ["q_proj", "k_proj", "v_proj"], "r": 4, "lora_alpha": 6, "rank_pattern": {"q_proj": 2, "layers.1.self_attn.k_proj": 16}},
    {"target_modules": ["q_proj", "k_proj"], "r": 4, "lora_alpha": 6, "rank_pattern": {"layers.1.*q_proj": 2, ".*q_proj": 3, "q": 9, "_proj": 9}},
    {"target_modules": ["q_proj", "k_proj"], "r": 4, "lora_alpha": 6, "alpha_pattern": {r"^model.*\.1\..*": 32, "k_proj|q_proj": 1}},
    {"target_modules": ["q_proj", "k_proj"], "r": 5, "lora_alpha": 7, "use_rslora": True, "rank_pattern": {"k_proj": 3}, "alpha_pattern": {r"layers\.1[01]?\.self_attn\.k_proj": 20}},
    {"target_modules": ["k_proj"], "r": 4, "lora_alpha": 6, "rank_pattern": {r"(layers)\.(\d)\4\..*": 7}},
    {"target_modules": ["q_proj"], "r": 4, "lora_alpha": 6, "rank_pattern": {"^q_proj": 2}},
]

results = []
for case in CASES:
    config = LoraConfig(**case)
    targets = []
    for name in NAMES:
        found = check_target_module_exists(config, name)
        if not found:
            continue
        rank = config.rank_pattern.get(get_pattern_key(config.rank_pattern.keys(), name), config.r)
        alpha = config.alpha_pattern.get(get_pattern_key(config.alpha_pattern.keys(), name), config.lora_alpha)
        scaling = alpha / math.sqrt(rank) if config.use_rslora else alpha / rank
        targets.append({"module": name, "rank": rank, "alpha": alpha, "scaling": scaling})
    results.append({"config": case, "targets": targets})

out = Path(__file__).parents[3] / "packages/vlm-adapters/test/fixtures/peft-matching.json"
origin = f"peft {peft.__version__}, scripts/reference/vlm-adapters/peft_matching.py"
out.write_text(json.dumps({"origin": origin, "names": NAMES, "cases": results}, indent=1) + "\n")
print(origin, [len(result["targets"]) for result in results])
