import { fileURLToPath } from 'node:url';
import type { AttributionInput } from '@iapo/attribution';
import { type EncodedPrompt, OnnxVlm } from '@iapo/vlm-adapters';

/** A model of real architecture and random weights, in the layout that real ones have. */
const folder = fileURLToPath(new URL('../../fixtures/models/qwen2_5_vl/', import.meta.url));

const zoomIn = {
  type: 'function',
  function: {
    name: 'zoom_in',
    description: 'Crop a part of the image and enlarge it',
    parameters: {
      type: 'object',
      properties: { bbox: { type: 'array', items: { type: 'integer' } } },
      required: ['bbox'],
    },
  },
} as const;

/** A call of `zoom_in` after a real prompt: text, picture and tool definition, blocks from the chat template. */
export async function fixtureExample(): Promise<{
  model: OnnxVlm;
  input: AttributionInput<EncodedPrompt>;
}> {
  const model = await OnnxVlm.load(folder);
  const prompt = await model.encode(
    [
      { role: 'system', content: 'You answer questions about charts.' },
      {
        role: 'user',
        content: [
          { type: 'image', image: `${folder}chart.png` },
          { type: 'text', text: 'Which bar is the highest, and what is its value?' },
        ],
      },
    ],
    { tools: [zoomIn] },
  );
  const call =
    '<tool_call>\n{"name": "zoom_in", "arguments": {"bbox": [28, 14, 84, 70]}}\n</tool_call>';
  return {
    model,
    input: { prompt, completion: model.tokenize(call), blocks: prompt.blocks },
  };
}
