"""Reads a run's TensorBoard file with TensorBoard's own reader and compares it with events.jsonl.

    python scripts/reference/rl-core/tensorboard_reader.py RUN_FOLDER

Every record must be readable (CRCs are checked by the reader), every metric of every step-end event must be a
scalar of that step, and text and images must come back as they were written.
"""

import json
import math
import pathlib
import sys

import tensorboard
from tensorboard.backend.event_processing import event_accumulator, event_file_loader

run = pathlib.Path(sys.argv[1])
(file,) = (run / "tensorboard").iterdir()
records = list(event_file_loader.LegacyEventFileLoader(str(file)).Load())
assert records[0].file_version == "brain.Event:2"
accumulator = event_accumulator.EventAccumulator(str(file), size_guidance={"scalars": 0, "tensors": 0, "images": 0})
accumulator.Reload()
events = [json.loads(line) for line in (run / "events.jsonl").read_text().splitlines()]
steps = [e for e in events if e["type"] == "step-end"]
assert len(records) == len(steps) + 1, (len(records), len(steps))
compared = 0
for event in steps:
    for tag, value in event["metrics"].items():
        if value is None:
            continue
        (found,) = [s for s in accumulator.Scalars(tag) if s.step == event["step"]]
        assert math.isclose(found.value, value, rel_tol=1e-6, abs_tol=1e-12), (tag, found.value, value)
        compared += 1
tags = accumulator.Tags()
texts = {tag: [e.tensor_proto.string_val[0].decode() for e in accumulator.Tensors(tag)] for tag in tags["tensors"]}
images = {tag: [(e.width, e.height, e.encoded_image_string[:8]) for e in accumulator.Images(tag)] for tag in tags["images"]}
print(f"tensorboard {tensorboard.version.VERSION}: {len(records)} records read, {compared} scalars equal")
print("text", {k: v[-1] for k, v in texts.items()}, "images", {k: v[-1] for k, v in images.items()})
