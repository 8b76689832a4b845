import { expect, it } from 'vitest';
import { openStore } from '../store.ts';
import { environments } from './0001-environments.ts';
import { migrations } from './index.ts';

it('0001 makes environments, host keys, secrets and settings from nothing', () => {
  const db = openStore(':memory:', migrations.slice(0, environments.number));
  try {
    const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").pluck().all();
    expect(tables).toEqual(['environments', 'host_keys', 'secrets', 'settings']);
    const add = db.prepare("INSERT INTO environments (id, name, draft, created_at, updated_at) VALUES (?, ?, '{}', 1, 1)");
    add.run('env-a', 'Lab');
    expect(() => add.run('env-b', 'LAB')).toThrow(/UNIQUE/);
    expect(() => db.prepare("UPDATE environments SET draft = 'no json'").run()).toThrow(/CHECK/);
    db.prepare("INSERT INTO secrets VALUES ('env-a', 'api-key', x'00', 1)").run();
    expect(() => db.prepare("INSERT INTO secrets VALUES ('env-none', 'api-key', x'00', 1)").run()).toThrow(/FOREIGN KEY/);
    db.prepare('DELETE FROM environments').run();
    expect(db.prepare('SELECT count(*) FROM secrets').pluck().get()).toBe(0);
  } finally {
    db.close();
  }
});
