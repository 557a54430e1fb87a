import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type EncodedPrompt, type LoadOptions, type Message, OnnxVlm } from '@iapo/vlm-adapters';

/** The random-weight models of the repository with the numbers that PyTorch computed on the same weights. */
export function familyFolder(family: string): string {
  return fileURLToPath(new URL(`../../../../fixtures/models/${family}/`, import.meta.url));
}

/** The references of a family; their structure is described in its README. */
export function readReferences(family: string): Record<string, never> {
  return JSON.parse(readFileSync(`${familyFolder(family)}references.json`, 'utf8'));
}

/** Walks into references. @throws {Error} Naming the key that is not there. */
export function pick<T>(value: unknown, ...path: readonly (string | number)[]): T {
  let inner: unknown = value;
  for (const key of path) {
    if (typeof inner !== 'object' || inner === null || !(key in inner)) {
      throw new Error(`The references have no ${path.join('.')} (at ${key}).`);
    }
    inner = Reflect.get(inner, key);
  }
  // What is there is described in the family's README.
  return inner as T;
}

/** The references' arrays: safetensors of float32. */
export function readArrays(
  family: string,
): ((name: string) => Float32Array) & { readonly has: (name: string) => boolean } {
  const bytes = readFileSync(`${familyFolder(family)}references.safetensors`);
  const length = Number(bytes.readBigUInt64LE(0));
  const header: unknown = JSON.parse(bytes.toString('utf8', 8, 8 + length));
  const read = (name: string): Float32Array => {
    const [start, end] = pick<[number, number]>(header, name, 'data_offsets');
    const base = bytes.byteOffset + 8 + length;
    return new Float32Array(bytes.buffer.slice(base + start, base + end));
  };
  const has = (name: string): boolean => Object.hasOwn(Object(header), name);
  return Object.assign(read, { has });
}

export function loadFixture(family: string, options: LoadOptions = {}): Promise<OnnxVlm> {
  return OnnxVlm.load(familyFolder(family), { worker: false, ...options });
}

/** Messages of the references, whose image parts name no picture, with pictures put in. */
export function withImages(messages: readonly Message[], paths: readonly string[]): Message[] {
  let next = 0;
  return messages.map((message) =>
    typeof message.content === 'string'
      ? message
      : {
          ...message,
          content: message.content.map((part) =>
            part.type === 'image' ? { type: 'image', image: paths[next++] ?? '' } : part,
          ),
        },
  );
}

/** The same prompt with the features that the references hold, where another library resampled the pixels. */
export function withFeatures(prompt: EncodedPrompt, features: Float32Array): EncodedPrompt {
  let start = 0;
  const images = prompt.images.map((image) => {
    const own = { ...image, features: features.slice(start, start + image.features.length) };
    start += image.features.length;
    return own;
  });
  return { ...prompt, images };
}
