// connection.close and close-ok (specification 1.4.2.9). Acceptor thread. close-ok is sent when the
// shards have put all unacked messages back and the connection's exclusive queues are deleted, so a
// client that reconnects at once finds what it should.
import type { Connection } from '../connection.ts';

export function connectionClose(connection: Connection): void {
  if (connection.state === 'closing') {
    // Both sides close: each is answered (1.4.2.9).
    connection.send(0, { name: 'connection.close-ok' });
    connection.finish();
    return;
  }
  connection.state = 'closing';
  connection.heartbeat.expectCloseOk();
  // What the client sent before is done first, even if it is waiting behind something.
  connection.flow.whenQuiet(() => endAll(connection));
}

function endAll(connection: Connection): void {
  const { acceptor } = connection;
  const ownsQueues = connection.ownsExclusiveQueues;
  connection.channels.endAll(() => {
    // Before close-ok, so that a client at its limit can open another connection at once.
    acceptor.control.notify({ kind: 'connection-leaving', connectionId: connection.globalId });
    const gone = ownsQueues
      ? acceptor.control.execute({
          kind: 'connection-closed',
          connectionId: connection.globalId,
        })
      : Promise.resolve(undefined);
    void gone.then(() => {
      if (!connection.isUsable) return;
      connection.send(0, { name: 'connection.close-ok' });
      connection.finish();
    });
  });
}

export function connectionCloseOk(connection: Connection): void {
  if (connection.state === 'closing') connection.finish();
}
