import { type Raster, runToolCall, VqaToolError } from '@iapo/vqa-tools';
import { type ChartToolName, type SmallChartTask, smallChartTools } from '../../src/index.js';

/** What the model is shown after its call: a text, and the edited picture if there is one. */
export interface Observation {
  readonly image: Raster | null;
  readonly text: string;
}

/** The words of `runEpisode` (a test compares them). */
export const successText = 'OBSERVATION: the tool ran.';

/** A call that failed, in the words of `runEpisode`. */
export function failureText(reason: string): string {
  return `OBSERVATION: the tool call failed (${reason}). Answer from what you see.`;
}

/** Runs a call of an offered tool as an episode does. */
export async function runCall(
  task: SmallChartTask,
  name: ChartToolName,
  argumentsValue: Readonly<Record<string, unknown>>,
): Promise<Observation> {
  const nowhere = { start: 0, end: 0 };
  const spans = { call: nowhere, name: nowhere, arguments: [] };
  try {
    const { image } = await runToolCall({ name, arguments: argumentsValue, spans }, task.image, {
      tools: smallChartTools,
      metadata: task.metadata,
    });
    return { image: image ?? null, text: successText };
  } catch (error) {
    if (!(error instanceof VqaToolError)) throw error;
    return { image: null, text: failureText(`${name}: ${error.message}`) };
  }
}
