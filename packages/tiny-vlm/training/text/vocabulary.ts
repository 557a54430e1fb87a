import { toolDefinitions } from '@iapo/vqa-tools';
import { chartToolNames, SmallCharts, smallChartTools } from '../../src/index.js';
import { labelsArgumentOf } from '../../src/small-charts/tools.js';
import { runCall, successText } from '../data/observation.js';
import { allQuestions } from '../data/picture-questions.js';
import { callText, renderChat } from './chat-template.js';
import pieces from './pieces.json' with { type: 'json' };
import { pretokens } from './pretokens.js';
import { specialTokens } from './special-tokens.js';
import { Tokenizer } from './tokenizer.js';

/** Tasks whose texts are read: enough for every wording, tool and name to occur. */
const readTasks = 1500;

/** The tokenizer of all models. Its pieces are a file: another list would be another meaning of every id. */
export function makeTokenizer(): Tokenizer {
  return new Tokenizer(pieces);
}

/**
 * Collects the pieces of `pieces.json` from the texts of the training tasks: all of more than one byte that
 * occur in them, in alphabetical order. The tasks are made of few words, so that this is a short list.
 */
export async function collectPieces(): Promise<string[]> {
  const collected = new Set<string>();
  const add = (text: string): void => {
    const parts = specialTokens.reduce((rest, token) => rest.replaceAll(token, '\0'), text);
    for (const piece of parts.split('\0').flatMap(pretokens)) {
      if (Buffer.byteLength(piece) > 1) collected.add(piece);
    }
  };
  const tasks = new SmallCharts({ seed: 'vocabulary' }).tasks(readTasks);
  for (const { systemPrompt, request, content } of tasks) {
    const turns = [
      { role: 'system', text: systemPrompt },
      { role: 'user', text: request },
    ] as const;
    add(renderChat(turns));
    for (const { question, answer } of allQuestions(content)) {
      add(renderChat([{ role: 'user', text: question }]));
      add(answer);
    }
  }
  const definitions = toolDefinitions(smallChartTools);
  add(renderChat([{ role: 'system', text: 'You' }], definitions));
  for (const name of chartToolNames) add(callText(name, labelsArgumentOf(name), ['A', 'B', 'C']));
  add(successText);
  for (const task of tasks.slice(0, 100)) {
    for (const name of task.toolNames) {
      const { text } = await runCall(task, name, { [labelsArgumentOf(name)]: task.rightLabels });
      add(text);
    }
  }
  return [...collected].sort();
}
