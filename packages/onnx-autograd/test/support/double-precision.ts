import type { ElementType } from '../../src/codec/element-types.js';
import { elementTypes } from '../../src/codec/element-types.js';
import type { Attribute, GraphNode, OnnxModel, Tensor, ValueInfo } from '../../src/codec/model.js';
import { makeTensor, readTensorValues } from '../../src/codec/tensor-values.js';
import { AttributeReader } from '../../src/graph/attributes.js';
import { GraphBuilder, type Value } from '../../src/graph/graph-builder.js';
import { Operations, operatorSupport } from '../../src/graph/operations.js';

/** Operators without a double kernel whose inputs are constants: run in single precision, then widened. */
const constantOnly: ReadonlySet<string> = new Set(['DequantizeLinear']);

/**
 * The same graph in double precision, so that central differences are exact to 1e-9.
 *
 * Rotary embeddings have no double kernel and are written out. Write the graph for WebGPU: `FusedMatMul` has
 * none either.
 */
export function toDoublePrecision(model: OnnxModel): OnnxModel {
  const { graph } = model;
  const kept = new Set(
    graph.nodes.filter((node) => constantOnly.has(node.operator)).flatMap((node) => node.inputs),
  );
  const wideInfo = (value: ValueInfo): ValueInfo => ({
    ...value,
    type: wideType(value.type),
    encodedType: undefined,
  });
  const widened: OnnxModel = {
    ...model,
    graph: {
      ...graph,
      inputs: graph.inputs.map(wideInfo),
      outputs: graph.outputs.map(wideInfo),
      valueInfo: [],
      initializers: graph.initializers.map((tensor) =>
        kept.has(tensor.name) ? tensor : wideTensor(tensor),
      ),
    },
  };
  const builder = new GraphBuilder(widened, []);
  const ops = new Operations(builder, operatorSupport.webgpu);
  for (const node of graph.nodes) {
    if (constantOnly.has(node.operator)) {
      const single = builder.freshName('single');
      builder.addNode({ ...node, outputs: [single] });
      builder.emit('Cast', [single], { attributes: { to: 11 }, outputs: [node.outputs[0] ?? ''] });
    } else if (node.operator === 'RotaryEmbedding') {
      const turned = turn(ops, node);
      builder.emit('Identity', [turned], { outputs: [node.outputs[0] ?? ''] });
    } else {
      builder.addNode({ ...node, attributes: node.attributes.map(wideAttribute) });
    }
  }
  return builder.build();
}

function wideType(type: ElementType | undefined): ElementType | undefined {
  return type === 'float32' || type === 'float16' ? 'float64' : type;
}

function wideTensor(tensor: Tensor): Tensor {
  if (tensor.type !== 'float32') return tensor;
  const values = readTensorValues(tensor, undefined);
  if (values === undefined) throw new Error(`"${tensor.name}" is too large for a test`);
  return makeTensor(tensor.name, 'float64', tensor.dims, values);
}

function wideAttribute(attribute: Attribute): Attribute {
  const { name, value } = attribute;
  if (value.kind === 'tensor')
    return { ...attribute, value: { ...value, value: wideTensor(value.value) } };
  const isCast =
    name === 'to' && value.kind === 'int' && value.value === BigInt(elementTypes.float32.code);
  return isCast ? { ...attribute, value: { kind: 'int', value: 11n } } : attribute;
}

/** A rotary embedding by its formula, (x₁c − x₂s, x₁s + x₂c), for both domains. */
function turn(ops: Operations, node: GraphNode): Value {
  const attributes = new AttributeReader(node);
  const isMicrosoft = node.domain === 'com.microsoft';
  const [x = ''] = node.inputs;
  const positions = node.inputs[isMicrosoft ? 1 : 3] ?? '';
  const caches = (isMicrosoft ? [2, 3] : [1, 2]).map((index) => node.inputs[index] ?? '');
  const half = Number(ops.shapeInfo(caches[0] ?? '')?.at(-1));
  const isFlat = ops.requireRank(x) === 3;
  const width = Number(ops.shapeInfo(x)?.at(-1));
  const heads = attributes.int('num_heads', 0) || (isFlat ? width / (2 * half) : 1);
  const split = isFlat
    ? ops.transpose(
        ops.reshape(x, ops.concat([ops.size(x, 0), ops.size(x, 1), ops.int64([heads, -1])], 0)),
        [0, 2, 1, 3],
      )
    : x;
  const [cos = '', sin = ''] = caches.map((cache) => {
    if (positions === '') return ops.unsqueeze(cache, [1]);
    const isOffset = ops.requireRank(positions) === 1;
    const at = isOffset
      ? ops.unsqueeze(ops.add(ops.range(ops.size(split, 2)), positions), [0])
      : positions;
    return ops.unsqueeze(ops.gather(cache, at, 0), [1]);
  });
  const turned = ops.slice(split, 0, 2 * half, 3);
  const rest = ops.slice(split, 2 * half, Number.MAX_SAFE_INTEGER, 3);
  const isInterleaved = attributes.int('interleaved', 0) === 1;
  const part = (index: number): Value =>
    isInterleaved
      ? ops.slice(turned, index, Number.MAX_SAFE_INTEGER, 3, 2)
      : ops.slice(turned, index * half, (index + 1) * half, 3);
  const real = ops.sub(ops.mul(part(0), cos), ops.mul(part(1), sin));
  const imaginary = ops.add(ops.mul(part(0), sin), ops.mul(part(1), cos));
  const joined = isInterleaved
    ? ops.reshape(
        ops.concat([ops.unsqueeze(real, [4]), ops.unsqueeze(imaginary, [4])], 4),
        ops.shape(turned),
      )
    : ops.concat([real, imaginary], 3);
  const all = ops.concat([joined, rest], 3);
  return isFlat ? ops.reshape(ops.transpose(all, [0, 2, 1, 3]), ops.shape(x)) : all;
}
