// Which components may have runtime parameters, and what their values look like. Main thread, pure.
// In RabbitMQ plugins add components (shovel, federation-upstream); without the plugin it refuses
// their parameters, and so do we: a shovel that is accepted and does not move anything would be
// found out too late. Texts: rabbit_runtime_parameters, rabbit_parameter_validation.
import type { JsonValue } from '../../supervisor/facts/fact.ts';
import { badRequest } from '../http-refusal.ts';

export const VHOST_LIMITS = 'vhost-limits';
const LIMIT_NAMES = new Set(['max-connections', 'max-queues']);

/** Policies are parameters too, and have resources and rules of their own. */
export function assertParameter(component: string, name: string, value: JsonValue): void {
  const problem =
    component === VHOST_LIMITS
      ? limitsProblem(name, value)
      : `component ${component} not found (known is ${VHOST_LIMITS})`;
  if (problem !== undefined) throw badRequest(`Validation failed\n\n${problem}\n`);
}

function limitsProblem(name: string, value: JsonValue): string | undefined {
  // No limits at all are an empty list in what Erlang wrote.
  const isList = Array.isArray(value) && value.length > 0;
  if (typeof value !== 'object' || value === null || isList) {
    return `${name} not a list ${JSON.stringify(value)}`;
  }
  for (const [limit, number] of Object.entries(value)) {
    if (!LIMIT_NAMES.has(limit)) return `Unrecognised terms [${limit}] in ${name}`;
    if (typeof number !== 'number' || !Number.isInteger(number)) {
      return `${limit} should be a number, actually was ${JSON.stringify(number)}`;
    }
  }
  return undefined;
}
