import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { type GraphProtoSchema, type ModelProto, ModelProtoSchema } from 'onnx-buf';
import { forEachMessage } from './independent-reader.js';

type GraphInit = MessageInitShape<typeof GraphProtoSchema>;

/** A model around a graph, made by onnx-buf. */
export function makeModel(
  graph: GraphInit,
  rest: Exclude<MessageInitShape<typeof ModelProtoSchema>, ModelProto> = {},
): ModelProto {
  return create(ModelProtoSchema, {
    irVersion: 10n,
    opsetImport: [{ domain: '', version: 21n }],
    graph: { name: 'made', ...graph },
    ...rest,
  });
}

/** Its bytes. */
export function bytesOf(model: ModelProto): Uint8Array {
  return toBinary(ModelProtoSchema, model);
}

/** Adds two unknown fields to the model and to every message inside. */
export function addUnknownFields(model: ModelProto): number {
  let count = 0;
  forEachMessage(ModelProtoSchema, model, (_schema, message) => {
    count++;
    message.$unknown = [
      // A length-delimited field of three bytes, and a varint of 150.
      { no: 5000, wireType: 2, data: Uint8Array.of(3, count & 255, 2, 1) },
      { no: 4999, wireType: 0, data: Uint8Array.of(0x96, 0x01) },
    ];
  });
  return count;
}

const text = (value: string): Uint8Array<ArrayBuffer> => Uint8Array.from(Buffer.from(value));

const entry = (key: string): { key: string; value: string } => ({ key, value: `value of ${key}` });

const sparse = {
  values: { dims: [2n], dataType: 1, floatData: [1.5, -2.5], name: 'sparse' },
  indices: { dims: [2n], dataType: 7, int64Data: [0n, 3n] },
  dims: [2n, 2n],
};

const tensorType = {
  value: {
    case: 'tensorType' as const,
    value: {
      elemType: 1,
      shape: {
        dim: [
          { value: { case: 'dimValue' as const, value: 3n }, denotation: 'DATA_BATCH' },
          { value: { case: 'dimParam' as const, value: 'name' } },
          {},
          { value: { case: 'dimValue' as const, value: -1n } },
        ],
      },
    },
  },
  denotation: 'IMAGE',
};

const sequenceType = {
  value: { case: 'sequenceType' as const, value: { elemType: tensorType } },
};

const mapType = {
  value: { case: 'mapType' as const, value: { keyType: 8, valueType: sequenceType } },
};

const optionalType = {
  value: { case: 'optionalType' as const, value: { elemType: mapType } },
};

const sparseType = {
  value: { case: 'sparseTensorType' as const, value: { elemType: 1, shape: { dim: [{}] } } },
};

const subgraph = (name: string): GraphInit => ({
  name,
  docString: 'a branch',
  node: [{ opType: 'Identity', input: [`${name}.w`], output: [`${name}.y`] }],
  initializer: [{ name: `${name}.w`, dims: [2n], dataType: 1, floatData: [1, 2] }],
  sparseInitializer: [sparse],
  output: [{ name: `${name}.y`, type: tensorType }],
});

