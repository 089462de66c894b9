// Turns signals into "stop" and "stop at once". Runs in main. One Ctrl-C can arrive up to three
// times, from the terminal, from npm and from the launcher, all within a moment: the same signal
// again within SAME_REQUEST_MILLIS is the same request. A later one ends the process at once.
import type { StopSignal, Terminal } from './terminal.ts';

export const SAME_REQUEST_MILLIS = 500;

/** What a shell reports for a process that a signal ended: 128 and the signal's number. */
const EXIT_BY_SIGNAL: Readonly<Record<StopSignal, number>> = {
  SIGINT: 130,
  SIGTERM: 143,
};

/** Resolves with the reason of the first request. Starts to listen when called. */
export function stopRequests(terminal: Terminal): Promise<string> {
  return new Promise((resolve) => {
    let firstMillis: number | undefined;
    let first: string | undefined;
    terminal.onStop((reason) => {
      if (first === undefined) {
        first = reason;
        firstMillis = terminal.now();
        resolve(reason);
        return;
      }
      // The launcher goes when we go: never a reason to hurry.
      if (reason === 'launcher gone') return;
      if (reason === first && terminal.now() - firstMillis! < SAME_REQUEST_MILLIS) return;
      terminal.exit(EXIT_BY_SIGNAL[reason]);
    });
  });
}
