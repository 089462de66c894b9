// What SIGHUP does to a broker: it goes on, and reads its certificates again. Runs in main.
// RabbitMQ ignores the signal (rabbit_prelaunch_sighandler), so that closing a terminal or a log
// rotation does not stop it; that certificates are read is ours, as by `reload_certificates`.
import type { Logger } from '../base/logger.ts';
import type { RunningBroker } from '../main.ts';

/** `broker` is undefined as long as it starts: then its files are being read anyway. */
export function hangUp(
  broker: Pick<RunningBroker, 'reloadCertificates'> | undefined,
  log: Logger,
): void {
  if (broker === undefined) {
    log.info('SIGHUP: the broker goes on starting');
    return;
  }
  log.info('SIGHUP: the broker goes on; certificates are read again, the configuration is not');
  const problems = broker.reloadCertificates();
  if (problems.length === 0) return;
  log.error('certificate files cannot be used; the old ones stay in use', {
    problem: problems.join('; '),
  });
}
