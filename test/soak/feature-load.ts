// Test process. The part of a soak that moves messages by itself: dead letters, expiry, delays,
// priorities, limits and transactions, with the lanes of the crash proof. At the end of a round all
// is deleted while dead letters and delays are still underway: none of them may stay behind.
import { setTimeout as sleep } from 'node:timers/promises';
import { LaneClients } from '../crash/features/lane-clients.ts';
import { declareLanes, deleteLanes, LANES, QUEUES } from '../crash/features/lanes.ts';
import { Ledger } from '../crash/features/ledger.ts';
import { MessagePlan, USUAL_MIX } from '../crash/message-plan.ts';

const BATCH_MAX = 4;
const PREFETCH = 20;
const plan = new MessagePlan(1, { ...USUAL_MIX, largePerMillion: 4000, smallBytesMax: 4096 });

/** Rejects when a message came that should not have, or not as it was published. */
export async function featureRound(url: string, seconds: number): Promise<void> {
  const ledger = new Ledger(LANES);
  const broker = { url, port: Number(new URL(url).port) };
  const clients = new LaneClients(broker, plan, ledger, BATCH_MAX);
  const channel = await (await clients.connect()).createChannel();
  await declareLanes(channel);
  const consumed = QUEUES.filter(({ habit }) => habit !== undefined);
  const consumers = consumed.map(({ name, habit }) => ({ name, habit, prefetch: PREFETCH }));
  await clients.consumeAll(consumers);
  await clients.startPublishing();
  await sleep(seconds * 1000);
  await clients.stopPublishing();
  await deleteLanes(channel);
  await clients.end();
  if (!ledger.isClean) throw new Error(ledger.report());
  if (ledger.counts.found === 0) throw new Error('no message came');
}
