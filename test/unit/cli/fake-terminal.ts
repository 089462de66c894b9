// Test support: a terminal that remembers what was said, and lets a test send signals.
import type { StopSignal, Terminal } from '../../../src/cli/terminal.ts';

export interface FakeTerminal extends Terminal {
  readonly said: { out: string; error: string };
  readonly exits: number[];
  nowMillis: number;
  send(reason: StopSignal | 'launcher gone'): void;
  hangUp(): void;
}

export function fakeTerminal(overrides: Partial<Terminal> = {}): FakeTerminal {
  const handlers: ((reason: StopSignal | 'launcher gone') => void)[] = [];
  const hangups: (() => void)[] = [];
  const said = { out: '', error: '' };
  const terminal: FakeTerminal = {
    said,
    exits: [],
    nowMillis: 0,
    out: (text) => {
      said.out += text;
    },
    error: (text) => {
      said.error += text;
    },
    isErrorWatched: false,
    exit: (code) => {
      terminal.exits.push(code);
    },
    onStop: (handler) => {
      handlers.push(handler);
    },
    onHangup: (handler) => {
      hangups.push(handler);
    },
    now: () => terminal.nowMillis,
    send: (reason) => {
      for (const handler of handlers) handler(reason);
    },
    hangUp: () => {
      for (const handler of hangups) handler();
    },
    env: {},
    cwd: '/srv',
    cores: 2,
    readFile: () => {
      throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
    },
    writeFile: () => {
      throw Object.assign(new Error('not here'), { code: 'EACCES' });
    },
    ...overrides,
  };
  return terminal;
}
