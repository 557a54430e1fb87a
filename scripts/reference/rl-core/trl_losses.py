"""Writes packages/rl-core/test/fixtures/trl-losses.json: random batches through the real loss methods of TRL.

GRPOTrainer._compute_loss and GMPOTrainer._compute_loss of the installed TRL run in float64 on a stand-in that
answers what they ask a trainer for. Left out, because TRL changed them after 1.10, whose definitions this package
follows: luspo with terms per token, and the divisor of the entropy bonus for dapo, cispo and vespo.

    python scripts/reference/rl-core/trl_losses.py
"""

import collections
import json
import math
import pathlib
import types

import torch
import trl
from trl.experimental.gmpo.gmpo_trainer import GMPOTrainer
from trl.trainer.grpo_trainer import GRPOTrainer

# TRL builds some tensors from Python numbers: those must not be rounded to float32 here.
torch.set_default_dtype(torch.float64)
ROOT = pathlib.Path(__file__).resolve().parents[3]
OUT = ROOT / "packages/rl-core/test/fixtures/trl-losses.json"
generator = torch.Generator().manual_seed(42)
uniform = lambda *shape: torch.rand(*shape, generator=generator, dtype=torch.float64)  # noqa: E731
draw = lambda: uniform(1).item()  # noqa: E731
choose = lambda options: options[int(draw() * len(options))]  # noqa: E731


class Accelerator:
    num_processes = 1
    sync_gradients = True
    gather = staticmethod(lambda x: x)
    reduce = staticmethod(lambda x, reduction: x)
    pad_across_processes = staticmethod(lambda x, dim, pad_index: x)


def engine_ratio(old, sampling, mask, mode, low, high):
    difference = (old - sampling) * mask
    if mode.startswith("sequence"):
        difference = difference.sum(-1, keepdim=True)
    ratio = difference.exp()
    if mode.endswith("truncate"):
        return ratio.clamp(min=low, max=high)
    return ratio.masked_fill((ratio < (low or -math.inf)) | (ratio > high), 0.0)


