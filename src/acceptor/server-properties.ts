// What connection.start tells about the broker. Acceptor thread. Client libraries look at `product`
// and `version` to decide what they may use, so both say RabbitMQ by default (compat.product,
// compat.version); our own name and version are beside them.
import { productVersion } from '../base/product-version.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import type { FieldTable } from '../protocol/field-table.ts';

export function serverProperties(config: BrokerConfig): FieldTable {
  return {
    capabilities: {
      publisher_confirms: true,
      exchange_exchange_bindings: true,
      'basic.nack': true,
      consumer_cancel_notify: true,
      'connection.blocked': true,
      consumer_priorities: true,
      authentication_failure_close: true,
      per_consumer_qos: true,
      direct_reply_to: true,
    },
    cluster_name: config.clusterName,
    copyright: 'Copyright the WarrenMQ authors',
    information: 'WarrenMQ, licensed under Apache-2.0',
    platform: `WarrenMQ on Node.js ${process.versions.node}`,
    product: config.compatProduct,
    version: config.compatVersion,
    warrenmq_version: productVersion(),
  };
}
