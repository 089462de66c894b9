// Refusals of connections and channels: what the acceptor says no to. Acceptor and main threads.
// Texts begin with RabbitMQ's words where client test suites compare them.
import { defineRefusal } from './refusal.ts';

export const frameTooLarge = defineRefusal(
  {
    id: 'connection.frame-too-large',
    code: 501,
    scope: 'connection',
    remedy: 'Keep frames within the frame_max that was negotiated in connection.tune-ok.',
  },
  (type: number, payloadBytes: number, frameMax: number) =>
    `type ${type}, payload size ${payloadBytes} is larger than the negotiated frame_max of ` +
    `${frameMax} allows (payload and 8 bytes of framing)`,
);

export const wrongFrameEnd = defineRefusal(
  {
    id: 'connection.wrong-frame-end',
    code: 501,
    scope: 'connection',
    remedy: 'Check the size field of the frame: the octet behind the payload has to be 0xCE.',
  },
  (type: number, payloadBytes: number, received: number) =>
    `type ${type}, payload size ${payloadBytes}: expected the frame-end octet 206, received ` +
    `${received}`,
);

export const unknownFrameType = defineRefusal(
  {
    id: 'connection.unknown-frame-type',
    code: 501,
    scope: 'connection',
    remedy:
      'Send frames of type 1 (method), 2 (content header), 3 (content body) or 8 (heartbeat).',
  },
  (type: number) => `unknown frame type ${type}: expected 1, 2, 3 or 8`,
);

export const unexpectedFrame = defineRefusal(
  {
    id: 'connection.unexpected-frame',
    code: 505,
    scope: 'connection',
    remedy: 'Send basic.publish, then one content header, then body frames up to the body size.',
  },
  (expected: string, received: string) => `expected ${expected}, got ${received} instead`,
);

export const heartbeatWithPayload = defineRefusal(
  {
    id: 'connection.heartbeat-with-payload',
    code: 501,
    scope: 'connection',
    remedy: 'Send heartbeats without a payload (specification 4.2.7).',
  },
  (payloadBytes: number) => `heartbeat with a payload of ${payloadBytes} bytes: expected none`,
);

export const bodyBeyondCeiling = defineRefusal(
  {
    id: 'connection.body-beyond-ceiling',
    code: 501,
    scope: 'connection',
    remedy: 'Split what you send: no message can be larger than 512 MiB.',
  },
  (bytes: number, ceiling: number) =>
    `content body of ${bytes} bytes was announced: expected at most ${ceiling}`,
);

export const contentOnChannelZero = defineRefusal(
  {
    id: 'connection.content-on-channel-zero',
    code: 505,
    scope: 'connection',
    remedy: 'Publish on a channel that was opened with channel.open.',
  },
  (frame: string) => `${frame} on channel 0: expected a connection method or a heartbeat`,
);

export const bodyTooLong = defineRefusal(
  {
    id: 'connection.body-longer-than-announced',
    code: 501,
    scope: 'connection',
    remedy: 'Announce the full body size in the content header.',
  },
  (announced: number, received: number) =>
    `content body is longer than announced: expected ${announced} bytes, received ${received}`,
);

export const malformedHeader = defineRefusal(
  {
    id: 'connection.malformed-content-header',
    code: 501,
    scope: 'connection',
    remedy: 'Encode the property flags and the property list as specification 4.2.6.1 says.',
  },
  () => 'cannot decode the content header: property flags and list do not fill it exactly',
);

export const wrongHeaderClass = defineRefusal(
  {
    id: 'connection.wrong-header-class',
    code: 505,
    scope: 'connection',
    remedy: 'Send class id 60 in the content header that follows basic.publish.',
  },
  (classId: number) => `content header of class ${classId}: expected class 60 (basic)`,
);

export const channelNotOpen = defineRefusal(
  {
    id: 'connection.channel-not-open',
    code: 504,
    scope: 'connection',
    remedy: 'Open the channel with channel.open first, and use it until it is closed.',
  },
  (channel: number) => `expected 'channel.open' on channel ${channel}, which is not open`,
);

export const secondChannelOpen = defineRefusal(
  {
    id: 'connection.second-channel-open',
    code: 504,
    scope: 'connection',
    remedy: 'Open each channel once.',
  },
  () => "second 'channel.open' seen",
);

export const channelNumberTooHigh = defineRefusal(
  {
    id: 'connection.channel-number-too-high',
    code: 530,
    scope: 'connection',
    remedy: 'Use channel numbers up to the channel_max that was negotiated in connection.tune-ok.',
  },
  (channel: number, channelMax: number) =>
    `number of channels opened has reached the negotiated channel_max: expected at most ` +
    `${channelMax}, received ${channel}`,
);

export const wrongMethodInState = defineRefusal(
  {
    id: 'connection.wrong-method-in-state',
    code: 504,
    scope: 'connection',
    remedy: 'Follow the order start-ok, tune-ok, open.',
  },
  (method: string, state: string) => `unexpected method in connection state ${state}: ${method}`,
);

export const notAClientMethod = defineRefusal(
  {
    id: 'connection.not-a-client-method',
    code: 503,
    scope: 'connection',
    remedy: 'This method is sent by the broker, not by clients.',
  },
  (method: string) => `unexpected method '${method}' from a client`,
);

export const tuneOutOfRange = defineRefusal(
  {
    id: 'connection.tune-out-of-range',
    code: 530,
    scope: 'connection',
    remedy: 'Answer connection.tune with values between the floor and what the broker offered.',
  },
  (field: string, received: number, relation: string, limit: number) =>
    `negotiated ${field} = ${received} is ${relation} allowed value (${limit})`,
);

export const vhostAccessRefused = defineRefusal(
  {
    id: 'connection.vhost-access-refused',
    code: 530,
    scope: 'connection',
    remedy: 'Grant the user permissions in the virtual host, or connect to another one.',
  },
  (vhost: string, user: string) => `access to vhost '${vhost}' refused for user '${user}'`,
);

export const contentStalled = defineRefusal(
  {
    id: 'connection.content-stalled',
    code: 506,
    scope: 'connection',
    remedy: 'Send a message from its header to its end without long breaks.',
  },
  (channel: number, receivedBytes: number, bodyBytes: number, seconds: number) =>
    `a publish on channel ${channel} has sent ${receivedBytes} of ${bodyBytes} announced bytes ` +
    `and nothing for ${seconds} s, while others wait for the memory it holds`,
);

export const connectionForced = defineRefusal(
  {
    id: 'connection.forced',
    code: 320,
    scope: 'connection',
    remedy: 'An operator closed the connection; reconnect when the reason allows it.',
  },
  (reason: string) => reason,
);
