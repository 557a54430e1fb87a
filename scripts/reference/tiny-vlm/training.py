"""Trains the tiny model in PyTorch on the batches that export-reference.ts wrote, and compares.

    python scripts/reference/tiny-vlm/training.py FOLDER [--threads 2]

The network is written for these batches (fixed picture size, right padding, fused attention), so that it is as
fast as eager PyTorch gets; `--check` compares it with transformers' Qwen2_5_VLForConditionalGeneration first.
"""

import argparse
import glob
import json
import math
import time

import torch
import torch.nn.functional as F
import transformers
from safetensors.torch import load_file

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("--threads", type=int, default=2)
arguments = parser.parse_args()
torch.set_num_threads(arguments.threads)

reference = json.load(open(f"{arguments.folder}/typescript.json"))
config = json.load(open(f"{arguments.folder}/model/config.json"))
text, vision = config["text_config"], config["vision_config"]
weights = {
    name: torch.nn.Parameter(value) for name, value in load_file(f"{arguments.folder}/model/model.safetensors").items()
}
H, heads, kv = text["hidden_size"], text["num_attention_heads"], text["num_key_value_heads"]
D = H // heads
VH, vheads = vision["hidden_size"], vision["num_heads"]
VD = VH // vheads


def linear(x, name):
    return F.linear(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"))


def norm(x, name):
    return F.rms_norm(x, (x.shape[-1],), weights[f"{name}.weight"], 1e-6)


def turn(x, cos, sin):
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


def window_places():
    places = []
    for index in range(64):
        block, inner = divmod(index, 4)
        places.append(((block // 4) * 2 + inner // 2, (block % 4) * 2 + inner % 2))
    order = sorted(range(64), key=lambda i: (places[i][0] // 4 * 2 + places[i][1] // 4, i))
    return torch.tensor([places[i] for i in order], dtype=torch.float32)


def vision_tables():
    frequencies = 10000.0 ** (-torch.arange(VD // 4) / (VD // 4))
    places = window_places()
    angles = torch.cat([places[:, :1] * frequencies, places[:, 1:] * frequencies], -1)
    doubled = torch.cat([angles, angles], -1)[:, None]
    return doubled.cos(), doubled.sin()


vision_cos, vision_sin = vision_tables()


def tower(pixels):
    x = F.linear(pixels, weights["visual.patch_embed.proj.weight"].flatten(1))
    count = x.shape[0] // 64
    for layer in range(vision["depth"]):
        name = f"visual.blocks.{layer}"
        qkv = linear(norm(x, f"{name}.norm1"), f"{name}.attn.qkv").view(count, 64, 3, vheads, VD)
        q, k, v = qkv.unbind(2)
        q, k = turn(q, vision_cos, vision_sin), turn(k, vision_cos, vision_sin)
        slots = 64 if layer in vision["fullatt_block_indexes"] else 16
        q, k, v = (t.reshape(-1, slots, vheads, VD).transpose(1, 2) for t in (q, k, v))
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(-1, VH)
        x = x + linear(mixed, f"{name}.attn.proj")
        y = norm(x, f"{name}.norm2")
        gated = F.silu(linear(y, f"{name}.mlp.gate_proj")) * linear(y, f"{name}.mlp.up_proj")
        x = x + linear(gated, f"{name}.mlp.down_proj")
    merged = norm(x, "visual.merger.ln_q").view(-1, 4 * VH)
    return linear(F.gelu(linear(merged, "visual.merger.mlp.0")), "visual.merger.mlp.2")


def text_tables(positions):
    half = D // 2
    frequencies = text["rope_theta"] ** (-torch.arange(half) / half)
    angles = positions[..., None].float() * frequencies  # [3, B, L, half]
    sections = text["rope_scaling"]["mrope_section"]
    parts = [part[plane] for plane, part in enumerate(angles.split(sections, -1))]
    joined = torch.cat(parts, -1)
    doubled = torch.cat([joined, joined], -1)[:, :, None]
    return doubled.cos(), doubled.sin()


def logprobs(batch):
    table = weights["model.embed_tokens.weight"]
    rows = batch["rows"]
    B, L = rows.shape
    x = F.embedding(rows, torch.cat([table, tower(batch["pixels"])]))
    cos, sin = text_tables(batch["positions"])
    for layer in range(text["num_hidden_layers"]):
        name = f"model.layers.{layer}"
        y = norm(x, f"{name}.input_layernorm")
        q = turn(linear(y, f"{name}.self_attn.q_proj").view(B, L, heads, D), cos, sin).transpose(1, 2)
        k = turn(linear(y, f"{name}.self_attn.k_proj").view(B, L, kv, D), cos, sin).transpose(1, 2)
        v = linear(y, f"{name}.self_attn.v_proj").view(B, L, kv, D).transpose(1, 2)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
        x = x + linear(mixed.transpose(1, 2).reshape(B, L, H), f"{name}.self_attn.o_proj")
        y = norm(x, f"{name}.post_attention_layernorm")
        gated = F.silu(linear(y, f"{name}.mlp.gate_proj")) * linear(y, f"{name}.mlp.up_proj")
        x = x + linear(gated, f"{name}.mlp.down_proj")
    chosen = norm(x.view(B * L, H)[batch["scored"]], "model.norm")
    return F.log_softmax(chosen @ table.T, -1).gather(1, batch["targets"][:, None])[:, 0]


recipe = reference["recipe"]
plain = [value for name, value in weights.items() if "norm" in name or "ln_q" in name or name.endswith(".bias")]
decayed = [value for value in weights.values() if all(value is not other for other in plain)]
optimizer = torch.optim.AdamW(
    [{"params": plain, "weight_decay": 0.0}, {"params": decayed, "weight_decay": recipe["weightDecay"]}],
    lr=0.0,
    betas=(0.9, 0.98),
)


def learning_rate(step):
    for stage in recipe["stages"]:
        if step < stage["steps"]:
            break
        step -= stage["steps"]
    peak, warmup = stage["learningRate"], stage["warmupSteps"]
    if step < warmup:
        return peak * step / warmup
    progress = (step - warmup) / (stage["decaySteps"] - warmup)
    return peak * (0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * progress)))


losses, milliseconds = [], []
for step, path in enumerate(sorted(glob.glob(f"{arguments.folder}/batch-*.safetensors"))):
    batch = load_file(path)
    start = time.perf_counter()
    loss = -logprobs(batch).mean()
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(list(weights.values()), recipe["maxGradientNorm"])
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(step)
    optimizer.step()
    losses.append(loss.item())
    milliseconds.append(1000 * (time.perf_counter() - start))

ours = reference["losses"][: len(losses)]
worst = max(range(len(losses)), key=lambda step: abs(losses[step] - ours[step]))
later = range(min(5, len(losses) - 1), len(losses))
median = lambda values: sorted(values)[len(values) // 2]
peer_ms = median([milliseconds[step] for step in later])
our_ms = median([reference["milliseconds"][step] for step in later])
print(
    json.dumps(
        {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "steps": len(losses),
            "first losses (PyTorch, TypeScript)": [[losses[i], ours[i]] for i in range(min(5, len(losses)))],
            "last losses": [[losses[i], ours[i]] for i in range(len(losses) - 3, len(losses))],
            "largest difference": abs(losses[worst] - ours[worst]),
            "at step": worst,
            "mean difference of the last quarter": sum(losses[i] - ours[i] for i in range(3 * len(losses) // 4, len(losses)))
            / (len(losses) - 3 * len(losses) // 4),
            "milliseconds a step (PyTorch)": peer_ms,
            "milliseconds a step (TypeScript, examples included)": our_ms,
            "speed relative to PyTorch": peer_ms / our_ms,
        },
        indent=1,
    )
)
