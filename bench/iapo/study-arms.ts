import {
  callJudge,
  type OnnxVlm,
  type TrainIapoOptions,
  teacherLogprob,
  toolFailure,
} from '@iapo/iapo';
import { judgeParsedCall, type SmallChartTask, smallChartTools } from '@iapo/tiny-vlm';
import type { EncodedPrompt } from '@iapo/vlm-adapters';

type Options = TrainIapoOptions<EncodedPrompt, EncodedPrompt>;

/** What an arm of the study changes; everything else is equal in all of them. */
export type ArmOptions = Pick<Options, 'teacher' | 'reward' | 'rewards' | 'explain'>;

/** What an arm may be built from. */
export interface ArmInputs {
  readonly student: OnnxVlm;
  readonly teacher: OnnxVlm;
  /** Of SmallCharts, by id: the oracle's knowledge. */
  readonly taskOf: (id: string) => SmallChartTask;
  /** Changes of the arm's reward and explanations, as JSON from the command line. */
  readonly reward: Options['reward'];
  readonly explain: Options['explain'];
  /** Weight of the arm's further reward; `null` for the arm's own. */
  readonly weight: number | null;
}

/** Arms by name. Each is a setting of the same loop. */
export const arms: Readonly<Record<string, (inputs: ArmInputs) => ArmOptions>> = {
  /** The outcome alone: VTool-R1's GRPO. */
  grpo: () => ({}),
  /** Minus a constant for a call that failed. */
  torl: ({ weight }) => ({ rewards: [{ weight: weight ?? -0.5, reward: toolFailure }] }),
  /** TRM with the exact oracle for its judge: what a perfect judge of calls would give. */
  oracleJudge: ({ taskOf, weight }) => ({
    rewards: [
      {
        weight: weight ?? 0.5,
        reward: callJudge(({ call }, { id }) =>
          judgeParsedCall(taskOf(id), call).isRight ? 1 : 0,
        ),
      },
    ],
  }),
  /** The teacher's mean log-probability of the call's tokens. */
  teacherLogprob: ({ student, teacher, weight }) => ({
    rewards: [
      {
        weight: weight ?? 0.1,
        reward: teacherLogprob(student, teacher, { tools: smallChartTools }),
      },
    ],
  }),
  /** The paper's sum, with what it leaves open chosen on validation (docs/results.md). */
  iapo: ({ teacher, reward, explain }) => ({
    teacher,
    reward: { lambda: 0.1, ...reward },
    explain: {
      attribution: { method: 'integratedGradients', steps: 8 },
      requireConvergence: false,
      ...explain,
    },
  }),
};
