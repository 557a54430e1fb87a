// Prints ‖d log p(answer) / d embedding‖ for each token of a prompt.
//   npm start                                       the tiny random-weight Qwen2.5-VL of the fixtures
//   npm start -- path/to/model "prompt" "answer"    any folder in the layout of transformers.js
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Tokenizer } from '@huggingface/tokenizers';
import * as autograd from '@iapo/onnx-autograd';
import { decoderFeeds, float32Data, int64 } from './decoder-feeds.js';

const fixture = fileURLToPath(new URL('../../fixtures/models/qwen2_5_vl', import.meta.url));
const [folder = fixture, prompt = 'Which bar is the highest?', answer = ' The highest bar is C.'] =
  process.argv.slice(2);
const read = (file: string) => JSON.parse(readFileSync(`${folder}/${file}`, 'utf8'));
const tokenizer = new Tokenizer(read('tokenizer.json'), read('tokenizer_config.json'));
const encode = (text: string): number[] =>
  tokenizer.encode(text, { add_special_tokens: false }).ids;
const ids = encode(prompt + answer);
const promptLength = encode(prompt).length;

// The decoder, cut down to the log-probabilities of the answer, and its gradient.
const decoder = autograd.chooseBranches(
  autograd.readModel(`${folder}/onnx/decoder_model_merged.onnx`),
);
const scores = autograd.addLogProbabilities(autograd.gatherBeforeLastMatMul(decoder));
const graph = autograd.differentiate(autograd.keepOutputs(scores, ['logprobs']), {
  outputs: ['logprobs'],
  wrt: ['inputs_embeds'],
});
await using embedding = await autograd.createSession(
  autograd.readModel(`${folder}/onnx/embed_tokens.onnx`),
);
await using session = await autograd.createSession(graph);
const { inputs_embeds: embeddings } = await embedding.run({
  input_ids: int64([1, ids.length], ids),
});
if (embeddings === undefined) throw new Error('embed_tokens.onnx has no output inputs_embeds');
const results = await session.run(decoderFeeds(graph, embeddings, ids, promptLength));
const logprobs = float32Data(results.logprobs);
const gradient = float32Data(results['gradient.inputs_embeds']);

const total = logprobs.reduce((sum, value) => sum + value, 0);
console.log(
  `log p(${JSON.stringify(answer)} | ${JSON.stringify(prompt)}) = ${total.toFixed(3)} nats\n`,
);
const width = gradient.length / ids.length;
const norms = ids
  .slice(0, promptLength)
  .map((_, token) => Math.hypot(...gradient.subarray(token * width, (token + 1) * width)));
for (const [token, norm] of norms.entries()) {
  const text = JSON.stringify(tokenizer.decode([ids[token] ?? 0])).padEnd(16);
  const bar = '█'.repeat(Math.round((30 * norm) / Math.max(...norms)));
  console.log(`${text} ${norm.toFixed(3).padStart(9)} ${bar}`);
}
