import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { locateProgram } from '../locate.ts';
import { writeFault } from './fault-file.ts';
import { dfScript, ffctlConfig, ffctlScript } from './ffctl.ts';
import type { Layout } from './layout.ts';
import { migrationFiles } from './migration-files.ts';
import { seedDatabase, seedLog } from './seed.ts';

/** What a deployment is made with. `settings` are further lines of its env file (`FF_…`). */
export interface DeployOptions {
  readonly layout: Layout;
  readonly port: number;
  readonly keys: readonly string[];
  readonly roles?: Readonly<Record<string, readonly string[]>>;
  readonly settings?: Readonly<Record<string, string>>;
  readonly events: number;
  readonly logHours: number;
}

/** A port of 127.0.0.1 that was free a moment ago. */
export async function freePort(wanted = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => (typeof address === 'object' && address !== null ? resolve(address.port) : reject(new Error('No port.'))));
    });
  });
}

/** Writes `ffctl`, `df` and their configuration; run again at every start, because the program may have moved. */
export function writeControl(layout: Layout, port: number): void {
  for (const dir of [layout.bin, dirname(layout.ffctlConfig), layout.home, layout.tmp, layout.app]) mkdirSync(dir, { recursive: true });
  for (const [path, text] of [
    [layout.ffctl, ffctlScript],
    [join(layout.bin, 'df'), dfScript],
  ] as const) {
    writeFileSync(path, text);
    chmodSync(path, 0o755);
  }
  writeFileSync(
    layout.ffctlConfig,
    ffctlConfig({
      node: process.execPath,
      service: locateProgram('service'),
      port,
      envFile: layout.envFile,
      pidFile: layout.pidFile,
      logFile: layout.logFile,
      faultsFile: layout.faultsFile,
      migrationsDir: layout.migrationsDir,
      workDir: layout.app,
    }),
  );
}

/** Lays a deployment out in an empty folder and fills it. The env file, which holds the keys, is 0600. */
export function deploy(options: DeployOptions): void {
  const { layout } = options;
  writeControl(layout, options.port);
  mkdirSync(layout.migrationsDir, { recursive: true });
  for (const [name, sql] of Object.entries(migrationFiles)) writeFileSync(join(layout.migrationsDir, name), sql);
  const values: Record<string, string> = {
    FF_STORAGE: 'sqlite',
    FF_DB_PATH: layout.dbPath,
    FF_BACKUP_DIR: layout.backupDir,
    FF_BACKUP_RETENTION_COUNT: '10',
    FF_LOG_FORMAT: 'json',
    FF_PORT: '8000',
    FF_MIGRATIONS_ENABLED: 'false',
    ...options.settings,
    FF_API_KEYS: options.keys.join(','),
    ...(options.roles === undefined ? {} : { FF_API_KEY_ROLES: `'${JSON.stringify(options.roles)}'` }),
  };
  writeFileSync(
    layout.envFile,
    `# FriendlyFace\n${Object.entries(values)
      .map(([name, value]) => `${name}=${value}`)
      .join('\n')}\n`,
    { mode: 0o600 },
  );
  writeFault(layout.faultsFile, 'slow', false);
  const now = Date.now();
  seedDatabase(layout, { events: options.events, now });
  seedLog(layout, { now, hours: options.logHours });
}

/** Runs `ffctl`; answers what it printed. Never throws: a failure is its exit code. */
export async function runFfctl(
  layout: Layout,
  verb: 'start' | 'stop' | 'restart' | 'status',
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile('/bin/sh', [layout.ffctl, verb], { env: { PATH: '/usr/local/bin:/usr/bin:/bin' } }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, stdout, stderr });
    });
  });
}
