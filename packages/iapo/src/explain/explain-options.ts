import type { AttributeOptions, AttributionMethodName } from '@iapo/attribution';

/** Options of `attribute` that make sense for a whole run. */
export type RunAttribution = Omit<
  AttributeOptions,
  'blocks' | 'coalitions' | 'signal' | 'onProgress' | 'clock' | 'seed'
>;

/** How tool calls are explained. */
export interface ExplainOptions {
  /**
   * Method by name, or options of `attribute`. Default `integratedGradients` with the attribution package's defaults:
   * the paper states neither baseline, steps, reduction nor normalization.
   */
  readonly attribution?: AttributionMethodName | RunAttribution;
  /**
   * `student-call`: both models explain the call that the student made. `own-calls`: the teacher explains its own
   * most probable call for the same prompt. Default `student-call`; not stated in the paper.
   */
  readonly who?: 'student-call' | 'own-calls';
  /** Which tokens of the turn are explained: those of the call, or all of the turn. Default `call`, as the paper. */
  readonly span?: 'call' | 'turn';
  /** Explain in every k-th step only; the others train on the outcome. Default 1. */
  readonly everySteps?: number;
  /** Most distinct calls to explain in a step, chosen at random; `null` for all. Default all. */
  readonly budget?: number | null;
  /** Leave explanations out whose completeness check failed. Default true. */
  readonly requireConvergence?: boolean;
  /**
   * Settings that student and teacher may differ in, by the names of `compareAttributions`. Default none. A black-box
   * teacher needs `maskMode` and `baseline`: it masks messages where the student masks embeddings.
   */
  readonly allow?: readonly string[];
  /**
   * Calls that are explained at the same time. Default 2: one keeps the models busy while the other is prepared. More
   * help where a teacher is far away.
   */
  readonly concurrency?: number;
  /**
   * Milliseconds for one model's explanation of one call, waiting for other calls included; `null` for no limit.
   * Default none.
   */
  readonly timeoutMs?: number | null;
  /** A failing explanation is left out and counted (default), or stops the run. */
  readonly onFailure?: 'skip' | 'stop';
  /**
   * JSONL file that keeps the teacher's explanations across runs; `null` for memory only. Default `null`. A teacher
   * is known by its `id` there: take another file when its weights change.
   */
  readonly teacherCache?: string | null;
}

export type ExplainSettings = Required<Omit<ExplainOptions, 'attribution'>> & {
  readonly attribution: RunAttribution;
};

export function resolveExplainOptions(options: ExplainOptions = {}): ExplainSettings {
  const { attribution = {} } = options;
  return {
    attribution: typeof attribution === 'string' ? { method: attribution } : attribution,
    who: options.who ?? 'student-call',
    span: options.span ?? 'call',
    everySteps: options.everySteps ?? 1,
    budget: options.budget ?? null,
    requireConvergence: options.requireConvergence ?? true,
    allow: options.allow ?? [],
    concurrency: options.concurrency ?? 2,
    timeoutMs: options.timeoutMs ?? null,
    onFailure: options.onFailure ?? 'skip',
    teacherCache: options.teacherCache ?? null,
  };
}

/** Options as plain JSON: functions are left out, and what has a name is its name. */
export function describeOptions(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(describeOptions);
  if (typeof value !== 'object' || value === null)
    return typeof value === 'function' ? null : value;
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as ArrayLike<number>);
  if ('name' in value && typeof value.name === 'string') return value.name;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, entry]) => typeof entry !== 'function' && entry !== undefined)
      .map(([key, entry]) => [key, describeOptions(entry)]),
  );
}
