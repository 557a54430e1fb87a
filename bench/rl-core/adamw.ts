/**
 * Time of one AdamW step over 10 million parameters, on one core.
 *
 *   npx tsx bench/rl-core/adamw.ts
 */
import { AdamW } from '../../packages/rl-core/src/index.ts';

const PARAMETERS = 10_000_000;
const REPEATS = 25;
const WARM_UP = 5;

const wave = (frequency: number): Float32Array =>
  Float32Array.from({ length: PARAMETERS }, (_, i) => 0.1 * Math.sin(frequency * i));
const parameters = { weight: wave(1.1) };
const gradients = { weight: wave(1.7) };
const optimizer = new AdamW({ weightDecay: 0.01 });
const times: number[] = [];
for (let k = 0; k < WARM_UP + REPEATS; k += 1) {
  const start = performance.now();
  optimizer.step(parameters, gradients, { learningRate: 1e-3, gradientScale: 0.5 });
  if (k >= WARM_UP) times.push(performance.now() - start);
}
times.sort((a, b) => a - b);
console.log(
  `median ${times[REPEATS >> 1]?.toFixed(1)} ms, least ${times[0]?.toFixed(1)} ms for ${PARAMETERS} parameters`,
);
