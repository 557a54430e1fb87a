"""What transformers' PIL image processors make of pictures: packages/vlm-adapters/test/fixtures/image-processors.json.

    python scripts/reference/vlm-adapters/image_processors.py > packages/vlm-adapters/test/fixtures/image-processors.json

The pictures are made by a formula, which the test repeats. `sha256` is of the float32 bytes of pixel_values.
"""

import hashlib
import json
import random

import numpy as np
import PIL
import transformers
from PIL import Image
from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil, smart_resize
from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

SETTINGS = {
    "qwen-14": {"min_pixels": 3136, "max_pixels": 50176},
    "qwen-16": {
        "patch_size": 16,
        "size": {"shortest_edge": 4096, "longest_edge": 65536},
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    },
    "smolvlm-32": {"max_image_size": {"longest_edge": 32}, "size": {"longest_edge": 96}},
    "smolvlm-whole": {"max_image_size": {"longest_edge": 48}, "size": {"longest_edge": 96}, "do_image_splitting": False},
    "gemma-56": {"size": {"height": 56, "width": 56}},
}
CLASSES = {"qwen": Qwen2VLImageProcessorPil, "smolvlm": SmolVLMImageProcessorPil, "gemma": Gemma3ImageProcessorPil}


def picture(width, height):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return ((x * 73 + y * 151 + c * 199 + x * y % 251 * 31) % 256).astype(np.uint8)


def main():
    random.seed(11)
    cases = []
    for name, settings in SETTINGS.items():
        processor = CLASSES[name.split("-")[0]](**settings)
        sizes = [(random.randint(2, 260), random.randint(2, 260)) for _ in range(16)]
        sizes += [(2, 200), (300, 2), (70, 42), (126, 98), (48, 96), (33, 32), (97, 31), (5, 5)]
        for width, height in sizes:
            if max(width, height) / min(width, height) > 200:
                continue
            extra = {"return_row_col_info": True} if name.startswith("smolvlm") else {}
            made = processor([Image.fromarray(picture(width, height))], return_tensors="np", **extra)
            values = np.ascontiguousarray(made["pixel_values"], dtype=np.float32)
            case = {"settings": name, "size": [width, height], "shape": list(values.shape)}
            case["sha256"] = hashlib.sha256(values.tobytes()).hexdigest()[:16]
            if "image_grid_thw" in made:
                case["grid"] = made["image_grid_thw"][0].tolist()
            if "rows" in made:
                case["tiles"] = [int(np.array(made["rows"]).ravel()[0]), int(np.array(made["cols"]).ravel()[0])]
            cases.append(case)
    resized = []
    for _ in range(400):
        factor = random.choice([12, 16, 28, 32])
        low, high = random.choice([(576, 4096), (3136, 12845056), (65536, 16777216)])
        # Sides of whole and half factors are the ones that rounding decides.
        width, height = (max(1, random.randint(1, 160) * factor // 2 + random.choice([0, 0, 1, -1])) for _ in range(2))
        if max(width, height) / min(width, height) > 200:
            continue
        to_height, to_width = smart_resize(height, width, factor, low, high)
        resized.append([width, height, factor, low, high, to_width, to_height])
    tiles = []
    smolvlm = SmolVLMImageProcessorPil(max_image_size={"longest_edge": 512}, size={"longest_edge": 2048})
    for _ in range(150):
        width, height = random.randint(2, 5000), random.randint(2, 5000)
        _, rows, columns = smolvlm.get_number_of_image_patches(height, width)
        tiles.append([width, height, rows, columns])
    dump = lambda rows: ",\n".join("    " + json.dumps(row) for row in rows)
    print('{\n  "transformers": "%s",\n  "pillow": "%s",' % (transformers.__version__, PIL.__version__))
    print('  "settings": %s,' % json.dumps(SETTINGS))
    print('  "cases": [\n%s\n  ],\n  "smart_resize": [\n%s\n  ],' % (dump(cases), dump(resized)))
    print('  "tiles": [\n%s\n  ]\n}' % dump(tiles))


main()
