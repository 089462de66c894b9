// Feature flags and deprecated features over HTTP, with a broker that has no threads.
import { describe, expect, it } from 'vitest';
import { ask } from './fixture.ts';
import { useManagement } from './populated-broker.ts';

const management = useManagement();
const { broker, get, send, statusOf } = management;

interface Feature {
  readonly name: string;
}

async function names(path: string): Promise<string[]> {
  const features: Feature[] = await get(path);
  return features.map(({ name }) => name);
}

describe('feature flags', () => {
  it('are all enabled', async () => {
    const flags: Feature[] = await get('/api/feature-flags');
    expect(flags.map(({ name }) => name)).toContain('quorum_queue');
    const common = { state: 'enabled', stability: 'required', provided_by: 'rabbit' };
    expect(flags).toEqual(flags.map((flag) => expect.objectContaining({ ...common, ...flag })));
  });

  it('can be enabled again, and no others', async () => {
    for (const name of await names('/api/feature-flags')) {
      expect((await send('PUT', `/api/feature-flags/${name}/enable`, { name })).status).toBe(204);
    }
    expect(await send('PUT', '/api/feature-flags/stream_queue/enable')).toMatchObject({
      status: 400,
      reason: 'unsupported',
    });
    const { status, headers } = await ask(management.port, '/api/feature-flags/x/enable');
    expect([status, headers['allow']]).toEqual([405, 'PUT, OPTIONS']);
  });

  it('are for administrators', async () => {
    for (const path of ['feature-flags', 'deprecated-features', 'deprecated-features/used']) {
      expect(await statusOf(`/api/${path}`, 'manager:p')).toBe(401);
    }
  });
});

describe('deprecated features', () => {
  it('are permitted as the configuration has it', async () => {
    const features = await get('/api/deprecated-features');
    expect(features).toContainEqual({
      name: 'transient_nonexcl_queues',
      desc: expect.any(String),
      deprecation_phase: 'permitted_by_default',
      state: 'permitted',
      doc_url: expect.stringMatching(/^https:/u),
      provided_by: 'rabbit',
    });
    const removed = { deprecation_phase: 'removed', state: 'denied' };
    expect(features).toContainEqual(
      expect.objectContaining({ name: 'classic_queue_mirroring', ...removed }),
    );
  });

  it('are in use when there is such a queue, or such a policy', async () => {
    const used = '/api/deprecated-features/used';
    expect(await names(used)).toEqual([]);
    const queue = { kind: 'declare-queue', vhost: 'other', autoDelete: false } as const;
    const transient = { durable: false, arguments: {}, connectionId: 7 };
    broker.execute({ ...queue, ...transient, name: 'excl', exclusive: true });
    expect(await names(used)).toEqual([]);
    broker.execute({ ...queue, ...transient, name: 'transient', exclusive: false });
    expect(await names(used)).toEqual(['transient_nonexcl_queues']);
    const definition = { 'queue-master-locator': 'client-local' };
    await send('PUT', '/api/policies/%2F/old', { pattern: '^q', definition });
    expect(await names(used)).toEqual(['queue_master_locator', 'transient_nonexcl_queues']);
  });
});
