// Test thread. The client lane of amqp091-go (Go), which recovers connections and topology.
import { describeLane } from './lane.ts';
import { PROGRAMS, TOOLCHAINS } from './toolchains.ts';

describeLane('amqp091-go', TOOLCHAINS.go, PROGRAMS.go());
