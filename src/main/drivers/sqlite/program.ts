/**
 * What runs in the inspector's thread. Constant text, so that it needs no file of its own in a bundle; `better-sqlite3` is
 * loaded from the path that the host resolved. The file is hostile: its schema is not trusted with functions, virtual tables
 * are not loaded, and texts are cut before they leave.
 */
export const inspectorProgram = `'use strict';
const { parentPort, workerData } = require('node:worker_threads');
const Database = require(workerData.library);
const quoted = (name) => '"' + name.replaceAll('"', '""') + '"';
const lastRow = (db, table) => {
  try {
    const row = db.prepare('SELECT * FROM ' + quoted(table) + ' ORDER BY rowid DESC LIMIT 1').get();
    return row && Object.entries(row).map(([key, value]) => [key, String(value).slice(0, 500)]);
  } catch {
    return undefined; // A table without row ids has no row that was added last.
  }
};
const check = (db) => {
  try {
    return db.pragma('integrity_check(20)').map((row) => row.integrity_check).join('; ').slice(0, 1000);
  } catch (error) {
    // Damage can be such that the check itself stops.
    if (String(error.code).startsWith('SQLITE_CORRUPT')) return String(error.message);
    throw error;
  }
};
const inspect = () => {
  const db = new Database(workerData.file, { readonly: true, fileMustExist: true });
  try {
    db.pragma('trusted_schema = OFF');
    db.pragma('cell_size_check = ON');
    db.pragma('mmap_size = 0');
    const names = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 AND name NOT LIKE 'sqlite\\\\_%' ESCAPE '\\\\' ORDER BY name").pluck().all();
    const integrity = check(db);
    // Of a damaged file nothing else is true.
    if (integrity !== 'ok') return { integrity, foreignKeyErrors: 0, tables: [], newest: [], count: names.length };
    let foreignKeyErrors = 0;
    for (const row of db.prepare('PRAGMA foreign_key_check').iterate()) foreignKeyErrors += row ? 1 : 0;
    const tables = names.map((name) => [name, db.prepare('SELECT count(*) FROM ' + quoted(name)).pluck().get()]);
    const newest = names.flatMap((name) => { const row = lastRow(db, name); return row ? [[name, row]] : []; });
    return { integrity, foreignKeyErrors, tables, newest, count: names.length };
  } finally {
    db.close();
  }
};
try {
  parentPort.postMessage({ found: inspect() });
} catch (error) {
  parentPort.postMessage({ error: String(error && error.message), code: String(error && error.code) });
}`;
