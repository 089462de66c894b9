// Test thread. The client lane of RabbitMQ's Java client, which recovers connections and topology.
import { describeLane } from './lane.ts';
import { PROGRAMS, TOOLCHAINS } from './toolchains.ts';

describeLane('amqp-client (Java)', TOOLCHAINS.java, PROGRAMS.java());
