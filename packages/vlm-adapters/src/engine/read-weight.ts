import { resolve } from 'node:path';
import type { Tensor } from '@iapo/onnx-autograd';
import { VlmError } from '../errors.js';
import { FileBytes } from '../lora/file-bytes.js';

/** Elements of a float32 initializer, copied out of its file. */
export function readFloatWeight(tensor: Tensor, directory: string | undefined): Float32Array {
  const { data, name, dims } = tensor;
  const count = dims.reduce((product, size) => product * size, 1);
  if (data.kind === 'raw') return floats(data.range.source.read(data.range.offset, 4 * count));
  if (data.kind === 'external') {
    const bytes = new FileBytes(resolve(directory ?? '.', data.location), data.offset, 4 * count);
    return floats(bytes.read(0, 4 * count));
  }
  throw new VlmError(
    'unsupported',
    `The weight ${name} is stored as ${data.kind}, expected raw float32.`,
  );
}

/** A copy with an alignment of its own: weights in files may begin at any byte. */
function floats(bytes: Uint8Array): Float32Array {
  const copy = bytes.slice();
  return new Float32Array(copy.buffer, copy.byteOffset, copy.byteLength / 4);
}
