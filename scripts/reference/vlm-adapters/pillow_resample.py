"""Hashes of pictures resized by Pillow, for packages/vlm-adapters/test/fixtures/pillow-resample.json.

    python scripts/reference/vlm-adapters/pillow_resample.py > packages/vlm-adapters/test/fixtures/pillow-resample.json

The pictures are made by a formula, which the test repeats.
"""

import hashlib
import json
import random

import numpy as np
import PIL
from PIL import Image


def picture(width, height):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(3), indexing="ij")
    return ((x * 73 + y * 151 + c * 199 + x * y % 251 * 31) % 256).astype(np.uint8)


def main():
    random.seed(7)
    filters = {"lanczos": 1, "bilinear": 2, "bicubic": 3, "box": 4, "hamming": 5}
    sizes = [tuple(random.randint(1, 160) for _ in range(4)) for _ in range(240)]
    sizes += [(1, 1, 56, 56), (2, 1, 28, 56), (300, 3, 196, 28), (3, 300, 28, 196), (640, 480, 644, 476)]
    sizes += [(480, 640, 336, 448), (1100, 333, 700, 224), (256, 600, 256, 128), (90, 90, 90, 90)]
    cases = []
    for index, (width, height, to_width, to_height) in enumerate(sizes):
        name = list(filters)[index % len(filters)]
        image = Image.fromarray(picture(width, height))
        resized = np.array(image.resize((to_width, to_height), filters[name]))
        digest = hashlib.sha256(resized.tobytes()).hexdigest()[:16]
        cases.append({"from": [width, height], "to": [to_width, to_height], "filter": name, "sha256": digest})
    rows = ",\n".join("    " + json.dumps(case) for case in cases)
    print('{\n  "pillow": "%s",\n  "cases": [\n%s\n  ]\n}' % (PIL.__version__, rows))


main()
