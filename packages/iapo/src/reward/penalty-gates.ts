import { lookUp } from '../errors.js';

/** A sample as a gate sees it. */
export interface GateInput {
  /** `null`: not scorable. */
  readonly outcome: number | null;
  /** Outcomes of its whole group, this one included. */
  readonly groupOutcomes: readonly (number | null)[];
}

/** Decides which samples are penalized at all. */
export interface PenaltyGate {
  readonly name: string;
  readonly applies: (input: GateInput) => boolean;
}

export type PenaltyGateName = 'all' | 'mixedGroups' | 'wrongAnswers';

/** The paper's reading: every explained call. */
const all: PenaltyGate = { name: 'all', applies: () => true };

/**
 * Only groups whose outcomes differ. Where they do not, the normalization of a group blows the smallest spread of
 * the penalty up to unit variance, and the penalty alone would decide what is learned.
 */
const mixedGroups: PenaltyGate = {
  name: 'mixedGroups',
  applies: ({ groupOutcomes }) => {
    const scored = groupOutcomes.filter((outcome) => outcome !== null);
    return scored.length > 0 && Math.max(...scored) > Math.min(...scored);
  },
};

/** Only samples below the best of their group: a right answer is never penalized. */
const wrongAnswers: PenaltyGate = {
  name: 'wrongAnswers',
  applies: ({ outcome, groupOutcomes }) => {
    const scored = groupOutcomes.filter((other) => other !== null);
    return outcome !== null && outcome < Math.max(...scored, 0);
  },
};

/** Gates by name; only `all` is the paper's. */
export const penaltyGates: Readonly<Record<PenaltyGateName, PenaltyGate>> = {
  all,
  mixedGroups,
  wrongAnswers,
};

/**
 * Which samples a gate lets through: only their calls need an explanation.
 *
 * @param groups The group of each sample, `[N]`.
 * @throws {IapoError} `unknown-name`.
 */
export function penalizedSamples(
  choice: PenaltyGateName | PenaltyGate,
  outcomes: readonly (number | null)[],
  groups: readonly (string | number)[],
): boolean[] {
  const gate = lookUp<PenaltyGate>('gate', penaltyGates, choice);
  const members = new Map<string | number, (number | null)[]>();
  groups.forEach((group, index) => {
    members.set(group, [...(members.get(group) ?? []), outcomes[index] ?? null]);
  });
  return groups.map((group, index) =>
    gate.applies({ outcome: outcomes[index] ?? null, groupOutcomes: members.get(group) ?? [] }),
  );
}
