import { Settings } from '../../contract/app.ts';
import type { Store } from '../store/store.ts';

/** Preferences of this installation. */
export interface SettingsService {
  get(): Promise<Settings>;
  /** Saves what is given and leaves the rest. Answers all. */
  set(input: Partial<Settings>): Promise<Settings>;
}

const defaults: Settings = { theme: 'system', density: 'comfortable', timestamps: 'local', welcomed: false, downloadFolder: '' };

/** Makes the settings service: one row per preference, so that two processes don't undo each other's. */
export function createSettings({ store }: { store: Store }): SettingsService {
  const read = (): Settings => {
    const rows = store.prepare('SELECT name, value FROM settings').all() as { name: string; value: string }[];
    const saved = Object.fromEntries(
      rows.filter(({ name }) => Object.hasOwn(defaults, name)).map(({ name, value }) => [name, JSON.parse(value) as unknown]),
    );
    // A value a later version wrote and this one doesn't know counts as not set.
    const known = Object.entries(saved).filter(([name, value]) => Settings.shape[name as keyof Settings].safeParse(value).success);
    return { ...defaults, ...Object.fromEntries(known) };
  };
  return {
    get: async () => read(),
    async set(input) {
      const save = store.prepare(
        'INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
      );
      store.transaction(() => {
        for (const [name, value] of Object.entries(input))
          if (Object.hasOwn(defaults, name) && value !== undefined) save.run(name, JSON.stringify(value));
      })();
      return read();
    },
  };
}
