import type { AttributeValue } from './model.js';

/** AttributeProto.AttributeType codes of the kinds that are interpreted. */
export const attributeTypeCodes: Readonly<
  Record<Exclude<AttributeValue['kind'], 'opaque'>, number>
> = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
};

/** Field of AttributeProto that holds the value of each kind. */
export const attributeFields: typeof attributeTypeCodes = {
  float: 2,
  int: 3,
  string: 4,
  tensor: 5,
  graph: 6,
  floats: 7,
  ints: 8,
  strings: 9,
  tensors: 10,
  graphs: 11,
};
