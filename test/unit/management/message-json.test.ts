// Messages as JSON, both ways.
import { describe, expect, it } from 'vitest';
import {
  payloadFrom,
  payloadJson,
  propertiesFrom,
  propertiesJson,
} from '../../../src/management/api/message-json.ts';

const PROPERTIES = {
  contentType: 't',
  headers: { n: 1, list: ['x', 2n] },
  deliveryMode: 2,
  priority: 0,
  timestamp: 1_700_000_000,
  userId: 'u',
};

describe('properties', () => {
  it('have RabbitMQ names', () => {
    expect(JSON.stringify(propertiesJson(PROPERTIES))).toBe(
      '{"content_type":"t","headers":{"n":1,"list":["x",2]},"delivery_mode":2,"priority":0,' +
        '"timestamp":1700000000,"user_id":"u"}',
    );
    expect(propertiesJson({})).toEqual({});
  });

  it('come back as they were, and what is none is ignored', () => {
    const json = { ...propertiesJson({ ...PROPERTIES, headers: {} }), nonsense: 1, reply_to: null };
    expect(propertiesFrom(json)).toEqual({ ...PROPERTIES, headers: {} });
  });

  it.each([{ priority: 256 }, { priority: -1 }, { timestamp: -1 }, { headers: 'x' }, { type: 5 }])(
    'are refused: %j',
    (json) => {
      expect(() => propertiesFrom(json)).toThrow('400');
    },
  );
});

describe('payloads', () => {
  it('are text where they can be', () => {
    const text = Buffer.from('grün');
    expect(payloadJson(text, 'auto', undefined)).toEqual({
      payload: 'grün',
      payload_encoding: 'string',
    });
    // Cut in the middle of a character.
    expect(payloadJson(text, 'auto', 3)).toEqual({ payload: 'Z3LD', payload_encoding: 'base64' });
    expect(payloadJson(text, 'base64', 2)).toEqual({ payload: 'Z3I=', payload_encoding: 'base64' });
  });

  it('come as text or base64', () => {
    expect(payloadFrom('grün', 'string').length).toBe(5);
    expect([...payloadFrom('/wA=', 'base64')]).toEqual([255, 0]);
    expect([...payloadFrom('/wA', 'base64')]).toEqual([255, 0]);
    expect(() => payloadFrom('no!', 'base64')).toThrow('payload_not_base64');
    expect(() => payloadFrom('x', 'hex')).toThrow('unsupported_encoding');
  });
});
