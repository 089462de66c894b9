// Entry of an acceptor thread: builds the acceptor from what main handed over, then runs its loop
// and obeys the control port. Errors are not caught: an acceptor that fails ends its thread, and
// main decides.
import { parentPort, workerData } from 'node:worker_threads';
import { DoorbellOwner } from '../../shards/ring/doorbell.ts';
import { ThreadLoop } from '../../shards/ring/thread-loop.ts';
import { createLogger } from '../base/logger.ts';
import { acceptorPlugins } from '../plugins/acceptor-plugins.ts';
import { usersChanged } from './access-changes.ts';
import { Acceptor } from './acceptor.ts';
import { ControlLink } from './control-link.ts';
import type { AcceptorBoot, AcceptorControl } from './control-messages.ts';
import { obeyManagement } from './management-requests.ts';
import { PluginInterception } from './plugin-interception.ts';

/** Clients get this long to answer connection.close when the broker stops. */
const STOP_MILLIS = 2000;

/**
 * Pieces of frames are copied into slices of shared pools of this size. With one ArrayBuffer for
 * each piece (one per read), the garbage collector took a tenth of the thread.
 */
const BUFFER_POOL_BYTES = 64 * 1024;

Buffer.poolSize = BUFFER_POOL_BYTES;
const boot = workerData as AcceptorBoot;
const port = parentPort!;
const control = new ControlLink(port);
const log = createLogger(`acceptor-${boot.acceptor}`, boot.config.logLevel, (record) => {
  control.notify({ kind: 'log', record });
});
// What main sends meanwhile waits in the port.
const plugins = await acceptorPlugins(boot.plugins, boot.config.pluginsOnError, log);
const acceptor = new Acceptor(boot, control);
if (!plugins.interceptors.isEmpty) {
  const { publisher, inlineBytesMax } = acceptor;
  publisher.interception = new PluginInterception(plugins.interceptors, inlineBytesMax);
}
const loop = new ThreadLoop(acceptor, new DoorbellOwner(boot.doorbell), boot.spinMicros);
acceptor.scheduleTurn = () => loop.schedule();

port.on('message', (message: AcceptorControl) => {
  switch (message.kind) {
    case 'apply':
      acceptor.apply(message.changes);
      control.notify({ kind: 'applied', revision: message.revision });
      break;
    case 'answer':
      control.answered(message.request, message.answer);
      break;
    case 'listen':
      void listen(message);
      break;
    case 'tls':
      acceptor.listeners.useTls(message.material);
      break;
    case 'users-changed':
      usersChanged(acceptor.connections, message.users);
      break;
    case 'alarms':
      acceptor.vhosts.setAlarms(message.alarms);
      break;
    case 'report': {
      const { request } = message;
      const report = { ...acceptor.report(), pluginFaults: plugins.faults.count };
      control.notify({ kind: 'report', request, report });
      break;
    }
    case 'stop':
      void stop(message.reason);
      break;
    default:
      obeyManagement(acceptor, message);
      break;
  }
  loop.schedule();
});

async function listen(message: Extract<AcceptorControl, { kind: 'listen' }>): Promise<void> {
  const { address, shared, isTls } = message;
  const { listeners } = acceptor;
  try {
    const listening = isTls
      ? listeners.listenTls(address, shared)
      : listeners.listen(address, shared);
    const bound = await listening;
    control.notify({ kind: 'listening', address: { host: address.host, port: bound } });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    control.notify({ kind: 'listen-failed', address, code });
  }
}

async function stop(reason: string): Promise<void> {
  await acceptor.stop(reason, STOP_MILLIS);
  loop.stop();
  control.notify({ kind: 'stopped' });
  port.close();
}

control.notify({ kind: 'started' });
loop.schedule();