def case(loss_type):
    rows, width = 2 + int(draw() * 4), 2 + int(draw() * 6)
    logps = -0.05 - 3 * uniform(rows, width)
    near = lambda spread: (logps + spread * (2 * uniform(rows, width) - 1)).clamp(max=-0.01)  # noqa: E731
    old, ref, sampling = near(0.7), near(0.8), near(0.3)
    entropies = 3 * uniform(rows, width)
    lengths = 1 + (uniform(rows) * width).long()
    completion = (torch.arange(width)[None] < lengths[:, None]).long()
    tool = (uniform(rows, width) < 0.8).long()
    tool[:, 0] = 1
    is_gmpo, is_luspo = loss_type == "gmpo", loss_type == "luspo"
    per_token = draw() < 0.2 and not is_gmpo and not is_luspo
    advantages = 4 * uniform(rows, width) - 2 if per_token else 4 * uniform(rows) - 2
    config = {
        "importance_sampling_level": "sequence" if is_luspo else choose(["token", "token", "sequence"]),
        "epsilon_low": 0.1 + 0.3 * draw(),
        "epsilon_high": 3 * draw() + 0.5 if loss_type == "cispo" else 0.1 + 0.4 * draw(),
        "delta": choose([None, None, 1.2 + draw()]),
        "beta": 0.0 if is_luspo else choose([0.0, 0.04, 0.5]),
        "use_bias_correction_kl": False if is_gmpo else draw() < 0.4,
        "top_entropy_quantile": 1.0 if is_luspo else choose([1.0, 1.0, 0.6]),
        "off_policy_mask_threshold": None if is_gmpo or per_token else choose([None, None, 0.02]),
        "gradient_accumulation_steps": choose([1, 1, 3]),
        "entropy_coef": 0.01 if loss_type in ("grpo", "bnpo", "sapo") and draw() < 0.3 else 0.0,
    }
    if is_gmpo:
        config["importance_sampling_level"] = "token"
    mode = None if is_gmpo or is_luspo else choose([None, None, "token_truncate", "token_mask", "sequence_truncate", "sequence_mask"])
    # VESPO is meant for ratios per token or per row alike; both are drawn.
    mask = completion * tool
    use_old = mode is not None or draw() < 0.8
    args = types.SimpleNamespace(
        use_bias_correction_kl=config["use_bias_correction_kl"], delta=config["delta"], steps_per_generation=1,
        sapo_temperature_pos=1.0, sapo_temperature_neg=1.05,
        vespo_k_pos=2.0, vespo_lambda_pos=3.0, vespo_k_neg=3.0, vespo_lambda_neg=2.0,
    )
    steps = config["gradient_accumulation_steps"]
    args.steps_per_generation = steps  # The generation batch is one accumulation window.
    leaf = logps.clone().requires_grad_()
    stand_in = types.SimpleNamespace(
        args=args, accelerator=Accelerator(), model=types.SimpleNamespace(training=True), loss_type=loss_type,
        importance_sampling_level=config["importance_sampling_level"], beta=config["beta"],
        epsilon_low=config["epsilon_low"], epsilon_high=config["epsilon_high"],
        top_entropy_quantile=config["top_entropy_quantile"], off_policy_mask_threshold=config["off_policy_mask_threshold"],
        use_vllm=mode is not None, vllm_importance_sampling_correction=True, max_completion_length=width + 1,
        use_adaptive_entropy=False, entropy_coef=config["entropy_coef"], _entropy_bonus_enabled=config["entropy_coef"] != 0,
        current_gradient_accumulation_steps=steps, aux_loss_enabled=False,
        _metrics={"train": collections.defaultdict(list)},
        get_gamma_weights=GRPOTrainer.get_gamma_weights, get_off_policy_mask=GRPOTrainer.get_off_policy_mask,
        _get_per_token_logps_and_entropies=lambda *a, **k: (leaf, entropies, None),
    )
    stand_in.get_high_entropy_mask = types.MethodType(
        lambda self, e, m, q: torch.where(
            m.bool(), (e >= torch.quantile(e[m.bool()], q)), torch.zeros_like(m, dtype=torch.bool)
        ), stand_in,
    )  # TRL's own casts to float32 on the way; the definition is the same.
    count = int(mask.sum()) + int(draw() * 5)
    inputs = {
        "prompt_ids": torch.zeros(rows, 1, dtype=torch.long), "prompt_mask": torch.ones(rows, 1, dtype=torch.long),
        "completion_ids": completion, "completion_mask": completion, "tool_mask": tool, "advantages": advantages,
        "ref_per_token_logps": ref, "num_items_in_batch": torch.tensor(float(count), dtype=torch.float64),
    }
    if use_old:
        inputs["old_per_token_logps"] = old
    if mode is not None:
        inputs["sampling_per_token_logps"] = sampling
        inputs["importance_sampling_ratio"] = engine_ratio(old, sampling, mask, mode, 0.7, 1.4)
    trainer = GMPOTrainer if is_gmpo else GRPOTrainer
    loss = trainer._compute_loss(stand_in, stand_in.model, inputs)
    loss.backward()
    metrics = {k: v[-1] for k, v in stand_in._metrics["train"].items() if not math.isnan(v[-1])}
    rowwise = lambda x: x.tolist()  # noqa: E731
    return {
        "loss_type": loss_type, "config": config, "engine_mode": mode, "num_items_in_batch": count,
        "max_completion_length": width + 1, "logps": rowwise(logps), "old_logps": rowwise(old) if use_old else None,
        "ref_logps": rowwise(ref), "sampling_logps": rowwise(sampling), "entropies": rowwise(entropies),
        "completion_mask": rowwise(completion), "tool_mask": rowwise(tool), "advantages": rowwise(advantages),
        "expected": {"loss": loss.item(), "grad_logps": rowwise(leaf.grad), "metrics": metrics},
    }


names = ["grpo", "bnpo", "dr_grpo", "dapo", "luspo", "cispo", "sapo", "vespo", "gmpo"]
cases = [case(name) for name in names for _ in range(12)]
document = {"made_by": f"scripts/reference/rl-core/trl_losses.py with trl {trl.__version__}, torch {torch.__version__}, float64", "cases": cases}
OUT.write_text(json.dumps(document) + "\n")
print(len(cases), "cases,", OUT.stat().st_size, "bytes;", document["made_by"])
