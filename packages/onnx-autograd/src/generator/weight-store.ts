import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { byteLengthOf, type ElementType, elementTypes } from '../codec/element-types.js';
import type { Tensor } from '../codec/model.js';
import { makeRawTensor } from '../codec/tensor-values.js';

/** External data starts at multiples of this, so that ONNX Runtime can map it. */
const alignment = 4096;

/** Fills the bytes of one tensor. */
export type Fill = (bytes: Uint8Array) => void;

/** Takes weights one at a time. */
export interface WeightStore {
  add(name: string, type: ElementType, dims: readonly number[], fill: Fill): Tensor;
  /** Finishes the file, if there is one. */
  close(): void;
}

function makeBytes(type: ElementType, dims: readonly number[], fill: Fill): Uint8Array {
  const bytes = new Uint8Array(
    byteLengthOf(
      type,
      dims.reduce((product, size) => product * size, 1),
    ),
  );
  fill(bytes);
  return bytes;
}

/** Keeps weights in memory. */
export function memoryStore(): WeightStore {
  return {
    add: (name, type, dims, fill) => makeRawTensor(name, type, dims, makeBytes(type, dims, fill)),
    close: () => {},
  };
}

/**
 * Writes weights to a file as they come, so that only one is in memory at a time. The file gets its name when
 * it is closed.
 */
export function fileStore(path: string): WeightStore {
  const temporary = `${path}.${process.pid}.tmp`;
  const descriptor = openSync(temporary, 'w');
  let position = 0;
  const abandon = (): void => {
    closeSync(descriptor);
    rmSync(temporary, { force: true });
  };
  return {
    add: (name, type, dims, fill) => {
      try {
        const bytes = makeBytes(type, dims, fill);
        const offset = Math.ceil(position / alignment) * alignment;
        let written = 0;
        while (written < bytes.length) {
          written += writeSync(
            descriptor,
            bytes,
            written,
            bytes.length - written,
            offset + written,
          );
        }
        position = offset + bytes.length;
        const data = {
          kind: 'external',
          location: basename(path),
          offset,
          length: bytes.length,
          entries: new Map<string, string>(),
        } as const;
        return { name, type, typeCode: elementTypes[type].code, dims, data, other: [] };
      } catch (error) {
        abandon();
        throw error;
      }
    },
    close: () => {
      fsyncSync(descriptor);
      closeSync(descriptor);
      renameSync(temporary, path);
    },
  };
}
