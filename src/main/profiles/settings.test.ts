import { expect, it } from 'vitest';
import { migrations } from '../store/migrations/index.ts';
import { openStore } from '../store/store.ts';
import { createSettings } from './settings.ts';

it('keeps what is set, and defaults the rest; other rows and unknown values don’t show', async () => {
  const store = openStore(':memory:', migrations);
  try {
    const settings = createSettings({ store });
    expect(await settings.get()).toEqual({
      theme: 'system',
      density: 'comfortable',
      timestamps: 'local',
      welcomed: false,
      downloadFolder: '',
    });
    expect(await settings.set({ theme: 'dark' })).toMatchObject({ theme: 'dark', welcomed: false });
    expect(await settings.set({ welcomed: true })).toMatchObject({ theme: 'dark', welcomed: true });
    store.prepare('INSERT INTO settings (name, value) VALUES (?, ?), (?, ?)').run('vault-key:x', '{}', 'density', '"huge"');
    const all = await createSettings({ store }).get();
    expect(all).toMatchObject({ theme: 'dark', density: 'comfortable' });
    expect(Object.keys(all)).not.toContain('vault-key:x');
  } finally {
    store.close();
  }
});
