// What one layer of assignments does to a list of listeners. Runs in main only. Entries
// (`listeners.tcp.NAME`) replace the list of lower layers; a bare host or port (--host, --port and
// RabbitMQ's variables) changes it, which is done to the listeners without TLS only.
import { type Assignment, HOST_KEY, PORT_KEY } from './assignment.ts';
import type { ListenerAddress } from './broker-config.ts';
import { parseHost } from './host.ts';
import { mergeDualStack, parseListener, withHost, withPort } from './listeners.ts';
import { HOST_EXPECTED, PORT_MAX, parseInteger } from './value-parser.ts';

const LISTENER_EXPECTED = 'a port or host:port, such as 5672, 127.0.0.1:5672 or [::1]:5672';
const BARE_KEYS: Readonly<Record<string, string>> = {
  [PORT_KEY]: 'listeners.tcp',
  [HOST_KEY]: 'listeners.tcp',
};

export interface SourcedListeners {
  readonly list: readonly ListenerAddress[];
  /** Where it comes from, for people. */
  readonly source: string;
}

/** Undefined: the layer leaves the list alone. */
export function listenersAfter(
  key: string,
  before: SourcedListeners,
  assignments: readonly Assignment[],
  problems: string[],
): SourcedListeners | undefined {
  const named = new Map<string, ListenerAddress>();
  let places: string[] = [];
  let none: Assignment | undefined;
  for (const assignment of assignments) {
    const { key: name, value, place } = assignment;
    if (name === key && value === 'none') none = assignment;
    else if (name === key || name.startsWith(`${key}.`)) {
      const address = parseListener(value);
      if (address === undefined) problems.push(mustBe(assignment, LISTENER_EXPECTED));
      else named.set(name, address);
    } else continue;
    places.push(place);
  }
  if (none !== undefined && named.size > 0) {
    problems.push(`${none.place}: ${key} = none excludes ${[...named.keys()].join(', ')}`);
  }
  let { list } = before;
  if (places.length > 0) list = [...named.values()];
  // A bare host or port changes what a lower layer named: both are the source.
  else if (before.source !== 'default') places = [before.source];
  for (const assignment of assignments) {
    const changed = BARE_KEYS[assignment.key] === key && changedBy(assignment, list, problems);
    if (changed === false || changed === undefined) continue;
    if (named.size > 0) {
      problems.push(`${assignment.place} and ${places.join(', ')} both set the listeners`);
    }
    list = changed;
    places = [...new Set([...places, assignment.place])];
  }
  if (list === before.list) return undefined;
  return { list: mergeDualStack(list), source: [...new Set(places)].join(', ') };
}

/** The list after a bare host or port; undefined when it is wrong. */
function changedBy(
  assignment: Assignment,
  list: readonly ListenerAddress[],
  problems: string[],
): ListenerAddress[] | undefined {
  const { key, value } = assignment;
  if (key === PORT_KEY) {
    const port = parseInteger(value);
    if (port !== undefined && port <= PORT_MAX) return withPort(list, port);
    problems.push(mustBe(assignment, `a port from 0 to ${PORT_MAX}`));
    return undefined;
  }
  const host = parseHost(value);
  if (host !== undefined) return withHost(list, host);
  problems.push(mustBe(assignment, HOST_EXPECTED));
  return undefined;
}

/** The problem of a value that is not what it must be. */
export function mustBe({ key, value, place }: Assignment, expected: string, secret?: true): string {
  // The pseudo keys are nothing that anybody wrote: the place names the flag or variable.
  const subject = BARE_KEYS[key] === undefined ? `${place}: ${key}` : place;
  const found = secret === true ? '' : `, found ${JSON.stringify(value)}`;
  return `${subject} must be ${expected}${found}`;
}
