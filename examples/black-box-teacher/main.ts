// A teacher that is seen from outside only: a server with OpenAI's chat interface scores calls, and leaving out parts
// of the prompt shows what drives them. The server here is our own, over the tiny teacher; vLLM takes its place with
// another address and the name of a model.
//   npm start -w examples/black-box-teacher
import { blackBoxTeacher, OnnxVlm, OpenAiVlm, trainIapo } from '@iapo/iapo';
import { SmallCharts, smallChartScorer, smallChartTools, tinyVlmPath } from '@iapo/tiny-vlm';
import { startScoringServer } from './scoring-server.js';

await using served = await OnnxVlm.load(tinyVlmPath('teacher'));
const server = await startScoringServer(served);
try {
  await using student = await OnnxVlm.load(tinyVlmPath('student'), {
    lora: { r: 16, alpha: 32, targetModules: 'all-linear' },
  });
  await using client = new OpenAiVlm({
    baseUrl: server.baseUrl,
    model: 'tiny-teacher',
    apiKey: null,
  });
  // Both are of one family: calls are handed over in the student's tokens.
  const teacher = blackBoxTeacher(client, { vocabulary: student });
  for await (const event of trainIapo({
    student,
    teacher,
    tasks: new SmallCharts({ split: 'train' }).tasks(100),
    steps: 3,
    promptsPerStep: 2,
    samplesPerPrompt: 4,
    learningRate: 1e-3,
    episode: { tools: smallChartTools, maxTurns: 2, maxTokensPerTurn: 48 },
    score: { scorer: smallChartScorer },
    reward: { lambda: 0.1 },
    explain: { attribution: 'shapley', allow: ['maskMode', 'baseline'] },
  })) {
    if (event.type === 'explanations-end') {
      console.log(
        `step ${event.step}  ${event.chosen} calls explained, ${event.failures.length} failures${event.failures.map(({ reason }) => `: ${reason}`).join('')}`,
      );
    }
    if (event.type !== 'step-end' || event.blocks === null) continue;
    for (const who of ['student', 'teacher'] as const) {
      const shares = Object.entries(event.blocks[who]);
      console.log(
        `  ${who}  ${shares.map(([name, share]) => `${name} ${(100 * share).toFixed(0).padStart(2)} %`).join('  ')}`,
      );
    }
  }
  console.log(`${server.requests()} requests to the server`);
} finally {
  await server.close();
}
