"""PyTorch peer of bench/onnx-autograd: the same decoder with the same weights, on the CPU with 2 threads.

Reads one JSON object a line, writes one a line. First line: {"shape", "tokens", "weights"}. Then tasks:
{"task": "embeddings" | "lora", "attention": "sdpa" | "eager", "scored": n}.
"""

import json
import sys
import time

import peft
import torch
import transformers
from safetensors.torch import load_file

torch.set_num_threads(2)
LAYERS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def say(message):
    print(json.dumps(message), flush=True)


def build(setup, attention, with_lora):
    shape = setup["shape"]
    config = transformers.LlamaConfig(
        hidden_size=shape["hidden"],
        intermediate_size=shape["feedForward"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        num_key_value_heads=shape["keyValueHeads"],
        vocab_size=shape["vocabulary"],
        rms_norm_eps=1e-6,
        rope_theta=10000.0,
        tie_word_embeddings=False,
        attention_bias=False,
        attn_implementation=attention,
    )
    model = transformers.LlamaForCausalLM(config).eval()
    loaded = model.load_state_dict(load_file(setup["weights"]), strict=False)
    # Sequences come as embeddings: nothing reads the table.
    assert loaded.missing_keys == ["model.embed_tokens.weight"], loaded.missing_keys
    assert loaded.unexpected_keys == [], loaded.unexpected_keys
    model.requires_grad_(False)
    if not with_lora:
        return model
    adapter = peft.LoraConfig(r=8, lora_alpha=16, target_modules=LAYERS)
    model = peft.get_peft_model(model, adapter).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                values = torch.cos(torch.arange(parameter.numel(), dtype=torch.float64)) * 0.02
                parameter.copy_(values.reshape(parameter.shape))
    return model


def run(setup, model, embeddings, task, with_lora):
    causal = model.base_model.model if with_lora else model
    length, scored = setup["tokens"], task["scored"]
    targets = torch.arange(scored) % setup["shape"]["vocabulary"]
    model.zero_grad(set_to_none=True)
    x = embeddings.clone().requires_grad_(not with_lora)
    start = time.perf_counter()
    states = causal.model(inputs_embeds=x, use_cache=False).last_hidden_state[0]
    states = states[length - scored - 1 : length - 1]
    total = torch.log_softmax(causal.lm_head(states), -1).gather(1, targets[:, None]).sum()
    total.backward()
    elapsed = (time.perf_counter() - start) * 1e3
    wanted = [p.grad for p in model.parameters() if p.grad is not None] if with_lora else [x.grad]
    squares = sum(gradient.double().pow(2).sum().item() for gradient in wanted)
    return {"ms": elapsed, "sum": total.item(), "norm": squares**0.5}


def main():
    setup = json.loads(sys.stdin.readline())
    length, hidden = setup["tokens"], setup["shape"]["hidden"]
    numbers = torch.sin(torch.arange(length * hidden, dtype=torch.float64)).float()
    embeddings = numbers.reshape(1, length, hidden)
    models = {}
    say({module.__name__: module.__version__ for module in (torch, transformers, peft)})
    for line in sys.stdin:
        task = json.loads(line)
        with_lora = task["task"] == "lora"
        key = (with_lora, task["attention"])
        if key not in models:
            models[key] = build(setup, task["attention"], with_lora)
        say(run(setup, models[key], embeddings, task, with_lora))


main()
