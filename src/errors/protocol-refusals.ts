// Refusals of the AMQP 0-9-1 codec: bytes that are no frame, method, table or property list. Runs
// in any thread. All of them close the connection: after a malformed frame nothing the peer sends
// can be trusted. Codes and first words follow RabbitMQ where it answers at all
// (rabbit_misc:frame_error, rabbit_binary_parser:assert_utf8); where its reader process just
// crashes (malformed field table, unknown method), the code is the one that section 1.2 of the
// specification defines for the case.
import { defineRefusal } from './refusal.ts';

/**
 * `subject` is the method (or property list) being read; `problem` says what was expected where.
 */
export const cannotDecode = defineRefusal(
  {
    id: 'protocol.cannot-decode',
    code: 501,
    scope: 'connection',
    remedy: 'Send exactly the fields that the method has in AMQP 0-9-1, with their true lengths.',
  },
  (subject: string, problem: string) => `cannot decode ${subject}: ${problem}`,
);

export const malformedShortString = defineRefusal(
  {
    id: 'protocol.malformed-shortstr',
    code: 501,
    scope: 'connection',
    remedy: 'Encode names (short strings) as UTF-8.',
  },
  (subject: string, at: number) => `Malformed UTF-8 in shortstr (byte ${at} of ${subject})`,
);

export const malformedFieldTable = defineRefusal(
  {
    id: 'protocol.malformed-field-table',
    code: 502,
    scope: 'connection',
    remedy: 'Encode tables with the field types that RabbitMQ lists in its AMQP 0-9-1 errata.',
  },
  (at: number, expected: string, received: string) =>
    `malformed field table: expected ${expected} at byte ${at} of the table, received ${received}`,
);

export const malformedPropertyFlags = defineRefusal(
  {
    id: 'protocol.malformed-property-flags',
    code: 502,
    scope: 'connection',
    remedy: 'Send one word of property flags: class basic has 14 properties.',
  },
  (flags: number) =>
    'malformed property flags: expected one word with bit 0 clear, received ' +
    `0x${flags.toString(16)}`,
);

export const unknownMethod = defineRefusal(
  {
    id: 'protocol.unknown-method',
    code: 503,
    scope: 'connection',
    remedy: 'Use the methods of AMQP 0-9-1 and of the RabbitMQ extensions to it.',
  },
  (classId: number, methodId: number) =>
    `unknown method: expected a method of AMQP 0-9-1, received class ${classId}, ` +
    `method ${methodId}`,
);