/** A model with every message and every field of ONNX 1.20, none of it meant to run. */
export function makeFullModel(): ModelProto {
  return makeModel(
    {
      docString: 'everything',
      node: [
        {
          opType: 'NobodyKnowsThis',
          domain: 'made.up',
          overload: 'variant',
          name: 'unknown operator',
          docString: 'a node',
          input: ['x', '', 'w'],
          output: ['y', ''],
          metadataProps: [entry('node')],
          deviceConfigurations: [
            {
              configurationId: 'devices',
              pipelineStage: 2,
              shardingSpec: [
                {
                  tensorName: 'w',
                  device: [0n, -1n],
                  indexToDeviceGroupMap: [{ key: -1n, value: [0n, 1n] }],
                  shardedDim: [
                    {
                      axis: 1n,
                      simpleSharding: [
                        { dim: { case: 'dimValue', value: 4n }, numShards: 2n },
                        { dim: { case: 'dimParam', value: 'n' }, numShards: 2n },
                      ],
                    },
                  ],
                },
              ],
            },
          ],
          attribute: [
            { name: 'float', type: 1, f: -0.1, docString: 'an attribute' },
            { name: 'int', type: 2, i: -(2n ** 63n) },
            { name: 'string', type: 3, s: Uint8Array.of(0, 255, 254, 7) },
            { name: 'tensor', type: 4, t: { dims: [], dataType: 11, doubleData: [0.1] } },
            { name: 'graph', type: 5, g: subgraph('one') },
            { name: 'floats', type: 6, floats: [1, Number.POSITIVE_INFINITY, -0] },
            { name: 'ints', type: 7, ints: [-1n, 0n, 2n ** 63n - 1n, 300n] },
            { name: 'strings', type: 8, strings: [text('größer'), text(''), Uint8Array.of(255)] },
            {
              name: 'tensors',
              type: 9,
              tensors: [
                { dims: [1n], dataType: 6, int32Data: [-1] },
                { dims: [1n], dataType: 13, uint64Data: [2n ** 64n - 1n] },
              ],
            },
            { name: 'graphs', type: 10, graphs: [subgraph('two'), subgraph('three')] },
            { name: 'sparse', type: 11, sparseTensor: sparse },
            { name: 'sparses', type: 12, sparseTensors: [sparse, sparse] },
            { name: 'type', type: 13, tp: optionalType },
            { name: 'types', type: 14, typeProtos: [tensorType, mapType] },
            { name: 'no values', type: 7, ints: [] },
            { name: 'reference', type: 2, refAttrName: 'outer' },
            { name: 'kind of the future', type: 99 as never, i: 3n, floats: [1] },
            { name: 'two values', type: 2, i: 3n, floats: [4, 5], strings: [text('six')] },
          ],
        },
      ],
      initializer: [
        {
          name: 'w',
          dims: [2n, 2n],
          dataType: 1,
          rawData: Uint8Array.from({ length: 16 }, (_, index) => index),
          docString: 'a weight',
          segment: { begin: 0n, end: 4n },
          metadataProps: [entry('tensor')],
        },
        { name: 'words', dims: [2n], dataType: 8, stringData: [text('a'), Uint8Array.of(255, 0)] },
        { name: 'nothing', dims: [0n, 5n], dataType: 1 },
        { name: 'type of the future', dims: [3n], dataType: 77, rawData: Uint8Array.of(1, 2) },
      ],
      sparseInitializer: [sparse],
      input: [
        { name: 'x', type: tensorType, docString: 'an input', metadataProps: [entry('input')] },
        { name: 'sequence', type: sequenceType },
        { name: 'map', type: mapType },
        { name: 'optional', type: optionalType },
        { name: 'sparse', type: sparseType },
        { name: 'untyped' },
      ],
      output: [{ name: 'y', type: tensorType }],
      valueInfo: [{ name: 'between', type: tensorType }],
      quantizationAnnotation: [
        { tensorName: 'w', quantParameterTensorNames: [entry('SCALE_TENSOR')] },
      ],
      metadataProps: [entry('graph')],
    },
    {
      opsetImport: [
        { domain: '', version: 21n },
        { domain: 'made.up', version: 3n },
      ],
      producerName: 'test',
      producerVersion: '1',
      domain: 'somewhere',
      modelVersion: -5n,
      docString: 'a model',
      metadataProps: [entry('model'), entry('model again')],
      trainingInfo: [
        {
          initialization: subgraph('initialization'),
          algorithm: subgraph('algorithm'),
          initializationBinding: [entry('binding')],
          updateBinding: [entry('update')],
        },
      ],
      functions: [
        {
          name: 'twice',
          domain: 'made.up',
          overload: 'variant',
          input: ['a'],
          output: ['b'],
          attribute: ['alpha'],
          attributeProto: [{ name: 'beta', type: 1, f: 2 }],
          node: [
            {
              opType: 'Mul',
              input: ['a', 'a'],
              output: ['b'],
              attribute: [{ name: 'alpha', type: 1, refAttrName: 'alpha' }],
            },
          ],
          docString: 'a function',
          opsetImport: [{ domain: '', version: 21n }],
          valueInfo: [{ name: 'a', type: tensorType }],
          metadataProps: [entry('function')],
        },
      ],
      configuration: [{ name: 'devices', numDevices: 2, device: ['CPU', 'GPU'] }],
    },
  );
}
