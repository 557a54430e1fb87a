import { divergences } from '@iapo/attribution';
import { SmallCharts, smallChartScorer, smallChartTools, tinyVlmPath } from '@iapo/tiny-vlm';
import { compareEvaluations, type EvaluationDifference } from '../evaluate/compare-evaluations.js';
import { type Evaluation, evaluate } from '../evaluate/evaluate.js';
import { resolveExplainOptions } from '../explain/explain-options.js';
import { Explainer } from '../explain/explainer.js';
import { playEpisodes } from '../model/play-episodes.js';
import { writeReport } from '../report/write-report.js';
import type { IapoEvent } from '../train/events.js';
import { trainIapo } from '../train/train-iapo.js';

export interface DemoOptions {
  /** IAPO steps. Default 15: the accuracy rises visibly, in about a minute on 2 cores. */
  readonly steps?: number;
  /** Tasks of both evaluations. Default 200: an interval of about ± 7 points. */
  readonly tasks?: number;
  /** Rollouts of a step: prompts × 8. Default 8 prompts. */
  readonly promptsPerStep?: number;
  /** Default 0. */
  readonly seed?: number;
  /** Where the run is kept; made anew. Default `runs/demo`. */
  readonly runFolder?: string;
  /** Folders of other models. Default: the tiny ones. */
  readonly student?: string;
  readonly teacher?: string;
  readonly signal?: AbortSignal;
}

/** A call that student and teacher explain. */
export interface DemoExplanation {
  readonly request: string;
  readonly call: string;
  readonly blocks: readonly string[];
  readonly student: readonly number[];
  readonly teacher: readonly number[];
  /** KL(student ‖ teacher), nats. */
  readonly divergence: number;
}

export type DemoEvent =
  | { readonly type: 'models'; readonly student: string; readonly teacher: string }
  | {
      readonly type: 'evaluation';
      readonly who: 'student' | 'teacher' | 'trained';
      readonly evaluation: Evaluation;
    }
  | { readonly type: 'explanation'; readonly explanation: DemoExplanation | null }
  | { readonly type: 'training'; readonly event: IapoEvent }
  | { readonly type: 'comparison'; readonly difference: EvaluationDifference }
  | { readonly type: 'report'; readonly path: string };

/** How the demonstration trains. The rate is high for an adapter, as there are few steps. */
const training = {
  samplesPerPrompt: 8,
  learningRate: 2e-3,
  reward: { lambda: 0.1, gate: 'mixedGroups' },
} as const;

/** A fixed number of points: a demonstration is not to take longer for a hard call. */
const explain = {
  attribution: { method: 'integratedGradients', steps: 8 },
  requireConvergence: false,
} as const;

const episode = { tools: smallChartTools, maxTurns: 2, maxTokensPerTurn: 48, temperature: 1 };
const score = { scorer: smallChartScorer };

/**
 * The method in small, offline: evaluates a tiny student, explains one of its calls beside a tiny teacher, trains it
 * by IAPO on SmallCharts, evaluates it again on the same tasks, and writes the report. All numbers are of this run.
 *
 * Sampling is at temperature 1 throughout, as in training.
 */
export async function* runDemo(options: DemoOptions = {}): AsyncGenerator<DemoEvent, void, void> {
  const { steps = 15, tasks: count = 200, seed = 0, runFolder = 'runs/demo', signal } = options;
  const { promptsPerStep = 8 } = options;
  const abort = signal === undefined ? {} : { signal };
  // Loaded when it is needed: the native runtime takes a while.
  const { OnnxVlm } = await import('@iapo/vlm-adapters');
  const student = await OnnxVlm.load(options.student ?? tinyVlmPath('student'), {
    lora: { r: 16, alpha: 32, targetModules: 'all-linear' },
    ...abort,
  });
  try {
    const teacher = await OnnxVlm.load(options.teacher ?? tinyVlmPath('teacher'), {
      ...abort,
    });
    try {
      yield { type: 'models', student: student.id, teacher: teacher.id };
      const held = new SmallCharts({ split: 'validation', seed: `demo-${seed}` }).tasks(count);
      const measure = (model: typeof student): Promise<Evaluation> =>
        evaluate(model, held, { episode, score, seed, batchSize: 64, ...abort });
      const before = await measure(student);
      yield { type: 'evaluation', who: 'student', evaluation: before };
      yield { type: 'evaluation', who: 'teacher', evaluation: await measure(teacher) };

      const [task] = held;
      const explainer = new Explainer({
        student,
        teacher,
        settings: { ...resolveExplainOptions(explain), onFailure: 'stop' },
        tools: smallChartTools,
        disk: null,
        seed,
        signal,
      });
      const [played] =
        task === undefined ? [] : await playEpisodes(student, [{ task, seed }], episode);
      const pair = played === undefined ? null : await explainer.explain(played, 0);
      yield {
        type: 'explanation',
        explanation:
          task === undefined || played === undefined || pair === null || pair.pair === null
            ? null
            : {
                request: task.request,
                call: played.firstTurn.text,
                blocks: pair.blocks,
                ...pair.pair,
                divergence: divergences.kl.compute(pair.pair.student, pair.pair.teacher),
              },
      };

      const charts = new SmallCharts({ split: 'train', seed: `demo-${seed}` });
      const events = trainIapo({
        ...training,
        student,
        teacher,
        explain,
        tasks: { length: 100_000, at: (index) => charts.task(index) },
        steps,
        promptsPerStep,
        seed,
        episode,
        score,
        runFolder,
        keepTrajectories: { everySteps: 1, perStep: 2 },
        ...abort,
      });
      for await (const event of events) yield { type: 'training', event };

      const after = await measure(student);
      yield { type: 'evaluation', who: 'trained', evaluation: after };
      yield {
        type: 'comparison',
        difference: compareEvaluations(before.predictions, after.predictions, { seed }),
      };
      const { path } = await writeReport(runFolder);
      yield { type: 'report', path };
    } finally {
      await teacher.dispose();
    }
  } finally {
    await student.dispose();
  }
}
