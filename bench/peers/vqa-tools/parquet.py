"""Makes a file of the reference schema with 10,000 rows and measures how fast pyarrow reads it.

python bench/peers/vqa-tools/parquet.py packages/vqa-tools/test/fixtures/parquet/vtool_chart.parquet large.parquet [bytes]

`bytes` of noise are added to each image; the fixture's images have about 1,000 bytes, those of the
real data set about 80,000.

Two rates: into Arrow tables only, and into Python dicts (`to_pylist`), which is what a program
that looks at the rows gets, and what readDataset gives.
"""

import os
import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq

source, target = sys.argv[1:3]
noise = int(sys.argv[3]) if len(sys.argv) > 3 else 0
table = pq.read_table(source)
rows = []
for index in range(10_000):
    # Every row is its own: equal rows would be read once from a dictionary.
    row = table.slice(index % table.num_rows, 1).to_pylist()[0] if index < table.num_rows else rows[index % table.num_rows]
    images = [{**image, "bytes": image["bytes"][:1200] + index.to_bytes(8, "little") + os.urandom(noise)} for image in row["images"]]
    prompt = [{**turn, "content": f"{turn['content']} ({index})"} for turn in row["prompt"]]
    extra = {**row["extra_info"], "index": index, "question": f"{row['extra_info']['question']} ({index})"}
    rows.append({**row, "images": images, "prompt": prompt, "extra_info": extra})
large = pa.Table.from_pylist(rows, schema=table.schema)
pq.write_table(large, target, compression="snappy", row_group_size=1000)
print("pyarrow", pa.__version__, "rows", large.num_rows)


def measure(name, read):
    """The best of five passes, by wall time and by processor time."""
    read()
    best, best_cpu = 0.0, 0.0
    for _ in range(5):
        start, cpu = time.perf_counter(), time.process_time()
        rows = read()
        best = max(best, rows / (time.perf_counter() - start))
        best_cpu = max(best_cpu, rows / (time.process_time() - cpu))
    print(f"{name}: {best:,.0f} rows/s, processor time {best_cpu:,.0f} rows/s")


def groups():
    file = pq.ParquetFile(target)
    return (file.read_row_group(i, use_threads=False) for i in range(file.num_row_groups))


measure("Arrow tables", lambda: sum(group.num_rows for group in groups()))
measure("Python dicts", lambda: sum(len(group.to_pylist()) for group in groups()))
