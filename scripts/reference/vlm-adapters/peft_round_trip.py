"""Adapters there and back: trained and saved here, loaded in PEFT; made by PEFT, loaded here; merged on both sides.

Prints, for each adapter, the largest difference of the log-probabilities of the fixture's LoRA case (66 tokens in
three completions after a prompt with tools and a picture), and fails above 2e-4.

    npm run build && python scripts/reference/vlm-adapters/peft_round_trip.py
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import warnings

import peft
import safetensors
import torch
import transformers
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file
from transformers import Qwen2_5_VLForConditionalGeneration

ROOT = pathlib.Path(__file__).resolve().parents[3]
FAMILY = ROOT / "fixtures/models/qwen2_5_vl"
TOLERANCE = 2e-4
references = json.loads((FAMILY / "references.json").read_text())
arrays = load_file(FAMILY / "references.safetensors")
lora = references["lora"]
prompt = references["prompts"][lora["prompt"]]
pixels = torch.cat([arrays[f"images/{name}/pixel_values"] for name in prompt["images"]])
completions = [references["completions"][name]["ids"] for name in lora["completions"]]


def base():
    return Qwen2_5_VLForConditionalGeneration.from_pretrained(FAMILY, dtype=torch.float32).eval()


@torch.no_grad()
def logprobs(model):
    results = []
    position_ids = torch.tensor(prompt["position_ids"])
    for completion in completions:
        ids = torch.tensor([prompt["input_ids"] + completion])
        after = int(position_ids.max()) + 1 + torch.arange(len(completion))
        positions = torch.cat([position_ids, after.expand(3, -1)], dim=1)[:, None]
        logits = model(
            input_ids=ids, attention_mask=torch.ones_like(ids), position_ids=positions,
            pixel_values=pixels, image_grid_thw=torch.tensor(prompt["image_grid_thw"]),
        ).logits[0, len(prompt["input_ids"]) - 1 : -1]
        results.append(torch.log_softmax(logits.double(), -1).gather(1, torch.tensor(completion)[:, None])[:, 0])
    return torch.cat(results)


def here(*arguments):
    command = ["npx", "tsx", "scripts/reference/vlm-adapters/adapter-logprobs.ts", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)
    return torch.tensor(sum(json.loads(done.stdout), []), dtype=torch.float64)


def report(name, ours, theirs, without):
    worst = (ours - theirs).abs().max().item()
    moved = (theirs - without).abs().max().item()
    print(f"{name:<64} {worst:.1e}   (the adapter moves them by {moved:.2f})")
    if not worst <= TOLERANCE or moved < 100 * TOLERANCE:
        sys.exit(f"{name}: expected at most {TOLERANCE}, and an adapter that matters")


text = r".*language_model\..*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
OURS = {
    "all linear layers": {"targetModules": "all-linear", "r": 4, "alpha": 8},
    "a regular expression, rsLoRA": {"targetModules": text, "r": 8, "alpha": 4, "rsLora": True, "seed": 3},
    "a list, ranks and alphas by pattern": {
        "targetModules": ["self_attn.q_proj", "v_proj", "self_attn.o_proj"], "r": 4, "alpha": 6,
        "rankPattern": {r"layers\.0\..*q_proj": 2, "v_proj": 9}, "alphaPattern": {"o_proj": 16}, "seed": 5,
    },
    "one layer, without some modules": {
        "targetModules": ["q_proj", "k_proj", "up_proj"], "r": 2, "alpha": 5, "layersToTransform": [1],
        "excludeModules": r".*visual.*", "layersPattern": "layers", "seed": 6,
    },
}
THEIRS = {
    "all of the text model": dict(target_modules=text, r=4, lora_alpha=8),
    "rsLoRA, bfloat16 on disk": dict(target_modules=text, r=5, lora_alpha=3, use_rslora=True),
    "a list, ranks and alphas by pattern": dict(
        target_modules=["q_proj", "k_proj", "o_proj"], r=4, lora_alpha=6,
        # Apart from each other: PEFT sorts patterns when it saves them, and takes the first that matches.
        rank_pattern={r"layers\.1\..*": 7, r"layers\.0\..*k_proj": 2}, alpha_pattern={r"^.*\.0\.self_attn\..*": 20},
    ),
    "one layer": dict(target_modules=["q_proj", "v_proj"], r=2, lora_alpha=32, layers_to_transform=[0]),
}

versions = [f"{module.__name__} {module.__version__}" for module in (torch, transformers, peft, safetensors)]
print(", ".join(versions))
torch.manual_seed(0)
torch.set_num_threads(1)
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
warnings.filterwarnings("ignore")
plain = logprobs(base())
with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    for index, (name, options) in enumerate(OURS.items()):
        saved = folder / f"ours{index}"
        ours = here("train", saved, json.dumps(options))
        model = PeftModel.from_pretrained(base(), saved)
        report(f"trained here, loaded by PEFT: {name}", ours, logprobs(model), plain)
        merged = here("merge", saved, folder / f"merged{index}")
        report(f"merged here, merged by PEFT: {name}", merged, logprobs(model.merge_and_unload()), plain)
        again = folder / f"again{index}"
        PeftModel.from_pretrained(base(), saved).save_pretrained(again)
        report(f"saved again by PEFT: {name}", here("score", again), ours, plain)
    for index, (name, settings) in enumerate(THEIRS.items()):
        model = get_peft_model(base(), LoraConfig(**settings)).eval()
        for key, parameter in model.named_parameters():
            if "lora_" in key:
                torch.nn.init.normal_(parameter, std=0.1)
        saved = folder / f"theirs{index}"
        if "bfloat16" in name:
            for key, parameter in model.named_parameters():
                if "lora_" in key:
                    parameter.data = parameter.data.bfloat16().float()
            model.save_pretrained(saved)
            matrices = load_file(saved / "adapter_model.safetensors")
            matrices = {key: value.bfloat16() for key, value in matrices.items()}
            safetensors.torch.save_file(matrices, saved / "adapter_model.safetensors", {"format": "pt"})
        else:
            model.save_pretrained(saved)
        report(f"made by PEFT, loaded here: {name}", here("score", saved), logprobs(model), plain)
