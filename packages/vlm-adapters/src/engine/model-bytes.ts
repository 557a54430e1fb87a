import type { OnnxModel } from '@iapo/onnx-autograd';

const elementBytes: Readonly<Record<string, number>> = {
  float32: 4,
  float16: 2,
  uint8: 1,
  int8: 1,
};

/** Bytes of a graph's weights. */
export function weightBytes({ graph }: OnnxModel): number {
  return graph.initializers.reduce((sum, { type, dims }) => {
    const count = dims.reduce((product, size) => product * size, 1);
    return sum + count * (elementBytes[type ?? ''] ?? 8);
  }, 0);
}
