// Entry of a shard thread: builds the shard from what main handed over, then runs its loop and
// obeys the control port. Errors are not caught: a shard that fails ends its thread, and main
// decides.
import { parentPort, workerData } from 'node:worker_threads';
import type { Change } from '../src/routing/change.ts';
import type {
  OrphanLog,
  ShardBoot,
  ShardControl,
  ShardNotice,
} from './mailbox/control-messages.ts';
import { DoorbellOwner } from './ring/doorbell.ts';
import { ThreadLoop } from './ring/thread-loop.ts';
import { delayedAnswer } from './delayed-answer.ts';
import { consumersOf, reportOf } from './report.ts';
import { Shard } from './shard.ts';
import { ShardState } from './shard-state.ts';

/** More than what the rings can hold takes. */
const LAST_TURNS_MAX = 100_000;

/** How often deliveries are looked at that may not have been acked in time. */
const CLOCK_MILLIS = 1000;

const boot = workerData as ShardBoot;
const control = parentPort!;
const notify = (notice: ShardNotice): void => control.postMessage(notice);

const state = new ShardState(boot, notify);
const shard = new Shard(state);
const loop = new ThreadLoop(shard, new DoorbellOwner(boot.doorbell), boot.settings.spinMicros);

state.deadlines.schedule = () => loop.schedule();
let clock: NodeJS.Timeout | undefined;

async function start(queues: readonly Change[], orphans: readonly OrphanLog[]): Promise<void> {
  state.apply(queues);
  if (state.storage !== undefined) {
    state.storage.schedule = () => loop.schedule();
    await state.storage.recover(orphans);
  }
  clock = setInterval(() => {
    if (shard.ackTimeouts.look(performance.now())) loop.schedule();
  }, CLOCK_MILLIS);
  notify({ kind: 'started' });
  loop.schedule();
}

/** Finishes what clients had sent and what the log still has to write. */
async function stop(): Promise<void> {
  for (let turns = 0; turns < LAST_TURNS_MAX && (shard.turn() || shard.hasInput()); ) turns += 1;
  loop.stop();
  clearInterval(clock);
  await state.stop();
  notify({ kind: 'stopped' });
  control.close();
}

control.on('message', (message: ShardControl) => {
  if (message.kind === 'recover') {
    void start(message.changes, message.orphans);
    return;
  }
  if (message.kind === 'apply') {
    state.apply(message.changes);
    notify({ kind: 'applied', revision: message.revision });
  } else if (message.kind === 'slow-vhosts') {
    state.memories.setSlow(message.vhosts);
  } else if (message.kind === 'disk-alarm') {
    // It may come before `recover`, when no turn may run yet.
    state.storage?.setAlarm(message.isSet);
    return;
  } else if (message.kind === 'report') {
    notify({ kind: 'report', request: message.request, report: reportOf(state) });
  } else if (message.kind === 'consumers') {
    const { request } = message;
    notify({ kind: 'consumers', request, consumers: consumersOf(state) });
  } else if (message.kind === 'delayed') {
    const { request, queueId, action } = message;
    void delayedAnswer(state, queueId, action).then((answer) => {
      notify({ kind: 'delayed', request, answer });
    });
  } else {
    void stop();
    return;
  }
  loop.schedule();
});
