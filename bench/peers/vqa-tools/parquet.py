"""Makes a file of the reference schema with 10,000 rows and measures how fast pyarrow reads it.

python bench/peers/vqa-tools/parquet.py packages/vqa-tools/test/fixtures/parquet/vtool_chart.parquet large.parquet

Two rates: into Arrow tables only, and into Python dicts (`to_pylist`), which is what a program
that looks at the rows gets, and what readDataset gives.
"""

import sys
import time

import pyarrow as pa
import pyarrow.parquet as pq

source, target = sys.argv[1:]
table = pq.read_table(source)
rows = []
for index in range(10_000):
    # Every row is its own: equal rows would be read once from a dictionary.
    row = table.slice(index % table.num_rows, 1).to_pylist()[0] if index < table.num_rows else rows[index % table.num_rows]
    images = [{**image, "bytes": image["bytes"] + index.to_bytes(8, "little")} for image in row["images"]]
    prompt = [{**turn, "content": f"{turn['content']} ({index})"} for turn in row["prompt"]]
    extra = {**row["extra_info"], "index": index, "question": f"{row['extra_info']['question']} ({index})"}
    rows.append({**row, "images": images, "prompt": prompt, "extra_info": extra})
large = pa.Table.from_pylist(rows, schema=table.schema)
pq.write_table(large, target, compression="snappy", row_group_size=1000)
print("pyarrow", pa.__version__, "rows", large.num_rows)


def measure(name, read):
    read()
    start = time.perf_counter()
    rows = read()
    print(f"{name}: {rows / (time.perf_counter() - start):,.0f} rows/s")


def groups():
    file = pq.ParquetFile(target)
    return (file.read_row_group(i, use_threads=False) for i in range(file.num_row_groups))


measure("Arrow tables", lambda: sum(group.num_rows for group in groups()))
measure("Python dicts", lambda: sum(len(group.to_pylist()) for group in groups()))
