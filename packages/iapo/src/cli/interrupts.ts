/** What Ctrl-C means: the first time save and stop, the second time stop at once. */
export interface Interrupts {
  readonly pause: AbortSignal;
  readonly abort: AbortSignal;
  /** Takes the listeners away. */
  dispose(): void;
}

/** @param onFirst Told at the first Ctrl-C. */
export function listenForInterrupts(onFirst: () => void): Interrupts {
  const [pause, abort] = [new AbortController(), new AbortController()];
  const listener = (): void => {
    if (pause.signal.aborted) abort.abort(new Error('stopped by a second interrupt'));
    else {
      pause.abort();
      onFirst();
    }
  };
  process.on('SIGINT', listener);
  process.on('SIGTERM', listener);
  return {
    pause: pause.signal,
    abort: abort.signal,
    dispose: () => {
      process.off('SIGINT', listener);
      process.off('SIGTERM', listener);
    },
  };
}
