// /api/delayed: what is asked of the shard, what is shown of its answer, and who may ask; and what
// warrenmqctl makes of it.
import { beforeEach, describe, expect, it } from 'vitest';
import { runCtl } from '../../../src/cli/ctl/ctl-command.ts';
import { FLAG_PRIORITY } from '../../../src/protocol/property-flags.ts';
import { fakeTerminal } from '../cli/fake-terminal.ts';
import { shardReport, queueReport } from './fixture.ts';
import { useManagement } from './populated-broker.ts';

const management = useManagement();
const { broker, get, send, statusOf } = management;
const DUE = Date.UTC(2100, 0, 1);
const exrk = Buffer.from('\u0005later\u0003key');
const props = Buffer.from([FLAG_PRIORITY >> 8, FLAG_PRIORITY & 255, 7]);
const small = { position: 5, due: DUE, bytes: 23, bodyBytes: 10, exrk, props };
const large = { ...small, position: -2, bodyBytes: undefined, exrk: undefined, props: undefined };
const NONE = { configure: '', write: '', read: '' };

broker.execute({
  kind: 'declare-exchange',
  vhost: '/',
  name: 'later',
  type: 'x-delayed-message',
  durable: true,
  autoDelete: false,
  internal: false,
  arguments: { 'x-delayed-type': 'direct' },
});

beforeEach(() => {
  broker.control.noted.length = 0;
  broker.control.delayedAnswer = { count: 2, messages: [small, large] };
});

async function ctl(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const env = { WARRENMQCTL_URL: `http://127.0.0.1:${management.port}` };
  const terminal = fakeTerminal({ env });
  const code = await runCtl(args, terminal);
  return { code, ...terminal.said };
}

describe('the delayed messages of an exchange', () => {
  it('are listed by page, with what is known of them', async () => {
    expect(await get('/api/delayed/%2F/later?page=1&page_size=50')).toEqual({
      total_count: 2,
      item_count: 2,
      filtered_count: 2,
      page: 1,
      page_size: 50,
      page_count: 1,
      items: [
        {
          id: 5,
          due: '2100-01-01T00:00:00.000Z',
          due_in: expect.any(Number),
          exchange: 'later',
          routing_key: 'key',
          message_bytes: 23,
          payload_bytes: 10,
          properties: { priority: 7 },
        },
        expect.objectContaining({ id: 4_294_967_294, routing_key: null, properties: null }),
      ],
    });
    const wanted = { kind: 'list', offset: 0, count: 50 };
    expect(broker.control.noted).toEqual([['amq.delayed.later', wanted]]);
  });

  it('are a page of 100 unless another is asked for, and not all of a million', async () => {
    broker.control.delayedAnswer = { count: 1_000_000, messages: [] };
    expect(await get('/api/delayed/%2F/later')).toMatchObject({ page_count: 10_000 });
    await get('/api/delayed/%2F/later?page=100&page_size=500');
    expect(broker.control.noted.map((noted) => (noted as [string, object])[1])).toEqual([
      { kind: 'list', offset: 0, count: 100 },
      { kind: 'list', offset: 49_500, count: 500 },
    ]);
    for (const query of ['page=101&page_size=500', 'page=0', 'page_size=501', 'page=x']) {
      expect(await statusOf(`/api/delayed/%2F/later?${query}`)).toBe(400);
    }
    broker.control.delayedAnswer = { count: 100, messages: [] };
    expect(await statusOf('/api/delayed/%2F/later?page=2')).toBe(400);
  });

  it('are cancelled and delivered by their ids', async () => {
    broker.control.delayedAnswer = { count: 1, messages: [] };
    expect((await send('DELETE', '/api/delayed/%2F/later/4294967294')).status).toBe(204);
    expect((await send('POST', '/api/delayed/%2F/later/7/deliver')).status).toBe(204);
    expect((await send('DELETE', '/api/delayed/%2F/later')).status).toBe(204);
    expect(broker.control.noted.map((noted) => (noted as [string, object])[1])).toEqual([
      { kind: 'cancel', position: -2 },
      { kind: 'deliver', position: 7 },
      { kind: 'cancel', position: undefined },
    ]);
    broker.control.delayedAnswer = { count: 0, messages: [] };
    for (const id of ['7', '-1', '4294967296', 'x', '1.5']) {
      expect((await send('DELETE', `/api/delayed/%2F/later/${id}`)).status).toBe(404);
    }
    expect((await send('POST', '/api/delayed/%2F/later/7/deliver')).status).toBe(404);
    // There being none to cancel is as good as having cancelled all.
    expect((await send('DELETE', '/api/delayed/%2F/later')).status).toBe(204);
  });

  it('are those of exchanges that delay', async () => {
    for (const path of ['%2F/amq.direct', '%2F/missing', 'missing/later', 'other/later']) {
      expect(await statusOf(`/api/delayed/${path}`)).toBe(404);
    }
  });

  it('are counted with their exchange', async () => {
    const { id } = broker.topology.companion('/', 'later', 'delay')!;
    const before = broker.reports;
    const counts = { ready: 2, readyBytes: 46, nextDue: DUE };
    broker.reports = { ...before, shards: [shardReport(queueReport(id, counts))] };
    expect(await get('/api/exchanges/%2F/later')).toMatchObject({
      messages_delayed: 2,
      bytes_delayed: 46,
      next_due: '2100-01-01T00:00:00.000Z',
    });
    broker.reports = before;
    expect(await get('/api/exchanges/%2F/later')).toMatchObject({ next_due: null });
    expect(await get('/api/exchanges/%2F/amq.direct')).not.toHaveProperty('messages_delayed');
  });

  it('need read to be seen, configure to be cancelled, write to be sent', async () => {
    const statuses = async (): Promise<number[]> => [
      await statusOf('/api/delayed/%2F/later', 'manager:p'),
      (await send('DELETE', '/api/delayed/%2F/later/1', {}, 'manager:p')).status,
      (await send('DELETE', '/api/delayed/%2F/later', {}, 'manager:p')).status,
      (await send('POST', '/api/delayed/%2F/later/1/deliver', {}, 'manager:p')).status,
    ];
    const allow = (permission: Partial<typeof NONE>): void =>
      broker.users.setPermission('manager', '/', { ...NONE, ...permission });
    allow({ read: '^later$' });
    expect(await statuses()).toEqual([200, 401, 401, 401]);
    allow({ configure: 'lat' });
    expect(await statuses()).toEqual([401, 204, 204, 401]);
    allow({ write: '.*' });
    expect(await statuses()).toEqual([401, 401, 401, 204]);
    const refused = await send('DELETE', '/api/delayed/%2F/later', {}, 'manager:p');
    expect(refused.reason).toBe(
      "ACCESS_REFUSED - configure access to exchange 'later' in vhost '/' refused for user 'manager'",
    );
    allow({ configure: '.*', write: '.*', read: '.*' });
    // An administrator without any permission there may see the virtual host, not what is in it.
    broker.users.setPermission('guest', '/', undefined);
    expect(await statusOf('/api/delayed/%2F/later')).toBe(401);
    broker.users.setPermission('guest', '/', { configure: '.*', write: '.*', read: '.*' });
  });
});

