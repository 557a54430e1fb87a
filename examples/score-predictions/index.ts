// Scores predictions: `npm start -- [file.jsonl] [scorer] [extractor]`. Each line is
// {"prediction": text or null, "answers": text or list, "question": text}.

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import {
  answerExtractors,
  type Score,
  type ScoreInput,
  scorers,
  summarizeScores,
} from '@iapo/vqa-tools';

const [
  file = fileURLToPath(new URL('predictions.jsonl', import.meta.url)),
  scorerName = 'chartqa',
  extractorName = 'refocus',
] = process.argv.slice(2);
const scorer = pick(scorers, scorerName, 'scorer');
const extract = pick(answerExtractors, extractorName, 'extractor');

const scores: Score[] = [];
for await (const line of createInterface({ input: createReadStream(file) })) {
  if (line.trim() === '') continue;
  const { prediction, ...rest }: ScoreInput = JSON.parse(line);
  const answer = typeof prediction === 'string' ? extract(prediction) : prediction;
  // A reply without an answer is wrong; only a missing reply has no score.
  const text =
    typeof answer === 'string' ? answer.replace(/\.$/, '') : prediction === null ? null : '';
  const score = await scorer.score({ ...rest, prediction: text });
  scores.push(score);
  if (score.score === null) console.log(`no score: ${score.reason}`);
}
const { mean, interval, count, unscorable } = summarizeScores(scores);
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
console.log(`${scorer.name}: ${scorer.description}`);
console.log(`${count - unscorable} of ${count} scored`);
if (mean !== null && interval !== null) {
  console.log(`accuracy ${percent(mean)} (95 % interval ${interval.map(percent).join(' to ')})`);
}

function pick<Value>(table: Readonly<Record<string, Value>>, name: string, kind: string): Value {
  const found = Object.hasOwn(table, name) ? table[name] : undefined;
  if (found === undefined)
    throw new Error(`Unknown ${kind} "${name}". Known: ${Object.keys(table).join(', ')}.`);
  return found;
}
