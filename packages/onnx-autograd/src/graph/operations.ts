import type { ElementType } from '../codec/element-types.js';
import { elementTypes } from '../codec/element-types.js';
import type { Dimension } from '../codec/model.js';
import { makeTensor } from '../codec/tensor-values.js';
import { OnnxAutogradError } from '../errors.js';
import { knownShape, normalizeAxis } from '../inference/tensor-info.js';
import type { EmitOptions, GraphBuilder, Value } from './graph-builder.js';

/** What an execution provider lacks, so that another form is written for it. */
export interface OperatorSupport {
  /** `FusedMatMul` of com.microsoft, which multiplies transposed operands without copying them. */
  readonly fusedMatMul: boolean;
  /** `LogSoftmax`; else ReduceLogSumExp. */
  readonly logSoftmax: boolean;
  /** `Sign`; else comparisons. */
  readonly sign: boolean;
}

/** Operator forms by execution provider. Measured for WebGPU with ONNX Runtime 1.30. */
export const operatorSupport: Readonly<Record<'cpu' | 'webgpu', OperatorSupport>> = {
  cpu: { fusedMatMul: true, logSoftmax: true, sign: true },
  webgpu: { fusedMatMul: false, logSoftmax: false, sign: false },
};

/** A value, or a number that becomes a constant of the other operand's type. */
export type Operand = Value | number;

/**
 * The operators that gradient rules are written with. Each method adds nodes and returns the result.
 *
 * Only inference operators of the standard domain are emitted, in the form of the graph's operator set;
 * `FusedMatMul` is the one exception, where the execution provider has it.
 */
export class Operations {
  readonly builder: GraphBuilder;
  readonly support: OperatorSupport;

  /** Blocks of queries in which attention that is known to be causal is computed; 1 for all at once. */
  readonly causalBlocks: number;

  constructor(
    builder: GraphBuilder,
    support: OperatorSupport = operatorSupport.cpu,
    options: { readonly causalBlocks?: number } = {},
  ) {
    this.builder = builder;
    this.support = support;
    this.causalBlocks = options.causalBlocks ?? 1;
  }

  /** One node with one output. */
  emit(operator: string, inputs: readonly Value[], options: EmitOptions = {}): Value {
    return this.builder.emit(operator, inputs, options)[0] ?? '';
  }

  add(a: Operand, b: Operand): Value {
    return this.#binary('Add', a, b);
  }
  sub(a: Operand, b: Operand): Value {
    return this.#binary('Sub', a, b);
  }
  mul(a: Operand, b: Operand): Value {
    if (a === 1) return b as Value;
    if (b === 1) return a as Value;
    return this.#binary('Mul', a, b);
  }
  div(a: Operand, b: Operand): Value {
    return this.#binary('Div', a, b);
  }
  pow(a: Operand, b: Operand): Value {
    return this.#binary('Pow', a, b);
  }
  equal(a: Operand, b: Operand): Value {
    return this.#binary('Equal', a, b);
  }
  less(a: Operand, b: Operand): Value {
    return this.#binary('Less', a, b);
  }
  greater(a: Operand, b: Operand): Value {
    return this.#binary('Greater', a, b);
  }
  greaterOrEqual(a: Operand, b: Operand): Value {
    return this.#binary('GreaterOrEqual', a, b);
  }
  lessOrEqual(a: Operand, b: Operand): Value {
    return this.#binary('LessOrEqual', a, b);
  }
  and(a: Value, b: Value): Value {
    return this.emit('And', [a, b]);
  }
  not(a: Value): Value {
    return this.emit('Not', [a]);
  }
  neg(x: Value): Value {
    return this.emit('Neg', [x]);
  }
  exp(x: Value): Value {
    return this.emit('Exp', [x]);
  }
  log(x: Value): Value {
    return this.emit('Log', [x]);
  }
  sqrt(x: Value): Value {
    return this.emit('Sqrt', [x]);
  }
  reciprocal(x: Value): Value {
    return this.emit('Reciprocal', [x]);
  }
  sin(x: Value): Value {
    return this.emit('Sin', [x]);
  }
  cos(x: Value): Value {
    return this.emit('Cos', [x]);
  }
  tanh(x: Value): Value {
    return this.emit('Tanh', [x]);
  }
  sigmoid(x: Value): Value {
    return this.emit('Sigmoid', [x]);
  }
  erf(x: Value): Value {
    return this.emit('Erf', [x]);
  }
  square(x: Value): Value {
    return this.mul(x, x);
  }
  identity(x: Value): Value {
    return this.emit('Identity', [x]);
  }

