import { Tensor } from 'onnxruntime-node';
import type { Dimension, ValueInfo } from '../codec/model.js';
import { listNames, OnnxAutogradError } from '../errors.js';

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

/** What a session may be fed. */
export interface ExpectedFeeds {
  /** Graph inputs by name. */
  readonly inputs: ReadonlyMap<string, ValueInfo>;
  /** Inputs that were fixed when the graph was derived, with their values. */
  readonly fixed: ReadonlyMap<string, string>;
}

/**
 * Checks what is fed to a session before ONNX Runtime sees it: names, element types, sizes.
 *
 * Tensors of other packages are taken by their shape, not by their class: two copies of onnxruntime-common
 * may be installed.
 */
export function checkFeeds(
  feeds: Readonly<Record<string, TensorLike>>,
  { inputs, fixed }: ExpectedFeeds,
): Record<string, PlainTensor> {
  const checked: Record<string, PlainTensor> = {};
  for (const [name, tensor] of Object.entries(feeds)) {
    if (tensor === null || typeof tensor !== 'object') refuse(`"${name}" is no tensor`);
    const fixedValue = fixed.get(name);
    const input = inputs.get(name);
    if (fixedValue !== undefined) requireFixed(name, tensor, fixedValue);
    else if (input === undefined)
      refuse(`"${name}" is not an input of the graph; its inputs are ${listNames(inputs.keys())}`);
    else checked[name] = plain(input, tensor);
  }
  const missing = [...inputs.keys()].filter((name) => checked[name] === undefined);
  if (missing.length > 0) refuse(`inputs ${listNames(missing)} are missing`);
  return checked;
}

/** Arrays that hold each element type; half precision is held as bits where there is no Float16Array. */
const arraysOfType: Readonly<Record<string, readonly string[]>> = {
  float32: ['Float32Array'],
  float64: ['Float64Array'],
  float16: ['Uint16Array', 'Float16Array'],
  int64: ['BigInt64Array'],
  uint64: ['BigUint64Array'],
  int32: ['Int32Array'],
  uint32: ['Uint32Array'],
  int16: ['Int16Array'],
  uint16: ['Uint16Array'],
  int8: ['Int8Array'],
  uint8: ['Uint8Array', 'Uint8ClampedArray'],
  bool: ['Uint8Array'],
  string: ['Array'],
};

function plain({ name, type: expected, shape }: ValueInfo, tensor: TensorLike): PlainTensor {
  const { type, dims, data } = tensor;
  const arrays = arraysOfType[type];
  if (arrays === undefined || (expected !== undefined && type !== expected))
    refuse(`"${name}" has the type ${type}, expected ${expected ?? 'an element type'}`);
  // Not instanceof: arrays of another realm, such as a worker's or a test runner's, are as good.
  const kind = Object.prototype.toString.call(data).slice(8, -1);
  if (!arrays.includes(kind))
    refuse(`"${name}" of type ${type} holds ${kind}, expected ${arrays.join(' or ')}`);
  const isShape = Array.isArray(dims) && dims.every((size) => Number.isInteger(size) && size >= 0);
  if (!isShape) refuse(`"${name}" has dims ${JSON.stringify(dims)}, expected whole numbers`);
  const { length } = data as ArrayLike<unknown>;
  const count = dims.reduce((product, size) => product * size, 1);
  if (length !== count)
    refuse(`"${name}" has dims [${dims}] and ${length} elements, expected ${count}`);
  if (shape !== undefined && !fits(dims, shape))
    refuse(`"${name}" has dims [${dims}], expected [${shape.map((size) => size || '?')}]`);
  return { type: type as Tensor.Type, dims, data: data as Tensor.DataTypeMap[Tensor.Type] };
}

/** Whether dims agree with what the graph declares; names of sizes stand for any. */
function fits(dims: readonly number[], shape: readonly Dimension[]): boolean {
  // A scalar may come as one element of any rank, as ONNX Runtime has it.
  if (shape.length === 0) return dims.every((size) => size === 1);
  return (
    dims.length === shape.length &&
    shape.every((size, axis) => typeof size === 'string' || size === dims[axis])
  );
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
