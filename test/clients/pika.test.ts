// Test thread. The client lane of pika (Python, blocking).
import { describeLane } from './lane.ts';
import { PROGRAMS, TOOLCHAINS } from './toolchains.ts';

describeLane('pika', TOOLCHAINS.python, PROGRAMS.python('pika_lane.py'));
