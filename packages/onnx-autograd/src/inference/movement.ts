import type { Dimension } from '../codec/model.js';
import type { InferenceContext, InferenceRule } from './inference-rule.js';
import {
  addDimensions,
  broadcastShapes,
  divideDimensions,
  knownShape,
  mayBeNegative,
  multiplyDimensions,
  normalizeAxis,
  productOf,
  subtractDimensions,
  type TensorInfo,
} from './tensor-info.js';

/** A shape of known rank and unknown sizes. */
export function freshShape(context: InferenceContext, rank: number): Dimension[] {
  return Array.from({ length: rank }, () => context.symbols.dimension());
}

/** Axes from input `index` (newer operator sets) or the attribute `axes` (older ones). */
export function axesOf(context: InferenceContext, index: number): readonly number[] | undefined {
  return context.attributes.ints('axes') ?? context.constants(index);
}

export const shape: InferenceRule = ({ input, attributes, symbols }) => {
  const dims = knownShape(input(0));
  if (dims === undefined) return [{ type: 'int64', shape: [symbols.dimension()] }];
  const values = dims.slice(attributes.int('start', 0), attributes.int('end', dims.length));
  return [{ type: 'int64', shape: [values.length], values }];
};

export const size: InferenceRule = ({ input }) => {
  const dims = knownShape(input(0));
  const info: TensorInfo = { type: 'int64', shape: [] };
  return [dims === undefined ? info : { ...info, values: [productOf(dims)] }];
};

export const reshape: InferenceRule = (context) => {
  const info = context.input(0);
  const target = context.input(1);
  const wanted = target?.values ?? context.attributes.ints('shape');
  const from = knownShape(info);
  if (wanted === undefined) {
    const count = knownShape(target)?.[0];
    const shape = typeof count === 'number' ? freshShape(context, count) : context.symbols.shape();
    return [{ type: info?.type, shape }];
  }
  const copiesZero = context.attributes.int('allowzero', 0) === 0;
  const dims = wanted.map((value, axis): Dimension => {
    if (value === 0 && copiesZero) return from?.[axis] ?? context.symbols.dimension();
    return value !== -1 && mayBeNegative(value) ? context.symbols.dimension() : value;
  });
  const free = dims.indexOf(-1);
  if (free >= 0) {
    const others = productOf(dims.filter((_, axis) => axis !== free));
    const total = from === undefined ? undefined : productOf(from);
    dims[free] =
      (total === undefined ? undefined : divideDimensions(total, others)) ??
      context.symbols.dimension();
  }
  const values = info?.values;
  const keeps = values !== undefined && dims.length <= 1;
  return [{ type: info?.type, shape: dims, ...(keeps ? { values } : {}) }];
};

export const transpose: InferenceRule = ({ input, attributes, symbols }) => {
  const info = input(0);
  const dims = knownShape(info);
  if (dims === undefined) return [{ type: info?.type, shape: symbols.shape() }];
  const permutation = attributes.ints('perm') ?? dims.map((_, axis) => dims.length - 1 - axis);
  return [
    { type: info?.type, shape: permutation.map((axis) => dims[axis] ?? symbols.dimension()) },
  ];
};

export const unsqueeze: InferenceRule = (context) => {
  const info = context.input(0);
  const dims = knownShape(info);
  const axes = axesOf(context, 1);
  if (dims === undefined || axes === undefined)
    return [{ type: info?.type, shape: context.symbols.shape() }];
  const rank = dims.length + axes.length;
  const added = new Set(axes.map((axis) => normalizeAxis(axis, rank)));
  const rest = [...dims];
  const result = Array.from({ length: rank }, (_, axis) =>
    added.has(axis) ? 1 : (rest.shift() ?? 1),
  );
  const keeps = info?.values !== undefined && rank <= 1;
  return [{ type: info?.type, shape: result, ...(keeps ? { values: info.values } : {}) }];
};

export const squeeze: InferenceRule = (context) => {
  const info = context.input(0);
  const dims = knownShape(info);
  const given = (context.node.inputs[1] ?? '') !== '' || context.attributes.has('axes');
  const axes = axesOf(context, 1);
  if (dims === undefined || (given && axes === undefined)) {
    return [{ type: info?.type, shape: context.symbols.shape() }];
  }
  // Without axes every size of 1 goes, and a size that is not known may be one.
  if (!given && dims.some((size) => typeof size !== 'number')) {
    return [{ type: info?.type, shape: context.symbols.shape() }];
  }
  const removed = new Set(axes?.map((axis) => normalizeAxis(axis, dims.length)));
  const result = dims.filter((dimension, axis) => (given ? !removed.has(axis) : dimension !== 1));
  return [{ type: info?.type, shape: result, ...(info?.values ? { values: info.values } : {}) }];
};

