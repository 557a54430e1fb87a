import { describe, expect, it } from 'vitest';
import type { ModelFiles } from '../../src/encode/model-files.js';
import { folderFiles } from '../../src/encode/model-files.js';
import { PromptProcessor } from '../../src/encode/prompt-processor.js';
import { modelFamilies } from '../../src/families/index.js';
import { familyFolder } from '../encode/support.js';
import { thumbnailVl } from './thumbnail-vl.js';

const smolVlm = folderFiles(familyFolder('smolvlm'));

/** A model of the made-up family: SmolVLM's text model with other pictures. */
const files: ModelFiles = {
  folder: null,
  id: 'thumbnail-vl',
  read: async (name) => {
    const bytes = await smolVlm.read(name);
    if (name === 'preprocessor_config.json') return Buffer.from('{"side": 8}');
    if (name !== 'config.json' || bytes === null) return bytes;
    const config = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return Buffer.from(JSON.stringify({ ...config, model_type: 'thumbnail_vl' }));
  },
};

describe('a sixth family', () => {
  it('is refused while it is in no table, with the way to add it', async () => {
    const load = PromptProcessor.load(files);
    await expect(load).rejects.toMatchObject({ code: 'unknown-family' });
    await expect(load).rejects.toThrow(/"thumbnail_vl".*qwen2_vl.*gemma3.*write a file/s);
  });

  it('needs its file and its line in the table', async () => {
    const families = { ...modelFamilies, thumbnailVl };
    const processor = await PromptProcessor.load(files, { families });
    const image = { width: 4, height: 2, channels: 3, data: new Uint8Array(24).fill(51) } as const;
    const content = [
      { type: 'text', text: 'Look: ' },
      { type: 'image', image },
    ] as const;
    const prompt = await processor.prepare([{ role: 'user', content }]);
    expect(prompt.text).toBe(
      '<|im_start|>User: Look: <global-img><image><image><image><image><global-img><end_of_utterance>\nAssistant:',
    );
    const [picture] = prompt.images;
    expect(prompt.blocks.join('')).toMatch(/^P+R+PIIIIP+$/);
    expect(picture?.tokens.length).toBe(4);
    expect(picture?.feeds['thumbnail']?.dims).toEqual([1, 3, 8, 8]);
    // 51 / 255
    expect(picture?.feeds['thumbnail']?.data).toEqual(new Float32Array(192).fill(0.2));
    expect(prompt.nextPosition).toBe(prompt.inputIds.length);
  });
});
