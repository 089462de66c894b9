// What a resource of the management API is to the code that serves it: a pattern of paths, who may
// come there, and a handler per method. Main thread.
import type { Identity } from '../auth/backend.ts';
import type { Access } from './access.ts';
import type { BrokerView } from './broker-view.ts';
import type { JsonObject } from './json-body.ts';
import type { PathParameters } from './router.ts';

export interface ApiRequest {
  readonly parameters: PathParameters;
  readonly query: URLSearchParams;
  readonly user: Identity;
  readonly broker: BrokerView;
  /** By lower-case name. */
  header(name: string): string | undefined;
  /** The body, which has to be a JSON object; an empty one counts as empty. */
  json(): Promise<JsonObject>;
}

/** An answer that is not 200 and JSON. */
export class Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, headers: Readonly<Record<string, string>> = {}) {
    this.status = status;
    this.headers = headers;
  }
}

export const CREATED = new Reply(201);
export const NO_CONTENT = new Reply(204);

/**
 * Returns what is to be sent: a JSON value or a JsonList, for text/plain a string, or a Reply.
 * Throws an HttpRefusal to refuse.
 */
export type Handler = (request: ApiRequest) => unknown;

export interface Route {
  /** Such as `/api/queues/:vhost/:name`; the parameter `vhost` is what `access` looks at. */
  readonly pattern: string;
  readonly access: Access;
  /** For methods that ask for more than GET does. */
  readonly accessTo?: Readonly<Record<string, Access>>;
  readonly contentType: 'application/json' | 'text/plain';
  /** By HTTP method. HEAD is served by GET's handler, OPTIONS by the methods that are here. */
  readonly methods: Readonly<Record<string, Handler>>;
}

/** A JSON resource that can only be read. */
export function readOnly(pattern: string, access: Access, handler: Handler): Route {
  return resource(pattern, access, { GET: handler });
}

/** A JSON resource. */
export function resource(
  pattern: string,
  access: Access,
  methods: Readonly<Record<string, Handler>>,
  accessTo: Readonly<Record<string, Access>> = {},
): Route {
  return { pattern, access, accessTo, contentType: 'application/json', methods };
}

/** In RabbitMQ's order. */
export function allowedMethods({ methods }: Route): string {
  const head = methods['GET'] === undefined ? [] : ['HEAD'];
  return [...head, ...Object.keys(methods), 'OPTIONS'].join(', ');
}
