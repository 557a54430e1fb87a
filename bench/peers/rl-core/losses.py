"""TRL's own loss functions on the arrays of bench/rl-core/losses.ts: advantages, forward, metrics and backward.

The methods of the installed GRPOTrainer (and of GMPOTrainer) run on a stand-in that answers what they ask a
trainer for, so nothing of TRL is rewritten. One thread, float32 as TRL computes (and float64 with --double).

    OMP_NUM_THREADS=1 python bench/peers/rl-core/losses.py --arrays ARRAYS.bin [--double] [--json]
"""

import collections
import json
import statistics
import sys
import time
import types

import torch
import trl
from trl.trainer.grpo_trainer import GRPOTrainer

torch.set_num_threads(1)
ROWS, TOKENS, GROUP, REPEATS, WARM_UP = 512, 1024, 8, 15, 5
dtype = torch.float64 if "--double" in sys.argv else torch.float32
path = sys.argv[sys.argv.index("--arrays") + 1]
values = torch.from_file(path, size=5 * ROWS * TOKENS + ROWS, dtype=torch.float32).to(dtype)
logps, old, ref, entropies, mask = values[: 5 * ROWS * TOKENS].view(5, ROWS, TOKENS).unbind(0)
logps, old, ref, entropies, mask = (x.clone() for x in (logps, old, ref, entropies, mask))
mask, rewards = mask.long(), values[-ROWS:].clone()


class Accelerator:
    num_processes = 1
    sync_gradients = True

    def gather(self, x):
        return x

    def reduce(self, x, reduction):
        return x


def trainer(loss_type, level="token", beta=0.0, epsilon=0.2, epsilon_high=0.2):
    args = types.SimpleNamespace(
        use_bias_correction_kl=False, delta=None, sapo_temperature_pos=1.0, sapo_temperature_neg=1.05,
        vespo_k_pos=2.0, vespo_lambda_pos=3.0, vespo_k_neg=3.0, vespo_lambda_neg=2.0, steps_per_generation=1,
    )
    t = types.SimpleNamespace(
        args=args, accelerator=Accelerator(), model=types.SimpleNamespace(training=True), loss_type=loss_type,
        importance_sampling_level=level, beta=beta, epsilon_low=epsilon, epsilon_high=epsilon_high,
        top_entropy_quantile=1.0, off_policy_mask_threshold=None, use_vllm=False,
        vllm_importance_sampling_correction=False, max_completion_length=TOKENS, use_adaptive_entropy=False,
        current_gradient_accumulation_steps=1, _entropy_bonus_enabled=False, aux_loss_enabled=False,
        _metrics={"train": collections.defaultdict(list), "eval": collections.defaultdict(list)},
        get_gamma_weights=GRPOTrainer.get_gamma_weights, get_off_policy_mask=GRPOTrainer.get_off_policy_mask,
    )
    return t


def run(function, t):
    leaf = logps.clone().requires_grad_()
    t._get_per_token_logps_and_entropies = lambda *a, **k: (leaf, entropies, None)
    start = time.perf_counter()
    groups = rewards.view(-1, GROUP)
    advantages = ((groups - groups.mean(1, keepdim=True)) / (groups.std(1, keepdim=True) + 1e-4)).view(-1)
    inputs = {
        "prompt_ids": torch.zeros(ROWS, 1, dtype=torch.long), "prompt_mask": torch.ones(ROWS, 1, dtype=torch.long),
        "completion_ids": mask, "completion_mask": mask, "advantages": advantages, "old_per_token_logps": old,
        "ref_per_token_logps": ref, "num_items_in_batch": mask.sum(),
    }
    loss = function(t, t.model, inputs)
    loss.backward()
    return time.perf_counter() - start, loss.item()


base = GRPOTrainer._compute_loss
cases = {
    "grpo": (base, dict(loss_type="grpo")),
    "bnpo": (base, dict(loss_type="bnpo")),
    "dr_grpo": (base, dict(loss_type="dr_grpo")),
    "dapo": (base, dict(loss_type="dapo", epsilon_high=0.28)),
    "dapo with KL": (base, dict(loss_type="dapo", beta=0.04)),
    "gspo": (base, dict(loss_type="grpo", level="sequence")),
    "luspo": (base, dict(loss_type="luspo", level="sequence")),
    "cispo": (base, dict(loss_type="cispo", epsilon_high=5.0)),
    "sapo": (base, dict(loss_type="sapo")),
    "vespo": (base, dict(loss_type="vespo")),
}
try:
    from trl.experimental.gmpo.gmpo_trainer import GMPOTrainer

    cases["gmpo"] = (GMPOTrainer._compute_loss, dict(loss_type="grpo", epsilon=0.4, epsilon_high=0.4))
except ImportError as error:
    print("gmpo left out:", error, file=sys.stderr)

results = {}
for name, (function, options) in cases.items():
    t = trainer(**options)
    times = []
    for k in range(WARM_UP + REPEATS):
        seconds, loss = run(function, t)
        if k >= WARM_UP:
            times.append(seconds * 1000)
    results[name] = {"ms": statistics.median(times), "least_ms": min(times), "loss": loss}
if "--json" in sys.argv:
    print(json.dumps(results))
else:
    print(f"torch {torch.__version__}, trl {trl.__version__}, {dtype}, one thread")
    for name, r in results.items():
        print(f"{name:14} {r['ms']:8.1f} ms, least {r['least_ms']:6.1f}   loss {r['loss']:.6f}")
