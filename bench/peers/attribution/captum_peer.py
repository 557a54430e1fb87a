"""Captum beside one pass over the summed log-probability, on one PyTorch model of shape M.

    python bench/peers/attribution/captum_peer.py [--repeats 1] [--json] [--setup setup.json]

With --setup (written by bench/attribution/captum.ts) the weights, the prompt and the call are those that `attribute`
explains, and the scores are printed as well.

Shape M: 8 layers, hidden 512, 8 heads, 2 key-value heads, ffn 1408, vocabulary 8192; random weights, float32, CPU,
2 threads. A 400-token prompt in four blocks, a 20-token call, 16 Gauss-Legendre steps.

captum      LayerIntegratedGradients used through LLMGradientAttribution: one integral a target token
one pass    what `attribute` does, written in PyTorch: all 16 points of one path, F = sum of log p
shapley     captum's ShapleyValues through LLMAttribution over four features, and 16 coalitions by hand
"""
import argparse
import itertools
import json
import math
import re
import resource
import statistics
import time

import captum
import numpy as np
import torch
import transformers
from safetensors.torch import load_file
from captum.attr import (
    LayerIntegratedGradients,
    LLMAttribution,
    LLMGradientAttribution,
    ShapleyValues,
    TextTemplateInput,
    TextTokenInput,
)

PROMPT, CALL, STEPS = 400, 20, 16
BLOCKS = [(0, 60), (60, 120), (120, 220), (220, 400)]


class Words:
    """A tokenizer of words `t<id>`: Captum wants one, and the text itself does not matter."""

    pad_token_id = 8191
    bos_token_id = None

    def encode(self, text, return_tensors=None, add_special_tokens=True):
        ids = [int(word[1:]) for word in text.split()]
        return torch.tensor([ids]) if return_tensors == "pt" else ids

    def __call__(self, text, return_tensors=None, add_special_tokens=True, return_offsets_mapping=False, **_):
        ids = self.encode(text, return_tensors)
        encoding = {"input_ids": ids}
        if return_offsets_mapping:
            ends = [match.span() for match in re.finditer(r"t\d+", text)]
            encoding["offset_mapping"] = ends
        return encoding

    def decode(self, ids, **_):
        ids = [ids] if isinstance(ids, int) else ids
        return " ".join(f"t{int(i)}" for i in ids)

    def batch_decode(self, rows, **_):
        return [self.decode(row) for row in rows]

    def convert_ids_to_tokens(self, ids):
        return [f"t{int(i)}" for i in ids]

    def convert_tokens_to_ids(self, tokens):
        return [int(word[1:]) for word in tokens]


def shape_m():
    torch.manual_seed(0)
    config = transformers.Qwen2Config(
        vocab_size=8192, hidden_size=512, intermediate_size=1408, num_hidden_layers=8, num_attention_heads=8,
        num_key_value_heads=2, tie_word_embeddings=True, attn_implementation="eager",
    )
    model = transformers.Qwen2ForCausalLM(config).eval()
    model.requires_grad_(False)
    return model


def given_model(setup):
    """The decoder that bench/attribution/captum.ts wrote; of text, Qwen2.5-VL's decoder is that of Qwen2."""
    shape = setup["shape"]
    config = transformers.Qwen2Config(
        vocab_size=shape["vocabulary"], hidden_size=shape["hidden"], intermediate_size=shape["feedForward"],
        num_hidden_layers=shape["layers"], num_attention_heads=shape["heads"],
        num_key_value_heads=shape["keyValueHeads"], rms_norm_eps=1e-6, rope_theta=setup["ropeTheta"],
        tie_word_embeddings=False, attn_implementation="sdpa",
    )
    model = transformers.Qwen2ForCausalLM(config).eval()
    loaded = model.load_state_dict(load_file(setup["weights"]), strict=False)
    assert loaded.missing_keys == ["model.embed_tokens.weight"], loaded.missing_keys
    table = np.fromfile(setup["table"], dtype=np.float32).reshape(-1, shape["hidden"])
    model.model.embed_tokens.weight.data = torch.from_numpy(table)
    model.requires_grad_(False)
    return model


def summed_logprob(model, embeds, prefix, target):
    """F of each row of `embeds` [N, P, H]; only the rows of the target pass the vocabulary matrix."""
    inputs = torch.cat([embeds, prefix.expand(embeds.shape[0], -1, -1)], 1)
    hidden = model.model(inputs_embeds=inputs).last_hidden_state[:, PROMPT - 1 :]
    logprobs = torch.log_softmax(model.lm_head(hidden), -1)
    return logprobs.gather(-1, target.expand(embeds.shape[0], -1)[..., None])[..., 0].sum(-1)


