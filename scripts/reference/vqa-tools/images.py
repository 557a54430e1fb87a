"""Makes the image files of packages/vqa-tools/test/fixtures/images with Pillow.

python scripts/reference/vqa-tools/images.py packages/vqa-tools/test/fixtures/images
"""

import struct
import sys
import zlib
from pathlib import Path

import numpy
import PIL
from PIL import Image

folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
print("Pillow", PIL.__version__, "numpy", numpy.__version__)

# 32×16: the upper left quarter red, the rest blue, so that every turn can be told apart.
image = Image.new("RGB", (32, 16), (0, 0, 200))
image.paste((200, 0, 0), (0, 0, 16, 8))
image.save(folder / "plain.png")
for orientation in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image.save(folder / f"orientation-{orientation}.jpg", exif=exif, quality=95, subsampling=0)
image.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
image.convert("L").save(folder / "gray.jpg", quality=95)
frame = Image.new("RGB", (32, 16), (0, 255, 0))
image.save(folder / "animated.gif", save_all=True, append_images=[frame], duration=100)
image.save(folder / "animated.webp", save_all=True, append_images=[frame], lossless=True)
image.save(folder / "animated.png", save_all=True, append_images=[frame])
image.save(folder / "plain.bmp")
values = (numpy.arange(32 * 16, dtype="uint16").reshape(16, 32) * 128).astype("uint16")
Image.fromarray(values).save(folder / "gray-16-bit.png")
alpha = image.convert("RGBA")
alpha.putpixel((0, 0), (10, 200, 30, 0))
alpha.putpixel((1, 0), (255, 0, 0, 128))
alpha.save(folder / "alpha.png")
(folder / "wrong-extension.jpg").write_bytes((folder / "plain.png").read_bytes())


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, data: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


# A bomb: 60,000×60,000 pixels claimed and 4 MB of zeros compressed to some kilobytes.
(folder / "bomb.png").write_bytes(png(60000, 60000, bytes(4_000_000)))
(folder / "zero-width.png").write_bytes(png(0, 16, b""))
whole = (folder / "plain.png").read_bytes()
(folder / "cut-off.png").write_bytes(whole[: len(whole) // 2])
whole = (folder / "orientation-1.jpg").read_bytes()
(folder / "cut-off.jpg").write_bytes(whole[: len(whole) - 120])
