/**
 * The FriendlyFace-compatible service: a program of its own, started by `ffctl` as `node service.ts` from the sources and as
 * `demo-service.js` from the built bundle. Everything it needs comes from the environment (see config.ts).
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { createBackups } from './backups.ts';
import { MerkleTree } from './chain.ts';
import { readConfig } from './config.ts';
import { createFaults } from './faults.ts';
import { createHttp } from './http.ts';
import type { LogFields, LogLevel } from './logs.ts';
import { formatLine } from './logs.ts';
import { createMetrics } from './metrics.ts';
import { applyMigrations } from './migrations.ts';
import { startToken } from './process-identity.ts';
import { createRoutes } from './routes.ts';
import { Store } from './store.ts';

const config = readConfig(process.env);
const write = (line: string) => void process.stdout.write(`${line}\n`);
const log = (level: LogLevel, logger: string, message: string, fields?: LogFields) =>
  write(formatLine(config.logFormat, new Date(), level, logger, message, fields));

// A full disk must not end the service: the real program's logging swallows it.
process.stdout.on('error', () => undefined);

write(`INFO:     Started server process [${process.pid}]`);
write('INFO:     Waiting for application startup.');

mkdirSync(dirname(config.dbPath), { recursive: true });
mkdirSync(config.backupDir, { recursive: true });

const store = new Store(config.dbPath);
const faults = createFaults(config.faultsFile, store);
faults.refresh();
// Without the fault a missing file is made anew and empty, as the real program does; with it the file stays missing.
if (store.fileExists || !faults.isOn('database-gone')) store.openOrCreate();
if (config.migrationsEnabled && store.fileExists) {
  for (const version of applyMigrations(store.db, config.migrationsDir))
    log('INFO', 'friendlyface.migrations', `Migration ${version} applied successfully`);
}

const tree = new MerkleTree(store.fileExists ? store.hashes() : []);
const metrics = createMetrics();
const backups = createBackups({
  dbPath: config.dbPath,
  dir: config.backupDir,
  retentionCount: config.retentionCount,
  retentionDays: config.retentionDays,
  log: (message) => log('INFO', 'friendlyface.ops.backup', message),
});
const server = createHttp({ config, routes: createRoutes({ config, store, tree, backups, metrics }), faults, metrics, write });

let stopping = false;
function stop(): void {
  if (stopping) return;
  stopping = true;
  write('INFO:     Shutting down');
  faults.close();
  // Idle connections end at once, working ones get two seconds.
  server.close(() => {
    write('INFO:     Waiting for application shutdown.');
    log('INFO', 'friendlyface', 'Closing database connection');
    store.detach();
    log('INFO', 'friendlyface', 'Shutdown complete');
    write('INFO:     Application shutdown complete.');
    write(`INFO:     Finished server process [${process.pid}]`);
    removePidFile();
    process.exit(0);
  });
  server.closeIdleConnections();
  setTimeout(() => server.closeAllConnections(), 2000).unref();
}

function removePidFile(): void {
  if (config.pidFile === null) return;
  try {
    if (readFileSync(config.pidFile, 'utf8').startsWith(`${process.pid} `)) rmSync(config.pidFile);
  } catch {
    // Someone else removed it: nothing is left to clean.
  }
}

process.on('SIGTERM', stop);
process.on('SIGINT', stop);

server.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EADDRINUSE')
    write(`ERROR:    [Errno 98] error while attempting to bind on address ('127.0.0.1', ${config.port}): address already in use`);
  else write(`ERROR:    ${error.message}`);
  process.exit(1);
});

// The real direct start binds every address; a practice service has no business outside this machine.
server.listen(config.port, '127.0.0.1', () => {
  log('INFO', 'friendlyface', 'FriendlyFace started', {
    version: '0.1.0',
    storage_backend: 'sqlite',
    rate_limit_config: config.rateLimitText,
    did_seed_status: 'random',
  });
  write('INFO:     Application startup complete.');
  write(`INFO:     Uvicorn running on http://127.0.0.1:${config.port} (Press CTRL+C to quit)`);
  faults.watch((error) => log('ERROR', 'friendlyface.faults', error instanceof Error ? error.message : String(error)));
  // Written only now: the bound port is the lock, so whoever holds the file is the one that serves.
  if (config.pidFile !== null) {
    mkdirSync(dirname(config.pidFile), { recursive: true });
    writeFileSync(`${config.pidFile}.new`, `${process.pid} ${startToken(process.pid) ?? '0'} ${new Date().toISOString()}\n`);
    renameSync(`${config.pidFile}.new`, config.pidFile);
  }
});