export const flatten: InferenceRule = ({ input, attributes, symbols }) => {
  const info = input(0);
  const dims = knownShape(info);
  if (dims === undefined) {
    return [{ type: info?.type, shape: [symbols.dimension(), symbols.dimension()] }];
  }
  const axis = normalizeAxis(attributes.int('axis', 1), dims.length);
  return [
    { type: info?.type, shape: [productOf(dims.slice(0, axis)), productOf(dims.slice(axis))] },
  ];
};

export const concat: InferenceRule = (context) => {
  const infos = context.node.inputs.map((_, index) => context.input(index));
  const shapes = infos.map(knownShape);
  const known = shapes.find((dims) => dims !== undefined);
  const type = infos.find((info) => info?.type !== undefined)?.type;
  if (known === undefined) return [{ type, shape: context.symbols.shape() }];
  const axis = normalizeAxis(context.attributes.int('axis', 1), known.length);
  const dims = known.map((_, index): Dimension => {
    if (index === axis) {
      const sizes = shapes.map((shape) => shape?.[axis]);
      return sizes.every((value) => value !== undefined)
        ? sizes.reduce<Dimension>(addDimensions, 0)
        : context.symbols.dimension();
    }
    // Other axes must be equal: a number says more than a name.
    const sizes = shapes.map((shape) => shape?.[index]).filter((value) => value !== undefined);
    return (
      sizes.find((value) => typeof value === 'number') ?? sizes[0] ?? context.symbols.dimension()
    );
  });
  if (dims.length !== 1 || type !== 'int64') return [{ type, shape: dims }];
  const values = infos.flatMap((info, index): readonly Dimension[] => {
    if (info?.values !== undefined) return info.values;
    const length = shapes[index]?.[0];
    return typeof length === 'number'
      ? Array.from({ length }, () => context.symbols.value())
      : [''];
  });
  return [values.includes('') ? { type, shape: dims } : { type, shape: dims, values }];
};

export const split: InferenceRule = (context) => {
  const info = context.input(0);
  const dims = knownShape(info);
  const count = context.node.outputs.length;
  if (dims === undefined) {
    return context.node.outputs.map(() => ({ type: info?.type, shape: context.symbols.shape() }));
  }
  const axis = normalizeAxis(context.attributes.int('axis', 0), dims.length);
  const sizes = context.attributes.ints('split') ?? context.constants(1);
  const total = dims[axis];
  return context.node.outputs.map((_, index) => {
    let part: Dimension | undefined = sizes?.[index];
    const isEven = context.node.inputs[1] === undefined || context.node.inputs[1] === '';
    if (part === undefined && isEven && typeof total === 'number') {
      const step = Math.ceil(total / count);
      part = Math.max(0, Math.min(step, total - index * step));
    }
    return {
      type: info?.type,
      shape: dims.map((value, position) =>
        position === axis ? (part ?? context.symbols.dimension()) : value,
      ),
    };
  });
};

/** Number of elements that a slice takes of an axis, if it can be known. */
function sliceLength(
  total: Dimension,
  start: number,
  end: number,
  step: number,
): Dimension | undefined {
  if (typeof total !== 'number') {
    if (step === 1 && start === 0 && end >= 2 ** 31 - 1) return total;
    if (step === 1 && start >= 0 && end >= 0 && end <= start) return 0;
    return undefined;
  }
  const clamp = (value: number, low: number, high: number): number =>
    Math.min(Math.max(value, low), high);
  const from = start < 0 ? start + total : start;
  const to = end < 0 ? end + total : end;
  if (step > 0) return Math.max(0, Math.ceil((clamp(to, 0, total) - clamp(from, 0, total)) / step));
  return Math.max(0, Math.ceil((clamp(to, -1, total - 1) - clamp(from, 0, total - 1)) / step));
}

