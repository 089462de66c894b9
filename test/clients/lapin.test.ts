// Test thread. The client lane of lapin (Rust), which recovers connections and topology.
import { describeLane } from './lane.ts';
import { PROGRAMS, TOOLCHAINS } from './toolchains.ts';

describeLane('lapin', TOOLCHAINS.rust, PROGRAMS.rust());
