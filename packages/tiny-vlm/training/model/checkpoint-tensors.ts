import { decoderWeights, visionWeightShapes } from '@iapo/onnx-autograd/generator';
import { type Architecture, decoderOptions, visionOptions } from './architecture.js';
import type { NamedTensor } from './safetensors.js';
import { type Weights, weightSource } from './weights.js';

/** A model's weights as a Hugging Face checkpoint holds them, for Python transformers. */
export function checkpointTensors(
  architecture: Architecture,
  vocabulary: number,
  weights: Weights,
): NamedTensor[] {
  const source = weightSource(weights);
  const text = decoderWeights({ ...decoderOptions(architecture, vocabulary), source: () => {} });
  const shapes = new Map([...visionWeightShapes(visionOptions(architecture)), ...text.shapes]);
  shapes.set('model.embed_tokens.weight', [vocabulary, architecture.hidden]);
  return [...shapes].map(([name, shape]) => {
    const data = new Float32Array(shape.reduce((product, size) => product * size, 1));
    // The kernel of the patches is one matrix in a graph.
    const [first = 0, ...rest] = shape;
    const matrix = shape.length > 2 ? [first, rest.reduce((a, b) => a * b, 1)] : shape;
    source(name, matrix, 0, data);
    return { name, shape, data };
  });
}
