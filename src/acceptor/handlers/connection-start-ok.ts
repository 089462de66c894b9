// connection.start-ok (specification 1.4.2.2): the login. Acceptor thread; main checks credentials.
// A refused client that announced authentication_failure_close is told so by connection.close
// (403); any other just finds the socket closed after a while, so that guessing is slow.
import { AmqpError, type Refusal } from '../../errors/refusal.ts';
import type { MethodOf } from '../../protocol/methods.generated.ts';
import { parseSaslResponse } from '../../auth/sasl.ts';
import type { Connection } from '../connection.ts';
import { saslSettings } from '../sasl-settings.ts';

const ACCESS_REFUSED = 403;

export function connectionStartOk(
  connection: Connection,
  method: MethodOf<'connection.start-ok'>,
): void {
  connection.clientProperties = connection.acceptor.clientTables.shared(method.clientProperties);
  const { credentials, refusal } = parseSaslResponse(
    method.mechanism,
    method.response,
    saslSettings(connection),
  );
  if (refusal !== undefined) {
    refuseLogin(connection, refusal);
    return;
  }
  const { acceptor } = connection;
  connection.flow.whileWaiting(async () => {
    let username: string | undefined;
    try {
      const answer = await acceptor.control.ask({
        kind: 'authenticate',
        connectionId: connection.globalId,
        mechanism: method.mechanism,
        credentials,
        remoteAddress: connection.socket.remoteAddress ?? '',
      });
      ({ username } = answer);
    } catch (error) {
      if (!(error instanceof AmqpError)) throw error;
      refuseLogin(connection, error.refusal, credentials.username);
      return;
    }
    connection.user = username ?? credentials.username;
    connection.state = 'tune-ok';
    const { frameMax, channelMax, heartbeatSeconds } = acceptor.config;
    connection.send(0, {
      name: 'connection.tune',
      channelMax,
      frameMax,
      heartbeat: heartbeatSeconds,
    });
  });
}

function refuseLogin(connection: Connection, refusal: Refusal, user?: string): void {
  connection.acceptor.log.warn('login refused', {
    connection: connection.name,
    user,
    code: refusal.code,
    reason: refusal.text,
  });
  if (refusal.code !== ACCESS_REFUSED || connection.hasCapability('authentication_failure_close')) {
    connection.close(refusal, 0);
    return;
  }
  connection.state = 'closing';
  connection.heartbeat.dropAfter(connection.acceptor.config.loginRefusedMillis);
}
