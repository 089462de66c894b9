// What a command may touch of the process: its streams, its surroundings and its end. Runs in main
// only. Commands get it handed in, so that tests can watch them; only main.ts makes the real one,
// and with it is the only file that ends the process.

/** sysexits(3) where it has a fitting code; service managers know 64 and 78 as "do not retry". */
export const EXIT = { ok: 0, failed: 1, usage: 64, configuration: 78 } as const;

export type StopSignal = 'SIGINT' | 'SIGTERM';

export interface Terminal {
  readonly out: (text: string) => void;
  readonly error: (text: string) => void;
  /** Whether a person watches what `error` is told, as it comes. */
  readonly isErrorWatched: boolean;
  /** Ends the process at once. */
  readonly exit: (code: number) => void;
  /** Calls back for each signal that asks the process to stop, and when its launcher is gone. */
  readonly onStop: (handler: (reason: StopSignal | 'launcher gone') => void) => void;
  /** Calls back for SIGHUP: an administrator's, or the terminal has been closed. */
  readonly onHangup: (handler: () => void) => void;
  /** Milliseconds that never go backwards. */
  readonly now: () => number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly cores: number;
  readonly readFile: (path: string) => string;
  readonly writeFile: (path: string, text: string) => void;
}
