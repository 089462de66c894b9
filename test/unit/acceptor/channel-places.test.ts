// The shared count of open channels: exact when two threads take and give back at the same time.
import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { ChannelPlaces } from '../../../src/acceptor/channel-places.ts';

const PARTIES = 3;
const MAX = 2;
const ROUNDS = 200_000;

const PARTY = `
  const { workerData, parentPort } = require('node:worker_threads');
  import(workerData.file).then(({ ChannelPlaces }) => {
    const places = new ChannelPlaces(workerData.memory, ${MAX});
    const seen = new Int32Array(workerData.held);
    let most = 0;
    // All begin together, or the first is done before the last has started.
    Atomics.add(seen, 1, 1);
    while (Atomics.load(seen, 1) < ${PARTIES});
    for (let round = 0; round < ${ROUNDS}; round += 1) {
      if (!places.take()) continue;
      most = Math.max(most, Atomics.add(seen, 0, 1) + 1);
      Atomics.sub(seen, 0, 1);
      places.giveBack();
    }
    parentPort.postMessage(most);
  });
`;

it('has room for as many as it says', () => {
  const places = new ChannelPlaces(new SharedArrayBuffer(4), 2);
  expect([places.take(), places.take(), places.take(), places.take()]).toEqual([
    true,
    true,
    false,
    false,
  ]);
  places.giveBack();
  expect([places.take(), places.take()]).toEqual([true, false]);
});

it('has room without end when there is no limit, and none for 0', () => {
  const places = new ChannelPlaces(new SharedArrayBuffer(4), undefined);
  const taken = Array.from({ length: 1000 }, () => places.take());
  expect(taken).not.toContain(false);
  expect(new ChannelPlaces(new SharedArrayBuffer(4), 0).take()).toBe(false);
});

it('takes another limit, which leaves alone what is open', () => {
  const places = new ChannelPlaces(new SharedArrayBuffer(4), 3);
  expect([places.take(), places.take()]).toEqual([true, true]);
  places.limit(1);
  expect([places.take(), places.max]).toEqual([false, 1]);
  places.giveBack();
  expect(places.take()).toBe(false);
  places.limit(undefined);
  expect(places.take()).toBe(true);
});

it('never gives out more than there are, and loses none, with several threads', async () => {
  const memory = new SharedArrayBuffer(4);
  const held = new SharedArrayBuffer(8);
  const file = new URL('../../../src/acceptor/channel-places.ts', import.meta.url).href;
  const parties = Array.from({ length: PARTIES }, () => {
    const worker = new Worker(PARTY, { eval: true, workerData: { memory, held, file } });
    return new Promise<number>((resolve, reject) => {
      worker.on('message', resolve);
      worker.on('error', reject);
    });
  });
  for (const most of await Promise.all(parties)) expect(most).toBeLessThanOrEqual(MAX);
  expect(new Int32Array(memory)[0]).toBe(0);
});
