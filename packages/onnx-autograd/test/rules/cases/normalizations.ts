import type { RuleCase } from '../../support/check-rule.js';
import { float, int64, node, spread, type TestTensor } from '../../support/graphs.js';

const layerNorms: readonly RuleCase[] = (
  [
    [[2, 3], -1, [3]],
    [[2, 3, 4], -1, [4]],
    [[2, 3, 4], 1, [3, 4]],
    [[2, 3, 4], -2, [3, 4]],
    [[2, 3, 4], 2, [4]],
    [[4], 0, [4]],
    [[0, 3], -1, [3]],
  ] as const
).flatMap(([dims, axis, inner], index): RuleCase[] => {
  const inputs = { x: spread(dims, index), g: spread(inner, index + 10) };
  const rank = axis === -1 ? {} : { needsRank: 'the axis must be counted from one end' };
  return [
    {
      rule: 'LayerNormalization',
      about: `[${dims}] from axis ${axis}`,
      nodes: [node('LayerNormalization', 'x g b', 'y', { axis, epsilon: { float: 1e-3 } })],
      inputs: { ...inputs, b: spread(inner, index + 20) },
      ...rank,
    },
    {
      rule: 'RMSNormalization',
      about: `[${dims}] from axis ${axis}`,
      opset: 23,
      nodes: [node('RMSNormalization', 'x g', 'y', { axis, epsilon: { float: 1e-3 } })],
      inputs,
      ...rank,
    },
  ];
});

const simplified: readonly RuleCase[] = [
  {
    rule: 'LayerNormalization',
    about: 'without bias, default epsilon',
    nodes: [node('LayerNormalization', 'x g', 'y')],
    inputs: { x: spread([2, 3], 1), g: spread([3], 2) },
  },
  {
    rule: 'LayerNormalization',
    about: 'with its mean and inverse deviation differentiated too',
    nodes: [node('LayerNormalization', 'x g b', 'y m r')],
    // Statistics are float32 outputs.
    inputs: { x: spread([2, 4], 1), g: spread([4], 2), b: spread([4], 3) },
    outputs: ['y', 'm', 'r'],
    expected: {
      kind: 'reference',
      outputs: ({ x, g, b }) => normalizeRows(x as TestTensor, g as TestTensor, b as TestTensor),
    },
  },
  {
    rule: 'LayerNormalization',
    about: 'of which only the statistics are used',
    nodes: [node('LayerNormalization', 'x g', 'y m r'), node('Mul', 'm r', 'z')],
    inputs: { x: spread([2, 4], 1) },
    constants: { g: spread([4], 2) },
    expected: {
      kind: 'reference',
      outputs: ({ x, g }) => {
        const { m, r } = normalizeRows(x as TestTensor, g as TestTensor, undefined);
        return { z: m.map((mean, row) => mean * (r[row] ?? 0)) };
      },
    },
  },
  {
    rule: 'SimplifiedLayerNormalization',
    about: 'over the last axis',
    nodes: [
      node('SimplifiedLayerNormalization', 'x g', 'y', { axis: -1, epsilon: { float: 1e-3 } }),
    ],
    inputs: { x: spread([2, 3, 4], 1), g: spread([4], 2) },
    expected: { kind: 'double' },
  },
  {
    rule: 'SimplifiedLayerNormalization',
    about: 'with its inverse deviation differentiated too',
    nodes: [node('SimplifiedLayerNormalization', 'x g', 'y r', { axis: -1 })],
    inputs: { x: spread([2, 4], 1), g: spread([4], 2) },
    outputs: ['y', 'r'],
    expected: {
      kind: 'reference',
      outputs: ({ x, g }) => {
        const width = 4;
        const y: number[] = [];
        const r: number[] = [];
        for (let row = 0; row < 2; row++) {
          const values = (x?.values ?? []).slice(row * width, (row + 1) * width);
          const power = values.reduce((sum, value) => sum + value * value, 0) / width;
          r.push(1 / Math.sqrt(power + 1e-5));
          y.push(...values.map((value, k) => value * (r[row] ?? 0) * (g?.values[k] ?? 0)));
        }
        return { y, r };
      },
    },
  },
  ...(
    [
      [[2, 3], -1, 2],
      [[2, 3], 0, 2],
      [[2, 3, 2], 1, 1],
      [[2, 3], -1, 1],
    ] as const
  ).map(
    ([dims, axis, p]): RuleCase => ({
      rule: 'LpNormalization',
      about: `[${dims}] along ${axis}, p ${p}`,
      opset: 22,
      nodes: [node('LpNormalization', 'x', 'y', { axis, p })],
      inputs: { x: spread(dims, 4) },
    }),
  ),
];

