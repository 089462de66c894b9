// An acceptor's line to main: questions with answers, and notices. Acceptor thread, cold.
import type { MessagePort } from 'node:worker_threads';
import { AmqpError } from '../errors/refusal.ts';
import type { QueueSpec } from '../routing/change.ts';
import type { Command } from '../topology/command.ts';
import type { AcceptorNotice, AcceptorQuestion, Answer } from './control-messages.ts';

export class ControlLink {
  private readonly port: MessagePort;
  private readonly waiting: Map<number, (answer: Answer) => void>;
  private next: number;

  constructor(port: MessagePort) {
    this.port = port;
    this.waiting = new Map();
    this.next = 1;
  }

  notify(notice: AcceptorNotice): void {
    this.port.postMessage(notice);
  }

  answered(request: number, answer: Answer): void {
    const resolve = this.waiting.get(request);
    this.waiting.delete(request);
    resolve?.(answer);
  }

  /** Asks main; throws AmqpError when it refuses. */
  async ask(question: AcceptorQuestion): Promise<Answer> {
    const request = this.next;
    this.next += 1;
    const answer = await new Promise<Answer>((resolve) => {
      this.waiting.set(request, resolve);
      this.notify({ kind: 'ask', request, question });
    });
    if (answer.refusal !== undefined) throw new AmqpError(answer.refusal);
    return answer;
  }

  /** Has the topology changed; resolves when every thread concerned has applied the change. */
  async execute(command: Command): Promise<QueueSpec | undefined> {
    return (await this.ask({ kind: 'execute', command })).queue;
  }
}
