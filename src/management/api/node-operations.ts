// /api/warrenmq/...: what rabbitmqctl does by speaking to a node directly, and RabbitMQ's HTTP API
// therefore has no resource for. Main thread. Administrators only. warrenmqctl is the caller.
//
//     GET, PUT /api/warrenmq/listening      {"listening": false, "reason": "..."}
//     PUT      /api/warrenmq/memory-limit   {"bytes": n} or {"relative": f}; disk-limit as well
//     PUT, DELETE /api/warrenmq/alarms/memory (or disk): set whatever there is, until unset
//     POST     /api/warrenmq/certificates   reads the files of TLS again
//     POST     /api/warrenmq/authenticate   {"username": "u", "password": "p"}
import type { Limit } from '../broker-control.ts';
import { accessRefused, badRequest, notFound } from '../http-refusal.ts';
import { flagOf, type JsonObject, requireKeys, textOf } from '../json-body.ts';
import { type ApiRequest, NO_CONTENT, type Reply, resource } from '../route.ts';

function getListening({ broker }: ApiRequest): object {
  return { listening: broker.source.control.isListening };
}

async function putListening(request: ApiRequest): Promise<Reply> {
  const { control } = request.broker.source;
  const body = await request.json();
  requireKeys(body, ['listening']);
  if (flagOf(body, 'listening', true)) await control.resume();
  else await control.suspend(textOf(body, 'reason', 'broker forced connection closure'));
  return NO_CONTENT;
}

async function putMemoryLimit(request: ApiRequest): Promise<Reply> {
  request.broker.source.control.setMemoryLimit(limitFrom(await request.json()));
  return NO_CONTENT;
}

async function putDiskLimit(request: ApiRequest): Promise<Reply> {
  await request.broker.source.control.setDiskLimit(limitFrom(await request.json()));
  return NO_CONTENT;
}

function limitFrom(body: JsonObject): Limit {
  const { bytes, relative } = body;
  if (typeof bytes === 'number' && bytes >= 0) return { bytes };
  if (typeof relative === 'number' && relative >= 0) return { relative };
  throw badRequest('bytes or relative should be a number that is not negative');
}

function setAlarm(isForced: boolean) {
  return ({ parameters, broker }: ApiRequest): Reply => {
    const { resource: name } = parameters;
    if (name !== 'memory' && name !== 'disk') throw notFound();
    broker.source.control.forceAlarm(name, isForced);
    return NO_CONTENT;
  };
}

function reloadCertificates({ broker }: ApiRequest): Reply {
  const problems = broker.source.control.reloadCertificates();
  if (problems.length > 0) throw badRequest(problems.join('; '));
  return NO_CONTENT;
}

async function authenticate(request: ApiRequest): Promise<Reply> {
  const body = await request.json();
  requireKeys(body, ['username', 'password']);
  const name = textOf(body, 'username', '');
  const password = Buffer.from(textOf(body, 'password', ''));
  const { logins } = request.broker.source;
  const isValid = await logins.areValid({ username: name, password });
  if (!isValid) throw accessRefused(`user '${name}' - invalid credentials`);
  return NO_CONTENT;
}

export const nodeOperationRoutes = [
  resource('/api/warrenmq/listening', 'administrator', { GET: getListening, PUT: putListening }),
  resource('/api/warrenmq/memory-limit', 'administrator', { PUT: putMemoryLimit }),
  resource('/api/warrenmq/disk-limit', 'administrator', { PUT: putDiskLimit }),
  resource('/api/warrenmq/alarms/:resource', 'administrator', {
    PUT: setAlarm(true),
    DELETE: setAlarm(false),
  }),
  resource('/api/warrenmq/certificates', 'administrator', { POST: reloadCertificates }),
  resource('/api/warrenmq/authenticate', 'administrator', { POST: authenticate }),
];
