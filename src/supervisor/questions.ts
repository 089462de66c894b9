// Answers what acceptors ask: topology commands, logins, virtual hosts. Main thread.
import { mayConnectFrom } from '../auth/loopback.ts';
import { canAccessVhost, type Users } from '../auth/users.ts';
import { loginRefused } from '../errors/auth-refusals.ts';
import { vhostAccessRefused } from '../errors/connection-refusals.ts';
import type { Refusal } from '../errors/refusal.ts';
import { vhostNotFound } from '../errors/topology-refusals.ts';
import type { AcceptorQuestion, Answer } from '../acceptor/control-messages.ts';
import type { ControlPlane } from './control-plane.ts';

type Login = Extract<AcceptorQuestion, { kind: 'authenticate' }>;

export class Questions {
  private readonly control: ControlPlane;
  private readonly users: Users;
  private readonly loopbackUsers: readonly string[];

  constructor(control: ControlPlane, users: Users, loopbackUsers: readonly string[]) {
    this.control = control;
    this.users = users;
    this.loopbackUsers = loopbackUsers;
  }

  async answer(question: AcceptorQuestion): Promise<Answer> {
    switch (question.kind) {
      case 'execute':
        return this.control.execute(question.command);
      case 'authenticate':
        return { refusal: this.login(question), queue: undefined };
      case 'open-vhost':
        return { refusal: this.openVhost(question.username, question.vhost), queue: undefined };
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

  private openVhost(username: string, vhost: string): Refusal | undefined {
    if (!this.control.topology.hasVhost(vhost)) return vhostNotFound(vhost);
    const user = this.users.find(username);
    if (user !== undefined && canAccessVhost(user, vhost)) return undefined;
    return vhostAccessRefused(vhost, username);
  }
}
