// Test thread. Opening a connection that may be refused at connection.open.
import type { TestBroker } from './broker.ts';
import type { OpenOptions, RawClient, Refused } from './raw-client.ts';

/** The client if connection.open is answered, otherwise what the broker said instead. */
export async function tryOpen(
  broker: TestBroker,
  options: OpenOptions,
): Promise<{ client?: RawClient; refused?: Refused }> {
  const client = await broker.connect();
  await client.login(options);
  const { fields } = await client.expect(0, 'connection.tune');
  client.send(0, 'connection.tune-ok', { ...fields, heartbeat: 0 });
  client.send(0, 'connection.open', { virtualHost: options.virtualHost ?? '/' });
  const inbox = client.inbox(0);
  const answer = await inbox.next('connection.open-ok or connection.close');
  if (answer.name === 'connection.open-ok') return { client };
  // Put back, so that `refusal` answers it.
  inbox.push(answer);
  return { refused: await client.refusal() };
}
