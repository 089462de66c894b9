// Test thread. A virtual host for tests of policies, and for each test a channel in it and a prefix
// for its names, so that its policies match only them.
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { TestBroker } from './broker.ts';
import { ManagementApi } from './management-api.ts';
import type { RawChannel } from './raw-channel.ts';
import { uniqueName } from './unique-name.ts';

export interface PolicyNames {
  readonly vhost: string;
  readonly channel: RawChannel;
  readonly prefix: string;
}

/** Before each test `take` gets what is new. */
export function usePolicyVhost(
  broker: TestBroker,
  take: (made: PolicyNames) => void,
): ManagementApi {
  const api = new ManagementApi(broker);
  let vhost: string;

  beforeAll(async () => {
    vhost = await api.vhost();
  });
  afterAll(() => api.removeAll());

  beforeEach(async () => {
    const channel = await broker.channel({ virtualHost: vhost });
    take({ vhost, channel, prefix: uniqueName('p') });
  });

  return api;
}
