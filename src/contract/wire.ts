import { z } from 'zod';

/**
 * What the transports themselves agree on, below the calls: how messages share a frame, how a port is paced, and the
 * names both ends of a hand-over must know.
 */

/** Path of the WebSocket on the loopback host. */
export const SOCKET_PATH = '/rpc';

/** Path where the one-time token becomes a session (POST) and a session is asked for (GET). */
export const SESSION_PATH = '/session';

/** A one-time token or session id: 256 random bits in base64url. */
export const SessionToken = z.string().regex(/^[A-Za-z0-9_-]{43}$/);

/** Stands in `index.html` where the serving host writes the nonce that the page's CSP allows for injected style elements. */
export const NONCE_PLACEHOLDER = '__CSP_NONCE__';

/** Menu entries that the page carries out. The desktop shell posts them over the same port as the calls. */
export const ShellCommand = z.enum([
  'environment-new',
  'environment-import',
  'settings-open',
  'palette-open',
  'find',
  'reload-data',
  'go-overview',
  'go-logs',
  'go-backups',
  'go-runs',
  'go-journal',
  'go-back',
  'go-forward',
  'shortcuts-show',
  'about-show',
]);
export type ShellCommand = z.infer<typeof ShellCommand>;

/** A message from the shell to the page, on the port. */
export const ShellMessage = z.strictObject({ command: ShellCommand });
export type ShellMessage = z.infer<typeof ShellMessage>;

/**
 * Several messages in one frame. A message is JSON without line breaks of its own, so a line break parts them.
 */
export const joinMessages = (messages: readonly string[]): string => messages.join('\n');

/** Undoes {@link joinMessages}. */
export const splitFrame = (frame: string): string[] => frame.split('\n');
