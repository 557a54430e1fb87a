// One tool call, explained by five methods. Only the name changes; so does the model.
import {
  type AttributionInput,
  type AttributionMethodName,
  type AttributionModel,
  attribute,
  faithfulness,
} from '@iapo/attribution';
import { copyingExample } from './copying-example.js';
import { fixtureExample } from './fixture-example.js';

const methods: readonly AttributionMethodName[] = [
  'integratedGradients',
  'inputXGradient',
  'leaveOneOut',
  'shapley',
  'kernelShap',
];

async function explain<Prompt>(
  title: string,
  model: AttributionModel<Prompt>,
  input: AttributionInput<Prompt>,
): Promise<void> {
  const results = [];
  for (const method of methods) results.push(await attribute(model, input, { method }));
  const [first] = results;
  const names = first!.blocks.map(({ name }) => name.padStart(9)).join('');
  console.log(`${title}\n`);
  console.log(`${'method'.padEnd(20)}${names}  adds up  forwards  backwards  seconds  agreement`);
  for (const { method, blocks, completeness, cost } of results) {
    const result = results.find((entry) => entry.method.name === method.name)!;
    const agreement = faithfulness.agreement(first!, result).blocks;
    const columns = [
      completeness === null ? '–' : completeness.converged ? 'yes' : 'no',
      String(cost.forwards),
      String(cost.backwards),
      cost.seconds.toFixed(2),
      agreement === null ? '–' : agreement.toFixed(2),
    ];
    const widths = [9, 10, 11, 9, 11];
    console.log(
      method.name.padEnd(20) +
        blocks.map(({ score }) => (score ?? 0).toFixed(2).padStart(9)).join('') +
        columns.map((text, column) => text.padStart(widths[column]!)).join(''),
    );
  }
  console.log('');
}

const copying = copyingExample();
await explain('A hand-written model calls: focus ( red )', copying.model, copying.input);

const fixture = await fixtureExample();
try {
  await explain('Qwen2.5-VL with random weights calls: zoom_in', fixture.model, fixture.input);
} finally {
  await fixture.model.dispose();
}
console.log(
  'Scores of blocks in nats of log p(call). Agreement: rank correlation with the first row.',
);
