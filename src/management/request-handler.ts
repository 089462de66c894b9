// What happens to one HTTP request of the management API, in the order of RabbitMQ's (cowboy_rest):
// 400 or 404 for the path, 405 for the method, 401 for the user, 406 for what it accepts, then the
// resource itself. Main thread.
// Invariants: every request ends in an answer or a closed connection within `answerMillisMax`; an
// error of a handler is logged, answered with 500, and harms nothing else.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Identity } from '../auth/backend.ts';
import { isLoopback } from '../auth/loopback.ts';
import type { Logger } from '../base/logger.ts';
import { isAcceptable } from './accept-header.ts';
import { type Access, assertAccess } from './access.ts';
import type { BrokerView } from './broker-view.ts';
import {
  badRequest,
  HttpRefusal,
  internalError,
  methodNotAllowed,
  notAcceptable,
  notFound,
} from './http-refusal.ts';
import { parseObject } from './json-body.ts';
import { applyQuery } from './list-query.ts';
import { logIn } from './login.ts';
import { RequestBody } from './request-body.ts';
import { allowedMethods, Reply, type Route } from './route.ts';
import { Router } from './router.ts';
import { type Answer, sendAnswer } from './send-answer.ts';

/** Somebody on this machine who need not say who they are. */
const ANYBODY: Identity = { name: '', tags: [], accessTo: () => undefined };

export interface RequestLimits {
  readonly bodyBytesMax: number;
  readonly answerMillisMax: number;
}

export class RequestHandler {
  private readonly broker: BrokerView;
  private readonly router: Router<Route>;
  private readonly limits: RequestLimits;
  private readonly log: Logger;

  constructor(broker: BrokerView, routes: readonly Route[], limits: RequestLimits, log: Logger) {
    this.broker = broker;
    this.router = new Router(routes);
    this.limits = limits;
    this.log = log;
  }

  /** Never rejects. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client that has gone is told by 'close'; what it missed is nobody's problem.
    response.on('error', () => {});
    const deadline = setTimeout(() => request.socket.destroy(), this.limits.answerMillisMax);
    response.on('close', () => clearTimeout(deadline));
    try {
      await sendAnswer(response, await this.answer(request));
    } catch (error) {
      this.failed(error, request, response);
    }
  }

  private async answer(request: IncomingMessage): Promise<Answer> {
    const sent = new RequestBody(request, this.limits.bodyBytesMax);
    try {
      try {
        return await this.serve(request, sent);
      } finally {
        await sent.discard();
      }
    } catch (error) {
      if (!(error instanceof HttpRefusal)) this.logFailure(error, request);
      const { status, body, headers } = error instanceof HttpRefusal ? error : internalError();
      return { status, contentType: 'application/json', body, headers };
    }
  }

  private async serve(request: IncomingMessage, body: RequestBody): Promise<Answer> {
    const match = this.router.match(pathOf(request));
    if (match === undefined) throw notFound();
    const { route, parameters } = match;
    const method = request.method ?? '';
    const allow = allowedMethods(route);
    if (method === 'OPTIONS') return { status: 200, contentType: '', body: '', headers: { allow } };
    const handler = route.methods[method === 'HEAD' ? 'GET' : method];
    if (handler === undefined) throw methodNotAllowed(method, allow);
    const access = route.accessTo?.[method] ?? route.access;
    const user = await this.userOf(request, access, parameters['vhost']);
    if (!isAcceptable(request.headers.accept, route.contentType)) {
      throw notAcceptable(route.contentType);
    }
    const query = queryOf(request);
    const result = await handler({
      parameters,
      query,
      user,
      broker: this.broker,
      header: (name) => headerOf(request, name),
      json: async () => parseObject(await body.read()),
    });
    if (result instanceof Reply) {
      return { status: result.status, contentType: '', body: '', headers: result.headers };
    }
    const isText = route.contentType === 'text/plain';
    // The version is that of the Prometheus text format, the only text there is here.
    const contentType = isText ? 'text/plain; version=0.0.4; charset=utf-8' : route.contentType;
    const shown = isText || method === 'POST' ? result : applyQuery(query, result);
    return { status: 200, contentType, body: shown, headers: {} };
  }

  private async userOf(
    request: IncomingMessage,
    access: Access,
    vhost: string | undefined,
  ): Promise<Identity> {
    const isOpen = access === 'loopback-or-monitor';
    if (isOpen && isLoopback(request.socket.remoteAddress ?? '')) return ANYBODY;
    const { source } = this.broker;
    const user = await logIn(request, source.logins, this.log);
    assertAccess(user, access, vhost, source.topology);
    return user;
  }

  /** The answer could not be made or sent: a list broke off, or the JSON of a body failed. */
  private failed(error: unknown, request: IncomingMessage, response: ServerResponse): void {
    this.logFailure(error, request);
    if (response.headersSent) {
      request.socket.destroy();
      return;
    }
    const { status, body } = internalError();
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  }

  private logFailure(error: unknown, request: IncomingMessage): void {
    const { method, url } = request;
    const cause = error instanceof Error ? error : new Error(String(error));
    this.log.error('management request failed', { method, url, error: cause });
  }
}

/** The path still percent-encoded; proxies may send the whole address (RFC 9112, 3.2.2). */
function pathOf(request: IncomingMessage): string {
  const target = (request.url ?? '').replace(/^https?:\/\/[^/?#]*/iu, '');
  const path = target.split(/[?#]/u, 1)[0];
  if (!path.startsWith('/')) throw badRequest('The request names no path');
  return path;
}

/** After the first question mark; percent signs that escape nothing stand for themselves. */
function queryOf(request: IncomingMessage): URLSearchParams {
  const target = request.url ?? '';
  const at = target.indexOf('?');
  return new URLSearchParams(at < 0 ? '' : target.slice(at + 1).split('#', 1)[0]);
}

function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
