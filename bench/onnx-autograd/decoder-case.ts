import {
  addLogProbabilities,
  addLora,
  findLinearNodes,
  gatherBeforeLastMatMul,
  keepOutputs,
  type OnnxModel,
  type TensorLike,
} from '@iapo/onnx-autograd';
import type { DecoderShape } from '@iapo/onnx-autograd/generator';

/** Shape M of the benches: about 31 million weights without `lm_head`. */
export const shapeM: DecoderShape = {
  layers: 8,
  hidden: 512,
  heads: 8,
  keyValueHeads: 2,
  feedForward: 1408,
  vocabulary: 8192,
};

/** Shape of a 3-billion-parameter model. */
export const shape3B: DecoderShape = {
  layers: 36,
  hidden: 2048,
  heads: 16,
  keyValueHeads: 2,
  feedForward: 11008,
  vocabulary: 151936,
};

/** The decoder cut down to log-probabilities. */
export function scoring(model: OnnxModel): OnnxModel {
  return keepOutputs(addLogProbabilities(gatherBeforeLastMatMul(model)), ['logprobs']);
}

/** LoRA branches of rank 8 beside all linear layers but `lm_head`, and the names of their matrices. */
export function withLora(model: OnnxModel): { model: OnnxModel; matrices: string[] } {
  const targets = findLinearNodes(model)
    .slice(0, -1)
    .map(({ output, weight }) => ({ output, name: weight, rank: 8, scaling: 2 }));
  const matrices = targets.flatMap(({ name }) => [
    `${name}.lora_A.weight`,
    `${name}.lora_B.weight`,
  ]);
  return { model: addLora(model, { targets }), matrices };
}

/** Feeds for one sequence whose last `scored` tokens are scored. */
export function feedsOf(
  model: OnnxModel,
  { hidden, keyValueHeads, heads, vocabulary }: DecoderShape,
  tokens: number,
  scored: number,
): Record<string, TensorLike> {
  const int64 = (dims: number[], value: (index: number) => number): TensorLike => {
    const count = dims.reduce((product, size) => product * size, 1);
    return {
      type: 'int64',
      dims,
      data: BigInt64Array.from({ length: count }, (_, index) => BigInt(value(index))),
    };
  };
  const float32 = (dims: readonly number[], value: (index: number) => number): TensorLike => {
    const count = dims.reduce((product, size) => product * size, 1);
    return {
      type: 'float32',
      dims,
      data: Float32Array.from({ length: count }, (_, index) => value(index)),
    };
  };
  const feeds: Record<string, TensorLike> = {};
  for (const { name, shape = [] } of model.graph.inputs) {
    if (name === 'inputs_embeds') feeds[name] = float32([1, tokens, hidden], Math.sin);
    else if (name === 'attention_mask') feeds[name] = int64([1, tokens], () => 1);
    else if (name === 'position_ids') feeds[name] = int64([1, tokens], (index) => index);
    else if (name === 'logit_positions') {
      feeds[name] = int64([scored, 2], (index) =>
        index % 2 === 0 ? 0 : tokens - 1 - scored + (index >> 1),
      );
    } else if (name === 'target_ids') feeds[name] = int64([scored], (index) => index % vocabulary);
    else if (name === 'temperature') feeds[name] = float32([], () => 1);
    else if (name === 'cotangent.logprobs') feeds[name] = float32([scored], () => 1);
    else if (name.startsWith('past_key_values.')) {
      feeds[name] = float32([1, keyValueHeads, 0, hidden / heads], () => 0);
    } else if (name.includes('.lora_'))
      feeds[name] = float32(shape.map(Number), (index) => Math.cos(index) * 0.02);
  }
  return feeds;
}
