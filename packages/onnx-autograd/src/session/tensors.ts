import { Tensor } from 'onnxruntime-node';
import { OnnxAutogradError } from '../errors.js';

/** A tensor as ONNX Runtime takes and gives it: typed data in row-major order, and dims. */
export interface TensorLike {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: unknown;
}

/** A tensor that can be posted to a worker. */
export interface PlainTensor {
  readonly type: Tensor.Type;
  readonly dims: readonly number[];
  readonly data: Tensor.DataTypeMap[Tensor.Type];
}

/**
 * Checks what is fed to a session before ONNX Runtime sees it, and makes its tensors.
 *
 * Tensors of other packages are taken by their shape, not by their class: two copies of onnxruntime-common
 * may be installed.
 */
export function checkFeeds(
  feeds: Readonly<Record<string, TensorLike>>,
  inputNames: readonly string[],
  fixed: ReadonlyMap<string, string>,
): Record<string, PlainTensor> {
  const checked: Record<string, PlainTensor> = {};
  for (const [name, tensor] of Object.entries(feeds)) {
    const fixedValue = fixed.get(name);
    if (fixedValue !== undefined) requireFixed(name, tensor, fixedValue);
    else if (!inputNames.includes(name))
      refuse(`"${name}" is not an input of the graph; its inputs are ${inputNames.join(', ')}`);
    else checked[name] = plain(name, tensor);
  }
  const missing = inputNames.filter((name) => checked[name] === undefined);
  if (missing.length > 0) refuse(`inputs ${missing.join(', ')} are missing`);
  return checked;
}

function plain(name: string, tensor: TensorLike): PlainTensor {
  const { type, dims, data } = tensor;
  const count = Array.isArray(dims)
    ? dims.reduce((product: number, size: number) => product * size, 1)
    : Number.NaN;
  const length =
    ArrayBuffer.isView(data) && 'length' in data
      ? data.length
      : Array.isArray(data)
        ? data.length
        : undefined;
  if (length === undefined) refuse(`"${name}" holds no typed array`);
  if (length !== count)
    refuse(`"${name}" has dims [${dims}] and ${length} elements, expected ${count}`);
  return { type: type as Tensor.Type, dims, data: data as Tensor.DataTypeMap[Tensor.Type] };
}

function requireFixed(name: string, { data }: TensorLike, wanted: string): void {
  const values =
    ArrayBuffer.isView(data) || Array.isArray(data)
      ? [...(data as ArrayLike<number> & Iterable<number>)]
      : [];
  if (values.every((value) => `${Boolean(value)}` === wanted)) return;
  refuse(
    `"${name}" was fixed to ${wanted} when the graph was derived; choose the other branch in differentiate(…, { branches })`,
  );
}

function refuse(problem: string): never {
  throw new OnnxAutogradError('invalid-argument', `Cannot run the session: ${problem}.`);
}

export function toRuntimeTensors(
  feeds: Readonly<Record<string, PlainTensor>>,
): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, { type, data, dims }]) => [
      name,
      new Tensor(type, data, dims),
    ]),
  );
}
