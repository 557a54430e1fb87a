interface Waiting<Request, Result> {
  readonly member: number;
  readonly request: Request;
  readonly resolve: (result: Result) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Joins the requests of members that run side by side into one batch: it is handled when every member either
 * waits or has left. What a batch holds therefore depends on the members alone, not on which of them was faster,
 * and its rows are in the order of the members.
 */
export class Lockstep<Request, Result> {
  readonly #handle: (
    batch: readonly { readonly member: number; readonly request: Request }[],
  ) => Promise<readonly Result[]>;
  #active: number;
  #waiting: Waiting<Request, Result>[] = [];

  /** @param handle Called with one request a waiting member; gives the results in the same order. */
  constructor(
    members: number,
    handle: (
      batch: readonly { readonly member: number; readonly request: Request }[],
    ) => Promise<readonly Result[]>,
  ) {
    this.#active = members;
    this.#handle = handle;
  }

  request(member: number, request: Request): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ member, request, resolve, reject });
      this.#handleWhenComplete();
    });
  }

  /** A member makes no more requests. */
  leave(): void {
    this.#active -= 1;
    this.#handleWhenComplete();
  }

  #handleWhenComplete(): void {
    if (this.#waiting.length === 0 || this.#waiting.length < this.#active) return;
    const batch = this.#waiting.sort((a, b) => a.member - b.member);
    this.#waiting = [];
    this.#handle(batch).then(
      (results) => {
        for (const [index, { resolve }] of batch.entries()) resolve(results[index]!);
      },
      (error: unknown) => {
        for (const { reject } of batch) reject(error);
      },
    );
  }
}
