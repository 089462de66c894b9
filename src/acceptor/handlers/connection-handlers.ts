// The table of connection methods that clients send, each with its handler. Acceptor thread.
import type { MethodName, MethodOf } from '../../protocol/methods.generated.ts';
import type { Connection } from '../connection.ts';
import { connectionClose, connectionCloseOk } from './connection-close.ts';
import { connectionOpen } from './connection-open.ts';
import { connectionStartOk } from './connection-start-ok.ts';
import { connectionTuneOk } from './connection-tune-ok.ts';
import { connectionUpdateSecret } from './connection-update-secret.ts';

type ConnectionHandlers = {
  readonly [N in MethodName]?: (connection: Connection, method: MethodOf<N>) => void;
};

export const connectionHandlers: ConnectionHandlers = {
  'connection.start-ok': connectionStartOk,
  'connection.tune-ok': connectionTuneOk,
  'connection.open': connectionOpen,
  'connection.close': connectionClose,
  'connection.close-ok': connectionCloseOk,
  'connection.update-secret': connectionUpdateSecret,
};
