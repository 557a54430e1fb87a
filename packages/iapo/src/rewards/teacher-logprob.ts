import { type ToolTable, toolDefinitions } from '@iapo/vqa-tools';
import { IapoError } from '../errors.js';
import { attemptsCall } from '../explain/call-span.js';
import { translateCall } from '../explain/translate-call.js';
import type { AgentPrompt, PromptEncoder, ScoringModel } from '../model/agent-model.js';
import type { EpisodeReward } from './episode-reward.js';

/**
 * The teacher's own log-probability of the student's call, nats: the plainest dense reward that a teacher can give,
 * and so what an attribution penalty has to beat. `null` for an episode without a call.
 *
 * @param options.reduce `mean` over the call's tokens (default, so that long calls are not worse), or their `sum`.
 */
export function teacherLogprob<Prompt extends AgentPrompt, TeacherPrompt extends AgentPrompt>(
  student: Pick<PromptEncoder<Prompt>, 'decode'>,
  teacher: PromptEncoder<TeacherPrompt> & ScoringModel<TeacherPrompt>,
  { tools, reduce = 'mean' }: { readonly tools: ToolTable; readonly reduce?: 'mean' | 'sum' },
): EpisodeReward<Prompt> {
  return {
    name: 'teacher_logprob',
    async values(inputs, { signal }) {
      const values: (number | null)[] = [];
      for (const { episode } of inputs) {
        if (!attemptsCall(episode)) {
          values.push(null);
          continue;
        }
        const { messages, toolNames } = episode.task;
        const prompt = await teacher.encode(messages, { tools: toolDefinitions(tools, toolNames) });
        const completion = translateCall(student, teacher, episode.firstTurn.tokenIds);
        const [scores] = await teacher.logprobs([{ prompt, completion }], {
          ...(signal === undefined ? {} : { signal }),
        });
        if (scores === undefined || scores.logprobs.length !== completion.length) {
          throw new IapoError(
            'model-output',
            `The teacher "${teacher.id}" gave ${scores?.logprobs.length ?? 'no'} log-probabilities for ${completion.length} tokens.`,
          );
        }
        const sum = Array.from(scores.logprobs).reduce((total, value) => total + value, 0);
        values.push(reduce === 'sum' ? sum : sum / completion.length);
      }
      return values;
    },
  };
}
