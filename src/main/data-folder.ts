import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** The app's data folder: `QUARTERDECK_HOME`, else where the platform keeps application data. Nothing is made here. */
export function dataFolder(
  env: NodeJS.ProcessEnv = process.env,
  platform: NodeJS.Platform = process.platform,
  home: string = homedir(),
): string {
  const chosen = env['QUARTERDECK_HOME'];
  if (chosen !== undefined && chosen !== '') return resolve(chosen);
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'Quarterdeck');
  if (platform === 'win32') return join(env['APPDATA'] ?? join(home, 'AppData', 'Roaming'), 'Quarterdeck');
  // XDG Base Directory: a relative XDG_DATA_HOME is to be ignored.
  const xdg = env['XDG_DATA_HOME'];
  return join(xdg?.startsWith('/') === true ? xdg : join(home, '.local', 'share'), 'quarterdeck');
}
