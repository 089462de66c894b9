// AMQP 0-9-1 constants: frame types and sizes, class ids, the protocol header. Runs in any thread.
// Source: specification section 4.2 (frame layout), section 1.2 (constants), 4.2.2 (protocol
// header).
//
//   0      1         3             7                  size+7 size+8
//   +------+---------+-------------+------------------+------+
//   | type | channel |    size     |  payload (size)  | 0xCE |
//   +------+---------+-------------+------------------+------+
//     octet   short       long                          octet

export const FRAME_METHOD = 1;
export const FRAME_HEADER = 2;
export const FRAME_BODY = 3;
export const FRAME_HEARTBEAT = 8;

export const FRAME_END = 0xce;
/** Type, channel and size. */
export const FRAME_HEADER_BYTES = 7;
/** What a frame holds besides its payload: the header and the end octet. */
export const FRAME_OVERHEAD_BYTES = 8;

export const CLASS_BASIC = 60;

/** "AMQP" 0 0 9 1: the first bytes a client sends, and the broker's answer to any other version. */
export const PROTOCOL_HEADER: Uint8Array = Uint8Array.of(0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1);
