import { readFileSync } from 'node:fs';
import { describe, it } from 'vitest';
import { type EngineCorrectionMode, policyLoss } from '../src/index.js';
import { expectAllClose, expectRowsClose } from './close.js';
import { type NumberRows, type Numbers, optionsOf } from './policy-cases.js';

// Written by scripts/reference/rl-core/trl_losses.py in this layout: TRL's own methods in float64.
const reference = JSON.parse(
  readFileSync(new URL('./fixtures/trl-losses.json', import.meta.url), 'utf8'),
) as {
  readonly cases: readonly {
    readonly loss_type: string;
    readonly config: Readonly<Record<string, unknown>>;
    readonly engine_mode: EngineCorrectionMode | null;
    readonly num_items_in_batch: number;
    readonly max_completion_length: number;
    readonly logps: NumberRows;
    readonly old_logps: NumberRows | null;
    readonly ref_logps: NumberRows;
    readonly sampling_logps: NumberRows;
    readonly entropies: NumberRows;
    readonly completion_mask: NumberRows;
    readonly tool_mask: NumberRows;
    readonly advantages: Numbers | NumberRows;
    readonly expected: {
      readonly loss: number;
      readonly grad_logps: NumberRows;
      readonly metrics: Readonly<Record<string, number>>;
    };
  }[];
};

describe('random batches through TRL itself', () => {
  it.each(reference.cases.map((given, i) => ({ ...given, i })))('$i $loss_type', (given) => {
    const { expected, engine_mode } = given;
    const result = policyLoss(
      {
        logprobs: given.logps,
        advantages: given.advantages,
        completionMask: given.completion_mask,
        toolMask: given.tool_mask,
        oldLogprobs: given.old_logps,
        referenceLogprobs: given.ref_logps,
        samplingLogprobs: engine_mode === null ? null : given.sampling_logps,
        entropies: given.entropies,
      },
      {
        ...optionsOf(given.config),
        lossType: given.loss_type,
        numItemsInBatch: given.num_items_in_batch,
        maxCompletionLength: given.max_completion_length,
        engineCorrection:
          engine_mode === null ? null : { mode: engine_mode, clipMin: 0.7, clipMax: 1.4 },
      },
    );
    const tolerance = { atol: 1e-9 };
    expectAllClose([result.loss], [expected.loss], { ...tolerance, what: 'loss' });
    expectRowsClose(result.cotangents, expected.grad_logps, { ...tolerance, what: 'gradient' });
    const { policy_loss, entropy_coef: _, ...metrics } = expected.metrics;
    if (policy_loss !== undefined) {
      expectAllClose([result.policyLoss], [policy_loss], { ...tolerance, what: 'policy loss' });
    }
    // TRL averages some of its metrics in single precision.
    for (const [name, value] of Object.entries(metrics)) {
      expectAllClose([result.metrics[name] ?? null], [value], { atol: 1e-6, what: name });
    }
  });
});
