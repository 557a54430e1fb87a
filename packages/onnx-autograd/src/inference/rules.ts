import { elementTypeOfCode } from '../codec/element-types.js';
import * as contraction from './contractions.js';
import * as elementwise from './elementwise.js';
import type { InferenceRule } from './inference-rule.js';
import * as movement from './movement.js';
import * as normalization from './normalization.js';
import * as windows from './windows.js';

const { likeFirst, likeFirstOfType, broadcastAll, broadcastToBool } = elementwise;

function table(rule: InferenceRule, ...operators: string[]): Record<string, InferenceRule> {
  return Object.fromEntries(operators.map((operator) => [operator, rule]));
}

/** Shape and type rules by domain and operator. Operators without one are shaped at run time. */
export const inferenceRules: Readonly<Record<string, Readonly<Record<string, InferenceRule>>>> = {
  '': {
    // biome-ignore format: a table reads best in rows
    ...table(likeFirst,
      'Abs', 'Acos', 'Acosh', 'Asin', 'Asinh', 'Atan', 'Atanh', 'Ceil', 'Celu', 'Clip', 'Cos', 'Cosh', 'CumSum',
      'CumProd', 'Elu', 'Erf', 'Exp', 'Floor', 'Gelu', 'HardSigmoid', 'HardSwish', 'Hardmax', 'LeakyRelu',
      'Log', 'LogSoftmax', 'LpNormalization', 'LRN', 'Mish', 'Neg', 'PRelu', 'Reciprocal', 'Relu',
      'Round', 'ScatterElements', 'ScatterND', 'Scatter', 'Selu', 'Shrink', 'Sigmoid', 'Sign', 'Sin', 'Sinh', 'Softmax',
      'Softplus', 'Softsign', 'Sqrt', 'Swish', 'Tan', 'Tanh', 'ThresholdedRelu', 'Trilu', 'BatchNormalization',
      'InstanceNormalization', 'GroupNormalization', 'MeanVarianceNormalization', 'RotaryEmbedding', 
      'BitwiseNot', 'ReverseSequence', 'TensorScatter'),
    ...table(
      broadcastAll,
      'BitShift',
      'Mod',
      'Min',
      'Max',
      'Sum',
      'Mean',
      'BitwiseAnd',
      'BitwiseOr',
      'BitwiseXor',
    ),
    ...table(
      broadcastToBool,
      'Less',
      'LessOrEqual',
      'Greater',
      'GreaterOrEqual',
      'And',
      'Or',
      'Xor',
    ),
    ...table(likeFirstOfType('bool'), 'Not', 'IsNaN', 'IsInf'),
    ...table(
      contraction.reduce,
      'ReduceSum',
      'ReduceMean',
      'ReduceMax',
      'ReduceMin',
      'ReduceProd',
      'ReduceL1',
      'ReduceL2',
      'ReduceLogSum',
      'ReduceLogSumExp',
      'ReduceSumSquare',
    ),
    ...table(contraction.argReduce, 'ArgMax', 'ArgMin'),
    ...table(windows.pool, 'MaxPool', 'AveragePool', 'LpPool'),
    ...table(windows.globalPool, 'GlobalAveragePool', 'GlobalMaxPool', 'GlobalLpPool'),
    Conv: windows.convolution,
    ConvTranspose: windows.convolutionTranspose,
    GridSample: windows.gridSample,
    ...table(windows.classLoss, 'NegativeLogLikelihoodLoss', 'SoftmaxCrossEntropyLoss'),
    ...table(movement.sameRank, 'Upsample', 'DepthToSpace', 'SpaceToDepth'),
    Resize: movement.resize,
    ...table(
      normalization.layerNormalization,
      'LayerNormalization',
      'SimplifiedLayerNormalization',
      'RMSNormalization',
    ),
    Identity: ({ input }) => [input(0)],
    Dropout: ({ input }) => {
      const info = input(0);
      return info === undefined
        ? []
        : [
            { type: info.type, shape: info.shape },
            { type: 'bool', shape: info.shape },
          ];
    },
    EyeLike: ({ input, attributes }) => {
      const info = input(0);
      const code = attributes.int('dtype');
      return info === undefined
        ? []
        : [{ type: code === undefined ? info.type : elementTypeOfCode(code), shape: info.shape }];
    },
    Pow: elementwise.broadcastToFirst,
    Add: elementwise.add,
    Sub: elementwise.subtract,
    Mul: elementwise.multiply,
    Div: elementwise.divide,
    Equal: elementwise.equal,
    Where: elementwise.where,
    Cast: elementwise.cast(elementTypeOfCode),
    CastLike: ({ input, symbols }) => [
      { type: input(1)?.type, shape: input(0)?.shape ?? symbols.shape() },
    ],
    Shape: movement.shape,
    Size: movement.size,
    Reshape: movement.reshape,
    Transpose: movement.transpose,
    Unsqueeze: movement.unsqueeze,
    Squeeze: movement.squeeze,
    Flatten: movement.flatten,
    Concat: movement.concat,
    Split: movement.split,
    Slice: movement.slice,
    Gather: movement.gather,
    GatherND: movement.gatherNd,
    GatherElements: movement.gatherElements,
    Expand: movement.expand,
    Tile: movement.tile,
    Pad: movement.pad,
    ConstantOfShape: movement.constantOfShape,
    Range: movement.range,
    Compress: movement.compress,
    NonZero: ({ input, symbols }) => {
      const shape = input(0)?.shape;
      const rank =
        shape === undefined || typeof shape === 'string' ? symbols.dimension() : shape.length;
      return [{ type: 'int64', shape: [rank, symbols.dimension()] }];
    },
    MatMul: contraction.matMul,
    Gemm: contraction.gemm,
    TopK: contraction.topK,
    Einsum: contraction.einsum,
    DequantizeLinear: contraction.dequantizeLinear,
    QuantizeLinear: contraction.quantizeLinear,
    Attention: normalization.attention23,
  },
  'com.microsoft': {
    ...table(
      likeFirst,
      'QuickGelu',
      'FastGelu',
      'Gelu',
      'BiasGelu',
      'RotaryEmbedding',
      'GemmaRotaryEmbedding',
      'Inverse',
    ),
    FusedMatMul: contraction.fusedMatMul,
    TransposeMatMul: contraction.fusedMatMul,
    FusedGemm: contraction.gemm,
    FusedConv: windows.convolution,
    MatMulNBits: contraction.matMulNBits,
    MatMulBnb4: contraction.matMulNBits,
    DequantizeLinear: contraction.dequantizeLinear,
    SkipSimplifiedLayerNormalization: normalization.skipNormalization,
    SkipLayerNormalization: normalization.skipNormalization,
    GroupQueryAttention: normalization.fusedAttention,
    MultiHeadAttention: normalization.fusedAttention,
    Attention: normalization.packedAttention,
    MRotaryEmbedding: ({ input, node }) =>
      node.outputs.map((_, index) => {
        const info = input(index);
        return info === undefined ? undefined : { type: info.type, shape: info.shape };
      }),
  },
};
