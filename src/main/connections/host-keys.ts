import type { StoredHostKey } from '../../contract/connections.ts';
import type { Store } from '../store/store.ts';

/** The app's own known hosts. */
export interface HostKeyRows {
  list(): StoredHostKey[];
  add(key: StoredHostKey & { readonly key: Buffer }): void;
  /** True when there was one. */
  remove(key: { host: string; port: number; fingerprint: string }): boolean;
}

interface Row {
  readonly host: string;
  readonly port: number;
  readonly type: string;
  readonly fingerprint: string;
  readonly added_at: number;
}

/** Makes {@link HostKeyRows}. Host names are kept in lower case, as known_hosts does. */
export function createHostKeyRows(store: Store): HostKeyRows {
  return {
    list: () =>
      (store.prepare('SELECT host, port, type, fingerprint, added_at FROM host_keys ORDER BY host, port, added_at').all() as Row[]).map(
        ({ added_at, ...row }) => ({ ...row, addedAt: added_at }),
      ),
    add({ host, port, type, key, fingerprint, addedAt }) {
      store
        .prepare('INSERT INTO host_keys (host, port, type, key, fingerprint, added_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING')
        .run(host.toLowerCase(), port, type, key, fingerprint, addedAt);
    },
    remove: ({ host, port, fingerprint }) =>
      store.prepare('DELETE FROM host_keys WHERE host = ? AND port = ? AND fingerprint = ?').run(host.toLowerCase(), port, fingerprint)
        .changes > 0,
  };
}
