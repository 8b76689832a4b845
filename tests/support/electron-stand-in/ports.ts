import { EventEmitter } from 'node:events';
import { tell } from './control.ts';

/** Stands for `MessagePortMain`: one end here, the other in a page somewhere. */
export class StandInPort extends EventEmitter {
  readonly id: number;
  #started = false;
  #closed = false;
  readonly #waiting: unknown[] = [];

  constructor(id: number) {
    super();
    this.id = id;
  }

  postMessage(data: unknown): void {
    if (!this.#closed) tell({ kind: 'port-send', port: this.id, data });
  }

  start(): void {
    this.#started = true;
    for (const data of this.#waiting.splice(0)) this.emit('message', { data, ports: [] });
  }

  close(): void {
    if (this.#closed) return;
    tell({ kind: 'port-closed', port: this.id });
    this.gone();
  }

  /** A message from the page. Held until `start`, as Electron does. */
  deliver(data: unknown): void {
    if (this.#started) this.emit('message', { data, ports: [] });
    else this.#waiting.push(data);
  }

  /** The other end is gone. */
  gone(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.emit('close');
  }
}

const ports = new Map<number, StandInPort>();

/** The port of that number, made when it is new. */
export function portOf(id: number): StandInPort {
  const port = ports.get(id) ?? new StandInPort(id);
  ports.set(id, port);
  return port;
}
