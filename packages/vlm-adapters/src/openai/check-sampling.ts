import { VlmError } from '../errors.js';
import type { SamplingOptions } from '../types/model.js';

/** @throws {VlmError} `invalid-argument`, naming the option. */
export function checkSampling(prompts: number, options: SamplingOptions): void {
  const check = (name: keyof SamplingOptions, isGood: (value: number) => boolean, what: string) => {
    const value = options[name];
    if (value === undefined || (typeof value === 'number' && isGood(value))) return;
    throw new VlmError('invalid-argument', `\`${name}\` must be ${what}, got ${String(value)}.`);
  };
  const isCount = (value: number): boolean => Number.isSafeInteger(value) && value >= 1;
  check('n', isCount, 'a whole number of at least 1');
  check('maxNewTokens', isCount, 'a whole number of at least 1');
  check('temperature', (value) => value >= 0 && value < Number.POSITIVE_INFINITY, '0 or more');
  check('topP', (value) => value > 0 && value <= 1, 'above 0 and at most 1');
  check('minP', (value) => value >= 0 && value <= 1, 'from 0 to 1');
  check('topK', (value) => Number.isSafeInteger(value) && value >= 0, 'a whole number, 0 for all');
  check('repetitionPenalty', (value) => value > 0 && Number.isFinite(value), 'above 0');
  check('seed', Number.isSafeInteger, 'a whole number');
  const { seeds } = options;
  if (seeds === undefined) return;
  if (seeds.length !== prompts || !seeds.every((row) => row.every(Number.isSafeInteger))) {
    throw new VlmError(
      'invalid-argument',
      `\`seeds\` must hold a list of whole numbers for each of the ${prompts} prompts, got ${seeds.length} lists.`,
    );
  }
}

/** Whether tokens are drawn from the model's own distribution, unchanged. */
export function isPlain(options: SamplingOptions): boolean {
  if (options.useGenerationConfig === true) return false;
  const { temperature = 1, topP = 1, topK = 0, minP = 0, repetitionPenalty = 1 } = options;
  return temperature === 1 && topP === 1 && topK === 0 && minP === 0 && repetitionPenalty === 1;
}

/** The seed of one row, from the call's seed and the row's place (FNV-1a): positive and of 31 bits. */
export function rowSeed(options: SamplingOptions, prompt: number, sample: number): number {
  const given = options.seeds?.[prompt]?.[sample];
  if (given !== undefined) return given;
  let hash = 0x811c9dc5;
  for (const character of `${options.seed ?? 0}/${prompt}/${sample}`) {
    hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  }
  return hash & 0x7fffffff;
}