  sign(x: Value): Value {
    if (this.support.sign) return this.emit('Sign', [x]);
    const type = this.typeOf(x);
    return this.sub(this.cast(this.greater(x, 0), type), this.cast(this.less(x, 0), type));
  }

  /** `condition ? a : b`, broadcasting. */
  where(condition: Value, a: Operand, b: Operand): Value {
    return this.emit('Where', [condition, this.#operand(a, b), this.#operand(b, a)]);
  }

  /** 1 where the condition holds, else 0, in the type of `like`. */
  indicator(condition: Value, like: Value): Value {
    return this.cast(condition, this.typeOf(like));
  }

  cast(x: Value, type: ElementType): Value {
    if (this.builder.inference.info(x).type === type) return x;
    return this.emit('Cast', [x], { attributes: { to: elementTypes[type].code } });
  }

  /** Element type of a value. @throws {OnnxAutogradError} If it cannot be inferred. */
  typeOf(x: Value): ElementType {
    const { type } = this.builder.inference.info(x);
    if (type === undefined) {
      throw new OnnxAutogradError(
        'unsupported',
        `The element type of "${x}" cannot be inferred; declare it in the graph's value_info.`,
      );
    }
    return type;
  }

  shapeInfo(x: Value): readonly Dimension[] | undefined {
    return knownShape(this.builder.inference.info(x));
  }

  /** Number of dimensions, if it is known before the graph runs. */
  rankOf(x: Value): number | undefined {
    return this.shapeInfo(x)?.length;
  }

  /** Number of dimensions. @throws {OnnxAutogradError} If it cannot be inferred. */
  requireRank(x: Value): number {
    const rank = this.rankOf(x);
    if (rank === undefined) {
      throw new OnnxAutogradError(
        'unsupported',
        `The rank of "${x}" cannot be inferred and its gradient needs it; declare the shape in the graph's value_info.`,
      );
    }
    return rank;
  }

  scalar(value: number, type: ElementType): Value {
    return this.builder.constant(type, [], [value]);
  }

  int64(values: readonly number[]): Value {
    return this.builder.constant('int64', [values.length], values);
  }

  int64Scalar(value: number): Value {
    return this.builder.constant('int64', [], [value]);
  }

  /** Shape as a 1-D int64 tensor; a constant where it is known. */
  shape(x: Value): Value {
    const dims = this.shapeInfo(x);
    if (dims?.every((size) => typeof size === 'number')) return this.int64(dims as number[]);
    return this.emit('Shape', [x]);
  }

  /** One size as an int64 tensor of shape [1]. */
  size(x: Value, axis: number): Value {
    const dims = this.shapeInfo(x);
    const known = dims?.at(axis);
    if (typeof known === 'number') return this.int64([known]);
    return this.emit('Gather', [this.shape(x), this.int64([axis])]);
  }

  reshape(x: Value, shape: Value | readonly number[], attributes: { allowzero?: 1 } = {}): Value {
    const target = typeof shape === 'string' ? shape : this.int64(shape);
    return this.emit('Reshape', [x, target], { attributes });
  }

  /** Reshapes to the shape of another value, sizes of 0 included. */
  reshapeLike(x: Value, like: Value): Value {
    return this.reshape(x, this.shape(like), { allowzero: 1 });
  }

  transpose(x: Value, permutation: readonly number[]): Value {
    if (permutation.every((axis, index) => axis === index)) return x;
    return this.emit('Transpose', [x], { attributes: { perm: permutation } });
  }

  /** Swaps the last two axes. */
  swapLast(x: Value): Value {
    const rank = this.rankOf(x);
    if (rank === undefined)
      return this.emit('Einsum', [x], { attributes: { equation: '...ij->...ji' } });
    const axes = Array.from({ length: rank }, (_, axis) => axis);
    return this.transpose(x, [...axes.slice(0, -2), rank - 1, rank - 2]);
  }

  unsqueeze(x: Value, axes: readonly number[]): Value {
    return this.emit('Unsqueeze', [x, this.int64(axes)]);
  }

  squeeze(x: Value, axes: readonly number[]): Value {
    return this.emit('Squeeze', [x, this.int64(axes)]);
  }

  concat(values: readonly Value[], axis: number): Value {
    return values.length === 1
      ? (values[0] ?? '')
      : this.emit('Concat', values, { attributes: { axis } });
  }

  split(x: Value, sizes: Value, axis: number, count: number): Value[] {
    const outputs = Array.from({ length: count }, () => this.builder.freshName('Split'));
    return this.builder.emit('Split', [x, sizes], { attributes: { axis }, outputs });
  }

  /** `x[start:end:step]` along one axis; ends are numbers or int64 tensors of shape [1]. */
  slice(x: Value, start: number | Value, end: number | Value, axis: number, step = 1): Value {
    const ends = [start, end].map((value) =>
      typeof value === 'number' ? this.int64([value]) : value,
    );
    return this.emit('Slice', [x, ...ends, this.int64([axis]), this.int64([step])]);
  }

  gather(x: Value, indices: Value, axis: number): Value {
    return this.emit('Gather', [x, indices], { attributes: { axis } });
  }

  expand(x: Value, shape: Value): Value {
    return this.emit('Expand', [x, shape]);
  }

  /** A tensor of one value. */
  fill(shape: Value, value: number, type: ElementType): Value {
    const tensor = this.#fillTensor(value, type);
    if (tensor !== undefined)
      return this.emit('ConstantOfShape', [shape], { attributes: { value: tensor } });
    return this.expand(this.scalar(value, type), shape);
  }

  zerosLike(x: Value): Value {
    return this.fill(this.shape(x), 0, this.typeOf(x));
  }

  /** 0, 1, 2, … below `limit`, an int64 tensor of shape [1]. */
  range(limit: Value): Value {
    const scalar = this.squeeze(limit, [0]);
    return this.emit('Range', [this.int64Scalar(0), scalar, this.int64Scalar(1)]);
  }

  /** Sum over axes; all axes when `axes` is undefined; a value holds axes known at run time. */
  reduceSum(x: Value, axes: readonly number[] | Value | undefined, keepDims: boolean): Value {
    if (axes !== undefined && typeof axes !== 'string' && axes.length === 0) return x;
    const isRuntime = typeof axes === 'string';
    const inputs =
      axes === undefined ? [x] : [x, isRuntime ? axes : this.int64(this.#counted(x, axes))];
    return this.emit('ReduceSum', inputs, {
      attributes: { keepdims: keepDims ? 1 : 0, ...(isRuntime ? { noop_with_empty_axes: 1 } : {}) },
    });
  }

  reduceMean(x: Value, axes: readonly number[], keepDims: boolean): Value {
    return this.#reduceWithOldAxes('ReduceMean', x, axes, keepDims);
  }

  reduceMax(x: Value, axes: readonly number[], keepDims: boolean): Value {
    return this.#reduceWithOldAxes('ReduceMax', x, axes, keepDims);
  }

  softmax(x: Value, axis: number): Value {
    return this.emit('Softmax', [x], { attributes: { axis } });
  }

  logSoftmax(x: Value, axis: number): Value {
    if (this.support.logSoftmax) return this.emit('LogSoftmax', [x], { attributes: { axis } });
    return this.sub(x, this.#reduceWithOldAxes('ReduceLogSumExp', x, [axis], true));
  }

  matMul(a: Value, b: Value, options: MatMulOptions = {}): Value {
    const { transposeA = false, transposeB = false, scale = 1 } = options;
    if (!transposeA && !transposeB && scale === 1) return this.emit('MatMul', [a, b]);
    // The double kernel of FusedMatMul does not exist.
    if (this.support.fusedMatMul && this.typeOf(a) === 'float32') {
      return this.emit('FusedMatMul', [a, b], {
        domain: 'com.microsoft',
        attributes: {
          transA: transposeA ? 1 : 0,
          transB: transposeB ? 1 : 0,
          alpha: { float: scale },
        },
      });
    }
    const product = this.emit('MatMul', [
      transposeA ? this.swapLast(a) : a,
      transposeB ? this.swapLast(b) : b,
    ]);
    return this.mul(product, scale);
  }

  /** Adds `updates` into `data` at `indices` along one axis; every index counts, repeated ones too. */
  scatterElementsAdd(data: Value, indices: Value, updates: Value, axis: number): Value {
    return this.#inSinglePrecision(data, updates, (d, u) =>
      this.emit('ScatterElements', [d, indices, u], { attributes: { axis, reduction: 'add' } }),
    );
  }

  scatterNdAdd(data: Value, indices: Value, updates: Value): Value {
    return this.#inSinglePrecision(data, updates, (d, u) =>
      this.emit('ScatterND', [d, indices, u], { attributes: { reduction: 'add' } }),
    );
  }

  /** Axes as non-negative numbers. */
  positiveAxes(x: Value, axes: readonly number[]): number[] {
    if (axes.every((axis) => axis >= 0)) return [...axes];
    const rank = this.requireRank(x);
    return axes.map((axis) => normalizeAxis(axis, rank));
  }

  #binary(operator: string, a: Operand, b: Operand): Value {
    return this.emit(operator, [this.#operand(a, b), this.#operand(b, a)]);
  }

  #operand(operand: Operand, other: Operand): Value {
    if (typeof operand === 'string') return operand;
    return this.scalar(operand, typeof other === 'string' ? this.typeOf(other) : 'float32');
  }

  /** Axes counted from the start if possible: ONNX Runtime 1.30 does not see others of an empty tensor. */
  #counted(x: Value, axes: readonly number[]): readonly number[] {
    const rank = this.rankOf(x);
    return rank === undefined ? axes : axes.map((axis) => normalizeAxis(axis, rank));
  }

  #reduceWithOldAxes(
    operator: string,
    x: Value,
    axes: readonly number[],
    keepDims: boolean,
  ): Value {
    const keepdims = keepDims ? 1 : 0;
    const counted = this.#counted(x, axes);
    // Operator set 18 moved the axes of every reduction but ReduceSum from an attribute to an input.
    if (this.builder.opset('') >= 18) {
      return this.emit(operator, [x, this.int64(counted)], { attributes: { keepdims } });
    }
    return this.emit(operator, [x], { attributes: { axes: counted, keepdims } });
  }

  /** ONNX Runtime's CPU kernels do not add half-precision numbers while scattering. */
  #inSinglePrecision(data: Value, updates: Value, scatter: (d: Value, u: Value) => Value): Value {
    const type = this.typeOf(data);
    if (type !== 'float16' && type !== 'bfloat16') return scatter(data, updates);
    return this.cast(scatter(this.cast(data, 'float32'), this.cast(updates, 'float32')), type);
  }

  #fillTensor(
    value: number,
    type: ElementType,
  ): { tensor: ReturnType<typeof makeTensor> } | undefined {
    return type === 'bfloat16' ? undefined : { tensor: makeTensor('', type, [1], [value]) };
  }
}

export interface MatMulOptions {
  /** Transpose the last two axes of the first operand. */
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Factor of the product. */
  readonly scale?: number;
}
