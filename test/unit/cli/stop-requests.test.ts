// Stop requests: one Ctrl-C that arrives three times is one request, a second one is in a hurry.
import { expect, it } from 'vitest';
import { SAME_REQUEST_MILLIS, stopRequests } from '../../../src/cli/stop-requests.ts';
import { fakeTerminal } from './fake-terminal.ts';

it('resolves with the first signal and takes its echoes for the same request', async () => {
  const terminal = fakeTerminal();
  const stops = stopRequests(terminal);
  terminal.send('SIGINT');
  terminal.nowMillis += SAME_REQUEST_MILLIS - 1;
  terminal.send('SIGINT');
  expect(await stops).toBe('SIGINT');
  expect(terminal.exits).toEqual([]);
});

it('ends the process at once at the same signal later', () => {
  const terminal = fakeTerminal();
  void stopRequests(terminal);
  terminal.send('SIGINT');
  terminal.nowMillis += SAME_REQUEST_MILLIS;
  terminal.send('SIGINT');
  expect(terminal.exits).toEqual([130]);
});

it('ends the process at once at another signal', () => {
  const terminal = fakeTerminal();
  void stopRequests(terminal);
  terminal.send('SIGINT');
  terminal.send('SIGTERM');
  expect(terminal.exits).toEqual([143]);
});

it('does not hurry because the launcher goes as well', () => {
  const terminal = fakeTerminal();
  void stopRequests(terminal);
  terminal.send('SIGTERM');
  terminal.nowMillis += 60_000;
  terminal.send('launcher gone');
  expect(terminal.exits).toEqual([]);
});
