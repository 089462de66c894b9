// Test thread. Runs a client lane of another language: a program that is given a running broker and
// prints a line for each scenario, which becomes a test (docs/clients.md). A scenario that the
// program says nothing of has failed, and so has one that nobody expects.
// Invariant: the scenarios are named here, not by the program, so that none can go missing.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestBroker, useBroker } from '../support/broker.ts';
import { describeWithCertificates } from '../support/certificates.ts';
import { withDeadline } from '../support/inbox.ts';
import { ManagementApi } from '../support/management-api.ts';
import { addCertificateUser, CERTIFICATE_SUBJECT, tlsSettings } from './tls-scenarios.ts';
import { laneState, type Toolchain } from './toolchains.ts';

/** What every lane shows that speaks AMQP itself. */
const SCENARIOS = [
  'rpc-reply-queue',
  'rpc-direct-reply-to',
  'work-queue-prefetch',
  'work-queue-requeue',
  'fanout',
  'topic',
  'confirms-and-returns',
  'dead-letter-retry',
  'large-body',
  'reconnect',
  'policy',
] as const;

/** Beside them, where there are certificates (tls-scenarios.ts). */
const TLS_SCENARIOS = ['tls', 'external'] as const;

const RUN_MILLIS_MAX = 110_000;
const SETUP_MILLIS_MAX = 120_000;

interface Outcome {
  /** `ok`, or why not. */
  readonly results: ReadonlyMap<string, string>;
  readonly errors: string;
  readonly code: number | null;
}

export function describeLane(
  name: string,
  toolchain: Toolchain,
  command: readonly string[],
  scenarios: readonly string[] = SCENARIOS,
  tlsScenarios: readonly string[] = TLS_SCENARIOS,
): void {
  const { outcome, reason } = laneState(toolchain);
  const tests = {
    ready: () => {
      describeScenarios(command, scenarios);
      if (tlsScenarios.length > 0) describeTlsScenarios(command, tlsScenarios);
    },
    missing: () => test(`skipped: needs ${reason}`, ({ skip }) => skip()),
    broken: () => test('is built', () => expect.fail(reason)),
  };
  describe(name, () => {
    tests[outcome]();
  });
}

function describeScenarios(command: readonly string[], scenarios: readonly string[]): void {
  // Two of each, so that what a client does goes through all threads.
  const broker = useBroker({ acceptors: 2, shards: 2 });
  let outcome: Outcome;
  let api: ManagementApi;

  beforeAll(async () => {
    api = new ManagementApi(broker);
    outcome = await run(command, broker, await doomedUrl(broker, api), {});
  }, SETUP_MILLIS_MAX);

  afterAll(() => api.removeAll());

  test.each(scenarios)('%s', (scenario) => {
    expect(outcome.results.get(scenario) ?? 'nothing was said of it', outcome.errors).toBe('ok');
  });

  test('shows these scenarios and no others, and ends well', () => {
    expect([...outcome.results.keys()].sort()).toEqual([...scenarios].sort());
    expect(outcome.code, outcome.errors).toBe(0);
  });
}

/** The program has its own part for them, which it runs when it is told of certificates. */
function describeTlsScenarios(command: readonly string[], scenarios: readonly string[]): void {
  describeWithCertificates('by TLS', (certificates) => {
    const broker = useBroker({ acceptors: 2, shards: 2, set: tlsSettings(certificates) });
    let outcome: Outcome;

    beforeAll(async () => {
      await addCertificateUser(new ManagementApi(broker));
      const { certFile, keyFile } = certificates.sign({ subject: CERTIFICATE_SUBJECT });
      outcome = await run(command, broker, broker.url, {
        LANE_TLS_PORT: String(broker.tlsPort),
        LANE_TLS_CA: certificates.authority.certFile,
        LANE_TLS_CERT: certFile,
        LANE_TLS_KEY: keyFile,
      });
    }, SETUP_MILLIS_MAX);

    test.each(scenarios)('%s', (scenario) => {
      expect(outcome.results.get(scenario) ?? 'nothing was said of it', outcome.errors).toBe('ok');
    });

    test('shows these scenarios and no others, and ends well', () => {
      expect([...outcome.results.keys()].sort()).toEqual([...scenarios].sort());
      expect(outcome.code, outcome.errors).toBe(0);
    });
  });
}

/** A user whose connections the lane may close. */
async function doomedUrl(broker: TestBroker, api: ManagementApi): Promise<string> {
  const all = { configure: '.*', write: '.*', read: '.*' };
  const { user, password } = await api.user('/', all);
  return `amqp://${user}:${password}@${broker.host}:${broker.port}`;
}

async function run(
  [program, ...args]: readonly string[],
  broker: TestBroker,
  doomed: string,
  environment: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const child = spawn(program, [...args, broker.url, broker.managementUrl, doomed], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...environment },
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (bytes: Buffer) => (output += bytes.toString()));
  child.stderr.on('data', (bytes: Buffer) => (errors = (errors + bytes.toString()).slice(-20_000)));
  const closed = once(child, 'close') as Promise<[number | null]>;
  const end = withDeadline('the lane to end', closed, RUN_MILLIS_MAX);
  const [code] = await end.catch((error: unknown): [null] => {
    child.kill('SIGKILL');
    errors += String(error);
    return [null];
  });
  const lines = [...output.matchAll(/^(?:ok|not ok) (?<name>\S+) ?(?<reason>.*)$/gmu)];
  const results = new Map(
    lines.map(({ 0: line, groups }) => [
      groups!['name'],
      line.startsWith('ok') ? 'ok' : groups!['reason'],
    ]),
  );
  return { results, errors, code };
}
