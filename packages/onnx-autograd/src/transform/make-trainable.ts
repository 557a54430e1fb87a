import type { OnnxModel } from '../codec/model.js';
import { listNames, OnnxAutogradError } from '../errors.js';

/**
 * Turns initializers into graph inputs of the same name, so that their values are fed with each run and an
 * update needs no new session. Their first values stay readable from the original model.
 *
 * @throws {OnnxAutogradError} `unknown-name` for a name that is no initializer.
 */
export function makeTrainable(model: OnnxModel, names: readonly string[]): OnnxModel {
  const { graph } = model;
  const wanted = new Set(names);
  const found = graph.initializers.filter(({ name }) => wanted.has(name));
  const missing = names.filter((name) => found.every((tensor) => tensor.name !== name));
  if (missing.length > 0) {
    throw new OnnxAutogradError(
      'unknown-name',
      `No initializers are named ${listNames(missing)}. Initializers: ${listNames(graph.initializers.map(({ name }) => name))}.`,
    );
  }
  const declared = new Set(graph.inputs.map(({ name }) => name));
  const added = found
    .filter(({ name }) => !declared.has(name))
    .map(({ name, type, dims }) => ({
      name,
      type,
      shape: dims,
      encodedType: undefined,
      other: [],
    }));
  return {
    ...model,
    graph: {
      ...graph,
      initializers: graph.initializers.filter(({ name }) => !wanted.has(name)),
      inputs: [...graph.inputs, ...added],
    },
  };
}
