import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Files of three migrations, as PostgreSQL and SQLite both take them. */
const files: Readonly<Record<string, string>> = {
  '011_albums.up.sql': 'CREATE TABLE albums (id integer PRIMARY KEY, title text NOT NULL);\n',
  '011_albums.down.sql': 'DROP TABLE albums;\n',
  '012_photos.up.sql':
    'CREATE TABLE photos (id integer PRIMARY KEY, album integer, "when" text);\nCREATE INDEX photos_album ON photos (album);\n',
  '012_photos.down.sql': '-- the index goes with it\nDROP TABLE photos;\n',
  '013_album_owner.up.sql': 'ALTER TABLE albums ADD COLUMN owner text;\n',
  '013_album_owner.down.sql': 'ALTER TABLE albums DROP COLUMN owner;\n',
};

/** What the database is like with all of them applied. */
export const migratedSql = `
CREATE TABLE schema_migrations (version text PRIMARY KEY, name text, applied_at text);
CREATE TABLE albums (id integer PRIMARY KEY, title text NOT NULL, owner text);
CREATE TABLE photos (id integer PRIMARY KEY, album integer, "when" text);
CREATE INDEX photos_album ON photos (album);
INSERT INTO albums VALUES (1, 'Summer', 'ann'), (2, 'Winter', NULL);
INSERT INTO photos VALUES (1, 1, 'noon');
INSERT INTO schema_migrations VALUES ('011', 'albums', 'then'), ('012', 'photos', 'then'), ('013', 'album_owner', 'then');
`;

/** Lays the files out anew; `more` replaces or adds, undefined leaves one out. */
export function layMigrations(folder: string, more: Readonly<Record<string, string | undefined>> = {}): void {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  for (const [name, text] of Object.entries({ ...files, ...more })) if (text !== undefined) writeFileSync(join(folder, name), text);
}
