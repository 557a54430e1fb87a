import type { EmbeddingBatch, GradientBatch } from '@iapo/attribution';
import { seededRandom } from '@iapo/rl-core';
import { createRaster, type EpisodeMessage, type Raster } from '@iapo/vqa-tools';
import type { AgentCompletion, AgentSequence } from '../../src/model/agent-model.js';
import type { IapoTask } from '../../src/task.js';
import type { Student } from '../../src/train/options.js';

/**
 * The smallest agent that is a real one: it calls `crop` on one of three bars, sees the cropped picture, and says
 * how gray it is. A prompt is rows of numbers `x`, each in a block; logits are linear in them,
 *
 *   z_v = Σ_i x_i · W[b(i)][:, v],   log p(v) = z_v − logsumexp(z)
 *
 * so that every gradient has a closed form: with e = onehot(y) − p,  ∂log p(y)/∂W[b] = Σ_i x_i ⊗ e over the rows of
 * block b, and ∂log p(y)/∂x_i = W[b(i)] e.
 */
/** Six grays, so that a guess is seldom right. */
export const levels = [40, 80, 120, 160, 200, 240] as const;
export const labels = ['A', 'B', 'C'] as const;
export const blockNames = ['P', 'R', 'I', 'T'] as const;
const width = 5 + levels.length;

const callText = (box: readonly number[]): string =>
  `<tool_call>{"name": "crop", "arguments": {"box": ${JSON.stringify(box)}}}</tool_call>`;
/** Three calls, one that cannot work, six answers. A turn is one of them. */
export const vocabulary: readonly string[] = [
  ...labels.map((_, bar) => callText([bar * 4, 0, bar * 4 + 4, 4])),
  callText([0]),
  ...levels.map(String),
];
const size = vocabulary.length;

export interface ToyPrompt {
  readonly inputIds: readonly number[];
  readonly blocks: readonly ((typeof blockNames)[number] | null)[];
  readonly text: string;
  readonly characters: readonly number[];
  readonly images: readonly { tokens: number[]; grid: { rows: number; columns: number } | null }[];
  /** `[tokens · width]`. */
  readonly rows: Float64Array;
  /** Tokens sampled in earlier turns, with the length of the prompt that each answered. */
  readonly sampled: readonly { readonly at: number; readonly token: number }[];
}

interface Piece {
  readonly text: string;
  readonly block: ToyPrompt['blocks'][number];
  readonly row: readonly number[];
}

const unit = (at: number, value = 1): number[] =>
  Array.from({ length: width }, (_, i) => (i === at ? value : 0));

/** Rows: 0–2 the label that a word names, 3 any other word, 4–9 the gray of a cropped picture, last that of a bar. */
function wordPieces(text: string, block: Piece['block']): Piece[] {
  return text.split(' ').map((word) => {
    const label = labels.indexOf(word as (typeof labels)[number]);
    return { text: `${word} `, block, row: unit(label >= 0 ? label : 3) };
  });
}

function picturePieces(image: Raster): Piece[] {
  const grays = Array.from({ length: image.width / 4 }, (_, bar) => image.data[bar * 4 * 3] ?? 0);
  return grays.map((gray) => {
    const level = levels.indexOf(gray as (typeof levels)[number]);
    return {
      text: '▒',
      block: 'I',
      row: grays.length === 1 ? unit(4 + level) : unit(width - 1, gray / 255),
    };
  });
}

function append(before: ToyPrompt | null, pieces: readonly Piece[]): ToyPrompt {
  const start = before?.inputIds.length ?? 0;
  const characters = [...(before?.characters ?? [0])];
  for (const { text } of pieces) characters.push((characters.at(-1) ?? 0) + text.length);
  const picture = pieces.flatMap(({ block }, i) => (block === 'I' ? [start + i] : []));
  const grid = { rows: 1, columns: picture.length };
  return {
    inputIds: [...(before?.inputIds ?? []), ...pieces.map((_, i) => start + i)],
    blocks: [...(before?.blocks ?? []), ...pieces.map(({ block }) => block)],
    text: (before?.text ?? '') + pieces.map(({ text }) => text).join(''),
    characters,
    images: [...(before?.images ?? []), ...(picture.length > 0 ? [{ tokens: picture, grid }] : [])],
    rows: Float64Array.from([...(before?.rows ?? []), ...pieces.flatMap(({ row }) => row)]),
    sampled: before?.sampled ?? [],
  };
}

