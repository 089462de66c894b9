// Test thread. RabbitMQ's HTTP API for what cannot be done over AMQP: users, permissions, policies,
// limits, virtual hosts. The paths and bodies are RabbitMQ's, so that the same tests run on both.
import type { TestBroker } from './broker.ts';
import { uniqueName } from './unique-name.ts';

export interface TestUser {
  readonly user: string;
  readonly password: string;
}

/** Regular expressions of names, as RabbitMQ has them; what is left out matches nothing. */
export interface Permissions {
  readonly configure?: string;
  readonly write?: string;
  readonly read?: string;
}

export class ManagementApi {
  readonly #broker: TestBroker;
  /** What `removeAll` deletes again, last created first. */
  readonly #created: (readonly string[])[] = [];

  constructor(broker: TestBroker) {
    this.#broker = broker;
  }

  async request(method: string, path: readonly string[], body?: unknown): Promise<Response> {
    const url = `${this.#broker.managementUrl}/api/${path.map(encodeURIComponent).join('/')}`;
    return fetch(url, {
      method,
      headers: {
        authorization: `Basic ${Buffer.from('guest:guest').toString('base64')}`,
        'content-type': 'application/json',
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }

  async get<Value>(...path: string[]): Promise<Value> {
    return (await this.#done('GET', path)).json() as Promise<Value>;
  }

  async put(path: readonly string[], body: unknown = {}): Promise<void> {
    await this.#done('PUT', path, body);
  }

  async delete(...path: string[]): Promise<void> {
    await this.#done('DELETE', path);
  }

  /** A virtual host of its own, which guest may use. */
  async vhost(body: unknown = {}): Promise<string> {
    const vhost = uniqueName('vhost');
    await this.put(['vhosts', vhost], body);
    this.#created.push(['vhosts', vhost]);
    const all = { configure: '.*', write: '.*', read: '.*' };
    await this.put(['permissions', vhost, 'guest'], all);
    return vhost;
  }

  /** A user; with permissions in `vhost` if these are given. */
  async user(vhost?: string, permissions?: Permissions, tags = ''): Promise<TestUser> {
    const user = uniqueName('user');
    await this.put(['users', user], { password: 'secret', tags });
    this.#created.push(['users', user]);
    if (vhost !== undefined && permissions !== undefined) {
      await this.permit(vhost, user, permissions);
    }
    return { user, password: 'secret' };
  }

  async permit(vhost: string, user: string, permissions: Permissions): Promise<void> {
    const none = { configure: '^$', write: '^$', read: '^$' };
    await this.put(['permissions', vhost, user], { ...none, ...permissions });
  }

  async removeAll(): Promise<void> {
    for (const path of this.#created.splice(0).reverse()) await this.request('DELETE', path);
  }

  async #done(method: string, path: readonly string[], body?: unknown): Promise<Response> {
    const answer = await this.request(method, path, body);
    if (answer.ok) return answer;
    const text = await answer.text();
    throw new Error(`${method} ${path.join('/')} was answered ${answer.status}: ${text}`);
  }
}
