import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { migrations } from '../migrations/index.ts';
import { openStore, type Store } from '../store.ts';

/**
 * A store that was written in the shape before migration `number`, filled by `fill`, closed, and opened again with that
 * migration. Gone when it goes out of scope.
 */
export function upgraded(number: number, fill: (db: Store) => void): { readonly db: Store } & Disposable {
  const dir = mkdtempSync(join(tmpdir(), 'quarterdeck-migration-'));
  const file = join(dir, 'store.db');
  const old = openStore(file, migrations.slice(0, number - 1));
  fill(old);
  old.close();
  const db = openStore(file, migrations.slice(0, number));
  return {
    db,
    [Symbol.dispose]() {
      db.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
