import type { KeychainState } from '../../../contract/secrets.ts';
import { cleanText } from '../text.ts';

/** Why the keychain is not available. */
export type KeychainReason =
  | 'not-looked'
  | 'restarted'
  | 'no-answer'
  | 'canary-lost'
  | 'locked'
  | 'no-bus'
  | 'no-service'
  | 'no-collection'
  | 'no-module'
  | 'other';

const session = 'Secrets are kept in memory until Quarterdeck ends; nothing is written to disk.';

/** What to do about each reason, in words; `{why}` is the system's own message. */
const words: Record<KeychainReason, string> = {
  'not-looked': 'The keychain was not looked at yet.',
  'no-answer': 'The keychain does not answer; it is probably locked and waits for its password. Unlock it and look again.',
  'canary-lost': 'The keychain does not give back what was just written; it is probably locked. Unlock it and look again.',
  locked:
    'The keychain is locked ({why}). Unlock it, for example by signing in to the desktop or with the keyring’s password dialog, and look again.',
  'no-bus': `No D-Bus session is running ({why}), so the Secret Service can’t be reached. Start Quarterdeck from a desktop session, or within dbus-run-session with gnome-keyring-daemon --unlock. ${session}`,
  'no-service': `No Secret Service is running ({why}). Install and start gnome-keyring, KWallet or KeePassXC. ${session}`,
  // libsecret keeps its session with the old one for as long as the process lives.
  restarted: `The Secret Service was started again while Quarterdeck ran ({why}). Quit Quarterdeck and start it again. ${session}`,
  'no-collection': `The Secret Service has no default keyring ({why}). Make one, for example with Seahorse (“Passwords and Keys”), and look again. ${session}`,
  'no-module': `The keychain module could not be loaded ({why}). On Linux install libsecret (Debian: libsecret-1-0). ${session}`,
  other: `The keychain refused ({why}). ${session}`,
};

/** The state for a reason. */
export function keychainWords(state: KeychainState['state'], reason?: KeychainReason, why = ''): KeychainState {
  if (reason === undefined) return { state, detail: 'The system’s keychain is unlocked and works.' };
  return { state, detail: words[reason].replace('{why}', () => why) };
}

// Messages of libsecret, GIO, gnome-keyring, and macOS' security framework, as seen.
const patterns: readonly (readonly [RegExp, KeychainState['state'], KeychainReason])[] = [
  [/locked collection|is locked|IsLocked|dismissed|user interaction is not allowed|user canceled/i, 'locked', 'locked'],
  [/autolaunch|could not connect|DBUS_SESSION_BUS_ADDRESS|connection is closed/i, 'unavailable', 'no-bus'],
  [/session wrapping the secret|no such session|session does not exist/i, 'unavailable', 'restarted'],
  [/was not provided by any|ServiceUnknown|NameHasNoOwner|Spawn\.|activat|NoReply|timeout was reached/i, 'unavailable', 'no-service'],
  [/Object does not exist|no such (object|collection)|UnknownObject/i, 'unavailable', 'no-collection'],
  [/native addon|\.node|cannot find (module|package)|shared object|dlopen|ERR_MODULE|ERR_DLOPEN/i, 'unavailable', 'no-module'],
];

/** Reads a keychain error. Everything unknown is `unavailable`, with the system's own message. */
export function classify(error: unknown): KeychainState {
  const message = error instanceof Error ? error.message : String(error);
  const why = cleanText(message, { maxLength: 200 }).replace(/[.\s]+$/, '');
  const [, state, reason] = patterns.find(([pattern]) => pattern.test(message)) ?? [undefined, 'unavailable' as const, 'other' as const];
  return keychainWords(state, reason, why);
}
