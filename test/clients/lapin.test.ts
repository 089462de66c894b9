// Test thread. The client lane of lapin (Rust), which recovers connections and topology.
import { describeLane } from './lane.ts';
import { PROGRAMS, TOOLCHAINS } from './toolchains.ts';

// Without TLS: building a TLS library takes longer than all other lanes together.
describeLane('lapin', TOOLCHAINS.rust, PROGRAMS.rust(), undefined, []);
