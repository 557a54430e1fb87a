import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  AutoProcessor,
  AutoTokenizer,
  Qwen2_5_VLForConditionalGeneration,
  RawImage,
} from '@huggingface/transformers';
import { toolDefinitions } from '@iapo/vqa-tools';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SmallCharts, type SmallChartTask, smallChartTools } from '../src/index.js';
import { makeBatch } from '../training/data/batch.js';
import { encodeExample, encodePrompt, imageText } from '../training/data/example.js';
import { architectures } from '../training/model/architecture.js';
import { TrainableModel } from '../training/model/trainable-model.js';
import { writeModelFolder } from '../training/model/write-model.js';
import { renderChat } from '../training/text/chat-template.js';
import type { Tokenizer } from '../training/text/tokenizer.js';
import { makeTokenizer } from '../training/text/vocabulary.js';

interface Loaded {
  readonly folder: string;
  readonly tokenizer: Tokenizer;
  readonly model: TrainableModel;
}

let loaded: Loaded;

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tiny-vlm-'));
  const tokenizer = makeTokenizer();
  const model = await TrainableModel.create(architectures.miniature, tokenizer.size, { seed: 3 });
  writeModelFolder(folder, architectures.miniature, { tokenizer, weights: model.weights });
  loaded = { folder, tokenizer, model };
}, 60_000);

afterAll(async () => {
  await loaded.model.dispose();
  rmSync(loaded.folder, { recursive: true, force: true });
});

const tasks = new SmallCharts({ split: 'validation', seed: 'loading' }).tasks(20);

function messagesOf({ systemPrompt, request }: SmallChartTask) {
  return [
    { role: 'system', content: systemPrompt },
    { role: 'user', content: [{ type: 'image' }, { type: 'text', text: request }] },
  ];
}

function ownPrompt({ systemPrompt, request, toolNames }: SmallChartTask) {
  const turns = [
    { role: 'system' as const, text: systemPrompt },
    { role: 'user' as const, text: imageText + request },
  ];
  return { turns, tools: toolDefinitions(smallChartTools, toolNames) };
}

describe('a written model in transformers.js', () => {
  it('renders and encodes prompts as training does', async () => {
    const theirs = await AutoTokenizer.from_pretrained(loaded.folder);
    for (const task of tasks) {
      const { turns, tools } = ownPrompt(task);
      const text = theirs.apply_chat_template(messagesOf(task), {
        tools: [...tools],
        add_generation_prompt: true,
        tokenize: false,
      });
      expect(text).toBe(renderChat(turns, tools));
      expect(theirs.encode(String(text))).toEqual(loaded.tokenizer.encode(String(text)));
    }
  });

  it('encodes texts that training never sees', async () => {
    const theirs = await AutoTokenizer.from_pretrained(loaded.folder);
    for (const text of ['Überraschung, 128 Äpfel!', ' a_b "c" {d} [E] 😀\n\n x', '<tool_call>zz']) {
      expect(theirs.encode(text)).toEqual(loaded.tokenizer.encode(text));
      expect(loaded.tokenizer.decode(loaded.tokenizer.encode(text))).toBe(text);
    }
  });

  it('gives the log-probabilities of the training graph for a prompt with a picture', async () => {
    const processor = await AutoProcessor.from_pretrained(loaded.folder, {});
    const theirs = await Qwen2_5_VLForConditionalGeneration.from_pretrained(loaded.folder, {
      dtype: 'fp32',
    });
    const task = tasks[0]!;
    const { turns, tools } = ownPrompt(task);
    const { width, height, data } = task.image;
    const image = new RawImage(new Uint8ClampedArray(data), width, height, 3);
    const inputs = await processor(renderChat(turns, tools), image);
    const promptIds = encodePrompt(loaded.tokenizer, turns, tools);
    expect([...inputs.input_ids.data].map(Number)).toEqual(promptIds);

    const generated = await theirs.generate({ ...inputs, max_new_tokens: 6, do_sample: false });
    const all = [...(generated as { data: BigInt64Array }).data].map(Number);
    const completion = all.slice(promptIds.length);
    // Scored by the training graph, each generated token is the most probable one: its log-probability agrees
    // with the logits of transformers.js.
    const { logits } = await theirs(inputs);
    const last = (logits.data as Float32Array).slice(-loaded.tokenizer.size);
    const largest = Math.max(...last);
    const sum = last.reduce((total, logit) => total + Math.exp(logit - largest), 0);
    const example = encodeExample(
      loaded.tokenizer,
      [...turns.map((turn) => ({ ...turn })), { role: 'assistant', text: '', isLearned: true }],
      tools,
    );
    expect(example.ids.slice(0, promptIds.length)).toEqual(promptIds);
    const ids = [...promptIds, ...completion];
    const batch = makeBatch(loaded.tokenizer, [
      { ids, isTarget: ids.map((_, at) => at >= promptIds.length), images: [task.image] },
    ]);
    const logprobs = await loaded.model.logprobs(batch);
    expect(last.indexOf(largest)).toBe(completion[0]);
    expect(Math.abs(logprobs[0]! + Math.log(sum))).toBeLessThan(1e-4);
    await theirs.dispose();
  });
});
