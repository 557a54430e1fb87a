"""GRPO steps of TRL on a model's folder, timed: a peer of bench/iapo/trl.ts.

    python bench/peers/iapo/trl_grpo.py FOLDER PROMPTS.json --steps 6 --prompts 8 --samples 8 --tokens 16

Prints JSON: seconds of each step, versions. Needs torch, transformers, peft, trl, datasets.
"""

import argparse
import json
import os
import tempfile
import time

os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")

import datasets
import peft
import torch
import transformers
import trl

parser = argparse.ArgumentParser()
parser.add_argument("folder")
parser.add_argument("prompts_file")
parser.add_argument("--steps", type=int, default=6)
parser.add_argument("--prompts", type=int, default=8)
parser.add_argument("--samples", type=int, default=8)
parser.add_argument("--tokens", type=int, default=16)
parser.add_argument("--threads", type=int, default=2)
arguments = parser.parse_args()
torch.set_num_threads(arguments.threads)

tokenizer = transformers.AutoTokenizer.from_pretrained(arguments.folder, padding_side="left")
model = transformers.Qwen2_5_VLForConditionalGeneration.from_pretrained(
    arguments.folder, dtype=torch.float32
)
with open(arguments.prompts_file) as file:
    prompts = json.load(file)


def reward(completion_ids, **_):
    return [sum(token % 7 for token in ids) / (7 * len(ids)) for ids in completion_ids]


class Clock(transformers.TrainerCallback):
    def __init__(self):
        self.seconds = []

    def on_step_begin(self, *_, **__):
        self.start = time.perf_counter()

    def on_step_end(self, *_, **__):
        self.seconds.append(time.perf_counter() - self.start)


clock = Clock()
lengths = []


class Trainer(trl.GRPOTrainer):
    def _generate(self, *inputs, **options):
        # Generation falls between the steps of transformers' trainer: it is counted with the step that follows.
        start = time.perf_counter()
        result = super()._generate(*inputs, **options)
        lengths.append(time.perf_counter() - start)
        return result


trainer = Trainer(
    model=model,
    reward_funcs=reward,
    args=trl.GRPOConfig(
        output_dir=tempfile.mkdtemp(),
        per_device_train_batch_size=arguments.prompts * arguments.samples,
        num_generations=arguments.samples,
        max_completion_length=arguments.tokens,
        max_steps=arguments.steps,
        learning_rate=1e-5,
        beta=0.0,
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        logging_steps=1000,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        temperature=1.0,
    ),
    train_dataset=datasets.Dataset.from_list([{"prompt": prompt} for prompt in prompts]),
    processing_class=tokenizer,
    peft_config=peft.LoraConfig(
        r=16, lora_alpha=32, target_modules=r".*language_model.*(q|k|v|o|gate|up|down)_proj"
    ),
    callbacks=[clock],
)
start = time.perf_counter()
trainer.train()
print(
    json.dumps(
        {
            "seconds": clock.seconds,
            "generation": lengths,
            "total": time.perf_counter() - start,
            "torch": torch.__version__,
            "trl": trl.__version__,
            "transformers": transformers.__version__,
        }
    )
)
