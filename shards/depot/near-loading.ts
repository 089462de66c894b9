// Looks into a period that has drawn near: which messages are in it, and where each stands. Shard
// thread, cold. Their data stay on disk until they are lent to the queue (lending.ts).
import { scanMessages } from '../../src/log/depot/file-scan.ts';
import type { DepotState } from './depot-state.ts';
import { NearPeriod, type Stored } from './near-period.ts';
import type { Period } from './period.ts';

export async function loadPeriod(state: DepotState, period: Period): Promise<void> {
  const { epoch } = state;
  const rows: Stored[] = [];
  const skipped: number[] = [];
  for (const file of period.files) {
    const { damage } = await scanMessages(
      state.directory.file(file.name),
      ({ position, due, offset, entryBytes, exrkBytes, propsBytes, bodyBytes }) => {
        const dataBytes = exrkBytes + propsBytes + bodyBytes;
        rows.push({ position, due, file, offset, entryBytes, dataBytes });
      },
      async () => state.epoch === epoch,
    );
    if (state.epoch !== epoch) return;
    if (damage.length > file.damaged) state.damaged(file.name, damage);
    file.damaged = damage.length;
  }
  const { kinds } = state.done;
  const waiting = rows.filter(({ position }) => {
    if (!kinds.has(position)) return true;
    skipped.push(position);
    return false;
  });
  const near = new NearPeriod(period, waiting, skipped);
  for (let row = 0; row < waiting.length; row += 1) {
    const { position } = near.at(row);
    if (!state.lent.has(position)) continue;
    near.lend(row);
    state.lent.set(position, { near, row });
  }
  state.periods.delete(period.key);
  state.nears.add(near);
  state.tellFirst();
}

/** The files of near periods that are done with go. */
export async function removeFinished(state: DepotState): Promise<void> {
  const finished = [...state.nears].filter(({ isDone }) => isDone);
  if (finished.length === 0) return;
  for (const near of finished) state.nears.delete(near);
  const { epoch, directory } = state;
  await directory.remove(finished.flatMap(({ files }) => files.map(({ name }) => name)));
  await directory.sync();
  if (state.epoch !== epoch) return;
  for (const { skipped } of finished) state.done.forget(skipped);
}
