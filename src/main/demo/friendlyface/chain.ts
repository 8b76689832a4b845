import { createHash } from 'node:crypto';

/** One event as it lies in the `events` table. */
export interface EventRow {
  readonly seq: number;
  readonly id: string;
  readonly at: string;
  readonly kind: string;
  readonly actor: string;
  readonly payload: string;
  readonly prev_hash: string;
  readonly hash: string;
}

/** What `GET /chain/integrity` answers. */
export interface ChainReport {
  readonly valid: boolean;
  readonly count: number;
  readonly errors: readonly string[];
}

/** The previous hash of the first event. */
export const genesis = 'GENESIS';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/** The hash of an event: everything but its own hash and its place. */
export function eventHash(event: Omit<EventRow, 'seq' | 'hash'>): string {
  return sha256(JSON.stringify([event.id, event.at, event.kind, event.actor, event.payload, event.prev_hash]));
}

/** Walks the chain from its first event; says every event whose hash or link is wrong. */
export function checkChain(events: Iterable<EventRow>): ChainReport {
  const errors: string[] = [];
  let previous = genesis;
  let count = 0;
  for (const event of events) {
    if (event.prev_hash !== previous) errors.push(`Event ${event.id} (seq ${event.seq}): previous_hash mismatch`);
    if (eventHash(event) !== event.hash) errors.push(`Event ${event.id} (seq ${event.seq}): hash mismatch`);
    previous = event.hash;
    count += 1;
  }
  return { valid: errors.length === 0, count, errors };
}

/**
 * The append-only tree over the event hashes, kept in memory only: it is built once at start, and a restore does not
 * rebuild it. That is why the restart belongs to the restore.
 */
export class MerkleTree {
  readonly #leaves: string[];

  constructor(leaves: Iterable<string>) {
    this.#leaves = [...leaves];
  }

  append(hash: string): void {
    this.#leaves.push(hash);
  }

  get leafCount(): number {
    return this.#leaves.length;
  }

  /** The root, or null without leaves. An odd node is paired with itself. */
  get root(): string | null {
    let level = this.#leaves;
    if (level.length === 0) return null;
    while (level.length > 1) {
      const next: string[] = [];
      for (let i = 0; i < level.length; i += 2) next.push(sha256(`${level[i] ?? ''}${level[i + 1] ?? level[i] ?? ''}`));
      level = next;
    }
    return level[0] ?? null;
  }
}
