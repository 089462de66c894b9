// Test thread. A data directory in which a broker finds users, permissions and parameters, as if it
// had been told of them before it was stopped.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { openLog } from '../../src/log/open-log.ts';
import { BrokerState } from '../../src/supervisor/facts/broker-state.ts';
import type { Fact } from '../../src/supervisor/facts/fact.ts';
import { FactStore } from '../../src/supervisor/facts/fact-store.ts';
import { Topology } from '../../src/topology/topology.ts';

/** The caller removes the directory. */
export async function directoryWith(facts: readonly Fact[]): Promise<string> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'warrenmq-facts-'));
  const state = new BrokerState(new Topology({ shardCount: 1 }));
  const store = new FactStore(state, {
    directory: path.join(directory, 'topology'),
    openLog: (options, callbacks) => openLog(options, callbacks, 'portable'),
    logger: { info: () => {}, warn: () => {} },
    onSpace: () => {},
  });
  await store.start((fresh) => {
    for (const fact of facts) {
      const problem = fresh.restore(fact);
      if (problem !== undefined) throw new Error(problem);
    }
  });
  await store.close();
  return directory;
}
