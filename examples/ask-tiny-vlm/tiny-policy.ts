import {
  AutoProcessor,
  cat,
  type Processor,
  Qwen2_5_VLForConditionalGeneration,
  RawImage,
  type Tensor,
} from '@huggingface/transformers';
import type { EpisodeMessage, EpisodePolicy, Raster, ToolDefinition } from '@iapo/vqa-tools';

/** Visual tokens of a picture of `grid` patches: two by two become one. */
const tokensOf = ([, rows = 0, columns = 0]: readonly number[]): number => (rows * columns) / 4;

/** Plays episodes with a model's folder in transformers.js, taking the most probable token each time. */
export async function loadPolicy(folder: string): Promise<EpisodePolicy> {
  const processor = await AutoProcessor.from_pretrained(folder, {});
  const model = await Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, { dtype: 'fp32' });
  return {
    async begin({ messages, tools }) {
      const said: EpisodeMessage[] = [...messages];
      const prompt = await encode(processor, said, tools);
      return {
        promptTokenIds: idsOf(prompt['input_ids']),
        async generate({ maxTokens }) {
          const inputs = await encode(processor, said, tools);
          const length = idsOf(inputs['input_ids']).length;
          const output = await model.generate({
            ...inputs,
            max_new_tokens: Math.min(32, maxTokens),
            do_sample: false,
          });
          const tokenIds = idsOf(output as Tensor).slice(length);
          const text = processor.tokenizer?.decode(tokenIds, { skip_special_tokens: true }) ?? '';
          said.push({ role: 'assistant', content: [{ type: 'text', text }] });
          // transformers.js gives no log-probabilities; nothing here needs them.
          return { text, tokenIds, logprobs: tokenIds.map(() => 0), finishReason: 'stop' };
        },
        async observe(added) {
          const before = idsOf((await encode(processor, said, tools))['input_ids']).length;
          said.push(...added);
          return idsOf((await encode(processor, said, tools))['input_ids']).slice(before);
        },
      };
    },
  };
}

/** Renders the chat, and prepares its pictures one by one: together they would count as a video. */
async function encode(
  processor: Processor,
  messages: readonly EpisodeMessage[],
  tools: readonly ToolDefinition[],
): Promise<Record<string, Tensor>> {
  const images = messages.flatMap(({ content }) =>
    content.flatMap((part) => (part.type === 'image' ? [part.image] : [])),
  );
  const prepared = await Promise.all(
    images.map((image) => processor.image_processor?.(toRaw(image))),
  );
  const grids = prepared.map(({ image_grid_thw }) => idsOf(image_grid_thw));
  const chat = messages.map(({ role, content }) => ({
    role,
    content: content.map((part) => (part.type === 'image' ? { type: 'image' } : part)),
  }));
  const text = String(
    processor.apply_chat_template(chat as never, {
      tools: [...tools],
      add_generation_prompt: true,
      tokenize: false,
    }),
  );
  let next = 0;
  const expanded = text.replaceAll('<|image_pad|>', (pad) =>
    pad.repeat(tokensOf(grids[next++] ?? [])),
  );
  return {
    ...processor.tokenizer?.(expanded),
    pixel_values: cat(
      prepared.map(({ pixel_values }) => pixel_values),
      0,
    ),
    image_grid_thw: cat(
      prepared.map(({ image_grid_thw }) => image_grid_thw),
      0,
    ),
  };
}

function toRaw({ data, width, height, channels }: Raster): RawImage {
  return new RawImage(new Uint8ClampedArray(data), width, height, channels);
}

function idsOf(tensor: Tensor | undefined): number[] {
  return Array.from((tensor?.data ?? []) as ArrayLike<bigint>, Number);
}
