import { describe, expect, it } from 'vitest';
import type { OnnxModel } from '../../src/codec/model.js';
import { WireWriter } from '../../src/codec/wire-writer.js';
import { createSession, differentiate, OnnxAutogradError, readModel } from '../../src/index.js';
import { floatData } from '../support/float-data.js';
import { cube } from './cube.js';

/**
 * y = Cube(x) with an operator of a made-up domain. ONNX Runtime can run it since the model brings its
 * definition as a function, x·x·x; this package does not look inside.
 */
function cubeModel(): OnnxModel {
  const node = (
    writer: WireWriter,
    operator: string,
    domain: string,
    inputs: string[],
    output: string,
  ): void => {
    for (const input of inputs) writer.stringField(1, input);
    writer.stringField(2, output);
    writer.stringField(3, output);
    writer.stringField(4, operator);
    if (domain !== '') writer.stringField(7, domain);
  };
  const opset = (writer: WireWriter, domain: string, version: number): void => {
    if (domain !== '') writer.stringField(1, domain);
    writer.varintField(2, version);
  };
  const value = (writer: WireWriter, name: string): void => {
    writer.stringField(1, name);
    writer.messageField(2, (type) => type.messageField(1, (tensor) => tensor.varintField(1, 1)));
  };
  const writer = new WireWriter();
  writer.varintField(1, 8);
  writer.messageField(7, (graph) => {
    graph.messageField(1, (inner) => node(inner, 'Cube', 'made.up', ['x'], 'y'));
    graph.stringField(2, 'cube');
    graph.messageField(11, (inner) => value(inner, 'x'));
    graph.messageField(12, (inner) => value(inner, 'y'));
  });
  writer.messageField(8, (inner) => opset(inner, '', 17));
  writer.messageField(8, (inner) => opset(inner, 'made.up', 1));
  writer.messageField(25, (definition) => {
    definition.stringField(1, 'Cube');
    definition.stringField(4, 'a');
    definition.stringField(5, 'c');
    definition.messageField(7, (inner) => node(inner, 'Mul', '', ['a', 'a'], 'b'));
    definition.messageField(7, (inner) => node(inner, 'Mul', '', ['a', 'b'], 'c'));
    definition.messageField(9, (inner) => opset(inner, '', 17));
    definition.stringField(10, 'made.up');
  });
  return readModel(writer.toBytes());
}

const x = Float32Array.of(-2, -0.5, 0, 1, 3);
const dy = Float32Array.of(1, 2, 3, 4, 0.5);

describe('a rule of one’s own', () => {
  it('is one function and one line', async () => {
    const derived = differentiate(cubeModel(), {
      outputs: ['y'],
      wrt: ['x'],
      rules: { 'made.up': { Cube: cube } },
    });
    await using session = await createSession(derived);
    const results = await session.run({
      x: { type: 'float32', dims: [5], data: x },
      'cotangent.y': { type: 'float32', dims: [5], data: dy },
    });
    expect([...floatData(results.y)]).toEqual([-8, -0.125, 0, 1, 27]);
    // 3x² dy, exact in float32
    expect([...floatData(results['gradient.x'])]).toEqual([12, 1.5, 0, 12, 13.5]);
  });

  it('is asked for by name where it is missing', () => {
    const attempt = (): unknown => differentiate(cubeModel(), { outputs: ['y'], wrt: ['x'] });
    expect(attempt).toThrow(OnnxAutogradError);
    expect(attempt).toThrow(/made\.up\.Cube.*node "y".*rules: \{ 'made\.up': \{ Cube: rule \} \}/);
  });
});
