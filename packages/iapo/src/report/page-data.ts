/** What the report's page is given: plain data, small, without anything that it does not draw. */
export interface PageData {
  readonly title: string;
  /** The first is the run that is reported; the others are compared with it. */
  readonly runs: readonly PageRun[];
  readonly comparison: readonly PageComparison[];
  readonly trajectories: readonly PageTrajectory[];
  /** Trajectories of the run that did not fit. */
  readonly omittedTrajectories: number;
  /** Pictures by hash, as data URLs. */
  readonly pictures: Readonly<Record<string, PagePicture>>;
}

export interface PagePicture {
  readonly url: string;
  readonly width: number;
  readonly height: number;
}

export interface PageRun {
  readonly name: string;
  readonly label: string;
  /** Step of each point of the curves. */
  readonly steps: readonly number[];
  /** Steps that one point is the mean of. */
  readonly stepsPerPoint: number;
  readonly curves: Readonly<Record<string, readonly (number | null)[]>>;
  readonly blocks: {
    readonly student: Readonly<Record<string, readonly (number | null)[]>>;
    readonly teacher: Readonly<Record<string, readonly (number | null)[]>>;
  };
  readonly warnings: readonly PageWarning[];
  /** Facts for the top of the page. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly config: readonly (readonly [name: string, value: string])[];
  /** Share of time of each phase. */
  readonly phases: readonly (readonly [name: string, share: number])[];
}

export interface PageWarning {
  readonly code: string;
  readonly message: string;
  readonly firstStep: number;
  readonly count: number;
}

/** One label with all its runs. */
export interface PageComparison {
  readonly label: string;
  readonly runs: number;
  readonly metrics: readonly {
    readonly name: string;
    readonly mean: number | null;
    readonly interval: readonly [number, number] | null;
  }[];
  /** What the intervals are over. */
  readonly over: string;
}

export interface PagePiece {
  readonly text: string;
  readonly block: string | null;
  /** Score, in nats; `null` for a piece that was not scored. */
  readonly score: number | null;
  /** Tokens that it stands for. */
  readonly tokens: number;
}

export interface PageExplanation {
  readonly model: string;
  readonly method: string;
  readonly blocks: readonly { readonly name: string; readonly share: number | null }[];
  readonly pieces: readonly PagePiece[];
  /** Scores of picture tokens, row by row, one for each picture with a grid. */
  readonly overlays: readonly {
    readonly rows: number;
    readonly columns: number;
    readonly scores: readonly number[];
  }[];
  readonly relativeDelta: number | null;
}

export interface PageTurn {
  readonly author: 'model' | 'tool';
  readonly text: string;
  readonly logprobs: readonly number[];
  /** What became of its calls. */
  readonly outcomes: readonly string[];
}

export interface PageTrajectory {
  readonly step: number;
  readonly taskId: string;
  readonly sample: number;
  readonly question: string | null;
  readonly answers: readonly string[];
  readonly answer: string | null;
  readonly outcome: number | null;
  /** Name and value of each part of the reward, the total last. */
  readonly rewards: readonly (readonly [name: string, value: string])[];
  readonly missing: string | null;
  readonly student: PageExplanation | null;
  readonly teacher: PageExplanation | null;
  readonly turns: readonly PageTurn[];
  /** Keys into `pictures`; the first `taskPictures` belong to the task, the rest were made by tools. */
  readonly pictures: readonly string[];
  readonly taskPictures: number;
}
