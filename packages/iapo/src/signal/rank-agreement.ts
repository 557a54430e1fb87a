/** One rollout: was it right, and how far from the teacher was its call? */
export interface AgreementSample {
  readonly group: string | number;
  readonly outcome: number | null;
  readonly divergence: number | null;
}

/** Pairs of one group: how many there are, and how many the penalty puts in the order of the outcomes. */
export interface GroupAgreement {
  readonly pairs: number;
  /** Ties of the penalty count one half. */
  readonly ordered: number;
}

export interface RankAgreement {
  /** In [0, 1]; 0.5 is chance; `null` without a pair. */
  readonly auc: number | null;
  /** 95 % interval over groups; `null` with fewer than two groups that have pairs. */
  readonly interval: readonly [number, number] | null;
  readonly groups: number;
  readonly pairs: number;
}

/** Two-sided 95 % of the normal distribution. */
const normal95 = 1.959963984540054;

/** Pairs with different outcomes inside every group, in the order in which groups first occur. */
export function groupAgreements(samples: readonly AgreementSample[]): GroupAgreement[] {
  const groups = new Map<string | number, { outcome: number; divergence: number }[]>();
  for (const { group, outcome, divergence } of samples) {
    if (outcome === null || divergence === null) continue;
    const members = groups.get(group) ?? [];
    members.push({ outcome, divergence });
    groups.set(group, members);
  }
  return [...groups.values()].flatMap((members) => {
    let pairs = 0;
    let ordered = 0;
    for (const better of members) {
      for (const worse of members) {
        if (better.outcome <= worse.outcome) continue;
        pairs += 1;
        if (better.divergence < worse.divergence) ordered += 1;
        else if (better.divergence === worse.divergence) ordered += 0.5;
      }
    }
    return pairs === 0 ? [] : [{ pairs, ordered }];
  });
}

/**
 * How often the smaller divergence belongs to the better answer of the same prompt: the area under the ROC curve of
 * −divergence for the outcome, over pairs inside groups.
 *
 *   A = Σ_g u_g / Σ_g n_g,   se² = G/(G−1) · Σ_g (u_g − A n_g)² / (Σ_g n_g)²
 *
 * with n_g pairs and u_g ordered ones in group g. Groups are independent and pairs inside them are not, hence the
 * standard error of a ratio over groups (Cochran, "Sampling Techniques", 1977, §6.3).
 */
export function rankAgreement(groups: readonly GroupAgreement[]): RankAgreement {
  const pairs = groups.reduce((sum, group) => sum + group.pairs, 0);
  if (pairs === 0) return { auc: null, interval: null, groups: 0, pairs: 0 };
  const auc = groups.reduce((sum, { ordered }) => sum + ordered, 0) / pairs;
  const count = groups.length;
  if (count < 2) return { auc, interval: null, groups: count, pairs };
  const residuals = groups.reduce(
    (sum, group) => sum + (group.ordered - auc * group.pairs) ** 2,
    0,
  );
  const half = (normal95 * Math.sqrt((count / (count - 1)) * residuals)) / pairs;
  return {
    auc,
    interval: [Math.max(0, auc - half), Math.min(1, auc + half)],
    groups: count,
    pairs,
  };
}