function normalizeRows(
  x: TestTensor,
  g: TestTensor,
  b: TestTensor | undefined,
): { y: number[]; m: number[]; r: number[] } {
  const width = x.dims.at(-1) ?? 1;
  const [y, m, r]: [number[], number[], number[]] = [[], [], []];
  for (let start = 0; start < x.values.length; start += width) {
    const row = x.values.slice(start, start + width);
    const mean = row.reduce((sum, value) => sum + value, 0) / width;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / width;
    const inverse = 1 / Math.sqrt(variance + 1e-5);
    m.push(mean);
    r.push(inverse);
    y.push(
      ...row.map((value, k) => (value - mean) * inverse * (g.values[k] ?? 0) + (b?.values[k] ?? 0)),
    );
  }
  return { y, m, r };
}

/** Reference of norms with statistics per sample and group of channels; scale and bias by channel. */
function normalizeGroups(
  x: TestTensor,
  groups: number,
  scaleOf: (channel: number) => number,
  biasOf: (channel: number) => number,
): number[] {
  const [samples = 0, channels = 0] = x.dims;
  const size = x.values.length / Math.max(1, samples * channels);
  const inGroup = (channels / groups) * size;
  const y: number[] = [];
  for (let start = 0; start < x.values.length; start += inGroup) {
    const group = x.values.slice(start, start + inGroup);
    const mean = group.reduce((sum, value) => sum + value, 0) / inGroup;
    const variance = group.reduce((sum, value) => sum + (value - mean) ** 2, 0) / inGroup;
    for (const [index, value] of group.entries()) {
      const channel = Math.floor((start + index) / size) % channels;
      y.push(((value - mean) / Math.sqrt(variance + 1e-5)) * scaleOf(channel) + biasOf(channel));
    }
  }
  return y;
}

