// GRPO on the smallest problem there is: four arms, one of which pays. The policy is a table of four numbers.
import { AdamW, type Policy, seededRandom, train } from '@iapo/rl-core';

const logits = new Float32Array(4);
const sum = (values: readonly number[]): number => values.reduce((total, x) => total + x, 0);
const probabilities = (): number[] => {
  const weights = Array.from(logits, Math.exp);
  return weights.map((weight) => weight / sum(weights));
};
const draw = (seed: number): number => {
  const place = seededRandom(seed).uniform();
  return probabilities().findLastIndex((_, arm, p) => place >= sum(p.slice(0, arm)));
};
const policy: Policy<string, number> = {
  parameters: () => ({ logits }),
  sample: (_, { seeds }) =>
    seeds.map((group) => group.map((seed) => ({ sequence: draw(seed), length: 1 }))),
  logprobs: (arms) => arms.map((arm) => ({ logprobs: [Math.log(probabilities()[arm]!)] })),
  backward: (arms, cotangents) => {
    // ∂log p(arm)/∂logit = 1[arm] − p, times the cotangent that the loss gives.
    const slope = (p: number, k: number): number =>
      sum(arms.map((arm, i) => cotangents[i]![0]! * (Number(arm === k) - p)));
    return { logits: Float32Array.from(probabilities(), slope) };
  },
};
const run = train({
  policy,
  prompts: ['Which arm pays?'],
  rewards: { pays: (inputs) => inputs.map(({ sample }) => Number(sample.sequence === 2)) },
  steps: 40,
  learningRate: 0.2,
  optimizer: new AdamW(),
});
for await (const event of run) {
  if (event.type !== 'step-end' || event.step % 4 !== 0) continue;
  const reward = event.metrics.reward ?? 0;
  const bar = '█'.repeat(Math.round(40 * reward)).padEnd(40, '·');
  console.log(`step ${String(event.step).padStart(2)}  ${bar} ${reward.toFixed(2)}`);
}
