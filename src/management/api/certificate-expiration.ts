// GET /api/health/checks/certificate-expiration/:within/:unit: whether a certificate of a listener
// expires in that time, or has (rabbit_mgmt_wm_health_check_certificate_expiration). Main thread.
import { badRequest, HttpRefusal } from '../http-refusal.ts';
import type { ApiRequest } from '../route.ts';

const DAY_MILLIS = 86_400_000;
const UNIT_DAYS: Readonly<Record<string, number>> = { days: 1, weeks: 7, months: 30, years: 365 };

export function certificateExpiration({ parameters, broker }: ApiRequest): object {
  const { within } = parameters;
  if (!/^-?\d+$/u.test(within)) throw badRequest('Invalid expiration value.');
  const unitDays = UNIT_DAYS[parameters['unit'].toLowerCase()];
  if (unitDays === undefined) {
    throw badRequest('Time unit not recognised. Supported units: days, weeks, months, years.');
  }
  const untilMillis = Date.now() + Number(within) * unitDays * DAY_MILLIS;
  const files = broker.source.certificates.expiries();
  const ending = files.filter(({ notAfter }) => Date.parse(notAfter) <= untilMillis);
  if (ending.length === 0) return { status: 'ok' };
  const protocols = new Set(ending.map(({ protocol }) => protocol));
  const expired = broker
    .listeners()
    .filter(({ protocol }) => (protocols as ReadonlySet<string>).has(protocol))
    .map(({ protocol, address }) => {
      const own = files.filter((file) => file.protocol === protocol);
      return {
        node: broker.node,
        protocol,
        interface: address.host,
        port: String(address.port),
        ...Object.fromEntries(own.map(({ name, file }) => [name, file])),
        ...Object.fromEntries(own.map(({ name, notAfter }) => [`${name}_expires_on`, notAfter])),
      };
    });
  throw new HttpRefusal(503, { status: 'failed', reason: 'Certificates expiring', expired });
}
