// Test thread. The client lane of aio-pika (Python, asyncio).
import { describeLane } from './lane.ts';
import { PROGRAMS, TOOLCHAINS } from './toolchains.ts';

describeLane('aio-pika', TOOLCHAINS.python, PROGRAMS.python('aio_pika_lane.py'));
