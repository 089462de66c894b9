// The first eight bytes of a connection (specification 4.2.2). Acceptor thread. 0-0-9-1 is served,
// and so is the 0-9 header (1-1-0-9), as RabbitMQ does; anything else is answered with the header
// of what we speak, and the socket is closed.
import { offeredMechanisms } from '../auth/sasl.ts';
import { PROTOCOL_HEADER } from '../protocol/constants.ts';
import { type Connection, NO_HEADER } from './connection.ts';
import { saslSettings } from './sasl-settings.ts';
import { serverProperties } from './server-properties.ts';

const HEADER_BYTES = 8;
const HEADER_0_9 = Buffer.from('AMQP\u0001\u0001\u0000\u0009', 'latin1');
const HEADER_0_9_1 = Buffer.from(PROTOCOL_HEADER);

export function greet(connection: Connection, bytes: Buffer<ArrayBufferLike>, count: number): void {
  const known = connection.headerSoFar.length;
  const missing = Math.min(HEADER_BYTES - known, count);
  const header = Buffer.concat([connection.headerSoFar, bytes.subarray(0, missing)]);
  if (!isPrefixOf(header, HEADER_0_9_1) && !isPrefixOf(header, HEADER_0_9)) {
    refuse(connection, header);
    return;
  }
  connection.headerSoFar = header;
  if (header.length < HEADER_BYTES) return;
  connection.headerSoFar = NO_HEADER;
  connection.state = 'start-ok';
  connection.send(0, {
    name: 'connection.start',
    versionMajor: 0,
    versionMinor: 9,
    serverProperties: serverProperties(connection.acceptor.config),
    mechanisms: offeredMechanisms(saslSettings(connection)).join(' '),
    locales: 'en_US',
  });
  if (count > missing) {
    const rest = Buffer.from(new Uint8Array(bytes.subarray(missing, count)).buffer);
    connection.receive(rest, new DataView(rest.buffer, rest.byteOffset, rest.length), rest.length);
  }
}

function refuse(connection: Connection, header: Buffer): void {
  connection.acceptor.log.warn('not an AMQP 0-9-1 client', {
    connection: connection.name,
    header: describe(header),
  });
  connection.state = 'closing';
  connection.output.append(HEADER_0_9_1);
  connection.finish();
}

/** What an operator who reads the log can recognise. */
function describe(header: Buffer): string {
  const text = header.toString('latin1');
  if (/^(GET|PUT|POST|HEAD|DELE|OPTI)/.test(text)) return `${JSON.stringify(text)} (HTTP)`;
  if (header[0] === 0x16) return 'a TLS hello (this listener does not use TLS)';
  return `bytes ${header.toString('hex')}`;
}

function isPrefixOf(part: Buffer, whole: Buffer): boolean {
  return part.equals(whole.subarray(0, part.length));
}
