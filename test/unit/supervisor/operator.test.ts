// Main's hand on its threads: whom it asks, whose answers it puts together, what it tells.
import { expect, it } from 'vitest';
import { Operator, type OperatorParts } from '../../../src/supervisor/operator.ts';

interface Said {
  readonly acceptor: number;
  readonly message: { readonly kind: string; readonly request?: number };
}

function operator(): { readonly made: Operator; readonly said: Said[]; readonly done: string[] } {
  const said: Said[] = [];
  const done: string[] = [];
  const acceptors = [0, 1].map((acceptor) => ({
    send: (message: { readonly kind: string }) => said.push({ acceptor, message }),
  }));
  const parts = {
    acceptors,
    reports: { consumers: () => Promise.resolve([]) },
    listenAgain: () => {
      done.push('listening');
      return Promise.resolve();
    },
  };
  return { made: new Operator(parts as unknown as OperatorParts), said, done };
}

it('tells every acceptor which virtual hosts are traced, when that changes', () => {
  const { made, said } = operator();
  made.setTracing('a', true);
  made.setTracing('b', true);
  made.setTracing('b', true);
  made.setTracing('a', false);
  made.setTracing('c', false);
  expect(said.filter(({ acceptor }) => acceptor === 1).map(({ message }) => message)).toEqual([
    { kind: 'tracing', vhosts: ['a'] },
    { kind: 'tracing', vhosts: ['a', 'b'] },
    { kind: 'tracing', vhosts: ['b'] },
  ]);
  expect([...made.tracedVhosts]).toEqual(['b']);
});

it('puts together what all acceptors have', async () => {
  const { made, said } = operator();
  const listing = made.listClients();
  const channel = { number: 1 } as never;
  for (const { message } of [...said].reverse()) {
    const clients = { channels: [channel], consumers: [] };
    made.answered({ kind: 'clients', request: message.request!, clients });
  }
  expect((await listing).channels).toHaveLength(2);
});

it('stops listening everywhere before it says so, and listens again once', async () => {
  const { made, said, done } = operator();
  await made.resume();
  const suspended = made.suspend('why').then(() => done.push('suspended'));
  expect(made.isListening).toBe(false);
  const [first, second] = said;
  made.answered({ kind: 'suspended', request: first.message.request! });
  await Promise.resolve();
  expect(done).toEqual([]);
  made.answered({ kind: 'suspended', request: second.message.request! });
  await suspended;
  await made.resume();
  await made.resume();
  expect([done, made.isListening]).toEqual([['suspended', 'listening'], true]);
});
