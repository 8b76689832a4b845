import type { Assets } from '../pages/assets.ts';
import { answerPage } from '../pages/respond.ts';
import type { ElectronParts } from './electron.ts';

/** The page's origin on the desktop. */
export const APP_ORIGIN = 'app://quarterdeck';

/** The page's address. */
export const APP_URL = `${APP_ORIGIN}/`;

/** Makes `app:` an origin like https: with storage, fetch and a CSP. Must run before Electron is ready. */
export function registerAppScheme({ protocol }: Pick<ElectronParts, 'protocol'>): void {
  protocol.registerSchemesAsPrivileged([{ scheme: 'app', privileges: { standard: true, secure: true, supportFetchAPI: true } }]);
}

/** Serves the built interface at `app://quarterdeck/`, and nothing of any other host or path. */
export function serveApp({ protocol }: Pick<ElectronParts, 'protocol'>, assets: Assets): void {
  protocol.handle('app', ({ method, url }) => {
    const path = url.startsWith(APP_URL) ? (url.slice(APP_ORIGIN.length).split(/[?#]/, 1)[0] ?? '') : '';
    const { status, headers, body } = answerPage(assets, { method, path });
    return new Response(typeof body === 'string' ? body : new Uint8Array(body), { status, headers });
  });
}
