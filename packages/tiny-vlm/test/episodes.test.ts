import { runEpisode, scriptedPolicy } from '@iapo/vqa-tools';
import { describe, expect, it } from 'vitest';
import { judgeCall, SmallCharts, smallChartTools } from '../src/index.js';
import { chartToolNames, labelsArgumentOf } from '../src/small-charts/tools.js';
import { observe } from '../training/episodes/observe.js';
import { callText } from '../training/text/chat-template.js';

const tasks = new SmallCharts({ split: 'validation', seed: 'episodes' }).tasks(40);

describe('observe', () => {
  it('shows what runEpisode shows, for calls that run, fail, or cannot be read', async () => {
    const kinds = { ran: 0, failed: 0, unread: 0, answer: 0 };
    for (const [index, task] of tasks.entries()) {
      const name = chartToolNames[index % chartToolNames.length]!;
      const texts = [
        callText(name, labelsArgumentOf(name), task.rightLabels),
        callText(name, labelsArgumentOf(name), ['Z']),
        callText(name, labelsArgumentOf(name), []),
        callText(name, 'rows_to_focus_on', task.rightLabels),
        '<tool_call>\n{"name": "focus',
        '47',
      ];
      for (const text of texts) {
        const { images, segments } = await runEpisode(
          scriptedPolicy([text, '0']),
          { id: task.id, messages: task.messages, metadata: task.metadata },
          { tools: smallChartTools, toolNames: task.toolNames },
        );
        const shown = segments[1];
        const observation = await observe(task, text);
        if (observation === null) {
          expect(shown).toBeUndefined();
          kinds.answer++;
          continue;
        }
        expect(observation.image).toEqual(images[1] ?? null);
        // The scripted policy's tokens hold the picture too.
        expect(shown?.text).toBe(observation.text);
        expect(judgeCall(task, text).willRun).toBe(observation.image !== null);
        if (observation.image !== null) kinds.ran++;
        else if (observation.text.includes('malformed')) kinds.unread++;
        else kinds.failed++;
      }
    }
    for (const count of Object.values(kinds)) expect(count).toBeGreaterThan(5);
  });
});
