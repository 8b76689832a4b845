import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import Database from 'better-sqlite3';

/**
 * A small real service on a SQLite file in WAL mode: holds it open, serves /healthz, /orders (GET tells, POST adds), and ends on SIGTERM.
 * Arguments: database, port, file for its process id, and what it does on SIGTERM: `close` folds its log in, `crash` leaves it.
 */
const [file = '', port = '', pidFile = '', end = 'close'] = process.argv.slice(2);

const db = new Database(file);
db.pragma('journal_mode = WAL');
db.pragma('foreign_keys = ON');
db.exec(`CREATE TABLE IF NOT EXISTS customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL REFERENCES customers (id), total INTEGER NOT NULL);`);
const orders = db.prepare('SELECT count(*) FROM orders').pluck();
const add = db.prepare('INSERT INTO orders (customer, total) VALUES (1, ?)');
// As a real one does: a reader that stays open.
orders.get();

const server = createServer((request, response) => {
  const answer = (status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' });
    response.end(JSON.stringify(body));
  };
  try {
    if (request.method === 'POST') add.run(7);
    answer(200, { status: 'ok', orders: orders.get() });
  } catch (error) {
    answer(503, { status: 'broken', error: String(error) });
  }
});
const startTime = (): string => {
  const stat = readFileSync('/proc/self/stat', 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
};
server.listen(Number(port), '127.0.0.1', () => writeFileSync(pidFile, `${process.pid} ${startTime()}\n`));
process.on('SIGTERM', () => {
  if (end === 'crash') process.kill(process.pid, 'SIGKILL');
  server.close();
  server.closeAllConnections();
  db.close();
  process.exit(0);
});
