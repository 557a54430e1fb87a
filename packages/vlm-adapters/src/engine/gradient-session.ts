import {
  createSession,
  differentiate,
  type OnnxModel,
  type Session,
  type SessionOptions,
  type TensorLike,
} from '@iapo/onnx-autograd';
import { floatsOf } from './float-data.js';
import { inRuntime } from './runtime-errors.js';

/** The gradient of one output of a graph, in a session that is made when it is first needed. */
export class GradientSession {
  readonly #model: OnnxModel;
  readonly #output: string;
  readonly #options: SessionOptions;
  readonly #sessions = new Map<string, Promise<Session>>();

  constructor(model: OnnxModel, output: string, options: SessionOptions) {
    this.#model = model;
    this.#output = output;
    this.#options = options;
  }

  /** @returns Gradients of Σ cotangent · output by name in `wrt`. */
  async run(
    feeds: Readonly<Record<string, TensorLike>>,
    cotangent: TensorLike,
    wrt: readonly string[],
  ): Promise<Map<string, Float32Array>> {
    const key = wrt.join();
    const session =
      this.#sessions.get(key) ??
      inRuntime('Preparing a gradient', () =>
        createSession(differentiate(this.#model, { outputs: [this.#output], wrt }), this.#options),
      );
    this.#sessions.set(key, session);
    session.catch(() => this.#sessions.delete(key));
    const ready = await session;
    const outputs = await inRuntime('A gradient', () =>
      ready.run({ ...feeds, [`cotangent.${this.#output}`]: cotangent }),
    );
    return new Map(wrt.map((name) => [name, floatsOf(outputs, `gradient.${name}`)]));
  }

  async dispose(): Promise<void> {
    for (const result of await Promise.allSettled(this.#sessions.values()))
      if (result.status === 'fulfilled') await result.value.dispose();
    this.#sessions.clear();
  }
}
