// Samples four answers to a question about a picture, prints the log-probability of each token, and how much the
// prompt's blocks (P rules, R request, I picture, T tools) move the likeliest answer.
//   npm start                                                  the tiny random-weight Qwen2.5-VL of the fixtures
//   npm start -- path/to/model path/to/picture.png "question"  any folder in the layout of transformers.js
import { fileURLToPath } from 'node:url';
import { type Block, type Completion, OnnxVlm, type ToolDefinition } from '@iapo/vlm-adapters';

const fixture = fileURLToPath(new URL('../../fixtures/models/qwen2_5_vl/', import.meta.url));
const [folder = fixture, image = `${fixture}chart.png`, question = 'Which bar is the highest?'] =
  process.argv.slice(2);

const zoom: ToolDefinition = {
  type: 'function',
  function: {
    name: 'zoom',
    description: 'Enlarges a part of the picture.',
    parameters: {
      type: 'object',
      properties: { box: { type: 'array', items: { type: 'number' }, minItems: 4, maxItems: 4 } },
      required: ['box'],
    },
  },
};

await using model = await OnnxVlm.load(folder);
const prompt = await model.encode(
  [
    {
      role: 'user',
      content: [
        { type: 'image', image },
        { type: 'text', text: question },
      ],
    },
  ],
  { tools: [zoom] },
);
const [completions = []] = await model.sample([prompt], { n: 4, maxNewTokens: 8, seed: 1 });
const scores = await model.logprobs(
  completions.map(({ tokenIds }) => ({ prompt, completion: tokenIds })),
);

for (const [index, { tokenIds, finishReason }] of completions.entries()) {
  const total = scores[index]?.logprobs.reduce((sum, value) => sum + value, 0) ?? Number.NaN;
  console.log(`sample ${index + 1} (${finishReason}), log p = ${total.toFixed(2)} nats`);
  for (const [token, id] of tokenIds.entries()) {
    const logprob = scores[index]?.logprobs[token] ?? Number.NaN;
    console.log(`  ${logprob.toFixed(2).padStart(7)}  ${JSON.stringify(model.decode([id]))}`);
  }
}

/** Sum of log-probabilities: what `sample` returned, of the model's own distribution. */
const likelihood = ({ modelLogprobs }: Completion): number =>
  modelLogprobs.reduce((sum, value) => sum + value, 0);
const likeliest = completions.reduce((a, b) => (likelihood(b) > likelihood(a) ? b : a));

// d log p(answer) / d embedding of each prompt token; its length says how much the token moves the answer.
const { gradients } = await model.backward(
  [{ prompt, completion: likeliest.tokenIds }],
  [new Float32Array(likeliest.tokenIds.length).fill(1)],
  { wrt: 'promptEmbeddings' },
);
const gradient = gradients[0] ?? new Float32Array();
const hidden = gradient.length / prompt.inputIds.length;
const names: Record<Block, string> = { P: 'rules', R: 'request', I: 'picture', T: 'tools' };
const norms: Record<Block, number> = { P: 0, R: 0, I: 0, T: 0 };
for (const [token, block] of prompt.blocks.entries()) {
  norms[block] += Math.hypot(...gradient.subarray(token * hidden, (token + 1) * hidden));
}
const all = norms.P + norms.R + norms.I + norms.T;

console.log(`\nWhat moves sample ${completions.indexOf(likeliest) + 1}:`);
for (const block of ['T', 'R', 'I', 'P'] as const) {
  const tokens = prompt.blocks.filter((other) => other === block).length;
  const share = (100 * norms[block]) / all;
  const bar = '█'.repeat(Math.round(share / 2));
  console.log(
    `  ${names[block].padEnd(8)} ${String(tokens).padStart(4)} tokens ${share.toFixed(1).padStart(5)} % ${bar}`,
  );
}
