"""PyTorch and PEFT peer of bench/vlm-adapters: log-probabilities and LoRA gradients of a batch, on the CPU.

Reads one JSON object a line, writes one a line. The first line is the setup (torch-peer.ts, PeerSetup), then come
tasks: {"task": "logprobs" | "backward", "attention": "sdpa" | "eager", "batch": n}.
"""

import json
import os
import resource
import sys
import time

import numpy
import peft
import torch
import transformers
from safetensors.torch import load_file

torch.set_num_threads(os.cpu_count())
LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def say(message):
    print(json.dumps(message), flush=True)


def build(setup, attention):
    shape = setup["shape"]
    # Of text, the three planes of Qwen2.5-VL's positions are equal, which makes its decoder that of Qwen2.
    config = transformers.Qwen2Config(
        hidden_size=shape["hidden"],
        intermediate_size=shape["feedForward"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        num_key_value_heads=shape["keyValueHeads"],
        vocab_size=shape["vocabulary"],
        rms_norm_eps=1e-6,
        rope_theta=setup["ropeTheta"],
        tie_word_embeddings=False,
        attn_implementation=attention,
    )
    model = transformers.Qwen2ForCausalLM(config).eval()
    loaded = model.load_state_dict(load_file(setup["weights"]), strict=False)
    assert loaded.missing_keys == ["model.embed_tokens.weight"], loaded.missing_keys
    assert loaded.unexpected_keys == [], loaded.unexpected_keys
    table = numpy.fromfile(setup["table"], dtype=numpy.float32).reshape(-1, shape["hidden"])
    model.model.embed_tokens.weight.data = torch.from_numpy(table)
    model.requires_grad_(False)
    model = peft.get_peft_model(
        model, peft.LoraConfig(r=8, lora_alpha=16, target_modules=LAYERS)
    ).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                values = torch.cos(torch.arange(parameter.numel(), dtype=torch.float64)) * 0.02
                parameter.copy_(values.reshape(parameter.shape))
    return model


def logprobs(model, ids, scored):
    """Of the last `scored` tokens of each row; logits exist only where they are needed."""
    causal = model.base_model.model
    states = causal.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
    logits = causal.lm_head(states[:, -scored:])
    return torch.log_softmax(logits, -1).gather(2, ids[:, -scored:, None]).squeeze(2)


def run(setup, model, task):
    ids = torch.tensor(setup["ids"])
    scored = setup["scored"]
    model.zero_grad(set_to_none=True)
    total = 0.0
    start = time.perf_counter()
    if task["task"] == "logprobs":
        with torch.no_grad():
            for part in ids.split(task["batch"]):
                total += logprobs(model, part, scored).sum().item()
    else:
        for part in ids.split(task["batch"]):
            scores = logprobs(model, part, scored)
            scores.sum().backward()
            total += scores.sum().item()
    elapsed = (time.perf_counter() - start) * 1e3
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    squares = sum(gradient.double().pow(2).sum().item() for gradient in gradients)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"ms": elapsed, "sum": total, "norm": squares**0.5, "peak": peak}


def main():
    setup = json.loads(sys.stdin.readline())
    models = {}
    say({module.__name__: module.__version__ for module in (torch, transformers, peft)})
    for line in sys.stdin:
        task = json.loads(line)
        if task["attention"] not in models:
            models[task["attention"]] = build(setup, task["attention"])
        say(run(setup, models[task["attention"]], task))


main()
