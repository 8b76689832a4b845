import { join } from 'node:path';

/** Where everything of one FriendlyFace deployment lies, under one folder. */
export interface Layout {
  readonly root: string;
  readonly bin: string;
  readonly ffctl: string;
  readonly ffctlConfig: string;
  readonly app: string;
  readonly envFile: string;
  readonly dbPath: string;
  readonly backupDir: string;
  readonly migrationsDir: string;
  readonly logFile: string;
  readonly faultsFile: string;
  readonly pidFile: string;
  readonly home: string;
  readonly tmp: string;
}

/** The layout under an absolute folder. */
export function layoutOf(root: string): Layout {
  const app = join(root, 'friendlyface');
  return {
    root,
    bin: join(root, 'bin'),
    ffctl: join(root, 'bin', 'ffctl'),
    ffctlConfig: join(root, 'etc', 'ffctl.conf'),
    app,
    envFile: join(app, '.env'),
    dbPath: join(app, 'friendlyface.db'),
    backupDir: join(app, 'backups'),
    migrationsDir: join(app, 'migrations'),
    logFile: join(app, 'logs', 'friendlyface.log'),
    faultsFile: join(app, 'faults.json'),
    pidFile: join(app, 'run', 'friendlyface.pid'),
    home: join(root, 'home'),
    tmp: join(root, 'tmp'),
  };
}

/** The inputs of the `friendlyface` stack for a deployment. */
export function stackInputs(layout: Layout, port: number): Record<string, string> {
  return {
    base_url: `http://127.0.0.1:${port}`,
    service_control: layout.ffctl,
    db_path: layout.dbPath,
    backup_dir: layout.backupDir,
    log_file: layout.logFile,
    env_file: layout.envFile,
  };
}
