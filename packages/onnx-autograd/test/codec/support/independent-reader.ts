import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  createRegistry,
  type DescMessage,
  equals,
  fromBinary,
  isFieldSet,
  type Message,
} from '@bufbuild/protobuf';
import {
  file_onnx,
  type ModelProto,
  ModelProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
} from 'onnx-buf';
import { expect } from 'vitest';

/** Parses a model with onnx-buf, which shares no code with the codec. */
export function parseModel(bytes: Uint8Array): ModelProto {
  return fromBinary(ModelProtoSchema, bytes);
}

/** Puts the data of external tensors into the message, by this file's own reading of the entries. */
export function resolveExternalData(model: ModelProto, directory: string): ModelProto {
  forEachMessage(ModelProtoSchema, model, (schema, message) => {
    if (schema.typeName !== 'onnx.TensorProto') return;
    // The schema's name says which message it is.
    const tensor = message as TensorProto;
    if (tensor.dataLocation !== TensorProto_DataLocation.EXTERNAL) return;
    const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
    const file = readFileSync(join(directory, entries.get('location') ?? ''));
    const offset = Number(entries.get('offset') ?? 0);
    const length = Number(entries.get('length') ?? file.length - offset);
    expect(offset + length).toBeLessThanOrEqual(file.length);
    tensor.rawData = Uint8Array.from(file.subarray(offset, offset + length));
    tensor.externalData = [];
    tensor.dataLocation = TensorProto_DataLocation.DEFAULT;
  });
  return model;
}

/** Expects two models to be equal in every field, unknown ones included. */
export function expectSameModel(actual: ModelProto, expected: ModelProto): void {
  for (const model of [actual, expected]) forEachMessage(ModelProtoSchema, model, dropDefaults);
  const differences = differencesOf(ModelProtoSchema, actual, expected, 'model');
  expect(differences).toEqual([]);
  // The same once more by the library, in case the walk above overlooks a kind of field.
  expect(
    equals(ModelProtoSchema, actual, expected, {
      registry: createRegistry(file_onnx),
      unknown: true,
    }),
  ).toBe(true);
}

/** An empty string that is written out and one that is left out are the same to every reader. */
function dropDefaults(schema: DescMessage, message: Message): void {
  const fields = message as unknown as Record<string, unknown>;
  for (const field of schema.fields) {
    if (field.fieldKind === 'scalar' && isFieldSet(message, field)) {
      if (fields[field.localName] === '') delete fields[field.localName];
    }
    if (field.localName === 'dataLocation' && fields['dataLocation'] === 0) {
      delete fields['dataLocation'];
    }
  }
}

/** Calls `use` for a message and all messages inside. */
export function forEachMessage(
  schema: DescMessage,
  message: Message,
  use: (schema: DescMessage, message: Message) => void,
): void {
  use(schema, message);
  for (const { schema: inner, value } of messagesIn(schema, message)) {
    forEachMessage(inner, value, use);
  }
}

function messagesIn(
  schema: DescMessage,
  message: Message,
): { schema: DescMessage; value: Message }[] {
  const fields = message as unknown as Record<string, unknown>;
  return schema.members.flatMap((member) => {
    const value = fields[member.localName];
    if (member.kind === 'oneof') {
      const chosen = value as { case?: string; value?: unknown };
      const field = member.fields.find(({ localName }) => localName === chosen.case);
      return field?.fieldKind === 'message'
        ? [{ schema: field.message, value: chosen.value as Message }]
        : [];
    }
    if (value === undefined) return [];
    if (member.fieldKind === 'message')
      return [{ schema: member.message, value: value as Message }];
    if (member.fieldKind === 'list' && member.listKind === 'message') {
      return (value as Message[]).map((item) => ({ schema: member.message, value: item }));
    }
    return [];
  });
}

/** Paths at which two messages differ; the first twenty. */
function differencesOf(
  schema: DescMessage,
  actual: Message,
  expected: Message,
  path: string,
): string[] {
  const differences: string[] = [];
  const unknown = (message: Message): string =>
    JSON.stringify(
      (message.$unknown ?? []).map(({ no, wireType, data }) => [no, wireType, [...data]]),
    );
  if (unknown(actual) !== unknown(expected)) differences.push(`${path}: unknown fields`);
  const left = actual as unknown as Record<string, unknown>;
  const right = expected as unknown as Record<string, unknown>;
  for (const member of schema.members) {
    const here = `${path}.${member.localName}`;
    const [a, b] = [left[member.localName], right[member.localName]];
    const holdsMessages =
      member.kind === 'oneof' ||
      member.fieldKind === 'message' ||
      (member.fieldKind === 'list' && member.listKind === 'message');
    if (!holdsMessages && plain(a) !== plain(b)) differences.push(here);
    if (member.kind === 'oneof') {
      const [chosenA, chosenB] = [a as { case?: string; value?: unknown }, b as typeof a];
      const other = chosenB as { case?: string; value?: unknown };
      const isMessage = member.fields.some(
        ({ localName, fieldKind }) => localName === chosenA.case && fieldKind === 'message',
      );
      if (chosenA.case !== other.case) differences.push(here);
      else if (!isMessage && plain(chosenA.value) !== plain(other.value)) differences.push(here);
    }
  }
  const [inner, otherInner] = [messagesIn(schema, actual), messagesIn(schema, expected)];
  if (inner.length !== otherInner.length) differences.push(`${path}: number of messages`);
  for (const [index, { schema: innerSchema, value }] of inner.entries()) {
    const other = otherInner[index];
    if (other === undefined) break;
    if (other.schema !== innerSchema) differences.push(`${path}: kinds of messages`);
    else {
      differences.push(
        ...differencesOf(innerSchema, value, other.value, `${path}.${innerSchema.name}[${index}]`),
      );
    }
    if (differences.length > 20) break;
  }
  return differences;
}

function plain(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('base64');
  if (Array.isArray(value)) return value.map(plain).join(',');
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : `${value}`;
  return `${typeof value}:${String(value)}`;
}
