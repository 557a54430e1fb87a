import type { AttributionInput } from '@iapo/attribution';
import { copyingModel } from './copying-model.js';

const prompt = {
  P: 'You answer questions about charts .'.split(' '),
  T: 'tools : focus ( color ) zoom ( box )'.split(' '),
  I: Array.from({ length: 9 }, (_, patch) => `patch-${patch}`),
  R: 'What is the value of the red bar ?'.split(' '),
};

/** The call `focus ( red )` after a prompt that names the tool in one block and the color in another. */
export function copyingExample(): {
  model: ReturnType<typeof copyingModel>;
  input: AttributionInput<readonly string[]>;
} {
  const words = Object.values(prompt).flat();
  const model = copyingModel([...new Set([...words, 'green', 'blue', 'crop'])]);
  return {
    model,
    input: {
      prompt: words,
      completion: model.idsOf(['focus', '(', 'red', ')']),
      blocks: Object.entries(prompt).flatMap(([block, tokens]) => tokens.map(() => block)),
      tokens: words.map((word) => `${word} `),
    },
  };
}