const channelNorms: readonly RuleCase[] = [
  ...(
    [
      [2, 3, 2, 2],
      [2, 3, 2],
      [2, 3],
      [1, 3, 1, 2, 2],
      [0, 3, 2],
    ] as const
  ).map(
    (dims, index): RuleCase => ({
      rule: 'BatchNormalization',
      about: `[${dims}], with everything differentiated`,
      nodes: [node('BatchNormalization', 'x g b m v', 'y', { epsilon: { float: 1e-3 } })],
      inputs: {
        x: spread(dims, index),
        g: spread([3], 2),
        b: spread([3], 3),
        m: spread([3], 4),
        v: spread([3], 5, { low: 0.3, high: 2 }),
      },
    }),
  ),
  {
    rule: 'BatchNormalization',
    about: 'in operator set 13',
    opset: 13,
    nodes: [node('BatchNormalization', 'x g b m v', 'y')],
    inputs: { x: spread([2, 3, 2], 1) },
    constants: {
      g: spread([3], 2),
      b: spread([3], 3),
      m: spread([3], 4),
      v: spread([3], 5, { low: 0.3, high: 2 }),
    },
  },
  ...(
    [
      [2, 3, 2, 2],
      [2, 3, 4],
      [1, 3, 2, 1, 2],
    ] as const
  ).map(
    (dims, index): RuleCase => ({
      rule: 'InstanceNormalization',
      about: `[${dims}]`,
      nodes: [node('InstanceNormalization', 'x g b', 'y')],
      inputs: { x: spread(dims, index), g: spread([3], 2), b: spread([3], 3) },
      expected: {
        kind: 'reference',
        outputs: ({ x, g, b }) => ({
          y: normalizeGroups(
            x as TestTensor,
            3,
            (channel) => g?.values[channel] ?? 0,
            (channel) => b?.values[channel] ?? 0,
          ),
        }),
      },
    }),
  ),
  ...([18, 21] as const).flatMap((opset): RuleCase[] =>
    (
      [
        [2, 4, 3],
        [1, 4, 2, 2],
      ] as const
    ).map((dims) => ({
      rule: 'GroupNormalization',
      about: `[${dims}] in two groups, operator set ${opset}`,
      opset,
      nodes: [node('GroupNormalization', 'x g b', 'y', { num_groups: 2 })],
      inputs: {
        x: spread(dims, 6),
        g: spread([opset === 18 ? 2 : 4], 7),
        b: spread([opset === 18 ? 2 : 4], 8),
      },
      expected: {
        kind: 'reference',
        outputs: ({ x, g, b }) => {
          const place = (channel: number): number =>
            opset === 18 ? Math.floor(channel / 2) : channel;
          return {
            y: normalizeGroups(
              x as TestTensor,
              2,
              (channel) => g?.values[place(channel)] ?? 0,
              (channel) => b?.values[place(channel)] ?? 0,
            ),
          };
        },
      },
    })),
  ),
  {
    rule: 'MeanVarianceNormalization',
    about: 'over all axes but the channels',
    nodes: [node('MeanVarianceNormalization', 'x', 'y')],
    inputs: { x: spread([2, 2, 2, 2], 9) },
    expected: {
      kind: 'reference',
      outputs: ({ x }) => {
        const values = x?.values ?? [];
        const channelOf = (index: number): number => Math.floor(index / 4) % 2;
        const statistics = [0, 1].map((channel) => {
          const own = values.filter((_, index) => channelOf(index) === channel);
          const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
          const variance = own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length;
          return { mean, deviation: Math.sqrt(variance) };
        });
        return {
          y: values.map((value, index) => {
            const { mean = 0, deviation = 1 } = statistics[channelOf(index)] ?? {};
            return (value - mean) / (deviation + 1e-9);
          }),
        };
      },
    },
  },
  ...[1, 3, 5].map(
    (size): RuleCase => ({
      rule: 'LRN',
      about: `over ${size} channels`,
      nodes: [
        node('LRN', 'x', 'y', {
          size,
          alpha: { float: 0.5 },
          beta: { float: 0.75 },
          bias: { float: 2 },
        }),
      ],
      inputs: { x: spread([1, 5, 1, 2], 10) },
      needsRank: 'channels are padded',
      expected: {
        kind: 'reference',
        outputs: ({ x }) => {
          const values = x?.values ?? [];
          const below = Math.floor((size - 1) / 2);
          const above = Math.ceil((size - 1) / 2);
          return {
            y: values.map((value, index) => {
              const [channel, place] = [Math.floor(index / 2), index % 2];
              let squares = 0;
              for (let c = Math.max(0, channel - below); c <= Math.min(4, channel + above); c++) {
                squares += (values[c * 2 + place] ?? 0) ** 2;
              }
              return value / (2 + (0.5 / size) * squares) ** 0.75;
            }),
          };
        },
      },
    }),
  ),
];

/** −Σ w log p at the labels, as the ONNX operators define it. */
function logLoss(
  logProbabilities: readonly number[],
  options: {
    readonly labels: readonly number[];
    readonly classes: number;
    readonly positions: number;
    readonly weights?: readonly number[];
    readonly ignored?: number;
    readonly reduction: string;
  },
): number[] {
  const { labels, classes, positions, weights, ignored, reduction } = options;
  let total = 0;
  const losses = labels.map((label, index) => {
    if (label === ignored) return 0;
    const weight = weights?.[label] ?? 1;
    total += weight;
    const sample = Math.floor(index / positions);
    const place = (sample * classes + label) * positions + (index % positions);
    return -weight * (logProbabilities[place] ?? 0);
  });
  if (reduction === 'none') return losses;
  const sum = losses.reduce((all, loss) => all + loss, 0);
  return [reduction === 'mean' ? sum / total : sum];
}

