import type { AttributionModel, DifferentiableModel } from '@iapo/attribution';
import type { EncodedPrompt, OnnxVlm, OpenAiVlm, ServerPrompt } from '@iapo/vlm-adapters';
import { expectTypeOf, test } from 'vitest';
import type { AgentModel, AgentPrompt, ScoringModel } from '../../src/model/agent-model.js';
import type { ChatModel } from '../../src/rewards/model-call-judge.js';
import type { Student, Teacher } from '../../src/train/options.js';

/** Checked by the compiler: the packages know nothing of each other, and their objects fit all the same. */
test('an `OnnxVlm` fits what attribution, episodes and training ask of a model', () => {
  expectTypeOf<EncodedPrompt>().toExtend<AgentPrompt>();
  expectTypeOf<OnnxVlm>().toExtend<AttributionModel<EncodedPrompt>>();
  expectTypeOf<OnnxVlm>().toExtend<DifferentiableModel<EncodedPrompt>>();
  expectTypeOf<OnnxVlm>().toExtend<ScoringModel<EncodedPrompt>>();
  expectTypeOf<OnnxVlm>().toExtend<AgentModel<EncodedPrompt>>();
  expectTypeOf<OnnxVlm>().toExtend<Teacher<EncodedPrompt>>();
  expectTypeOf<OnnxVlm>().toExtend<Student<EncodedPrompt>>();
});

test('an `OpenAiVlm` fits what scoring asks of a model', () => {
  expectTypeOf<OpenAiVlm>().toExtend<ScoringModel<ServerPrompt>>();
  expectTypeOf<OpenAiVlm>().toExtend<ChatModel<ServerPrompt>>();
});
