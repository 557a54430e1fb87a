import type { AttentionOutput, DifferentiableModel, EmbeddingBatch } from '../../src/model.js';
import * as tape from './tape.js';

export interface DecoderWeights {
  readonly E: number[][];
  readonly X: number[][];
  readonly gf: number[];
  readonly Wun: number[][];
  readonly layers: readonly {
    readonly g1: number[];
    readonly g2: number[];
    readonly Wq: number[][];
    readonly Wk: number[][];
    readonly Wv: number[][];
    readonly Wo: number[][];
    readonly Wg: number[][];
    readonly Wu: number[][];
    readonly Wd: number[][];
  }[];
}

export interface DecoderOptions {
  readonly heads: number;
  readonly epsilon: number;
  /** Relevance rules instead of the true derivative: AttnLRP or CP-LRP. */
  readonly rules?: 'attn' | 'cp';
  /** Left padding: leading rows of every prompt that attention must not see. */
  readonly padding?: number;
}

interface Pass {
  readonly logits: tape.Matrix;
  readonly attention: tape.Matrix[][];
  /** Inputs of each layer. */
  readonly states: tape.Matrix[];
}

/** Case B of the reference: pre-norm causal decoder with RMSNorm and SwiGLU, no positions. Prompts are `[P][H]`. */
export function decoderModel(
  weights: DecoderWeights,
  { heads, epsilon, rules, padding = 0 }: DecoderOptions,
): Required<
  Pick<
    DifferentiableModel<number[][]>,
    'embed' | 'gradients' | 'embeddingLogprobs' | 'attention' | 'layerOutputs'
  >
