// Test thread. The client lane of Celery (Python): a worker process, tasks and their results.
import { describeLane } from './lane.ts';
import { PROGRAMS, TOOLCHAINS } from './toolchains.ts';

const SCENARIOS = [
  'remote-control',
  'task-and-result',
  'many-tasks',
  'retry',
  'countdown',
  'failure',
  'large-argument',
  'reconnect',
  'warm-shutdown',
];

describeLane('Celery', TOOLCHAINS.python, PROGRAMS.python('celery_lane.py'), SCENARIOS, []);