function messagePieces({ role, content }: EpisodeMessage, isFirst: boolean): Piece[] {
  return content.flatMap((part) =>
    part.type === 'image'
      ? picturePieces(part.image)
      : wordPieces(part.text, role === 'user' && isFirst ? 'R' : 'P'),
  );
}

/** Options: `favorsCalls` makes a first turn a call; `knowsLabels` makes it the right one. */
export function toyAgent(
  id: string,
  { favorsCalls = 0, knowsLabels = 0, readsGray = 0 } = {},
): Student<ToyPrompt> & { readonly weights: Float32Array } {
  const weights = new Float32Array(blockNames.length * width * size);
  const place = (block: (typeof blockNames)[number], feature: number, token: number): number =>
    (blockNames.indexOf(block) * width + feature) * size + token;
  for (let token = 0; token < 3; token++) {
    // 'T' holds one word in every prompt: a bias. A cropped picture outweighs it.
    weights[place('T', 3, token)] = favorsCalls;
    weights[place('R', token, token)] = knowsLabels;
    for (let level = 0; level < levels.length; level++) {
      weights[place('I', 4 + level, token)] = -favorsCalls - knowsLabels;
      weights[place('I', 4 + level, 4 + level)] = favorsCalls + readsGray;
    }
  }

  const probabilitiesOf = (
    rows: Float64Array | Float32Array,
    blocks: ToyPrompt['blocks'],
  ): number[] => {
    const logits = new Array<number>(size).fill(0);
    for (const [i, block] of blocks.entries()) {
      if (block === null) continue;
      for (let feature = 0; feature < width; feature++) {
        const value = rows[i * width + feature]!;
        if (value === 0) continue;
        for (let v = 0; v < size; v++) logits[v]! += value * weights[place(block, feature, v)]!;
      }
    }
    const greatest = Math.max(...logits);
    const powers = logits.map((logit) => Math.exp(logit - greatest));
    const total = powers.reduce((sum, power) => sum + power, 0);
    return powers.map((power) => power / total);
  };
  /** Every sampled token of a sequence with what it answered. */
  const turnsOf = ({ prompt, completion }: AgentSequence<ToyPrompt>) =>
    [...prompt.sampled, { at: prompt.inputIds.length, token: completion[0]! }].map(
      ({ at, token }) => {
        const [rows, blocks] = [prompt.rows.subarray(0, at * width), prompt.blocks.slice(0, at)];
        return { rows, blocks, token, probabilities: probabilitiesOf(rows, blocks) };
      },
    );
  const scoresOf = ({ count, tokens, completion, embeddings, prompt }: EmbeddingBatch<ToyPrompt>) =>
    Float64Array.from({ length: count * completion.length }, (_, at) => {
      const n = Math.floor(at / completion.length);
      const rows = embeddings.subarray(n * tokens * width, (n + 1) * tokens * width);
      return Math.log(probabilitiesOf(rows, prompt.blocks)[completion[at % completion.length]!]!);
    });

  return {
    id,
    weights,
    encode: async (messages, { tools = [] } = {}) =>
      append(null, [
        ...wordPieces('You answer questions .', 'P'),
        ...tools.map((tool): Piece => ({ text: tool.function.name, block: 'T', row: unit(3) })),
        ...messages.flatMap((message) => messagePieces(message, true)),
      ]),
    extend: async (prompt, { tokenIds }, messages) => {
      const token = tokenIds[0]!;
      const said: Piece = { text: vocabulary[token]!, block: null, row: unit(0, 0) };
      const next = append(prompt, [said, ...messages.flatMap((m) => messagePieces(m, false))]);
      return { ...next, sampled: [...prompt.sampled, { at: prompt.inputIds.length, token }] };
    },
    decode: (tokenIds) => tokenIds.map((token) => vocabulary[token]!).join(''),
    sample: async (prompts, { seeds, temperature = 1 }) =>
      prompts.map(({ rows, blocks }, p) => {
        const probabilities = probabilitiesOf(rows, blocks);
        return seeds[p]!.map((seed): AgentCompletion => {
          const place = seededRandom(seed).uniform();
          const sums = probabilities.map((_, v) =>
            probabilities.slice(0, v + 1).reduce((sum, p) => sum + p, 0),
          );
          const drawn = sums.findIndex((sum) => sum > place);
          const likeliest = probabilities.indexOf(Math.max(...probabilities));
          const token = temperature === 0 ? likeliest : drawn < 0 ? size - 1 : drawn;
          return {
            tokenIds: [token],
            text: vocabulary[token]!,
            logprobs: [Math.log(probabilities[token]!)],
            finishReason: 'stop',
          };
        });
      }),
    logprobs: async (sequences: readonly { prompt: ToyPrompt; completion: readonly number[] }[]) =>
      sequences.map((sequence) => {
        const turns = turnsOf(sequence);
        return {
          logprobs: turns.map(({ token, probabilities }) => Math.log(probabilities[token]!)),
          entropies: turns.map(({ probabilities }) =>
            probabilities.reduce((sum, p) => sum - p * Math.log(p), 0),
          ),
        };
      }),
    backward: async (sequences, cotangents, { entropyCotangents = null }) => {
      if (entropyCotangents !== null) throw new Error('the toy has no gradient of its entropy');
      const gradient = new Float64Array(weights.length);
      for (const [s, sequence] of sequences.entries()) {
        for (const [t, { rows, blocks, token, probabilities }] of turnsOf(sequence).entries()) {
          const factor = cotangents[s]![t]!;
          for (const [i, block] of blocks.entries()) {
            if (block === null) continue;
            for (let feature = 0; feature < width; feature++) {
              const value = rows[i * width + feature]! * factor;
              if (value === 0) continue;
              for (let v = 0; v < size; v++) {
                gradient[place(block, feature, v)]! +=
                  value * ((v === token ? 1 : 0) - probabilities[v]!);
              }
            }
          }
        }
      }
      return { gradients: { W: Float32Array.from(gradient) } };
    },
    parameters: () => ({ W: weights }),
    embed: ({ rows, inputIds }) => ({
      embeddings: rows.slice(),
      tokens: inputIds.length,
      hiddenSize: width,
    }),
    embeddingLogprobs: scoresOf,
    gradients: (batch: GradientBatch<ToyPrompt>) => {
      const { count, tokens, completion, embeddings, prompt, weights: factors } = batch;
      const gradients = new Float64Array(count * tokens * width);
      for (let n = 0; n < count; n++) {
        const rows = embeddings.subarray(n * tokens * width, (n + 1) * tokens * width);
        const probabilities = probabilitiesOf(rows, prompt.blocks);
        for (const [t, token] of completion.entries()) {
          for (const [i, block] of prompt.blocks.entries()) {
            if (block === null) continue;
            for (let feature = 0; feature < width; feature++) {
              let slope = 0;
              for (let v = 0; v < size; v++) {
                const error = (v === token ? 1 : 0) - probabilities[v]!;
                slope += weights[place(block, feature, v)]! * error;
              }
              gradients[(n * tokens + i) * width + feature]! +=
                factors[n * completion.length + t]! * slope;
            }
          }
        }
      }
      return { logprobs: scoresOf(batch), gradients };
    },
    embeddingStatistics: () => ({ mean: new Float64Array(width).fill(1 / width), medianNorm: 1 }),
  };
}

/** "value of B ?" about three bars of different grays; the answer is the gray of the named bar. */
export function toyTasks(count: number): IapoTask[] {
  return Array.from({ length: count }, (_, index) => {
    const random = seededRandom(1000 + index);
    const grays = levels
      .map((level) => [random.uniform(), level] as const)
      .sort(([a], [b]) => a - b)
      .map(([, level]) => level);
    const asked = index % labels.length;
    const picture = createRaster(12, 4);
    for (let at = 0; at < picture.data.length; at++) {
      picture.data[at] = grays[Math.floor((Math.floor(at / 3) % 12) / 4)]!;
    }
    const question = `value of ${labels[asked]} ?`;
    return {
      id: `toy-${index}`,
      question,
      answers: String(grays[asked]),
      toolNames: ['crop'],
      messages: [
        {
          role: 'user',
          content: [
            { type: 'image', image: picture },
            { type: 'text', text: question },
          ],
        },
      ],
    };
  });
}
