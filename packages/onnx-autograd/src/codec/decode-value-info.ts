import { appendRange, type ByteRange } from './byte-source.js';
import { elementTypeOfCode } from './element-types.js';
import type { Dimension, ValueInfo } from './model.js';
import { type WireReader, wireTypes } from './wire-reader.js';

const { varint, lengthDelimited } = wireTypes;

type TensorType = Pick<ValueInfo, 'type' | 'shape'>;

const unknownType: TensorType = { type: undefined, shape: undefined };

/** Parses a ValueInfoProto. */
export function readValueInfo(reader: WireReader): ValueInfo {
  const other: ByteRange[] = [];
  let name = '';
  let tensorType = unknownType;
  let encodedType: ByteRange | undefined;
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    if (field === 1 && wireType === lengthDelimited) name = reader.string();
    else if (field === 2 && wireType === lengthDelimited) {
      // The same bytes twice: once as a place to copy from, once for what they mean.
      encodedType = reader.range();
      tensorType = reader.within(encodedType, readType);
    } else appendRange(other, reader.skip(wireType, start));
  }
  return { name, ...tensorType, encodedType, other };
}

function readType(reader: WireReader): TensorType {
  let result = unknownType;
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    if (field === 1 && wireType === lengthDelimited) result = reader.message(readTensorType);
    else reader.skip(wireType, start);
  }
  return result;
}

function readTensorType(reader: WireReader): TensorType {
  let { type, shape } = unknownType;
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    if (field === 1 && wireType === varint) type = elementTypeOfCode(reader.safeInteger());
    else if (field === 2 && wireType === lengthDelimited) shape = reader.message(readShape);
    else reader.skip(wireType, start);
  }
  return { type, shape };
}

function readShape(reader: WireReader): Dimension[] {
  const shape: Dimension[] = [];
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    if (field === 1 && wireType === lengthDelimited) shape.push(reader.message(readDimension));
    else reader.skip(wireType, start);
  }
  return shape;
}

function readDimension(reader: WireReader): Dimension {
  let dimension: Dimension = '';
  while (!reader.atEnd) {
    const { field, wireType, start } = reader.tag();
    if (field === 1 && wireType === varint) {
      const size = reader.safeInteger();
      // Some exporters write -1 for a size that they do not know.
      dimension = size < 0 ? '' : size;
    } else if (field === 2 && wireType === lengthDelimited) dimension = reader.string();
    else reader.skip(wireType, start);
  }
  return dimension;
}
