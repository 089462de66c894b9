// Test thread. warrenmqctl against a real broker, each command a process of its own, as scripts and
// the Java client's tests call it. WarrenMQ only.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { promisify } from 'node:util';
import { connect } from 'amqplib';
import { expect, it } from 'vitest';
import { useBroker } from '../support/broker.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const run = promisify(execFile);
const broker = useBroker({ acceptors: 2, shards: 2 });

async function ctl(command: string): Promise<string> {
  const program = `'${process.execPath}' src/cli/main.ts ctl -n 'rabbit@localhost'`;
  const env = { ...process.env, WARRENMQCTL_URL: broker.managementUrl };
  const { stdout } = await run('/bin/sh', ['-c', `${program} ${command}`], { cwd: ROOT, env });
  return stdout;
}

it('lets a user in', { timeout: 60_000 }, async () => {
  await ctl("add_user 'app' 'secret'");
  await ctl('add_vhost v');
  await ctl("set_permissions -p v app '.*' '.*' '.*'");
  expect(await ctl('list_users -q')).toContain('app\t[]\n');
  const connection = await connect(`amqp://app:secret@${broker.host}:${broker.port}/v`);
  await (await connection.createChannel()).assertQueue('q', { durable: false });
  expect(await ctl('list_queues -p v -q name messages')).toBe('name\tmessages\nq\t0\n');
  const closed = once(connection, 'close');
  await ctl('clear_permissions -p v app');
  expect(String((await closed)[0])).toContain('320');
});

it('closes the connection that the Java client looks for', { timeout: 60_000 }, async () => {
  const clientProperties = { connection_name: 'to-be-closed' };
  const connection = await connect(broker.url, { clientProperties });
  const listed = await ctl('list_connections -q pid peer_port client_properties');
  const line = listed.split('\n').find((text) => text.includes('"connection_name","to-be-closed"'));
  const closed = once(connection, 'close');
  await ctl(`close_connection '${line!.split('\t')[0]}' 'Closed via rabbitmqctl'`);
  expect(String((await closed)[0])).toMatch(/320.*Closed via rabbitmqctl/u);
});

it('fails with a code and a word', { timeout: 60_000 }, async () => {
  await expect(ctl('delete_user nobody')).rejects.toMatchObject({
    code: 67,
    stderr: 'Error:\nUser "nobody" does not exist\n',
  });
});
