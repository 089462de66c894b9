// BrokerThread with real workers: it starts, applies, stops politely or by force, and says when its
// worker fails; stopping one that has already gone does not wait for ever.
import { afterEach, describe, expect, it } from 'vitest';
import { BrokerThread } from '../../../src/supervisor/broker-thread.ts';
import { withDeadline } from '../../support/inbox.ts';

const FILE = new URL('broken-worker.ts', import.meta.url);
const STOP_MILLIS = 200;

let thread: BrokerThread<{ readonly kind: 'echoed' }>;
const notices: string[] = [];
const appliedRevisions: number[] = [];

async function start(behaviour = 'polite'): Promise<void> {
  notices.length = 0;
  appliedRevisions.length = 0;
  thread = new BrokerThread(
    'worker-9',
    FILE,
    behaviour,
    ({ kind }) => notices.push(kind),
    () => appliedRevisions.push(thread.appliedRevision),
  );
  await thread.started;
}

const stop = (): Promise<void> =>
  withDeadline('the thread to stop', thread.stop({ kind: 'stop' }, STOP_MILLIS), 3000);

afterEach(async () => {
  await thread.worker.terminate();
});

describe('a broker thread', () => {
  it('passes notices on and remembers what was applied', async () => {
    await start();
    thread.apply(3, []);
    thread.send({ kind: 'echo' });
    await stop();
    expect(notices).toEqual(['echoed']);
    expect(appliedRevisions).toEqual([3]);
  });

  it('is terminated when it does not leave', async () => {
    await start('deaf');
    await stop();
  });

  it('says what went wrong when it throws', async () => {
    await start();
    thread.send({ kind: 'throw' });
    await expect(thread.failed).rejects.toThrow('worker-9 failed: on purpose');
  });

  it('says so when it ends unasked', async () => {
    await start();
    thread.send({ kind: 'leave' });
    await expect(thread.failed).rejects.toThrow('worker-9 ended unexpectedly');
  });

  it('can be stopped after it has ended by itself', async () => {
    await start();
    thread.send({ kind: 'leave' });
    await expect(thread.failed).rejects.toThrow('ended unexpectedly');
    await stop();
  });
});
