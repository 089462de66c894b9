// What every run with queues has in common: they are made before anybody connects and deleted when
// all are gone. Generator's process, cold.
// Invariant: nothing is deleted before the last connection that loads is gone; any failure of any
// connection ends the run with its text.
import { LoadConnection, parseEndpoint } from './connection.ts';
import type { LoadOptions } from './options.ts';
import type { LoadResult } from './result.ts';
import { deleteTopology, makeTopology } from './topology.ts';

export type Open = () => Promise<LoadConnection>;

/** Whoever loads the broker over a connection of its own. */
export interface Party {
  readonly connection: LoadConnection;
}

export async function onTopology<Parties>(
  options: LoadOptions,
  connect: (open: Open) => Promise<Parties>,
  everybody: (parties: Parties) => readonly Party[],
  work: (parties: Parties) => Promise<LoadResult>,
): Promise<LoadResult> {
  const failure = Promise.withResolvers<never>();
  const endpoint = parseEndpoint(options.url);
  const open: Open = () => LoadConnection.open(endpoint, failure.reject);
  const run = async (): Promise<LoadResult> => {
    const control = await open();
    await control.openChannel();
    await makeTopology(control, options);
    const parties = await connect(open);
    try {
      return await work(parties);
    } finally {
      for (const { connection } of everybody(parties)) connection.destroy();
      await deleteTopology(control, options);
      await control.close();
    }
  };
  return await Promise.race([run(), failure.promise]);
}
