"""Loads an exported model in Python transformers and compares its logits with those of the ONNX files.

    python scripts/reference/tiny-vlm/transformers_logits.py FOLDER

FOLDER is what packages/tiny-vlm/training/cli/export-reference.ts wrote: `model/` is a Hugging Face checkpoint,
`prompt.safetensors` an episode with two pictures and its logits.
"""

import argparse
import json

import torch
import transformers
from safetensors.torch import load_file

parser = argparse.ArgumentParser()
parser.add_argument("folder")
arguments = parser.parse_args()

model = transformers.Qwen2_5_VLForConditionalGeneration.from_pretrained(
    f"{arguments.folder}/model", dtype=torch.float32
)
model.eval()
prompt = load_file(f"{arguments.folder}/prompt.safetensors")
expected = prompt.pop("logits")
ids = prompt["input_ids"]
with torch.no_grad():
    logits = model(
        **prompt,
        attention_mask=torch.ones_like(ids),
        mm_token_type_ids=(ids == model.config.image_token_id).int(),
    ).logits[0]
difference = (logits - expected).abs().max().item()
print(
    json.dumps(
        {
            "torch": torch.__version__,
            "transformers": transformers.__version__,
            "tokens": ids.shape[1],
            "largest logit": expected.abs().max().item(),
            "largest difference": difference,
        },
        indent=1,
    )
)
assert difference < 1e-4, difference
