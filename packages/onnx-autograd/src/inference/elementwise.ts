import type { ElementType } from '../codec/element-types.js';
import type { Dimension } from '../codec/model.js';
import type { InferenceContext, InferenceRule } from './inference-rule.js';
import {
  addDimensions,
  broadcastShapes,
  divideDimensions,
  mayBeNegative,
  multiplyDimensions,
  subtractDimensions,
  type TensorInfo,
} from './tensor-info.js';

/** Output 0 is like input 0. */
export const likeFirst: InferenceRule = ({ input }) => {
  const info = input(0);
  return [info === undefined ? undefined : { type: info.type, shape: info.shape }];
};

/** Same shape as input 0, of a fixed type. */
export function likeFirstOfType(type: ElementType): InferenceRule {
  return ({ input }) => {
    const info = input(0);
    return [info === undefined ? undefined : { type, shape: info.shape }];
  };
}

/** Numpy broadcasting over all inputs. */
export const broadcastAll: InferenceRule = (context) => [broadcastInputs(context, undefined)];

export const broadcastToBool: InferenceRule = (context) => [broadcastInputs(context, 'bool')];

function broadcastInputs(
  { node, input, symbols }: InferenceContext,
  type: ElementType | undefined,
): TensorInfo | undefined {
  const infos = node.inputs.map((_, index) => input(index)).filter((info) => info !== undefined);
  const [first, ...rest] = infos;
  if (first === undefined) return undefined;
  const shape = rest.reduce((sum, info) => broadcastShapes(sum, info.shape, symbols), first.shape);
  return { type: type ?? infos.find((info) => info.type !== undefined)?.type, shape };
}

/** Broadcasting of operands that may differ in type: the result has that of the first. */
export const broadcastToFirst: InferenceRule = (context) => {
  const info = broadcastInputs(context, undefined);
  return [info === undefined ? undefined : { ...info, type: context.input(0)?.type }];
};

/** Arithmetic that also follows the values of shape tensors. */
function arithmetic(compute: (a: Dimension, b: Dimension) => Dimension | undefined): InferenceRule {
  return (context) => {
    const info = broadcastInputs(context, undefined);
    const a = context.input(0)?.values;
    const b = context.input(1)?.values;
    if (info === undefined || a === undefined || b === undefined) return [info];
    const count = a.length === 1 ? b.length : a.length;
    if (a.length !== count && a.length !== 1) return [info];
    if (b.length !== count && b.length !== 1) return [info];
    const values = Array.from({ length: count }, (_, index) => {
      const left = a[a.length === 1 ? 0 : index] ?? '';
      const right = b[b.length === 1 ? 0 : index] ?? '';
      return compute(left, right) ?? context.symbols.value();
    });
    return [{ ...info, values }];
  };
}

export const add: InferenceRule = arithmetic(addDimensions);
export const multiply: InferenceRule = arithmetic(multiplyDimensions);

export const subtract: InferenceRule = arithmetic(subtractDimensions);

export const divide: InferenceRule = arithmetic((a, b) => {
  if (typeof a === 'number' && typeof b === 'number')
    return b === 0 ? undefined : Math.trunc(a / b);
  return divideDimensions(a, b);
});

/** Comparison of shape values, where both are numbers or certainly equal. */
export const equal: InferenceRule = (context) => {
  const info = broadcastInputs(context, 'bool');
  const [result] = arithmetic((a, b) => {
    if (typeof a === 'number' && typeof b === 'number') return a === b ? 1 : 0;
    if (a === b) return 1;
    // A size is never negative.
    const isBelow = (one: Dimension, other: Dimension): boolean =>
      typeof one === 'number' && one < 0 && !mayBeNegative(other);
    return isBelow(a, b) || isBelow(b, a) ? 0 : undefined;
  })(context);
  const values = result?.values;
  if (info === undefined || values === undefined) return [info];
  return values.every((value) => typeof value === 'number') ? [{ ...info, values }] : [info];
};

export const where: InferenceRule = (context) => {
  const { input } = context;
  const branches = [input(1), input(2)];
  const info = broadcastInputs(context, undefined);
  if (info === undefined) return [undefined];
  const type = branches.find((branch) => branch?.type !== undefined)?.type;
  const condition = input(0)?.values;
  const [a, b] = branches.map((branch) => branch?.values);
  const count = Math.max(condition?.length ?? 0, a?.length ?? 0, b?.length ?? 0);
  if (condition === undefined || a === undefined || b === undefined) return [{ ...info, type }];
  const pick = (list: readonly Dimension[], index: number): Dimension | undefined =>
    list[list.length === 1 ? 0 : index];
  const values = Array.from({ length: count }, (_, index) => {
    const chosen = pick(condition, index);
    if (typeof chosen !== 'number') return context.symbols.value();
    return pick(chosen === 0 ? b : a, index) ?? context.symbols.value();
  });
  return [{ ...info, type, values }];
};

/** Types in the order of TensorProto.DataType codes are looked up by the caller. */
export const cast =
  (typeOf: (code: number) => ElementType | undefined): InferenceRule =>
  ({ input, attributes }) => {
    const info = input(0);
    const type = typeOf(attributes.int('to', 0));
    if (info === undefined) return [undefined];
    const values = info.values?.map((value) =>
      type === 'int32' && typeof value === 'number' ? value | 0 : value,
    );
    const keeps = type === 'int64' || type === 'int32';
    return [{ type, shape: info.shape, ...(keeps && values ? { values } : {}) }];
  };