> &
  DifferentiableModel<number[][]> {
  const width = weights.E[0]?.length ?? 0;
  const headWidth = (weights.layers[0]?.Wq[0]?.length ?? 0) / heads;
  const keepRule = (a: tape.Matrix, factor: number): tape.Matrix =>
    rules === undefined ? a : tape.scaleGradient(a, factor);
  const norm = (x: tape.Matrix, gain: number[]): tape.Matrix =>
    tape.times(tape.rmsNorm(x, epsilon, rules !== undefined), tape.fromRows([gain]));

  const silu = (a: tape.Matrix): tape.Matrix => {
    const f = (x: number): number => x / (1 + Math.exp(-x));
    if (rules === 'cp') return tape.map(a, f, () => 0);
    if (rules === 'attn') return tape.map(a, f, (x) => f(x) / (x + 1e-10));
    return tape.map(a, f, (x) => {
      const sigmoid = 1 / (1 + Math.exp(-x));
      return sigmoid * (1 + x * (1 - sigmoid));
    });
  };

  const runLayer = (
    x: tape.Matrix,
    layer: DecoderWeights['layers'][number],
    hidden: Set<number>,
    zeroedPosition: number | null,
  ): { output: tape.Matrix; attention: tape.Matrix[] } => {
    const n = norm(x, layer.g1);
    const q = keepRule(tape.multiply(n, tape.fromRows(layer.Wq)), rules === 'cp' ? 0 : 0.25);
    const k = keepRule(tape.multiply(n, tape.fromRows(layer.Wk)), rules === 'cp' ? 0 : 0.25);
    let v = keepRule(tape.multiply(n, tape.fromRows(layer.Wv)), rules === 'cp' ? 1 : 0.5);
    if (zeroedPosition !== null) {
      const mask = tape.matrix(
        v.rows,
        v.columns,
        v.data.map((_, at) => (Math.floor(at / v.columns) === zeroedPosition ? 0 : 1)),
      );
      v = tape.times(v, mask);
    }
    const attention: tape.Matrix[] = [];
    const mixed = Array.from({ length: heads }, (_, head) => {
      const part = (a: tape.Matrix): tape.Matrix =>
        tape.columnsOf(a, head * headWidth, (head + 1) * headWidth);
      const scale = 1 / Math.sqrt(headWidth);
      const scores = tape.map(
        tape.multiply(part(q), tape.transpose(part(k))),
        (s) => s * scale,
        () => scale,
      );
      const probabilities = tape.softmax(scores, { causal: true, hidden });
      attention.push(probabilities);
      return tape.multiply(probabilities, part(v));
    });
    const middle = tape.add(x, tape.multiply(tape.joinColumns(mixed), tape.fromRows(layer.Wo)));
    const m = norm(middle, layer.g2);
    const gate = silu(tape.multiply(m, tape.fromRows(layer.Wg)));
    const gated = keepRule(
      tape.times(gate, tape.multiply(m, tape.fromRows(layer.Wu))),
      rules === 'attn' ? 0.5 : 1,
    );
    return { output: tape.add(middle, tape.multiply(gated, tape.fromRows(layer.Wd))), attention };
  };

  const run = (
    prompt: tape.Matrix,
    completion: readonly number[],
    hidden = new Set<number>(),
  ): Pass => {
    const prefix = completion.slice(0, -1).map((id) => weights.E[id] ?? []);
    let x = prefix.length === 0 ? prompt : tape.joinRows(prompt, tape.fromRows(prefix));
    const attention: tape.Matrix[][] = [];
    const states: tape.Matrix[] = [];
    for (const layer of weights.layers) {
      states.push(x);
      const step = runLayer(x, layer, hidden, null);
      attention.push(step.attention);
      x = step.output;
    }
    return {
      logits: tape.multiply(norm(x, weights.gf), tape.fromRows(weights.Wun)),
      attention,
      states,
    };
  };

  const padded = (): Set<number> => new Set(Array.from({ length: padding }, (_, index) => index));

  const points = (batch: EmbeddingBatch<unknown>): { x: tape.Matrix; hidden: Set<number> }[] =>
    Array.from({ length: batch.count }, (_, index) => {
      const { tokens, hiddenSize, mask } = batch;
      const rows = batch.embeddings.subarray(
        index * tokens * hiddenSize,
        (index + 1) * tokens * hiddenSize,
      );
      const keep = mask?.keep.subarray(index * tokens, (index + 1) * tokens);
      if (mask?.mode === 'remove') {
        const kept = Array.from(rows).filter((_, at) => keep?.[Math.floor(at / hiddenSize)] === 1);
        return { x: tape.matrix(kept.length / hiddenSize, hiddenSize, kept), hidden: padded() };
      }
      const hidden = padded();
      keep?.forEach((present, token) => {
        if (present === 0) hidden.add(token);
      });
      return { x: tape.matrix(tokens, hiddenSize, rows), hidden };
    });

  const score = (pass: Pass, quantity: string): tape.Matrix =>
    quantity === 'logit' ? pass.logits : tape.logSoftmax(pass.logits);

  return {
    id: rules === undefined ? 'decoder' : `decoder with ${rules} rules`,
    quantities: ['logprob', 'logit'],
    maskModes: ['remove', 'attentionMask'],
    layerCount: weights.layers.length,
    padTokenId: 0,
    embed: (prompt) => ({
      embeddings: Float64Array.from(prompt.flat()),
      tokens: prompt.length,
      hiddenSize: width,
    }),
    embedTokens: (ids) => Float64Array.from(ids.flatMap((id) => weights.E[id] ?? [])),
    embeddingStatistics: () => {
      const count = weights.E.length;
      const mean = new Float64Array(width);
      for (const row of weights.E)
        row.forEach((value, at) => {
          mean[at]! += value / count;
        });
      const norms = weights.E.map((row) => Math.hypot(...row)).sort((a, b) => a - b);
      const medianNorm =
        (norms[Math.floor((count - 1) / 2)]! + norms[Math.ceil((count - 1) / 2)]!) / 2;
      return { mean, medianNorm };
    },
    embeddingLogprobs: (batch) => {
      const { completion } = batch;
      return Float64Array.from(
        points(batch).flatMap(({ x, hidden }) => {
          const output = score(run(x, completion, hidden), batch.quantity);
          return completion.map((id, t) => output.data[(x.rows - 1 + t) * output.columns + id]!);
        }),
      );
    },
    gradients: (batch) => {
      const { completion, weights: cotangents } = batch;
      const size = batch.tokens * batch.hiddenSize;
      const logprobs = new Float64Array(batch.count * completion.length);
      const gradients = new Float64Array(batch.count * size);
      for (const [index, { x, hidden }] of points(batch).entries()) {
        const output = score(run(x, completion, hidden), batch.quantity);
        for (const [t, id] of completion.entries()) {
          const at = (x.rows - 1 + t) * output.columns + id;
          logprobs[index * completion.length + t] = output.data[at]!;
          output.gradient[at]! += cotangents[index * completion.length + t]!;
        }
        tape.runBackward(output);
        gradients.set(x.gradient, index * size);
      }
      return { logprobs, gradients };
    },
    attention: ({ prompt, completion, embeddings, weights: cotangents }): AttentionOutput => {
      const x = tape.matrix(prompt.length, width, embeddings);
      const pass = run(x, completion, padded());
      const joined = (read: (a: tape.Matrix) => Float64Array): Float64Array[] =>
        pass.attention.map((layer) =>
          Float64Array.from(layer.flatMap((head) => Array.from(read(head)))),
        );
      const layers = joined((head) => head.data);
      const shared = { heads, positions: prompt.length + completion.length - 1, layers };
      if (cotangents === undefined) return shared;
      const output = tape.logSoftmax(pass.logits);
      for (const [t, id] of completion.entries()) {
        output.gradient[(x.rows - 1 + t) * output.columns + id]! += cotangents[t]!;
      }
      tape.runBackward(output);
      // Entries that the causal mask hides are no variables of the model: their derivative is 0 by convention.
      for (const head of pass.attention.flat()) {
        head.gradient.forEach((_, at) => {
          if (at % head.columns > Math.floor(at / head.columns)) head.gradient[at] = 0;
        });
      }
      return { ...shared, gradients: joined((head) => head.gradient) };
    },
    layerOutputs: ({ prompt, completion, embeddings, layer, zeroedPosition }) => {
      const { states } = run(tape.matrix(prompt.length, width, embeddings), completion, padded());
      return runLayer(states[layer]!, weights.layers[layer]!, padded(), zeroedPosition).output.data;
    },
  };
}
