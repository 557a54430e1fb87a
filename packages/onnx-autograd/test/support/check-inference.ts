import type { OnnxModel, TensorLike } from '../../src/index.js';
import { createSession } from '../../src/index.js';
import { inferGraph } from '../../src/inference/infer.js';

/**
 * Runs a model with every value of its graph as an output, and lists what inference claimed wrongly: another
 * element type, another rank, another size, or two sizes of one name that differ.
 */
export async function wrongClaims(
  model: OnnxModel,
  feeds: Readonly<Record<string, TensorLike>>,
): Promise<string[]> {
  const inference = inferGraph(model);
  const declared = new Set(model.graph.outputs.map(({ name }) => name));
  const others = model.graph.nodes
    .flatMap((node) => node.outputs)
    .filter((name) => name !== '' && !declared.has(name));
  const exposed: OnnxModel = {
    ...model,
    graph: {
      ...model.graph,
      outputs: [
        ...model.graph.outputs,
        ...others.map((name) => ({
          name,
          type: undefined,
          shape: undefined,
          encodedType: undefined,
          other: [],
        })),
      ],
    },
  };
  const session = await createSession(exposed, {
    pooled: false,
    threads: 1,
    graphOptimization: 'disabled',
  });
  // ONNX Runtime 1.30 gives an empty tensor back as it is when it reduces it along a negative axis.
  const keptEmpty = new Set<string>();
  for (const { operator, inputs, outputs } of model.graph.nodes) {
    if (operator.startsWith('Reduce') || inputs.some((name) => keptEmpty.has(name)))
      for (const name of outputs) keptEmpty.add(name);
  }
  const problems: string[] = [];
  try {
    const results: Record<string, TensorLike> = { ...feeds, ...(await session.run(feeds)) };
    const sizes = new Map<string, { readonly size: number; readonly place: string }>();
    for (const [name, tensor] of Object.entries(results)) {
      const { type, shape, values } = inference.info(name);
      const { dims } = tensor;
      if (type !== undefined && type !== tensor.type)
        problems.push(`${name}: type ${type}, is ${tensor.type}`);
      if (values !== undefined && !ArrayBuffer.isView(tensor.data))
        problems.push(`${name}: values of a tensor without data`);
      for (const [index, claimed] of (values ?? []).entries()) {
        const value = Number((tensor.data as ArrayLike<bigint | number>)[index]);
        if (typeof claimed === 'number' && claimed !== value && Number.isSafeInteger(value))
          problems.push(`${name}: value ${index} is ${value}, not ${claimed}`);
        if (typeof claimed === 'string') compare(`${name}{${index}}`, claimed, value);
      }
      if (typeof shape === 'string') continue;
      if (keptEmpty.has(name) && dims.includes(0) && shape.length === dims.length) continue;
      if (shape.length !== dims.length) {
        problems.push(`${name}: shape [${shape}], is [${dims}]`);
        continue;
      }
      for (const [axis, claimed] of shape.entries()) {
        const size = dims[axis] ?? -1;
        if (typeof claimed === 'number' ? claimed !== size : false)
          problems.push(`${name}: shape [${shape}], is [${dims}]`);
        if (typeof claimed === 'string') compare(`${name}[${axis}]`, claimed, size);
      }
    }
    function compare(place: string, symbol: string, size: number): void {
      const known = sizes.get(symbol);
      if (known === undefined) sizes.set(symbol, { size, place });
      else if (known.size !== size)
        problems.push(`${place}: ${symbol} is ${size}, and ${known.size} at ${known.place}`);
    }
  } finally {
    await session.dispose();
  }
  return problems;
}
