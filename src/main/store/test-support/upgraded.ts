import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrations } from '../migrations/index.ts';
import type { Store } from '../store.ts';
import { openStore } from '../store.ts';

/** A store that was written in the shape before migration `number`, filled by `fill`, closed, and opened again with that migration for `look`. */
export function upgraded(number: number, fill: (db: Store) => void, look: (db: Store) => void): void {
  const dir = mkdtempSync(join(tmpdir(), 'quarterdeck-migration-'));
  const file = join(dir, 'store.db');
  try {
    withStore(file, number - 1, fill);
    withStore(file, number, look);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function withStore(file: string, shape: number, work: (db: Store) => void): void {
  const db = openStore(file, migrations.slice(0, shape));
  try {
    work(db);
  } finally {
    db.close();
  }
}
