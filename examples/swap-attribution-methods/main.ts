// One tool call, explained by five methods. Only the name changes.
import { type AttributionMethodName, attribute, faithfulness } from '@iapo/attribution';
import { copyingModel } from './copying-model.js';

const prompt = {
  P: 'You answer questions about charts .'.split(' '),
  T: 'tools : focus ( color ) zoom ( box )'.split(' '),
  I: Array.from({ length: 9 }, (_, patch) => `patch-${patch}`),
  R: 'What is the value of the red bar ?'.split(' '),
};
const words = Object.values(prompt).flat();
const model = copyingModel([...new Set([...words, 'green', 'blue', 'crop'])]);
const input = {
  prompt: words,
  completion: model.idsOf(['focus', '(', 'red', ')']),
  blocks: Object.entries(prompt).flatMap(([block, tokens]) => tokens.map(() => block)),
  tokens: words.map((word) => `${word} `),
};
const methods: readonly AttributionMethodName[] = [
  'integratedGradients',
  'inputXGradient',
  'leaveOneOut',
  'shapley',
  'kernelShap',
];

const results = [];
for (const method of methods) results.push(await attribute(model, input, { method }));

const [reference] = results;
console.log('focus ( red ), by block\n');
console.log(
  'method                    P      T      I      R   adds up  forwards  backwards  agreement',
);
for (const result of results) {
  const scores = result.blocks.map(({ score }) => (score ?? 0).toFixed(2).padStart(7)).join('');
  const adds = result.completeness === null ? '–' : result.completeness.converged ? 'yes' : 'no';
  const { blocks } = faithfulness.agreement(reference!, result);
  console.log(
    `${result.method.name.padEnd(20)}${scores}  ${adds.padStart(7)}  ${String(result.cost.forwards).padStart(8)}  ${String(result.cost.backwards).padStart(9)}  ${blocks === null ? '–' : blocks.toFixed(2).padStart(9)}`,
  );
}
console.log(
  '\nscores in nats of log p(call); agreement: rank correlation of blocks with the first method',
);
