import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder with stand-ins for programs of the host, written in JavaScript; put it before PATH. */
export function standIns(programs: Readonly<Record<string, string>>): { readonly dir: string; path(name: string): string; close(): void } {
  const dir = mkdtempSync(join(tmpdir(), 'quarterdeck-stand-in-'));
  for (const [name, source] of Object.entries(programs)) {
    writeFileSync(join(dir, `${name}.cjs`), source);
    writeFileSync(join(dir, name), `#!/bin/sh\nexec '${process.execPath}' '${join(dir, `${name}.cjs`)}' "$@"\n`);
    chmodSync(join(dir, name), 0o755);
  }
  return { dir, path: (name) => join(dir, name), close: () => rmSync(dir, { recursive: true, force: true }) };
}

/** The part of `docker` that is used: container.json says its id, whether it runs, and its lines as [time, text]. */
export const docker = `
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const state = () => JSON.parse(readFileSync(join(__dirname, 'container.json'), 'utf8'));
const [verb, ...args] = process.argv.slice(2);
if (state().id === null) { console.error('Error: No such container: web'); process.exit(1); }
if (verb === 'inspect') { console.log(state().id + ' ' + state().running); process.exit(0); }
const option = (name) => { const at = args.indexOf(name); return at < 0 ? undefined : args[at + 1]; };
const full = (at) => { const [s, f = ''] = at.slice(0, -1).split('.'); return s + '.' + f.padEnd(9, '0'); };
const wanted = ([at]) => (option('--since') === undefined || full(at) >= full(option('--since'))) && (option('--until') === undefined || full(at) <= full(option('--until')));
let said = 0;
const say = (from) => { const lines = state().lines.filter(wanted); for (const [at, text] of lines.slice(from)) console.log(at + ' ' + text); said = lines.length; };
const tail = option('--tail');
say(tail === undefined ? 0 : Math.max(0, state().lines.length - Number(tail)));
if (args.includes('--follow')) { const id = state().id; setInterval(() => { const now = state(); if (!now.running || now.id !== id) process.exit(0); say(said); }, 20); }
`;

/** The part of \`journalctl\` that is used: journal.json holds the entries. */
export const journalctl = `
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const entries = () => JSON.parse(readFileSync(join(__dirname, 'journal.json'), 'utf8'));
const args = process.argv.slice(2);
const option = (name) => { const at = args.indexOf(name); return at < 0 ? undefined : args[at + 1]; };
const order = (entry) => Number(entry.__CURSOR.replace(/^s=/, ''));
if (/bad/.test(option('--cursor') ?? '')) { console.error('Failed to seek to cursor: Invalid argument'); process.exit(1); }
let from = option('--cursor') === undefined ? -1 : Number(option('--cursor').replace(/^s=/, '')) - 1;
let list = entries().filter((entry) => entry._SYSTEMD_UNIT === option('--unit') && order(entry) > from);
if (option('--lines') !== undefined) { from = order(entries().at(-1) ?? { __CURSOR: 's=0' }); list = option('--lines') === '0' ? [] : list.slice(-Number(option('--lines'))); }
if (option('--since') === 'now') { from = order(entries().at(-1) ?? { __CURSOR: 's=0' }); list = []; }
const say = (one) => { console.log(JSON.stringify(one)); from = Math.max(from, order(one)); };
list.forEach(say);
if (args.includes('--follow')) setInterval(() => entries().filter((entry) => order(entry) > from).forEach(say), 20);
`;
