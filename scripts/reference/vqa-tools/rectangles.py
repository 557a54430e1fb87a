"""Rectangles of Pillow's ImageDraw and its alpha_composite, for packages/vqa-tools.

python scripts/reference/vqa-tools/rectangles.py packages/vqa-tools/test/fixtures/rectangles.json

Each case is a 24×18 picture; `pixels` is the SHA-256 of its RGB or RGBA bytes. The boxes include
ones outside the picture and ones thinner than the line.
"""

import hashlib
import json
import random
import sys
from pathlib import Path

import PIL
from PIL import Image, ImageDraw

WIDTH, HEIGHT = 24, 18
random.seed(5)


def picture(mode: str) -> Image.Image:
    image = Image.new(mode, (WIDTH, HEIGHT))
    for y in range(HEIGHT):
        for x in range(WIDTH):
            color = (10 * x, 14 * y, 255 - 5 * x - 5 * y)
            image.putpixel((x, y), color if mode == "RGB" else (*color, (x * 37 + y * 91) % 256))
    return image


cases = []
for index in range(400):
    x1, y1 = random.randint(-6, WIDTH + 2), random.randint(-6, HEIGHT + 2)
    box = (x1, y1, x1 + random.randint(0, 14), y1 + random.randint(0, 12))
    kind = ("fill", "outline", "composite")[index % 3]
    width = random.choice((1, 2, 3, 5))
    if kind == "composite":
        mode = random.choice(("RGB", "RGBA"))
        base = picture(mode).convert("RGBA")
        overlay = base.copy()
        ImageDraw.Draw(overlay, "RGBA").rectangle(box, fill=(255, 0, 0, 50))
        result = Image.alpha_composite(base, overlay)
    else:
        mode = "RGB"
        result = picture(mode)
        draw = ImageDraw.Draw(result, "RGBA")
        if kind == "fill":
            draw.rectangle(box, fill="white")
        else:
            draw.rectangle(box, outline="red", width=width)
    digest = hashlib.sha256(result.tobytes()).hexdigest()
    cases.append({"kind": kind, "mode": mode, "box": box, "width": width, "pixels": digest})

Path(sys.argv[1]).write_text(
    json.dumps({"made_by": f"Pillow {PIL.__version__}", "width": WIDTH, "height": HEIGHT, "cases": cases})
)
print("Pillow", PIL.__version__, len(cases), "cases")