function logSoftmaxOverClasses(
  scores: readonly number[],
  classes: number,
  positions: number,
): number[] {
  return scores.map((score, index) => {
    const sample = Math.floor(index / (classes * positions));
    let sum = 0;
    for (let c = 0; c < classes; c++) {
      sum += Math.exp(scores[(sample * classes + c) * positions + (index % positions)] ?? 0);
    }
    return score - Math.log(sum);
  });
}

const losses: readonly RuleCase[] = ['none', 'sum', 'mean'].flatMap((reduction): RuleCase[] =>
  [false, true].flatMap((isWeighted): RuleCase[] => {
    const common = {
      constants: {
        l: int64([2, 2], [0, 2, 1, -7]),
        ...(isWeighted ? { w: float([3], [0.5, 1, 2]) } : {}),
      },
      inputs: { x: spread([2, 3, 2], 11) },
    };
    const inputs = isWeighted ? 'x l w' : 'x l';
    const attributes = { reduction, ignore_index: -7 };
    const options = {
      labels: common.constants.l.values,
      classes: 3,
      positions: 2,
      ...(isWeighted ? { weights: [0.5, 1, 2] } : {}),
      ignored: -7,
      reduction,
    };
    const about = `reduction ${reduction}${isWeighted ? ', weighted' : ''}, one label ignored`;
    return [
      {
        rule: 'NegativeLogLikelihoodLoss',
        about,
        nodes: [node('NegativeLogLikelihoodLoss', inputs, 'y', attributes)],
        ...common,
        expected: {
          kind: 'reference',
          outputs: ({ x }) => ({ y: logLoss(x?.values ?? [], options) }),
        },
      },
      {
        rule: 'SoftmaxCrossEntropyLoss',
        about,
        nodes: [node('SoftmaxCrossEntropyLoss', inputs, 'y', attributes)],
        ...common,
        expected: {
          kind: 'reference',
          outputs: ({ x }) => ({
            y: logLoss(logSoftmaxOverClasses(x?.values ?? [], 3, 2), options),
          }),
        },
      },
      {
        rule: 'SoftmaxCrossEntropyLoss',
        about: `${about}, with the log-probabilities differentiated too`,
        nodes: [node('SoftmaxCrossEntropyLoss', inputs, 'y p', attributes)],
        ...common,
        outputs: ['y', 'p'],
        expected: {
          kind: 'reference',
          outputs: ({ x }) => {
            const p = logSoftmaxOverClasses(x?.values ?? [], 3, 2);
            return { y: logLoss(p, options), p };
          },
        },
      },
    ];
  }),
);

const plainLosses: readonly RuleCase[] = [
  {
    rule: 'SoftmaxCrossEntropyLoss',
    about: 'of scores [3, 4], of which only the log-probabilities are used',
    nodes: [node('SoftmaxCrossEntropyLoss', 'x l', 'y p')],
    inputs: { x: spread([3, 4], 12), l: int64([3], [0, 3, 1]) },
    outputs: ['p'],
    expected: {
      kind: 'reference',
      outputs: ({ x }) => ({ p: logSoftmaxOverClasses(x?.values ?? [], 4, 1) }),
    },
  },
  {
    rule: 'NegativeLogLikelihoodLoss',
    about: 'of [3, 4] with int32 labels',
    nodes: [node('NegativeLogLikelihoodLoss', 'x l', 'y')],
    inputs: { x: spread([3, 4], 12), l: { type: 'int32', dims: [3], values: [0, 3, 1] } },
    expected: {
      kind: 'reference',
      outputs: ({ x }) => ({
        y: logLoss(x?.values ?? [], {
          labels: [0, 3, 1],
          classes: 4,
          positions: 1,
          reduction: 'mean',
        }),
      }),
    },
  },
];

export const normalizationCases: readonly RuleCase[] = [
  ...layerNorms,
  ...simplified,
  ...channelNorms,
  ...losses,
  ...plainLosses,
];
