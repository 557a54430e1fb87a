import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { folderFiles } from '../../src/encode/model-files.js';
import { PromptProcessor } from '../../src/encode/prompt-processor.js';
import type { ImageInput, Message } from '../../src/types/message.js';

export const families = ['qwen2_5_vl', 'qwen2_vl', 'qwen3_vl', 'smolvlm', 'gemma3'] as const;

/** Folder of a family's fixture, with a slash at its end. */
export function familyFolder(family: string): string {
  return fileURLToPath(new URL(`../../../../fixtures/models/${family}/`, import.meta.url));
}

export function loadProcessor(family: string): Promise<PromptProcessor> {
  return PromptProcessor.load(folderFiles(familyFolder(family)));
}

// References are plain JSON of several shapes; tests pick from them.
// biome-ignore lint/suspicious/noExplicitAny: the file's structure is described in the family's README
export function readReferences(family: string): any {
  return JSON.parse(readFileSync(`${familyFolder(family)}references.json`, 'utf8'));
}

/** The references' arrays: safetensors of float32. */
export function readArrays(family: string): (name: string) => Float32Array {
  const bytes = readFileSync(`${familyFolder(family)}references.safetensors`);
  const length = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length));
  return (name) => {
    const [start, end] = header[name].data_offsets;
    return new Float32Array(
      bytes.buffer.slice(
        bytes.byteOffset + 8 + length + start,
        bytes.byteOffset + 8 + length + end,
      ),
    );
  };
}

/** Messages of the references, whose image parts name no picture, with pictures put in. */
export function withImages(messages: readonly Message[], images: readonly ImageInput[]): Message[] {
  let next = 0;
  return messages.map((message) =>
    typeof message.content === 'string'
      ? message
      : {
          ...message,
          content: message.content.map((part) => {
            if (part.type !== 'image') return part;
            const image = images[next++ % images.length];
            if (image === undefined) throw new Error('a picture is missing');
            return { type: 'image', image };
          }),
        },
  );
}