export const slice: InferenceRule = (context) => {
  const info = context.input(0);
  const dims = knownShape(info);
  if (dims === undefined) return [{ type: info?.type, shape: context.symbols.shape() }];
  const starts = context.attributes.ints('starts') ?? context.constants(1);
  const ends = context.attributes.ints('ends') ?? context.constants(2);
  const hasAxes = context.attributes.has('axes') || (context.node.inputs[3] ?? '') !== '';
  const axes = hasAxes ? axesOf(context, 3) : dims.map((_, axis) => axis);
  const hasSteps = (context.node.inputs[4] ?? '') !== '';
  const steps = hasSteps ? context.constants(4) : undefined;
  if (axes === undefined) return [{ type: info?.type, shape: freshShape(context, dims.length) }];
  const result = [...dims];
  for (const [index, rawAxis] of axes.entries()) {
    const axis = normalizeAxis(rawAxis, dims.length);
    const start = starts?.[index];
    const end = ends?.[index];
    const step = hasSteps ? steps?.[index] : 1;
    if (!hasAxes && start === undefined && starts !== undefined) continue;
    const length =
      start === undefined || end === undefined || step === undefined
        ? undefined
        : sliceLength(dims[axis] ?? '', start, end, step);
    result[axis] = length ?? context.symbols.dimension();
  }
  const values = info?.values;
  if (
    values === undefined ||
    dims.length !== 1 ||
    starts?.[0] === undefined ||
    ends?.[0] === undefined
  ) {
    return [{ type: info?.type, shape: result }];
  }
  const step = hasSteps ? (steps?.[0] ?? 0) : 1;
  const taken =
    step === 1
      ? values.slice(starts[0], ends[0] >= 2 ** 31 - 1 ? undefined : ends[0])
      : step === -1
        ? [...values].reverse()
        : undefined;
  const matches = taken !== undefined && taken.length === result[0];
  return [{ type: info?.type, shape: result, ...(matches ? { values: taken } : {}) }];
};

export const gather: InferenceRule = (context) => {
  const data = context.input(0);
  const indices = context.input(1);
  const dims = knownShape(data);
  const picked = knownShape(indices);
  if (dims === undefined || picked === undefined) {
    return [{ type: data?.type, shape: context.symbols.shape() }];
  }
  const axis = normalizeAxis(context.attributes.int('axis', 0), dims.length);
  const result = [...dims.slice(0, axis), ...picked, ...dims.slice(axis + 1)];
  const chosen = context.constants(1);
  const values = data?.values;
  if (values === undefined || chosen === undefined || dims.length !== 1) {
    return [{ type: data?.type, shape: result }];
  }
  if (picked.length > 1) return [{ type: data?.type, shape: result }];
  const taken = chosen.map((index) => values.at(index) ?? context.symbols.value());
  return [{ type: data?.type, shape: result, values: taken }];
};

export const gatherNd: InferenceRule = (context) => {
  const data = context.input(0);
  const dims = knownShape(data);
  const picked = knownShape(context.input(1));
  const depth = picked?.at(-1);
  if (dims === undefined || picked === undefined || typeof depth !== 'number') {
    return [{ type: data?.type, shape: context.symbols.shape() }];
  }
  const batch = context.attributes.int('batch_dims', 0);
  return [{ type: data?.type, shape: [...picked.slice(0, -1), ...dims.slice(batch + depth)] }];
};

/** The shape of input 1, the type of input 0. */
export const gatherElements: InferenceRule = ({ input, symbols }) => [
  { type: input(0)?.type, shape: input(1)?.shape ?? symbols.shape() },
];

export const expand: InferenceRule = (context) => {
  const info = context.input(0);
  const target = context.input(1);
  const wanted = target?.values;
  if (info === undefined) return [undefined];
  if (wanted === undefined) {
    const count = knownShape(target)?.[0];
    const from = knownShape(info);
    const isRankKnown = typeof count === 'number' && from !== undefined;
    const shape = isRankKnown
      ? freshShape(context, Math.max(count, from.length))
      : context.symbols.shape();
    return [{ type: info.type, shape }];
  }
  return [{ type: info.type, shape: broadcastShapes(info.shape, wanted, context.symbols) }];
};

export const tile: InferenceRule = (context) => {
  const info = context.input(0);
  const dims = knownShape(info);
  const repeats = context.input(1)?.values;
  if (dims === undefined) return [{ type: info?.type, shape: context.symbols.shape() }];
  return [
    {
      type: info?.type,
      shape: dims.map((value, axis) => {
        const repeat = repeats?.[axis];
        return repeat === undefined
          ? context.symbols.dimension()
          : multiplyDimensions(value, repeat);
      }),
    },
  ];
};

