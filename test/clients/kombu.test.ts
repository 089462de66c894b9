// Test thread. The client lane of kombu (Python), the library beneath Celery.
import { describeLane } from './lane.ts';
import { PROGRAMS, TOOLCHAINS } from './toolchains.ts';

describeLane('kombu', TOOLCHAINS.python, PROGRAMS.python('kombu_lane.py'));
