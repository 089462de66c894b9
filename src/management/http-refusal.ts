// The management API's "no": an HTTP status and a JSON body, as RabbitMQ words them
// (rabbit_mgmt_util, rabbit_web_dispatch_access_control). Main thread. Handlers throw it; the
// request handler sends it. The catalogue in src/errors is for refusals that travel in AMQP.

type Headers = Readonly<Record<string, string>>;

export class HttpRefusal extends Error {
  readonly status: number;
  readonly body: object;
  readonly headers: Headers;

  constructor(status: number, body: object, headers: Headers = {}) {
    super(`${status} ${JSON.stringify(body)}`);
    this.name = 'HttpRefusal';
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

export function badRequest(reason: string): HttpRefusal {
  return new HttpRefusal(400, { error: 'bad_request', reason });
}

/** Nobody has logged in: browsers and clients ask for a user name when they see the header. */
export function notAuthenticated(): HttpRefusal {
  return new HttpRefusal(
    401,
    { error: 'not_authorized', reason: 'Not_Authorized' },
    { 'www-authenticate': 'Basic realm="RabbitMQ Management"' },
  );
}

/** The user is known and may not do this. RabbitMQ says 401 here too, spelt with an s. */
export function accessRefused(reason: string): HttpRefusal {
  return new HttpRefusal(401, { error: 'not_authorised', reason });
}

/** The user may look into the virtual host, and not use it. */
export function vhostRefused(vhost: string, user: string): HttpRefusal {
  return accessRefused(`access to vhost '${vhost}' refused for user '${user}'`);
}

export function notFound(): HttpRefusal {
  return new HttpRefusal(404, { error: 'Object Not Found', reason: 'Not Found' });
}

/** With RabbitMQ's words for what AMQP calls 404. */
export function notFoundBecause(reason: string): HttpRefusal {
  return new HttpRefusal(404, { error: 'not_found', reason });
}

export function methodNotAllowed(method: string, allow: string): HttpRefusal {
  return new HttpRefusal(
    405,
    { error: 'Method Not Allowed', reason: `${method} is not one of ${allow}` },
    { allow },
  );
}

export function notAcceptable(contentType: string): HttpRefusal {
  return new HttpRefusal(406, {
    error: 'Not Acceptable',
    reason: `this resource is ${contentType} and the Accept header excludes that`,
  });
}

export function bodyTooLarge(bytesMax: number): HttpRefusal {
  return new HttpRefusal(
    413,
    {
      error: 'bad_request',
      reason: `Exceeded HTTP request body size limit of ${bytesMax} bytes`,
    },
    // The rest of the body is not read, so the connection cannot carry another request.
    { connection: 'close' },
  );
}

export function internalError(): HttpRefusal {
  return new HttpRefusal(500, {
    error: 'Internal Server Error',
    reason: 'The broker has logged what went wrong',
  });
}

export function threadsSilent(waitedMillis: number): HttpRefusal {
  return new HttpRefusal(503, {
    error: 'Service Unavailable',
    status: 'failed',
    reason: `A thread of the broker did not report within ${waitedMillis} ms`,
  });
}
