// What a resource of the management API is to the code that serves it. Main thread.
import type { User } from '../auth/users.ts';
import type { Access } from './access.ts';
import type { BrokerView } from './broker-view.ts';
import type { PathParameters } from './router.ts';

export interface ApiRequest {
  readonly parameters: PathParameters;
  readonly user: User;
  readonly broker: BrokerView;
}

/**
 * Returns what is to be sent: a JSON value or a JsonList, for text/plain a string. Throws an
 * HttpRefusal to refuse.
 */
export type Handler = (request: ApiRequest) => unknown;

export interface Route {
  /** Such as `/api/queues/:vhost/:name`; the parameter `vhost` is what `access` looks at. */
  readonly pattern: string;
  readonly access: Access;
  readonly contentType: 'application/json' | 'text/plain';
  /** By HTTP method. HEAD is served by GET's handler, OPTIONS by the methods that are here. */
  readonly methods: Readonly<Record<string, Handler>>;
}

/** A JSON resource that can only be read. */
export function readOnly(pattern: string, access: Access, handler: Handler): Route {
  return { pattern, access, contentType: 'application/json', methods: { GET: handler } };
}

/** In RabbitMQ's order. */
export function allowedMethods(route: Route): string {
  return ['HEAD', ...Object.keys(route.methods), 'OPTIONS'].join(', ');
}