def one_pass(model, ids, target, baseline):
    table = model.model.embed_tokens.weight
    x, prefix = table[ids][None], table[target[:-1]][None]
    nodes, weights = np.polynomial.legendre.leggauss(STEPS)
    alphas = torch.tensor((1 + nodes) / 2, dtype=torch.float32)[:, None, None]
    points = (baseline + alphas * (x - baseline)).requires_grad_(True)
    values = summed_logprob(model, points, prefix, target[None])
    (gradient,) = torch.autograd.grad(values.sum(), points)
    mean = (gradient * torch.tensor(weights / 2, dtype=torch.float32)[:, None, None]).sum(0)
    return ((x[0] - baseline[0]) * mean).sum(-1)


def captum_gradients(model, ids, target):
    layer = LayerIntegratedGradients(model, model.model.embed_tokens)
    explainer = LLMGradientAttribution(layer, Words())
    text = TextTokenInput(Words().decode(ids.tolist()), Words())
    result = explainer.attribute(text, target=target, n_steps=STEPS, method="gausslegendre", internal_batch_size=STEPS)
    return result.seq_attr


def captum_shapley(model, ids, target):
    """In one forward a coalition, Captum's fastest way, and the one whose numbers do not depend on a key-value cache."""
    explainer = LLMAttribution(ShapleyValues(model), Words(), attr_target="log_prob")
    values = [Words().decode(ids[a:b].tolist()) for a, b in BLOCKS]
    blank = [Words().decode([0] * (b - a)) for a, b in BLOCKS]
    text = TextTemplateInput("{} {} {} {}", values=values, baselines=blank)
    return explainer.attribute(text, target=target, show_progress=False, forward_in_tokens=False).seq_attr


def coalition_shapley(model, ids, target):
    table = model.model.embed_tokens.weight
    prefix = table[target[:-1]][None]
    coalitions = list(itertools.product([0, 1], repeat=4))
    rows = []
    for present in coalitions:
        row = ids.clone()
        for (a, b), keep in zip(BLOCKS, present):
            if not keep:
                row[a:b] = 0
        rows.append(table[row])
    with torch.no_grad():
        values = dict(zip(coalitions, summed_logprob(model, torch.stack(rows), prefix, target[None]).tolist()))
    scores = []
    for player in range(4):
        total = 0.0
        for present in coalitions:
            if not present[player]:
                size = sum(present)
                joined = tuple(1 if i == player else p for i, p in enumerate(present))
                weight = math.factorial(size) * math.factorial(3 - size) / math.factorial(4)
                total += weight * (values[joined] - values[present])
        scores.append(total)
    return torch.tensor(scores)


def timed(repeats, run):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        result = run()
        times.append(time.perf_counter() - start)
    return statistics.median(times), result


def main():
    global PROMPT, CALL, BLOCKS
    parser = argparse.ArgumentParser()
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--setup")
    options = parser.parse_args()
    torch.set_num_threads(2)
    if options.setup is None:
        model = shape_m()
        generator = torch.Generator().manual_seed(1)
        ids = torch.randint(1, 8192, (PROMPT,), generator=generator)
        target = torch.randint(1, 8192, (CALL,), generator=generator)
    else:
        with open(options.setup) as file:
            setup = json.load(file)
        model = given_model(setup)
        ids, target = torch.tensor(setup["prompt"]), torch.tensor(setup["call"])
        PROMPT, CALL, BLOCKS = len(ids), len(target), [tuple(block) for block in setup["blocks"]]
    # Captum's baseline is the embedding of token 0.
    baseline = model.model.embed_tokens.weight[torch.zeros(PROMPT, dtype=torch.long)][None]
    one_pass(model, ids, target, baseline)  # warm-up
    rows = {}
    rows["one pass, 16 steps"], ours = timed(options.repeats, lambda: one_pass(model, ids, target, baseline))
    rows["captum, 16 steps a token"], theirs = timed(options.repeats, lambda: captum_gradients(model, ids, target))
    rows["16 coalitions"], shapley = timed(options.repeats, lambda: coalition_shapley(model, ids, target))
    rows["captum ShapleyValues"], reference = timed(options.repeats, lambda: captum_shapley(model, ids, target))
    difference = {
        "integrated gradients": float((ours - theirs.reshape(-1)).abs().max() / ours.abs().max()),
        "shapley": float((shapley - reference.reshape(-1)).abs().max() / shapley.abs().max()),
    }
    report = {
        "torch": torch.__version__, "captum": captum.__version__, "transformers": transformers.__version__,
        "seconds": rows,
        "ratio": {
            "integrated gradients": rows["one pass, 16 steps"] / rows["captum, 16 steps a token"],
            "shapley": rows["16 coalitions"] / rows["captum ShapleyValues"],
        },
        "relative difference": difference,
        "peak memory, MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    if options.setup is not None:
        report["scores"] = {"integrated gradients": theirs.reshape(-1).tolist(), "shapley": reference.reshape(-1).tolist()}
    if options.json:
        print(json.dumps(report))
        return
    for key, value in report.items():
        print(f"{key}: {value}")


if __name__ == "__main__":
    main()
