"""Writes packages/rl-core/test/fixtures/adamw-vlm.{json,bin}: gradients of ten AdamW steps on a tiny Qwen2.5-VL.

The reference folder holds torch.optim.AdamW's result after one and ten steps, but no gradients after the first.
This replays the run with PyTorch, checks its losses against the folder's, and stores the gradient of every step.

    python scripts/reference/rl-core/adamw_vlm.py FOLDER_OF_THE_TINY_QWEN2_5_VL
"""

import json
import pathlib
import sys

import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import Qwen2_5_VLForConditionalGeneration

ROOT = pathlib.Path(__file__).resolve().parents[3]
OUT = ROOT / "packages/rl-core/test/fixtures"
folder = pathlib.Path(sys.argv[1])
reference = json.loads((folder / "references.json").read_text())
arrays = load_file(folder / "references.safetensors")
settings, lora = reference["adamw"], reference["lora"]
prompt = reference["prompts"][lora["prompt"]]
pixels = torch.cat([arrays[f"images/{name}/pixel_values"] for name in prompt["images"]])
grids = torch.tensor(prompt["image_grid_thw"])
ids = prompt["input_ids"]
completions = [reference["completions"][name]["ids"] for name in lora["completions"]]
longest = max(map(len, completions))
position_ids = torch.tensor(prompt["position_ids"])  # [3, T]


def load():
    torch.manual_seed(0)
    base = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    model = PeftModel.from_pretrained(base, folder / settings["start"], is_trainable=True)
    return model.eval()


def batch():
    rows, masks, positions = [], [], []
    for completion in completions:
        pad = longest - len(completion)
        rows.append(ids + completion + [0] * pad)
        masks.append([1] * (len(ids) + len(completion)) + [0] * pad)
        start = int(position_ids.max()) + 1
        positions.append(torch.cat([position_ids, torch.arange(start, start + longest).expand(3, -1)], dim=1))
    return torch.tensor(rows), torch.tensor(masks), torch.stack(positions, dim=1)


cotangents = reference["cotangents"]["lora"]
input_ids, attention_mask, positions = batch()


def loss_of(model):
    n = len(completions)
    logits = model(
        input_ids=input_ids, attention_mask=attention_mask, position_ids=positions,
        pixel_values=pixels.repeat(n, 1), image_grid_thw=grids.repeat(n, 1),
    ).logits
    total, start = 0.0, 0
    for i, completion in enumerate(completions):
        logp = logits[i, len(ids) - 1 : len(ids) - 1 + len(completion)].log_softmax(-1)
        chosen = logp.gather(1, torch.tensor(completion)[:, None])[:, 0]
        c = cotangents[i] if isinstance(cotangents[0], list) else cotangents[start : start + len(completion)]
        start += len(completion)
        total = total + (torch.tensor(c) * chosen).sum()
    return -total / settings["tokens"]


document = {
    "made_by": f"scripts/reference/rl-core/adamw_vlm.py with torch {torch.__version__}",
    "lr": settings["lr"], "betas": settings["betas"], "eps": settings["eps"], "weight_decay": settings["weight_decay"],
    "runs": {}, "arrays": [],
}
chunks, offset = [], 0


def store(name, tensor):
    global offset
    values = tensor.detach().float().reshape(-1).numpy()
    document["arrays"].append({"name": name, "offset": offset, "length": int(values.size)})
    chunks.append(values.astype("<f4").tobytes())
    offset += int(values.size)


for run, described in settings["runs"].items():
    model = load()
    parameters = {n.replace(".default", ""): p for n, p in model.named_parameters() if p.requires_grad}
    optimizer = torch.optim.AdamW(
        parameters.values(), lr=settings["lr"], betas=settings["betas"], eps=settings["eps"],
        weight_decay=settings["weight_decay"],
    )
    for name, parameter in parameters.items():
        store(f"{run}/start/{name}", parameter)
    worst = 0.0
    for step, expected in enumerate(described["losses_before_each_step"]):
        optimizer.zero_grad()
        loss = loss_of(model)
        worst = max(worst, abs(loss.item() - expected))
        loss.backward()
        for name, parameter in parameters.items():
            store(f"{run}/gradient_{step}/{name}", parameter.grad)
        if described["max_grad_norm"] is not None:
            torch.nn.utils.clip_grad_norm_(parameters.values(), described["max_grad_norm"])
        optimizer.step()
    assert worst < 1e-4, f"{run}: losses differ from the reference by {worst}"
    for name in parameters:
        for after in (1, 10):
            store(f"{run}/after_{after}/{name}", arrays[f"adamw/{run}/after_{after}/{name}"])
    document["runs"][run] = {
        "max_grad_norm": described["max_grad_norm"],
        "norms": described["gradient_norms_before_clipping"],
    }
    print(run, "largest difference of a loss", worst)
(OUT / "adamw-vlm.json").write_text(json.dumps(document) + "\n")
(OUT / "adamw-vlm.bin").write_bytes(b"".join(chunks))
print(offset * 4, "bytes")
