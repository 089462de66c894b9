// The names by which people ask for a listener, and the name that listings have for it. Main
// thread, pure. RabbitMQ takes a good many spellings
// (rabbit_mgmt_wm_health_check_protocol_listener); one that is not among them stands for itself.
// Protocols that are not served here are known too: the answer is then that nobody listens, under
// the name that RabbitMQ has for it.

const WEB_PROTOCOL = /^web[-_]?(mqtt|stomp)(?:[/+](?:tls|ssl))?$/u;
const SECURE = /(?:^(?:amqp|mqtt|stomp)s|[/+](?:tls|ssl))$/u;
const VERSIONED = /^(amqp|mqtt|stomp)[\d._-]*$/u;
const API = new Set(['http1', 'http1.1', 'http_api', 'management', 'management_ui', 'ui']);
const SECURE_API = new Set(['https', 'http_api+tls', 'management+tls']);
const CLUSTERING = new Set(['cli', 'distribution']);

export function listenerProtocol(asked: string): string {
  const name = asked.toLowerCase();
  if (API.has(name)) return 'http';
  if (SECURE_API.has(name)) return 'https';
  if (CLUSTERING.has(name)) return 'clustering';
  const isSecure = SECURE.test(name);
  const web = WEB_PROTOCOL.exec(name)?.[1];
  if (web !== undefined) return `${isSecure ? 'https' : 'http'}/web-${web}`;
  if (isSecure) return `${name.replace(/(?:s|[/+](?:tls|ssl))$/u, '')}/ssl`;
  return VERSIONED.exec(name)?.[1] ?? name;
}
