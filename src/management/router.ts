// Finds the route of a path. Main thread, pure. A pattern is literal segments and `:parameters`;
// a parameter is one non-empty segment, percent-decoded after splitting, so that the virtual host
// "/" travels as %2F. A slash at the end changes nothing, as in RabbitMQ. The first pattern that
// matches wins, so literals stand before parameters in the table.
import { badRequest } from './http-refusal.ts';

export type PathParameters = Readonly<Record<string, string>>;

export interface RouteMatch<Route> {
  readonly route: Route;
  readonly parameters: PathParameters;
}

interface Entry<Route> {
  readonly segments: readonly string[];
  readonly route: Route;
}

export class Router<Route extends { readonly pattern: string }> {
  private readonly entries: readonly Entry<Route>[];

  constructor(routes: readonly Route[]) {
    this.entries = routes.map((route) => ({ segments: segmentsOf(route.pattern), route }));
  }

  /** Undefined when nothing matches; throws a refusal when the path is no text. */
  match(path: string): RouteMatch<Route> | undefined {
    const segments = segmentsOf(path).map(decode);
    for (const { segments: pattern, route } of this.entries) {
      const parameters = parametersOf(pattern, segments);
      if (parameters !== undefined) return { route, parameters };
    }
    return undefined;
  }
}

function segmentsOf(path: string): string[] {
  const end = path.length > 1 && path.endsWith('/') ? -1 : path.length;
  return path.slice(1, end).split('/');
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw badRequest('The path has a percent sign that does not start an escaped UTF-8 byte');
  }
}

function parametersOf(
  pattern: readonly string[],
  segments: readonly string[],
): PathParameters | undefined {
  if (pattern.length !== segments.length) return undefined;
  const parameters: Record<string, string> = {};
  for (const [index, expected] of pattern.entries()) {
    const segment = segments[index];
    if (expected.startsWith(':')) {
      if (segment === '') return undefined;
      parameters[expected.slice(1)] = segment;
    } else if (expected !== segment) {
      return undefined;
    }
  }
  return parameters;
}
