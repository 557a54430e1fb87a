import type { Terminal } from './terminal.js';

const clearLine = '\r\u001b[2K';

/**
 * One line that is drawn over while work goes on, with other lines above it. Where nothing can be drawn over, a
 * line is printed each time that it says something new.
 */
export class StatusLine {
  readonly #terminal: Terminal;
  #shown = '';

  constructor(terminal: Terminal) {
    this.#terminal = terminal;
  }

  update(text: string): void {
    const { isInteractive, err, columns } = this.#terminal;
    if (text === this.#shown) return;
    this.#shown = text;
    // A line that wraps could not be cleared.
    if (isInteractive) err(clearLine + text.slice(0, Math.max(0, columns() - 1)));
    else err(`${text}\n`);
  }

  /** Prints a line that stays, above the status. */
  print(text: string): void {
    const { isInteractive, err } = this.#terminal;
    if (!isInteractive) {
      err(`${text}\n`);
      return;
    }
    const shown = this.#shown;
    this.#shown = '';
    err(`${clearLine}${text}\n`);
    if (shown !== '') this.update(shown);
  }

  /** Leaves the status as it is and ends its line. */
  end(): void {
    if (this.#terminal.isInteractive && this.#shown !== '') this.#terminal.err('\n');
    this.#shown = '';
  }
}
