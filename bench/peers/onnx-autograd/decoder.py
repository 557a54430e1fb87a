"""PyTorch peer of bench/onnx-autograd: the same decoder with the same weights, on the CPU with 2 threads.

Reads one JSON object a line, writes one a line. First line: shape and weights. Then tasks:
{"task": "forward" | "embeddings" | "lora", "attention": "sdpa" | "eager", "scored": n}.
"""

import json
import sys
import time

import numpy as np
import peft
import torch
import transformers

torch.set_num_threads(2)


def say(message):
    print(json.dumps(message), flush=True)


def build(setup, attention):
    shape = setup["shape"]
    config = transformers.Qwen2Config(
        hidden_size=shape["hidden"],
        intermediate_size=shape["feedForward"],
        num_hidden_layers=shape["layers"],
        num_attention_heads=shape["heads"],
        num_key_value_heads=shape["keyValueHeads"],
        vocab_size=shape["vocabulary"],
        rms_norm_eps=1e-6,
        rope_theta=10000.0,
        tie_word_embeddings=False,
        attn_implementation=attention,
    )
    model = transformers.Qwen2ForCausalLM(config).eval()
    parameters = dict(model.named_parameters())
    data = np.memmap(setup["data"], dtype=np.uint8, mode="r")
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.requires_grad_(False)
            entry = setup["weights"].get(name)
            if entry is None:
                # The generated decoder has no biases, and norms of ones; nothing reads the table of embeddings.
                parameter.fill_(0.0 if name.endswith("bias") else 1.0)
                continue
            raw = data[entry["offset"] : entry["offset"] + 4 * int(np.prod(entry["dims"]))]
            weight = torch.from_numpy(np.frombuffer(raw.tobytes(), dtype=np.float32).reshape(entry["dims"]).copy())
            parameter.copy_(weight.T if weight.ndim == 2 else weight)
    return model


def main():
    setup = json.loads(sys.stdin.readline())
    length, hidden = setup["tokens"], setup["shape"]["hidden"]
    embeddings = torch.sin(torch.arange(length * hidden, dtype=torch.float32)).reshape(1, length, hidden)
    models = {}
    say({"torch": torch.__version__, "transformers": transformers.__version__, "peft": peft.__version__})
    for line in sys.stdin:
        task = json.loads(line)
        key = (task["task"] == "lora", task["attention"])
        if key not in models:
            model = build(setup, task["attention"])
            if key[0]:
                targets = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
                model = peft.get_peft_model(model, peft.LoraConfig(r=8, lora_alpha=16, target_modules=targets)).eval()
                with torch.no_grad():
                    for name, parameter in model.named_parameters():
                        if "lora_" in name:
                            values = torch.cos(torch.arange(parameter.numel(), dtype=torch.float32)) * 0.02
                            parameter.copy_(values.reshape(parameter.shape))
            models[key] = model
        model = models[key]
        causal = model.base_model.model if key[0] else model
        scored = task["scored"]
        targets = torch.arange(scored) % setup["shape"]["vocabulary"]
        model.zero_grad(set_to_none=True)
        x = embeddings.clone().requires_grad_(task["task"] == "embeddings")
        start = time.perf_counter()
        with torch.set_grad_enabled(task["task"] != "forward"):
            states = causal.model(inputs_embeds=x, use_cache=False).last_hidden_state[0]
            states = states[length - scored - 1 : length - 1]
            logprobs = torch.log_softmax(causal.lm_head(states), -1).gather(1, targets[:, None])
            total = logprobs.sum()
            if task["task"] != "forward":
                total.backward()
        elapsed = (time.perf_counter() - start) * 1e3
        if task["task"] == "embeddings":
            norm = x.grad.double().norm().item()
        elif task["task"] == "lora":
            squares = [p.grad.double().pow(2).sum() for p in model.parameters() if p.grad is not None]
            norm = torch.stack(squares).sum().sqrt().item()
        else:
            norm = None
        say({"ms": elapsed, "sum": total.item(), "norm": norm})


main()
