// warrenmqctl's way to the broker: the management HTTP API, as an administrator. Runs in main, of a
// process of its own. What the broker refuses becomes a CtlError with rabbitmqctl's exit code.
import { CtlError, EXIT_CODES } from './ctl-error.ts';

export interface ApiAddress {
  readonly url: string;
  readonly user: string;
  readonly password: string;
  readonly timeoutMillis: number;
}

type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';
export type Row = Readonly<Record<string, unknown>>;

const NOT_FOUND = 404;
const UNAUTHORISED = 401;

export class ApiClient {
  private readonly address: ApiAddress;

  constructor(address: ApiAddress) {
    this.address = address;
  }

  get url(): string {
    return this.address.url;
  }

  /** `path` is below /api, its parts already escaped. */
  async get<Answer = Row>(path: string): Promise<Answer> {
    const found = await this.find<Answer>(path);
    if (found === undefined) throw new CtlError(EXIT_CODES.data, `${path} does not exist`);
    return found;
  }

  /** Undefined when there is no such thing. */
  async find<Answer = Row>(path: string): Promise<Answer | undefined> {
    const response = await this.request('GET', path);
    if (response.status === NOT_FOUND) return undefined;
    return JSON.parse(await this.textOf(response)) as Answer;
  }

  async put(path: string, body: unknown): Promise<void> {
    await this.textOf(await this.request('PUT', path, body));
  }

  async post(path: string, body: unknown): Promise<void> {
    await this.textOf(await this.request('POST', path, body));
  }

  /** Answers whether there was anything to delete. */
  async delete(path: string, headers: Readonly<Record<string, string>> = {}): Promise<boolean> {
    const response = await this.request('DELETE', path, undefined, headers);
    if (response.status === NOT_FOUND) return false;
    await this.textOf(response);
    return true;
  }

  private async request(
    method: Method,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const { url, user, password, timeoutMillis } = this.address;
    const login = Buffer.from(`${user}:${password}`).toString('base64');
    try {
      return await fetch(`${url.replace(/\/+$/u, '')}/api/${path}`, {
        method,
        headers: { authorization: `Basic ${login}`, ...headers },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(timeoutMillis > 0 ? { signal: AbortSignal.timeout(timeoutMillis) } : {}),
      });
    } catch (error) {
      throw this.unreachable(error as Error);
    }
  }

  private unreachable(error: Error): CtlError {
    const { url, timeoutMillis } = this.address;
    if (error.name === 'TimeoutError') {
      return new CtlError(
        EXIT_CODES.temporary,
        `operation on ${url} timed out. Timeout value used: ${timeoutMillis}`,
      );
    }
    const { cause } = error as { cause?: { code?: string } };
    return new CtlError(
      EXIT_CODES.unavailable,
      `unable to perform an operation on ${url}: ${cause?.code ?? error.message}.\n` +
        'Is the broker running, and is this its management API? Name another with ' +
        '--api-url or WARRENMQCTL_URL.',
    );
  }

  private async textOf(response: Response): Promise<string> {
    const text = await response.text();
    if (response.ok) return text;
    const reason = reasonIn(text);
    if (response.status === UNAUTHORISED && response.headers.has('www-authenticate')) {
      throw new CtlError(
        EXIT_CODES.unavailable,
        `${this.address.url} does not let user '${this.address.user}' in: name an administrator ` +
          'with --api-user and --api-password or WARRENMQCTL_USER and WARRENMQCTL_PASSWORD',
      );
    }
    throw new CtlError(EXIT_CODES.software, reason);
  }
}

function reasonIn(text: string): string {
  try {
    const { reason } = JSON.parse(text) as { reason?: unknown };
    return typeof reason === 'string' ? reason : text;
  } catch {
    // Not this API: whatever it said is the best there is.
    return text;
  }
}

/** One part of a path. */
export function escaped(part: string): string {
  return encodeURIComponent(part);
}
