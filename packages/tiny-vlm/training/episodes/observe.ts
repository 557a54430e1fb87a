import { parseToolCalls } from '@iapo/vqa-tools';
import { type SmallChartTask, smallChartTools } from '../../src/index.js';
import { isChartToolName } from '../../src/small-charts/tools.js';
import { failureText, type Observation, runCall } from '../data/observation.js';

/**
 * Reads a first turn as `runEpisode` does (a test compares them): null where it is an answer, not a call.
 */
export async function observe(task: SmallChartTask, text: string): Promise<Observation | null> {
  const offered = Object.fromEntries(
    task.toolNames.map((name) => [name, smallChartTools[name]] as const),
  );
  const tools = Object.fromEntries(
    Object.entries(offered).flatMap(([name, tool]) => (tool === undefined ? [] : [[name, tool]])),
  );
  const { calls, failure } = parseToolCalls(text, { tools });
  if (failure?.kind === 'no-call') return null;
  if (failure !== null) {
    return { image: null, text: failureText(`${failure.kind}: ${failure.message}`) };
  }
  const call = calls[0];
  if (call === undefined || !isChartToolName(call.name)) return null;
  return await runCall(task, call.name, call.arguments);
}
