// A bar that says how far the reading is, on a terminal only. Main thread. It redraws one line, at
// most ten times a second, and takes it away at the end.
import type { Terminal } from '../terminal.ts';

const WIDTH = 30;
const REDRAW_MILLIS = 100;

export class ProgressBar {
  private readonly terminal: Pick<Terminal, 'error' | 'now'>;
  private drawnAtMillis: number;
  private isDrawn: boolean;

  constructor(terminal: Pick<Terminal, 'error' | 'now'>) {
    this.terminal = terminal;
    this.drawnAtMillis = terminal.now();
    this.isDrawn = false;
  }

  /** `total` is above 0. */
  show(done: number, total: number): void {
    const now = this.terminal.now();
    if (now - this.drawnAtMillis < REDRAW_MILLIS) return;
    this.drawnAtMillis = now;
    this.isDrawn = true;
    const filled = Math.floor((done / total) * WIDTH);
    const bar = '#'.repeat(filled).padEnd(WIDTH, '.');
    this.terminal.error(`\rchecking [${bar}] ${done} of ${total} files`);
  }

  clear(): void {
    if (this.isDrawn) this.terminal.error('\r\u001b[K');
  }
}
