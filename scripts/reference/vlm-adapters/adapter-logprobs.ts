/**
 * The side of peft_round_trip.py that runs here: trains adapters of the tiny Qwen2.5-VL, scores and merges them.
 *
 *   npx tsx scripts/reference/vlm-adapters/adapter-logprobs.ts train FOLDER OPTIONS
 *   npx tsx scripts/reference/vlm-adapters/adapter-logprobs.ts score FOLDER
 *   npx tsx scripts/reference/vlm-adapters/adapter-logprobs.ts merge FOLDER OUTPUT
 *
 * Prints a JSON list of log-probabilities for each completion of the fixture's LoRA case.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  loadAdapter,
  type Message,
  mergeAdapter,
  OnnxVlm,
  type Sequence,
  saveAdapter,
} from '@iapo/vlm-adapters';

const family = fileURLToPath(new URL('../../../fixtures/models/qwen2_5_vl/', import.meta.url));
const references = JSON.parse(readFileSync(`${family}references.json`, 'utf8'));
const { lora, cotangents } = references;
const { messages, tools } = references.prompts[lora.prompt];

/** The fixture's conversation with its picture, and the completions after it. */
async function sequencesOf(model: OnnxVlm): Promise<Sequence[]> {
  const withPicture: Message[] = messages.map(({ role, content }: Message) => ({
    role,
    content: Array.isArray(content)
      ? content.map((part) =>
          part.type === 'image' ? { type: 'image', image: `${family}chart.png` } : part,
        )
      : content,
  }));
  const prompt = await model.encode(withPicture, { tools });
  return lora.completions.map((name: string) => ({
    prompt,
    completion: references.completions[name].ids,
  }));
}

/** Some steps of gradient ascent, each of length 1, so that A and B both move far. */
async function train(model: OnnxVlm, steps: number): Promise<void> {
  const sequences = await sequencesOf(model);
  const coefficients = sequences.map(({ completion }, row) =>
    Float32Array.from(cotangents.lora[row].slice(0, completion.length)),
  );
  for (let step = 0; step < steps; step++) {
    const { gradients } = await model.backward(sequences, coefficients, { wrt: 'adapter' });
    const all = Object.values(gradients);
    const norm = Math.sqrt(
      all.reduce((sum, values) => sum + values.reduce((part, value) => part + value ** 2, 0), 0),
    );
    for (const [name, values] of Object.entries(model.parameters())) {
      const gradient = gradients[name] ?? [];
      for (const [index, value] of values.entries()) {
        values[index] = value + (gradient[index] ?? Number.NaN) / norm;
      }
    }
    model.parametersChanged();
  }
}

async function print(model: OnnxVlm): Promise<void> {
  const scores = await model.logprobs(await sequencesOf(model));
  process.stdout.write(JSON.stringify(scores.map(({ logprobs }) => Array.from(logprobs))));
}

const [command, folder = '', argument = ''] = process.argv.slice(2);
if (command === 'train') {
  const model = await OnnxVlm.load(family, { worker: false, lora: JSON.parse(argument) });
  await train(model, 6);
  await saveAdapter(model, folder);
  await print(model);
} else if (command === 'score') {
  const model = await OnnxVlm.load(family, { worker: false });
  await loadAdapter(model, folder);
  await print(model);
} else if (command === 'merge') {
  await mergeAdapter({ model: family, adapter: folder, outputFolder: argument });
  await print(await OnnxVlm.load(argument, { worker: false }));
} else throw new Error('expected train, score or merge');
