// Test support: a worker thread that does what its data says: stay, leave when asked, throw, or exit.
import { parentPort, workerData } from 'node:worker_threads';

const port = parentPort!;
port.postMessage({ kind: 'started' });
port.on('message', (message: { kind: string; revision?: number }) => {
  if (message.kind === 'apply') port.postMessage({ kind: 'applied', revision: message.revision });
  if (message.kind === 'throw') throw new Error('on purpose');
  if (message.kind === 'leave') port.close();
  if (message.kind === 'echo') port.postMessage({ kind: 'echoed' });
  if (message.kind !== 'stop' || workerData === 'deaf') return;
  port.postMessage({ kind: 'stopped' });
  port.close();
});
