import type { GraphNode, Tensor } from '../codec/model.js';
import type { AttributeReader } from '../graph/attributes.js';
import type { SymbolSource, TensorInfo } from './tensor-info.js';

/** What an inference rule sees of its node. */
export interface InferenceContext {
  readonly node: GraphNode;
  readonly attributes: AttributeReader;
  readonly symbols: SymbolSource;
  /** Version of the node's operator set. */
  readonly opset: number;
  /** Input `index`, or `undefined` if it is left out. */
  input(index: number): TensorInfo | undefined;
  /** Elements of an input that is a known small integer tensor, all numbers. */
  constants(index: number): readonly number[] | undefined;
  /** Elements of an attribute tensor. */
  tensorValues(tensor: Tensor): readonly number[] | undefined;
}

/** What is known of the outputs; a missing entry means nothing is. */
export type InferenceRule = (context: InferenceContext) => readonly (TensorInfo | undefined)[];
