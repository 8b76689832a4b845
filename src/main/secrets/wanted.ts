import type { Environment, SshHop } from '../../contract/environments.ts';

/** A secret an environment can have. */
export interface WantedSecret {
  readonly key: string;
  readonly label: string;
  readonly required: boolean;
}

/** The part of a stack that tells which secrets it uses. */
export interface StackSecrets {
  readonly secrets: readonly {
    readonly key: string;
    readonly title: string;
    readonly required: boolean;
    readonly encrypts_backups?: boolean;
  }[];
}

/** Tells whether a private key file needs a passphrase; undefined when it can't be read. */
export type KeyFileCheck = (path: string) => Promise<boolean | undefined>;

/** The name of a hop's password. `hop` is 0 for the first jump; the target's index is the number of jumps. */
export function passwordKey(hop: number, jumps: number): string {
  return hop >= jumps ? 'ssh-password' : `jump-${hop + 1}-password`;
}

/** The name of the passphrase of a hop's key files. */
export function passphraseKey(hop: number, jumps: number): string {
  return hop >= jumps ? 'ssh-key-passphrase' : `jump-${hop + 1}-key-passphrase`;
}

/**
 * The secrets an environment's route and stack use, the target's first. A password is required when nothing else is
 * configured to sign in with; a passphrase when the key file is encrypted.
 */
export async function wantedSecrets(
  environment: Pick<Environment, 'ssh'>,
  stack: StackSecrets | undefined,
  encrypted: KeyFileCheck,
): Promise<WantedSecret[]> {
  const { target, jumps } = environment.ssh;
  const hops = [{ hop: target, index: jumps.length }, ...jumps.map((hop, index) => ({ hop, index }))];
  const ofRoute = await Promise.all(hops.map(({ hop, index }) => wantedByHop(hop, index, jumps.length, encrypted)));
  const ofStack = (stack?.secrets ?? []).map(({ key, title, required }) => ({ key, label: title, required }));
  const seen = new Set<string>();
  return [...ofRoute.flat(), ...ofStack].filter(({ key }) => !seen.has(key) && seen.add(key));
}

async function wantedByHop(hop: SshHop, index: number, jumps: number, encrypted: KeyFileCheck): Promise<WantedSecret[]> {
  const where = index < jumps ? `jump host ${index + 1} (${hop.user}@${hop.host})` : `${hop.user}@${hop.host}`;
  const wanted: WantedSecret[] = [];
  if (hop.auth.some(({ kind }) => kind === 'password' || kind === 'keyboard-interactive')) {
    wanted.push({
      key: passwordKey(index, jumps),
      label: `SSH password of ${where}`,
      required: hop.auth.every(({ kind }) => kind === 'password'),
    });
  }
  const files = hop.auth.flatMap((auth) => (auth.kind === 'key' ? [auth.path] : []));
  if (files.length > 0) {
    const locked = await Promise.all(files.map(encrypted));
    wanted.push({
      key: passphraseKey(index, jumps),
      label: `Passphrase of ${files.join(', ')} for ${where}`,
      required: locked.includes(true),
    });
  }
  return wanted;
}
