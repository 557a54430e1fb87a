import { VlmError } from '../errors.js';

/** The numbers of a float32 output. */
export function floatsOf(
  outputs: Readonly<Record<string, { readonly data: unknown }>>,
  name: string,
): Float32Array {
  const data = outputs[name]?.data;
  if (data instanceof Float32Array) return data;
  throw new VlmError('model-file', `The graph gives no float32 output "${name}".`);
}
