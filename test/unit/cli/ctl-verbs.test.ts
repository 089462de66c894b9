// warrenmqctl against the management API of a broker without threads: what is said, what is done,
// and with which exit code.
import { describe, expect, it } from 'vitest';
import { runCtl, verbs } from '../../../src/cli/ctl/ctl-command.ts';
import { useManagement } from '../management/populated-broker.ts';
import { fakeTerminal } from './fake-terminal.ts';

const management = useManagement();
const { broker } = management;

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

async function ctl(...args: string[]): Promise<Ran> {
  return ctlWith({}, ...args);
}

async function ctlWith(files: Record<string, string>, ...args: string[]): Promise<Ran> {
  const terminal = fakeTerminal({
    env: { WARRENMQCTL_URL: `http://127.0.0.1:${management.port}` },
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error('none'), { code: 'ENOENT' });
      return text;
    },
    writeFile: (path, text) => {
      files[path] = text;
    },
  });
  const code = await runCtl(args, terminal);
  return { code, ...terminal.said };
}

/** The lines of what succeeded. */
async function lines(...args: string[]): Promise<string[]> {
  const { code, out, error } = await ctl(...args);
  expect([code, error]).toEqual([0, '']);
  return out.split('\n').filter((line) => line !== '');
}

describe('users', () => {
  it('from the cradle to the grave', async () => {
    expect(await lines('-n', 'rabbit@localhost', 'add_user', 'u', 'secret')).toEqual([
      'Adding user "u" ...',
      expect.stringMatching(/^Done\. Don't forget to grant/u),
    ]);
    expect(await ctl('add_user', 'u', 'x')).toMatchObject({
      code: 70,
      error: 'Error:\nUser "u" already exists\n',
    });
    await lines('set_user_tags', 'u', 'monitoring', 'x,y');
    expect(await lines('list_users', '-q')).toContain('u\t[monitoring, x, y]');
    expect(await lines('authenticate_user', 'u', 'secret', '-q')).toEqual(['Success']);
    await lines('change_password', 'u', 'other');
    expect((await ctl('authenticate_user', 'u', 'secret')).code).toBe(65);
    expect(broker.users.find('u')!.tags).toEqual(['monitoring', 'x', 'y']);
    await lines('clear_password', 'u');
    expect((await ctl('authenticate_user', 'u', 'other')).code).toBe(65);
    await lines('delete_user', 'u');
    expect(await ctl('delete_user', 'u')).toMatchObject({
      code: 67,
      error: 'Error:\nUser "u" does not exist\n',
    });
  });

  it('have passwords from standard input', async () => {
    expect(await ctlWith({ '/dev/stdin': 'piped\n' }, 'add_user', 'p')).toMatchObject({ code: 0 });
    await lines('authenticate_user', 'p', 'piped');
    await lines('delete_user', 'p');
    expect((await ctlWith({ '/dev/stdin': '\n' }, 'add_user', 'p')).code).toBe(65);
  });

  it('are let in, and kept out', async () => {
    const permission = ['monitor', '^a', '', '.*'];
    await lines('set_permissions', '-p', 'other', ...permission);
    expect(await lines('-q', 'list_permissions', '-p', 'other')).toEqual([
      'user\tconfigure\twrite\tread',
      'monitor\t^a\t\t.*',
    ]);
    expect(await lines('-s', 'list_user_permissions', 'monitor')).toEqual(['other\t^a\t\t.*']);
    await lines('clear_permissions', '-p', 'other', 'monitor');
    expect(broker.users.find('monitor')!.permissions.size).toBe(0);
    expect((await ctl('set_permissions', 'none', '', '', '')).code).toBe(67);
    expect((await ctl('set_permissions', '-p', 'none', ...permission)).code).toBe(65);
    await lines('set_topic_permissions', 'monitor', 'amq.topic', '^a', '^b');
    expect(await lines('-s', 'list_topic_permissions')).toEqual(['monitor\tamq.topic\t^a\t^b']);
    await lines('clear_topic_permissions', 'monitor', 'amq.topic');
    expect(await lines('-s', 'list_user_topic_permissions', 'monitor')).toEqual([]);
  });
});

describe('virtual hosts, policies, limits and parameters', () => {
  it('are set and cleared', async () => {
    await lines('add_vhost', 'v', '--default-queue-type', 'quorum', '--description', 'd d');
    expect(broker.users.find('guest')!.permissions.has('v')).toBe(false);
    const columns = ['name', 'description', 'default_queue_type', 'tracing'];
    await lines('trace_on', '-p', 'v');
    expect(await lines('-s', 'list_vhosts', ...columns)).toContain('v\td d\tquorum\ttrue');
    await lines('trace_off', '-p', 'v');
    const definition = '{"max-length":5}';
    const options = ['-p', 'v', '--priority', '3', '--apply-to', 'queues'];
    await lines('set_policy', ...options, 'p', '^q', definition);
    expect(await lines('-s', 'list_policies', '-p', 'v')).toEqual([
      `v\tp\t^q\tqueues\t${definition}\t3`,
    ]);
    await lines('set_operator_policy', '-p', 'v', 'o', '^q', definition);
    expect(await lines('-s', 'list_operator_policies', '-p', 'v')).toHaveLength(1);
    await lines('clear_policy', '-p', 'v', 'p');
    expect((await ctl('clear_policy', '-p', 'v', 'p')).code).toBe(70);
    await lines('set_vhost_limits', '-p', 'v', '{"max-queues":3}');
    expect(await lines('-q', 'list_vhost_limits', '-p', 'v')).toContain('{"max-queues":3}');
    await lines('clear_vhost_limits', '-p', 'v');
    await lines('set_parameter', '-p', 'v', 'vhost-limits', 'limits', '{"max-queues":1}');
    expect(await lines('-s', 'list_parameters', '-p', 'v')).toEqual([
      'vhost-limits\tlimits\t{"max-queues":1}',
    ]);
    await lines('delete_vhost', 'v');
    expect((await ctl('delete_vhost', 'v')).code).toBe(65);
    await lines('set_global_parameter', 'g', '"x"');
    expect(await lines('-s', 'list_global_parameters')).toEqual(['g\t"x"']);
    await lines('clear_global_parameter', 'g');
  });

  it('say what is wrong with them', async () => {
    const wrong = await ctl('set_policy', 'p', '^q', '{"nope":1}');
    expect(wrong).toMatchObject({ code: 70, error: expect.stringContaining('not recognised') });
    expect((await ctl('set_policy', 'p', '^q', 'no json')).code).toBe(65);
    expect((await ctl('set_policy', '--priority', 'x', 'p', '^q', '{}')).code).toBe(65);
  });
});

describe('listings', () => {
  it('have the columns that are asked for', async () => {
    expect(await lines('-q', 'list_queues')).toEqual(['name\tmessages', 'a/b\t5', 'mine\t0']);
    expect(await lines('list_queues', '-p', 'other')).toEqual([
      'Timeout: 60.0 seconds ...',
      'Listing queues for vhost other ...',
      'name\tmessages',
      'b\t10',
    ]);
    const json = ['--formatter', 'json', 'list_queues', 'name', 'arguments', 'exclusive'];
    expect(JSON.parse((await lines(...json)).join(''))).toContainEqual({
      name: 'mine',
      arguments: {},
      exclusive: true,
    });
    expect(await lines('-s', 'list_exchanges', 'name', 'type')).toContain('amq.topic\ttopic');
    expect(await lines('-s', 'list_bindings')).toContain(
      'amq.topic\texchange\ta/b\tqueue\tx.#\t[{"n",1}]',
    );
  });

  it('of connections as the Java client reads them', async () => {
    const columns = ['pid', 'peer_port', 'client_properties'];
    const [header, , second] = await lines('list_connections', '-q', ...columns);
    expect(header).toBe(columns.join('\t'));
    expect(second).toMatch(/^<rabbit@[^\t]+\.1\.7\.0>\t[^\t]*\t.*"connection_name","my app"/u);
    const pid = second.split('\t')[0];
    await lines('close_connection', pid, 'because');
    expect(broker.control.closed.splice(0)).toEqual([{ ids: [7], reason: 'because' }]);
    expect((await ctl('close_connection', '<x.1.2.0>', 'because')).code).toBe(70);
    await lines('close_all_connections', 'all go');
    expect(broker.control.closed.splice(0).flatMap(({ ids }) => ids)).toEqual([8, 7]);
    await lines('close_all_user_connections', 'manager', 'you go');
    expect(broker.control.closed.splice(0)).toEqual([{ ids: [8], reason: 'you go' }]);
  });

  it('refuse what they do not know', async () => {
    expect((await ctl('list_queues', 'name', 'colour')).code).toBe(64);
    expect((await ctl('list_queues', '-p', 'none')).code).toBe(65);
    expect(await lines('list_channels', '-s')).toEqual([]);
    expect(await lines('list_consumers', '-s')).toEqual([]);
  });
});

describe('the node', () => {
  it('obeys', async () => {
    await lines('stop_app');
    await lines('start_app');
    await lines('await_startup');
    await lines('set_vm_memory_high_watermark', '0.000000001');
    await lines('set_vm_memory_high_watermark', 'absolute', '1GiB');
    await lines('set_disk_free_limit', '2GB');
    await lines('set_disk_free_limit', 'mem_relative', '1.5');
    const set = 'rabbit_alarm:set_alarm({{resource_limit, disk, node()}, []}).';
    expect(await lines('eval', set)).toEqual(['ok']);
    expect(
      await lines('eval', 'rabbit_alarm:clear_alarm({resource_limit, memory, node()}).'),
    ).toEqual(['ok']);
    expect(broker.control.noted).toEqual([
      'broker forced connection closure with reason shutdown',
      ['memory', { relative: 1e-9 }],
      ['memory', { bytes: 2 ** 30 }],
      ['disk', { bytes: 2e9 }],
      ['disk', { relative: 1.5 }],
      ['disk', true],
      ['memory', false],
    ]);
    expect(broker.control.isListening).toBe(true);
    expect((await ctl('eval', 'init:stop().')).code).toBe(70);
    expect(await lines('eval', 'ssl:clear_pem_cache().')).toEqual(['ok']);
    expect((await ctl('reload_certificates')).code).toBe(0);
    expect(broker.control.noted.filter((each) => each === 'certificates')).toHaveLength(2);
    broker.control.certificateProblems = ['ssl_options.certfile: a does not exist'];
    expect(await ctl('reload_certificates')).toMatchObject({
      code: 70,
      error: expect.stringContaining('ssl_options.certfile: a does not exist') as string,
    });
    expect((await ctl('set_disk_free_limit', 'much')).code).toBe(65);
    expect((await ctl('set_alarm', 'cpu')).code).toBe(64);
  });

  it('says what it is', async () => {
    expect(await lines('-q', 'ping')).toEqual(['Ping succeeded']);
    expect(await lines('status')).toEqual(
      expect.arrayContaining(['Runtime', expect.stringMatching(/^OS PID: \d+$/u)]),
    );
    expect(JSON.parse((await lines('status', '--formatter', 'json')).join(''))).toMatchObject({
      running: true,
    });
    await lines('set_cluster_name', 'mine');
    expect(await management.get('/api/cluster-name')).toEqual({ name: 'mine' });
    await lines('enable_feature_flag', 'all');
    expect(await lines('version')).toHaveLength(1);
  });

  it('is exported and imported', async () => {
    const files: Record<string, string> = {};
    expect((await ctlWith(files, 'export_definitions', '/tmp/d.json')).code).toBe(0);
    expect(JSON.parse(files['/tmp/d.json'])).toHaveProperty('queues');
    expect((await ctlWith(files, 'import_definitions', '/tmp/d.json')).code).toBe(0);
    expect((await ctlWith(files, 'import_definitions', '/tmp/none.json')).code).toBe(65);
    expect((await ctlWith({ '/dev/stdin': '{' }, 'import_definitions', '-')).code).toBe(65);
  });
});

describe('the command line', () => {
  it('is refused with 64 when it is wrong', async () => {
    expect((await ctl()).code).toBe(64);
    expect((await ctl('frobnicate')).code).toBe(64);
    expect((await ctl('add_user')).code).toBe(64);
    expect((await ctl('list_users', 'too', 'many')).code).toBe(64);
    expect((await ctl('--formatter', 'xml', 'list_users')).code).toBe(64);
    expect((await ctl('help')).code).toBe(0);
  });

  it('says when nobody answers, or does not know the user', async () => {
    const nobody = await ctl('--api-url', 'http://127.0.0.1:1', 'list_users');
    expect(nobody).toMatchObject({
      code: 69,
      error: expect.stringContaining('http://127.0.0.1:1'),
    });
    const wrong = await ctl('--api-password', 'wrong', 'list_users');
    expect(wrong).toMatchObject({ code: 69, error: expect.stringContaining('--api-user') });
    expect((await ctl('--api-user', 'manager', '--api-password', 'p', 'list_users')).code).toBe(70);
  });

  it('has every verb once', () => {
    const names = verbs.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });
});
