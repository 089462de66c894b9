// SASL responses of connection.start-ok: what user name and password a client sends. Runs in the
// acceptor (checking them is the main thread's part); pure. The response is hostile and its buffer
// is reused: everything returned is a copy, and no refusal repeats any of it.
//
//     PLAIN      [authzid] NUL user NUL password     (RFC 4616)
//     AMQPLAIN   a field table without its length, with LOGIN and PASSWORD
//     ANONYMOUS  anything (RFC 4505: a trace); the client is the user of the configuration
//     EXTERNAL   anything: its certificate says who the client is. RabbitMQ does not look at it
//                either, and some clients send what is no identity (amqp091-go: NUL * NUL *)
import {
  loginRefused,
  malformedAmqplain,
  malformedPlain,
  unknownMechanism,
} from '../errors/auth-refusals.ts';
import { AmqpError, type Refusal } from '../errors/refusal.ts';
import {
  decodeTable,
  type FieldValue,
  type LongString,
  typeNameOf,
} from '../protocol/field-table.ts';
import { readUtf8 } from '../protocol/utf8.ts';

const NO_USER = 'none';

export interface Credentials {
  readonly username: string;
  /**
   * The password's bytes: RabbitMQ hashes them as they come, UTF-8 or not. Undefined: the transport
   * has said who the client is.
   */
  readonly password: Uint8Array | undefined;
}

/** What the configuration and the transport say about logging in. */
export interface SaslSettings {
  /** In the order in which they are offered. */
  readonly mechanisms: readonly string[];
  readonly anonymousUser: string;
  readonly anonymousPass: string;
  /** Whom the client's certificate names; undefined: it has shown none. */
  readonly peerName: string | undefined;
}

/** What connection.start offers: of the mechanisms configured those that can work. */
export function offeredMechanisms(settings: SaslSettings): string[] {
  return settings.mechanisms.filter((mechanism) => {
    if (mechanism === 'ANONYMOUS') return settings.anonymousUser !== NO_USER;
    return mechanism !== 'EXTERNAL' || settings.peerName !== undefined;
  });
}

export type SaslOutcome =
  | { readonly credentials: Credentials; readonly refusal: undefined }
  | { readonly credentials: undefined; readonly refusal: Refusal };

export function parseSaslResponse(
  mechanism: string,
  response: Uint8Array,
  settings: SaslSettings,
): SaslOutcome {
  try {
    return { credentials: parse(mechanism, response, settings), refusal: undefined };
  } catch (error) {
    if (!(error instanceof AmqpError)) throw error;
    return { credentials: undefined, refusal: error.refusal };
  }
}

function parse(mechanism: string, response: Uint8Array, settings: SaslSettings): Credentials {
  const offered = offeredMechanisms(settings);
  switch (offered.includes(mechanism) ? mechanism : undefined) {
    case 'PLAIN':
      return parsePlain(response);
    case 'AMQPLAIN':
      return parseAmqplain(response);
    case 'ANONYMOUS':
      return {
        username: settings.anonymousUser,
        password: Buffer.from(settings.anonymousPass, 'utf8'),
      };
    case 'EXTERNAL':
      return { username: settings.peerName!, password: undefined };
    default:
      throw new AmqpError(unknownMechanism(mechanism, offered.join(' ')));
  }
}

function parsePlain(response: Uint8Array): Credentials {
  const first = response.indexOf(0);
  const second = first < 0 ? -1 : response.indexOf(0, first + 1);
  if (second < 0) throw plainError(response, `received ${first < 0 ? 'no NUL' : 'one NUL'}`);
  if (response.includes(0, second + 1)) throw plainError(response, 'received a third NUL');
  const authzid = readUtf8(response, 0, first);
  const username = readUtf8(response, first + 1, second);
  if (authzid === undefined || username === undefined) {
    throw plainError(response, 'the user name is not UTF-8');
  }
  // RabbitMQ refuses any identity to act as; one's own asks for nothing, another one's too much.
  if (authzid !== '' && authzid !== username) throw new AmqpError(loginRefused('PLAIN'));
  return { username, password: Uint8Array.from(response.subarray(second + 1)) };
}

function plainError(response: Uint8Array, problem: string): AmqpError {
  return new AmqpError(malformedPlain(response.length, problem));
}

function parseAmqplain(response: Uint8Array): Credentials {
  const view = new DataView(response.buffer, response.byteOffset, response.byteLength);
  const table = decodeTable(response, view, 0, response.length);
  const { LOGIN: login, PASSWORD: password } = table;
  if (login === undefined || password === undefined) {
    throw new AmqpError(malformedAmqplain('is missing LOGIN or PASSWORD field'));
  }
  const username = bytesOf(login);
  const name = readUtf8(username, 0, username.length);
  if (name === undefined) throw new AmqpError(malformedAmqplain('has a LOGIN that is not UTF-8'));
  return { username: name, password: bytesOf(password) };
}

function bytesOf(value: FieldValue): Uint8Array {
  const type = typeNameOf(value);
  if (type === 'binary') return value as Uint8Array;
  if (type === 'longstr') {
    return typeof value === 'string' ? Buffer.from(value, 'utf8') : (value as LongString).bytes;
  }
  throw new AmqpError(
    malformedAmqplain(`uses unsupported type '${type}' for LOGIN or PASSWORD field`),
  );
}
