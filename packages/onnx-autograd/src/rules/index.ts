import { type GradientRules, zeroGradient } from '../differentiate/gradient-rule.js';
import * as activation from './activations.js';
import { matMulBnb4 } from './bnb4.js';
import * as channel from './channel-normalization.js';
import * as convolution from './convolution.js';
import * as elementwise from './elementwise.js';
import * as indexing from './indexing.js';
import * as loss from './losses.js';
import * as movement from './movement.js';
import * as normalization from './normalization.js';
import * as pooling from './pooling.js';
import * as products from './products.js';
import * as quantized from './quantized.js';
import * as reduction from './reductions.js';
import { resize } from './resize.js';
import { turnBack } from './rotary.js';
import * as sequence from './sequences.js';

/**
 * Gradient rules by domain (`''` is ai.onnx) and operator.
 *
 * To add one: a function in a file of this folder, and its line here.
 */
export const gradientRules: GradientRules = {
  '': {
    // Element by element
    Abs: elementwise.abs,
    Acos: elementwise.acos,
    Acosh: elementwise.acosh,
    Add: elementwise.add,
    Asin: elementwise.asin,
    Asinh: elementwise.asinh,
    Atan: elementwise.atan,
    Atanh: elementwise.atanh,
    Cast: elementwise.cast,
    CastLike: elementwise.castLike,
    Clip: elementwise.clip,
    Cos: elementwise.cos,
    Cosh: elementwise.cosh,
    Div: elementwise.div,
    Dropout: elementwise.dropout,
    Erf: elementwise.erf,
    Exp: elementwise.exp,
    Identity: elementwise.identity,
    Log: elementwise.log,
    Max: elementwise.extreme,
    Mean: elementwise.meanOfInputs,
    Min: elementwise.extreme,
    Mod: elementwise.mod,
    Mul: elementwise.mul,
    Neg: elementwise.neg,
    Pow: elementwise.pow,
    Reciprocal: elementwise.reciprocal,
    Sin: elementwise.sin,
    Sinh: elementwise.sinh,
    Sqrt: elementwise.sqrt,
    Sub: elementwise.sub,
    Sum: elementwise.sumOfInputs,
    Tan: elementwise.tan,
    Tanh: elementwise.tanh,
    Where: elementwise.where,

    // Activations
    Celu: activation.celu,
    Elu: activation.elu,
    Gelu: activation.gelu,
    HardSigmoid: activation.hardSigmoid,
    HardSwish: activation.hardSwish,
    LeakyRelu: activation.leakyRelu,
    LogSoftmax: activation.logSoftmax,
    Mish: activation.mish,
    PRelu: activation.pRelu,
    Relu: activation.relu,
    Selu: activation.selu,
    Shrink: activation.shrink,
    Sigmoid: activation.sigmoid,
    Softmax: activation.softmax,
    Softplus: activation.softplus,
    Softsign: activation.softsign,
    Swish: activation.scaledSwish(1),
    ThresholdedRelu: activation.thresholdedRelu,

    // Products
    Einsum: products.einsum,
    Gemm: products.gemm,
    MatMul: products.matMul,

    // Normalization
    BatchNormalization: channel.batchNormalization,
    GroupNormalization: channel.groupNormalization,
    InstanceNormalization: channel.instanceNormalization,
    LayerNormalization: normalization.layerNormalization,
    LRN: channel.localResponseNormalization,
    LpNormalization: normalization.lpNormalization,
    MeanVarianceNormalization: channel.meanVarianceNormalization,
    RMSNormalization: normalization.rmsNormalization,
    SimplifiedLayerNormalization: normalization.rmsNormalization,

    // Movement
    Concat: movement.concat,
    DepthToSpace: movement.depthToSpace,
    Expand: movement.expand,
    Flatten: movement.reshapeBack,
    Pad: movement.pad,
    Reshape: movement.reshapeBack,
    Slice: movement.slice,
    SpaceToDepth: movement.spaceToDepth,
    Split: movement.split,
    Squeeze: movement.reshapeBack,
    Tile: movement.tile,
    Transpose: movement.transpose,
    Trilu: movement.trilu,
    Unsqueeze: movement.reshapeBack,

    // Indexing
    Compress: indexing.compress,
    Gather: indexing.gather,
    GatherElements: indexing.gatherElements,
    GatherND: indexing.gatherNd,
    ScatterElements: indexing.scatterElements,
    ScatterND: indexing.scatterNd,
    TopK: indexing.topK,

    // Sequences
    CumProd: sequence.cumProd,
    CumSum: sequence.cumSum,
    Range: sequence.range,
    ReverseSequence: sequence.reverseSequence,

    // Images
    AveragePool: pooling.averagePool,
    Conv: convolution.convolution,
    ConvTranspose: convolution.convolutionTranspose,
    GlobalAveragePool: pooling.globalAveragePool,
    GlobalLpPool: pooling.globalLpPool,
    GlobalMaxPool: pooling.globalMaxPool,
    LpPool: pooling.lpPool,
    MaxPool: pooling.maxPool,
    Resize: resize,

    // Losses
    NegativeLogLikelihoodLoss: loss.negativeLogLikelihoodLoss,
    SoftmaxCrossEntropyLoss: loss.softmaxCrossEntropyLoss,

    // Reductions
    ReduceL1: reduction.reduceL1,
    ReduceL2: reduction.reduceL2,
    ReduceLogSum: reduction.reduceLogSum,
    ReduceLogSumExp: reduction.reduceLogSumExp,
    ReduceMax: reduction.reduceExtreme,
    ReduceMean: reduction.reduceMean,
    ReduceMin: reduction.reduceExtreme,
    ReduceProd: reduction.reduceProd,
    ReduceSum: reduction.reduceSum,
    ReduceSumSquare: reduction.reduceSumSquare,

    // Rotary positions and quantized weights
    DequantizeLinear: quantized.dequantizeLinear,
    RotaryEmbedding: turnBack(2),

    // Outputs that do not move when the inputs do
    And: zeroGradient,
    ArgMax: zeroGradient,
    ArgMin: zeroGradient,
    Ceil: zeroGradient,
    ConstantOfShape: zeroGradient,
    Equal: zeroGradient,
    EyeLike: zeroGradient,
    Floor: zeroGradient,
    Greater: zeroGradient,
    GreaterOrEqual: zeroGradient,
    Hardmax: zeroGradient,
    IsInf: zeroGradient,
    IsNaN: zeroGradient,
    Less: zeroGradient,
    LessOrEqual: zeroGradient,
    NonZero: zeroGradient,
    Not: zeroGradient,
    Or: zeroGradient,
    Round: zeroGradient,
    Shape: zeroGradient,
    Sign: zeroGradient,
    Size: zeroGradient,
    Xor: zeroGradient,
  },
  'com.microsoft': {
    BiasGelu: activation.biasGelu,
    FastGelu: activation.fastGelu,
    FusedConv: convolution.fusedConvolution,
    FusedGemm: products.fusedGemm,
    FusedMatMul: products.fusedMatMul,
    Gelu: activation.gelu,
    Inverse: products.inverse,
    MatMulBnb4: matMulBnb4,
    MatMulNBits: quantized.matMulNBits,
    MRotaryEmbedding: turnBack(3),
    QuickGelu: activation.scaledSwish(1.702),
    RotaryEmbedding: turnBack(3),
    TransposeMatMul: products.fusedMatMul,
  },
};
