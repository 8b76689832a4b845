import { APP_ORIGIN, APP_URL } from './app-scheme.ts';
import type { ElectronParts, Session, WebContents } from './electron.ts';

/** Where a link may lead outside: https only, these hosts and nothing below or beside them. */
const OUTSIDE = new Set(['github.com', 'docs.docker.com', 'www.postgresql.org', 'www.sqlite.org', 'man.openbsd.org']);

/** The address to open in the system's browser, when it may be: parsed, https, an allowed host, no port and no user in it. */
export function outsideAddress(text: string): string | undefined {
  const url = URL.parse(text);
  if (url?.protocol !== 'https:' || url.port !== '' || url.username !== '' || url.password !== '') return undefined;
  return OUTSIDE.has(url.hostname) ? url.href : undefined;
}

/**
 * Denies every permission but writing plain text to the clipboard from our own page, and every request that is not for the
 * interface's own files: whatever the page is talked into, it has nothing to talk to.
 */
export function lockSession(session: Session): void {
  const granted = (permission: string, origin: string): boolean =>
    permission === 'clipboard-sanitized-write' && (origin === APP_ORIGIN || origin === APP_URL);
  session.setPermissionRequestHandler((contents, permission, answer) => answer(granted(permission, contents.mainFrame.origin)));
  session.setPermissionCheckHandler((_contents, permission, origin) => granted(permission, origin));
  session.setDevicePermissionHandler(() => false);
  session.setDisplayMediaRequestHandler(null);
  session.webRequest.onBeforeRequest((request, answer) => answer({ cancel: !mayLoad(request.url) }));
  session.on('will-download', (event, item) => {
    // What the page made itself (an export) may be saved; nothing is fetched from elsewhere.
    if (!item.getURL().startsWith(`blob:${APP_ORIGIN}/`)) event.preventDefault();
  });
}

function mayLoad(url: string): boolean {
  return url.startsWith(APP_URL) || url.startsWith(`blob:${APP_ORIGIN}/`) || url.startsWith('data:image/') || url.startsWith('devtools://');
}

/** Holds any web contents, ours or one that should not exist, to the page they show. */
export function lockContents(contents: WebContents, { shell }: Pick<ElectronParts, 'shell'>): void {
  contents.on('will-navigate', (event) => event.preventDefault());
  contents.on('will-frame-navigate', (event) => event.preventDefault());
  contents.on('will-redirect', (event) => event.preventDefault());
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(({ url }) => {
    const address = outsideAddress(url);
    if (address !== undefined) void shell.openExternal(address);
    return { action: 'deny' };
  });
}
