// Answers what acceptors ask: topology commands, logins, virtual hosts. Main thread. Questions are
// answered in the order in which they come; opening a connection is one step (limits.ts).
import { mayConnectFrom } from '../auth/loopback.ts';
import { canAccessVhost, type Users } from '../auth/users.ts';
import { loginRefused } from '../errors/auth-refusals.ts';
import { vhostAccessRefused } from '../errors/connection-refusals.ts';
import type { Refusal } from '../errors/refusal.ts';
import { vhostNotFound } from '../errors/topology-refusals.ts';
import type { AcceptorQuestion, Answer } from '../acceptor/control-messages.ts';
import type { ControlPlane } from './control-plane.ts';
import type { ConnectionPlaces } from './limits.ts';

type Login = Extract<AcceptorQuestion, { kind: 'authenticate' }>;
type Opening = Extract<AcceptorQuestion, { kind: 'open-vhost' }>;

export class Questions {
  private readonly control: ControlPlane;
  private readonly users: Users;
  private readonly loopbackUsers: readonly string[];
  private readonly places: ConnectionPlaces;

  constructor(
    control: ControlPlane,
    users: Users,
    loopbackUsers: readonly string[],
    places: ConnectionPlaces,
  ) {
    this.control = control;
    this.users = users;
    this.loopbackUsers = loopbackUsers;
    this.places = places;
  }

  async answer(question: AcceptorQuestion): Promise<Answer> {
    switch (question.kind) {
      case 'execute':
        return this.control.execute(question.command);
      case 'authenticate':
        return { refusal: this.login(question), queue: undefined };
      case 'open-vhost':
        return this.openVhost(question);
    }
  }

  private login(login: Login): Refusal | undefined {
    const { mechanism, username, password, remoteAddress } = login;
    if (!mayConnectFrom(username, remoteAddress, this.loopbackUsers)) {
      return loginRefused(mechanism);
    }
    const outcome = this.users.authenticate(mechanism, username, password);
    return outcome === 'ok' ? undefined : outcome;
  }

  /** In one step, so that the place is taken before the connection can be heard to have ended. */
  private openVhost({ connectionId, username, vhost }: Opening): Answer {
    const refusal = this.openingRefusal(username, vhost);
    if (refusal !== undefined) return { refusal, queue: undefined };
    const channelCounter = this.places.take(connectionId, username, vhost);
    return { refusal: undefined, queue: undefined, channelCounter };
  }

  private openingRefusal(username: string, vhost: string): Refusal | undefined {
    if (!this.control.topology.hasVhost(vhost)) return vhostNotFound(vhost);
    const overLimit = this.places.refusal(username, vhost);
    if (overLimit !== undefined) return overLimit;
    const user = this.users.find(username);
    if (user !== undefined && canAccessVhost(user, vhost)) return undefined;
    return vhostAccessRefused(vhost, username);
  }
}
