// Places of connections: taken in the step that allows the opening, given back once.
import { describe, expect, it } from 'vitest';
import { Users } from '../../../src/auth/users.ts';
import { Parameters } from '../../../src/supervisor/facts/parameters.ts';
import { LiveLimits } from '../../../src/supervisor/live-limits.ts';
import { ConnectionPlaces } from '../../../src/supervisor/limits.ts';

interface Given {
  readonly connectionMax?: number;
  readonly userConnectionMax?: number;
  readonly vhost?: readonly [pattern: string, connectionsMax: number];
}

function places(given: Given): ConnectionPlaces {
  const [pattern, connectionsMax] = given.vhost ?? ['.*', 0];
  const configured = {
    userConnectionMax: given.userConnectionMax ?? 0,
    userChannelMax: 0,
    vhostLimits: [{ name: '1', pattern, connectionsMax, queuesMax: 0 }],
  };
  const nothingSet = { users: new Users(), parameters: new Parameters() };
  return new ConnectionPlaces(
    given.connectionMax ?? 0,
    new LiveLimits(configured, () => nothingSet),
  );
}

describe('places of connections', () => {
  it('are without end when nothing is limited', () => {
    const free = places({});
    for (let id = 1; id <= 100; id += 1) {
      expect(free.refusal('u', '/')).toBeUndefined();
      free.take(id, 'u', '/');
    }
    expect(free.openCount).toBe(100);
  });

  it('of the node count all users and virtual hosts', () => {
    const few = places({ connectionMax: 2 });
    few.take(1, 'u', '/');
    few.take(2, 'w', 'v');
    expect(few.refusal('x', 'y')?.text).toContain('node connection limit (2) is reached');
    few.giveBack(1);
    // A second time, as when the socket of a connection that was closed is gone: counts nothing.
    few.giveBack(1);
    few.giveBack(99);
    few.take(3, 'u', '/');
    expect(few.refusal('x', 'y')).toBeDefined();
    expect(few.openCount).toBe(2);
  });

  it('of a virtual host count those to it, if its name matches', () => {
    const few = places({ vhost: ['^t', 1] });
    few.take(1, 'u', 'test');
    expect(few.refusal('w', 'test')?.text).toContain(
      "access to vhost 'test' refused for user 'w': connection limit (1) is reached",
    );
    // Each that matches has the limit for itself.
    expect(few.refusal('u', 'test2')).toBeUndefined();
    expect(few.refusal('u', '/')).toBeUndefined();
    few.giveBack(1);
    expect(few.refusal('w', 'test')).toBeUndefined();
  });

  it('of a user count its connections to all virtual hosts', () => {
    const few = places({ userConnectionMax: 1 });
    few.take(1, 'u', '/');
    expect(few.refusal('u', 'v')?.text).toContain(
      "connection refused for user 'u': user connection limit (1) is reached",
    );
    expect(few.refusal('w', '/')).toBeUndefined();
    few.giveBack(1);
    expect(few.refusal('u', 'v')).toBeUndefined();
  });

  it('are refused for the node first, then for the virtual host, then for the user', () => {
    const limits = { connectionMax: 2, vhost: ['^v$', 1], userConnectionMax: 1 } as const;
    const few = places(limits);
    few.take(1, 'u', 'v');
    expect(few.refusal('u', 'v')?.id).toBe('limit.vhost-connections');
    expect(few.refusal('u', '/')?.id).toBe('limit.user-connections');
    few.take(2, 'w', '/');
    expect(few.refusal('u', 'v')?.id).toBe('limit.node-connections');
  });

  it('share one cell for the channels of a user, for as long as it is connected', () => {
    const all = places({});
    const first = all.take(1, 'u', '/');
    expect(all.take(2, 'u', 'v')).toBe(first);
    expect(all.take(3, 'w', '/')).not.toBe(first);
    all.giveBack(1);
    expect(all.take(4, 'u', '/')).toBe(first);
    all.giveBack(2);
    all.giveBack(4);
    expect(all.take(5, 'u', '/')).not.toBe(first);
  });
});