describe('warrenmqctl', () => {
  it('lists them', async () => {
    expect(await ctl('list_delayed', 'later')).toMatchObject({
      code: 0,
      out:
        "Listing delayed messages of exchange 'later' ...\nid\tdue\trouting_key\tmessage_bytes\n" +
        '5\t2100-01-01T00:00:00.000Z\tkey\t23\n4294967294\t2100-01-01T00:00:00.000Z\t\t23\n',
    });
    const chosen = await ctl('-q', '--no-table-headers', 'list_delayed', 'later', 'id');
    expect(chosen.out).toBe('5\n4294967294\n');
    const json = await ctl('list_delayed', 'later', '--formatter', 'json', '--limit', '1');
    expect(JSON.parse(json.out)).toEqual([expect.objectContaining({ id: 5 })]);
  });

  it('asks for as many pages as it takes', async () => {
    broker.control.delayedAnswer = { count: 1200, messages: [small] };
    await ctl('list_delayed', 'later', '--limit', '5000');
    expect(broker.control.noted).toHaveLength(3);
  });

  it('cancels them', async () => {
    broker.control.delayedAnswer = { count: 1, messages: [] };
    expect((await ctl('cancel_delayed', 'later', '5')).code).toBe(0);
    expect((await ctl('cancel_delayed', 'later', '--all')).code).toBe(0);
    expect(broker.control.noted).toEqual([
      ['amq.delayed.later', { kind: 'cancel', position: 5 }],
      ['amq.delayed.later', { kind: 'cancel', position: undefined }],
    ]);
    broker.control.delayedAnswer = { count: 0, messages: [] };
    expect((await ctl('cancel_delayed', 'later', '5')).code).toBe(65);
  });

  it.each([
    [65, ['list_delayed', 'amq.direct']],
    [65, ['cancel_delayed', 'amq.direct', '--all']],
    [64, ['list_delayed', 'later', 'colour']],
    [64, ['list_delayed', 'later', '--limit', '0']],
    [64, ['cancel_delayed', 'later']],
    [64, ['cancel_delayed', 'later', '5', '--all']],
  ])('refuses with %d: %j', async (code, args) => {
    expect((await ctl(...args)).code).toBe(code);
  });
});
