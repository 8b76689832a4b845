import { request } from 'node:http';
import { readFaults } from './friendlyface/fault-file.ts';
import type { Layout } from './friendlyface/layout.ts';
import { currentKey } from './scratch.ts';

const mixed: readonly (readonly [method: 'GET' | 'POST', path: string, weight: number])[] = [
  ['GET', '/events?limit=20', 30],
  ['POST', '/events', 12],
  ['GET', '/dashboard', 10],
  ['GET', '/health', 20],
  ['GET', '/merkle/root', 15],
  ['GET', '/events/no-such-event', 6],
  ['POST', '/admin/backup/verify', 1],
];
const total = mixed.reduce((sum, [, , weight]) => sum + weight, 0);

function choose(): readonly ['GET' | 'POST', string] {
  let roll = Math.random() * total;
  for (const [method, path, weight] of mixed) {
    roll -= weight;
    if (roll < 0) return [method, path];
  }
  return ['GET', '/health'];
}

/** One request, its answer read to the end and dropped. A service that is down is part of the show. */
export async function send(port: number, method: string, path: string, key: string, body?: string): Promise<void> {
  return new Promise((resolve) => {
    const headers = { 'x-api-key': key, connection: 'close', ...(body === undefined ? {} : { 'content-type': 'application/json' }) };
    const sent = request({ host: '127.0.0.1', port, method, path, headers, timeout: 10_000 }, (response) =>
      response.resume().on('close', () => resolve()),
    );
    sent.on('timeout', () => sent.destroy());
    sent.on('error', () => resolve());
    sent.end(body);
  });
}

/** A few requests a second with mixed answers; now and then a wrong key; bursts while the storm is on. */
export function startTraffic(layout: Layout, port: number): { close(): void } {
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  async function round(): Promise<void> {
    const storm = readFaults(layout.faultsFile).has('rate-limit-storm');
    const key = Math.random() < 0.02 ? 'ffk_not_a_key' : currentKey(layout);
    const one = () => {
      const [method, path] = storm ? (['GET', '/events?limit=1'] as const) : choose();
      return send(
        port,
        method,
        path,
        key,
        path === '/events'
          ? JSON.stringify({
              event_type: 'inference_request',
              actor: 'api-gateway',
              payload: { subject: `subject-${Math.floor(Math.random() * 400)}` },
            })
          : undefined,
      );
    };
    await Promise.all(Array.from({ length: storm ? 6 : 1 }, one));
  }

  function next(): void {
    if (closed) return;
    // A round may fail while somebody rewrites the env file; the next one reads it whole.
    timer = setTimeout(
      () =>
        void round()
          .catch(() => undefined)
          .finally(next),
      250 + Math.random() * 200,
    );
  }
  next();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
