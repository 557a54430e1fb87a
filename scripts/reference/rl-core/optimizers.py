"""Writes packages/rl-core/test/fixtures/optimizers.json: updates of torch.optim and schedules of transformers.

Lion has no implementation in PyTorch: its numbers come from the algorithm of arXiv 2302.06675 in float64.

    python scripts/reference/rl-core/optimizers.py
"""

import json
import pathlib

import torch
import transformers
from transformers import optimization

ROOT = pathlib.Path(__file__).resolve().parents[3]
OUT = ROOT / "packages/rl-core/test/fixtures/optimizers.json"
STEPS, LENGTH = 6, 9

torch.manual_seed(3)
start = torch.randn(LENGTH)
gradients = [torch.randn(LENGTH) * (10.0 ** (k - 3)) for k in range(STEPS)]
gradients[2][4] = 0.0


def run(make):
    parameter = torch.nn.Parameter(start.clone())
    optimizer = make([parameter])
    after = []
    for gradient in gradients:
        parameter.grad = gradient.clone()
        optimizer.step()
        after.append(parameter.detach().tolist())
    return after


def lion(lr, betas, weight_decay):
    p, m = start.double().clone(), torch.zeros(LENGTH, dtype=torch.float64)
    after = []
    for gradient in gradients:
        g = gradient.double()
        p = p * (1 - lr * weight_decay) - lr * torch.sign(betas[0] * m + (1 - betas[0]) * g)
        m = betas[1] * m + (1 - betas[1]) * g
        after.append(p.tolist())
    return after


def clipped(max_norm):
    parameter = torch.nn.Parameter(start.clone())
    parameter.grad = gradients[5].clone()
    norm = torch.nn.utils.clip_grad_norm_([parameter], max_norm)
    return {"max_norm": max_norm, "norm": norm.item(), "clipped": parameter.grad.tolist()}


def schedule(name, make, **options):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = make(optimizer)
    factors = []
    for _ in range(options["totalSteps"] + 1):
        factors.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return {"name": name, "options": options, "factors": factors}


adamw = [
    dict(lr=0.1, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.0),
    dict(lr=0.05, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1),
]
sgd = [
    dict(lr=0.1),
    dict(lr=0.1, momentum=0.9, weight_decay=0.01),
    dict(lr=0.1, momentum=0.9, dampening=0.3),
    dict(lr=0.1, momentum=0.8, nesterov=True, weight_decay=0.05),
]
lions = [dict(lr=0.01, betas=(0.9, 0.99), weight_decay=0.0), dict(lr=0.02, betas=(0.95, 0.98), weight_decay=0.1)]
schedules = [
    schedule("constant", lambda o: optimization.get_constant_schedule_with_warmup(o, 3), totalSteps=10, warmupSteps=3),
    schedule("linear", lambda o: optimization.get_linear_schedule_with_warmup(o, 3, 12), totalSteps=12, warmupSteps=3),
    schedule("cosine", lambda o: optimization.get_cosine_schedule_with_warmup(o, 2, 11), totalSteps=11, warmupSteps=2),
    schedule(
        "cosine",
        lambda o: optimization.get_cosine_with_min_lr_schedule_with_warmup(o, 2, 11, min_lr_rate=0.1),
        totalSteps=11, warmupSteps=2, minimumFactor=0.1,
    ),
    schedule(
        "wsd",
        lambda o: optimization.get_wsd_schedule(
            o, num_warmup_steps=2, num_decay_steps=4, num_training_steps=12, decay_type="linear"
        ),
        totalSteps=12, warmupSteps=2, decaySteps=4,
    ),
    # transformers starts this warm-up at the minimum; ours starts at 0 for every schedule, so there is none here.
    schedule(
        "wsd",
        lambda o: optimization.get_wsd_schedule(
            o, num_warmup_steps=0, num_decay_steps=4, num_training_steps=12, decay_type="linear", min_lr_ratio=0.1
        ),
        totalSteps=12, decaySteps=4, minimumFactor=0.1,
    ),
]
document = {
    "made_by": f"scripts/reference/rl-core/optimizers.py with torch {torch.__version__}, transformers {transformers.__version__}",
    "start": start.tolist(),
    "gradients": [g.tolist() for g in gradients],
    "adamw": [{"options": o, "after": run(lambda p, o=o: torch.optim.AdamW(p, **o))} for o in adamw],
    "sgd": [{"options": o, "after": run(lambda p, o=o: torch.optim.SGD(p, **o))} for o in sgd],
    "lion": [{"options": o, "after": lion(**o)} for o in lions],
    "clip": [clipped(1.0), clipped(1e6)],
    "schedules": schedules,
}
OUT.write_text(json.dumps(document) + "\n")
print(OUT.relative_to(ROOT), document["made_by"])