export const pad: InferenceRule = (context) => {
  const info = context.input(0);
  const dims = knownShape(info);
  if (dims === undefined) return [{ type: info?.type, shape: context.symbols.shape() }];
  const pads = context.attributes.ints('pads') ?? context.constants(1);
  const hasAxes = context.attributes.has('axes') || (context.node.inputs[3] ?? '') !== '';
  const axes = hasAxes ? axesOf(context, 3) : dims.map((_, axis) => axis);
  if (axes === undefined) return [{ type: info?.type, shape: freshShape(context, dims.length) }];
  const positions = axes.map((axis) => normalizeAxis(axis, dims.length));
  const shape = dims.map((value, axis): Dimension => {
    const position = positions.indexOf(axis);
    if (position < 0) return value;
    const before = pads?.[position];
    const after = pads?.[position + positions.length];
    return before === undefined || after === undefined
      ? context.symbols.dimension()
      : addDimensions(value, before + after);
  });
  return [{ type: info?.type, shape }];
};

export const constantOfShape: InferenceRule = (context) => {
  const target = context.input(0);
  const tensor = context.attributes.tensor('value');
  const type = tensor === undefined ? 'float32' : tensor.type;
  const wanted = target?.values;
  if (wanted === undefined) {
    const count = knownShape(target)?.[0];
    return [
      {
        type,
        shape: typeof count === 'number' ? freshShape(context, count) : context.symbols.shape(),
      },
    ];
  }
  const length = wanted.length === 1 ? wanted[0] : undefined;
  const fill = tensor === undefined ? undefined : context.tensorValues(tensor)?.[0];
  const keeps =
    type === 'int64' && typeof length === 'number' && length <= 64 && fill !== undefined;
  return [
    {
      type,
      shape: wanted,
      ...(keeps ? { values: Array.from({ length }, () => fill) } : {}),
    },
  ];
};

export const range: InferenceRule = (context) => {
  const type = context.input(0)?.type;
  const start = context.constants(0)?.[0];
  const first = context.input(0)?.values?.[0];
  const limit = context.input(1)?.values?.[0];
  const step = context.constants(2)?.[0];
  if (step === 1 && first !== undefined && limit !== undefined && start === undefined) {
    const length = subtractDimensions(limit, first);
    const isLength = length !== undefined && !mayBeNegative(length);
    return [{ type, shape: [isLength ? length : context.symbols.dimension()] }];
  }
  if (start === undefined || limit === undefined || step === undefined) {
    return [{ type, shape: [context.symbols.dimension()] }];
  }
  if (typeof limit !== 'number') {
    const isLength = start === 0 && step === 1 && !mayBeNegative(limit);
    const length = isLength ? limit : context.symbols.dimension();
    return [{ type, shape: [length] }];
  }
  const length = Math.max(0, Math.ceil((limit - start) / step));
  const values = Array.from({ length: Math.min(length, 64) }, (_, index) => start + index * step);
  return [{ type, shape: [length], ...(length <= 64 && type === 'int64' ? { values } : {}) }];
};

/** Of one axis as many are kept as the condition says; without an axis the input is seen flat. */
export const compress: InferenceRule = (context) => {
  const info = context.input(0);
  const axis = context.attributes.int('axis');
  const kept = context.symbols.dimension();
  if (axis === undefined) return [{ type: info?.type, shape: [kept] }];
  const dims = knownShape(info);
  if (dims === undefined) return [{ type: info?.type, shape: context.symbols.shape() }];
  const position = normalizeAxis(axis, dims.length);
  return [
    { type: info?.type, shape: dims.map((size, index) => (index === position ? kept : size)) },
  ];
};

/** Resize: sizes as they are given; of scales only 1 is certain, as products round. */
export const resize: InferenceRule = (context) => {
  const info = context.input(0);
  const dims = knownShape(info);
  if (dims === undefined) return [{ type: info?.type, shape: context.symbols.shape() }];
  const isStretch = context.attributes.string('keep_aspect_ratio_policy', 'stretch') === 'stretch';
  const axes = axesOf(context, -1) ?? dims.map((_, axis) => axis);
  const positions = axes.map((axis) => normalizeAxis(axis, dims.length));
  const sizes = isStretch ? context.input(3)?.values : undefined;
  const scales = context.constants(2);
  const shape = dims.map((size, axis): Dimension => {
    const position = positions.indexOf(axis);
    if (position < 0) return size;
    if (scales?.[position] === 1) return size;
    return sizes?.[position] ?? context.symbols.dimension();
  });
  return [{ type: info?.type, shape }];
};

/** One output dimension for each input dimension, sizes unknown. */
export const sameRank: InferenceRule = (context) => {
  const info = context.input(0);
  const dims = knownShape(info);
  const result = dims === undefined ? context.symbols.shape() : freshShape(context, dims.length);
  return [{ type: info?.type, shape: result }];
};
