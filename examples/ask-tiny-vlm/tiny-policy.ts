import type { OnnxVlm } from '@iapo/vlm-adapters';
import type { EpisodePolicy } from '@iapo/vqa-tools';

/** Plays episodes with a model, taking the most probable token each time. */
export function greedyPolicy(model: OnnxVlm): EpisodePolicy {
  return {
    async begin({ messages, tools }) {
      let prompt = await model.encode(messages, { tools });
      let said: readonly number[] = [];
      return {
        promptTokenIds: [...prompt.inputIds],
        async generate({ maxTokens, signal }) {
          const options = { temperature: 0, maxNewTokens: Math.min(32, maxTokens), signal };
          const [[completion] = []] = await model.sample([prompt], options);
          if (completion === undefined) throw new Error('The model gave no completion.');
          said = completion.tokenIds;
          const { text, tokenIds, logprobs, finishReason } = completion;
          return {
            text,
            tokenIds,
            logprobs,
            finishReason: finishReason === 'stop' ? 'stop' : 'length',
          };
        },
        async observe(added) {
          const before = prompt.inputIds.length + said.length;
          prompt = await model.extend(prompt, { tokenIds: said }, added);
          return [...prompt.inputIds.slice(before)];
        },
      };
    },
  };
}
