// The flags of class basic's properties (specification 4.2.6.1 and 1.8): the first property has the
// highest bit. Runs in any thread.

export const FLAG_CONTENT_TYPE = 0x8000;
export const FLAG_CONTENT_ENCODING = 0x4000;
export const FLAG_HEADERS = 0x2000;
export const FLAG_DELIVERY_MODE = 0x1000;
export const FLAG_PRIORITY = 0x0800;
export const FLAG_CORRELATION_ID = 0x0400;
export const FLAG_REPLY_TO = 0x0200;
export const FLAG_EXPIRATION = 0x0100;
export const FLAG_MESSAGE_ID = 0x0080;
export const FLAG_TIMESTAMP = 0x0040;
export const FLAG_TYPE = 0x0020;
export const FLAG_USER_ID = 0x0010;
export const FLAG_APP_ID = 0x0008;
export const FLAG_CLUSTER_ID = 0x0004;

/** Another word of flags follows: never for class basic. Bit 1 is unused; RabbitMQ ignores it. */
export const FLAG_CONTINUATION = 0x0001;
