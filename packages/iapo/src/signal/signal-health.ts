import {
  type AgreementSample,
  type GroupAgreement,
  groupAgreements,
  type RankAgreement,
  rankAgreement,
} from './rank-agreement.js';

/** Penalties closer than this are equal, as rl-core's spread of rewards. */
const smallestSpread = 1e-8;

/** A rollout as signal health sees it; `penalty` is what was subtracted before λ. */
export interface SignalSample extends AgreementSample {
  readonly penalty: number | null;
}

/** What the teacher's explanations are worth on a batch. */
export interface SignalHealth {
  /** Of this step alone. */
  readonly step: RankAgreement;
  /** Over the last steps. */
  readonly window: RankAgreement;
  /** Groups whose outcomes are all equal while their penalties are not: there the penalty alone decides. */
  readonly decidedByPenalty: readonly (string | number)[];
}

/** Follows the rank agreement over the last steps of a run. */
export class SignalTracker {
  readonly #windowSteps: number;
  #window: (readonly GroupAgreement[])[] = [];

  /** @param options.windowSteps Steps to look back. Default 10: with 8 groups a step, an interval of about ± 0.1. */
  constructor({ windowSteps = 10 }: { windowSteps?: number } = {}) {
    this.#windowSteps = windowSteps;
  }

  /** Takes a step's rollouts in. */
  add(samples: readonly SignalSample[]): SignalHealth {
    const groups = groupAgreements(samples);
    this.#window = [...this.#window, groups].slice(-this.#windowSteps);
    return {
      step: rankAgreement(groups),
      window: rankAgreement(this.#window.flat()),
      decidedByPenalty: groupsDecidedByPenalty(samples),
    };
  }

  /** For a checkpoint: plain JSON. */
  state(): (readonly GroupAgreement[])[] {
    return this.#window;
  }

  restore(state: readonly (readonly GroupAgreement[])[]): void {
    this.#window = [...state];
  }
}

function groupsDecidedByPenalty(samples: readonly SignalSample[]): (string | number)[] {
  const groups = new Map<string | number, SignalSample[]>();
  for (const sample of samples) {
    groups.set(sample.group, [...(groups.get(sample.group) ?? []), sample]);
  }
  const spread = (values: readonly number[]): number =>
    values.length === 0 ? 0 : Math.max(...values) - Math.min(...values);
  return [...groups].flatMap(([group, members]) => {
    const scored = members.filter(({ outcome }) => outcome !== null);
    const outcomes = scored.map(({ outcome }) => outcome ?? 0);
    // No penalty counts as 0, as in the sum.
    const penalties = scored.map(({ penalty }) => penalty ?? 0);
    return spread(outcomes) <= smallestSpread && spread(penalties) > smallestSpread ? [group] : [];
  });
}
