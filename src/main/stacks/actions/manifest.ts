import { z } from 'zod';
import { Sha256, Timestamp } from '../../../contract/common.ts';
import { Problem } from '../../../contract/problem.ts';
import type { SshSession } from '../../drivers/ssh/types.ts';
import type { ActionContext, ActionOutcome } from '../../engine/action.ts';
import { look, mustRun } from './job.ts';

/** What lies beside a backup that this console made: what it is of, and what it was seen to hold. Never a secret. */
export const BackupManifest = z.strictObject({
  format: z.literal(1),
  /** Id and name of the environment on the laptop that made it. */
  environment: z.string(),
  environmentName: z.string(),
  /** Fingerprint of the host's key: the same host has the same on every laptop. */
  host: z.string(),
  kind: z.enum(['sqlite', 'postgres', 'postgres-base']),
  /** What was copied: path of the file, or name of the database. */
  source: z.string(),
  sha256: Sha256,
  bytes: z.int().nonnegative(),
  madeAt: Timestamp,
  operator: z.string(),
  /** What was seen in it: versions, counts. */
  facts: z.record(z.string(), z.string()),
});
export type BackupManifest = z.infer<typeof BackupManifest>;

const suffix = '.quarterdeck.json';

/** Where the manifest of a backup lies. */
export const manifestPath = (file: string) => `${file}${suffix}`;

const writeScript = `umask 077
cat >"$1.new" && { sync "$1.new" 2>/dev/null || sync; } && mv -f "$1.new" "$1" || exit 31
`;
const readScript = `[ -f "$1" ] || exit 3
head -c 65536 "$1"
`;

/** Writes the manifest beside a backup, atomically. Undefined when it was seen to be written. */
export async function writeManifest(context: ActionContext, file: string, manifest: BackupManifest): Promise<ActionOutcome | undefined> {
  const result = await mustRun(context, {
    name: 'manifest',
    script: writeScript,
    args: [manifestPath(file)],
    input: `${JSON.stringify(manifest, null, 1)}\n`,
    meanings: { 31: 'the manifest could not be written beside the backup' },
  });
  return 'outcome' in result ? result.outcome : undefined;
}

/** The manifest beside a backup; undefined when there is none. @throws Problem `integrity-mismatch` when it can't be read as one */
export async function readManifest(session: SshSession, file: string): Promise<BackupManifest | undefined> {
  const end = await look(session, { script: readScript, args: [manifestPath(file)] });
  if (end.exitCode === 3) return undefined;
  let parsed: unknown;
  try {
    parsed = JSON.parse(end.stdout);
  } catch {
    parsed = undefined;
  }
  const checked = BackupManifest.safeParse(parsed);
  if (end.exitCode === 0 && checked.success) return checked.data;
  throw new Problem('integrity-mismatch', `The manifest ${manifestPath(file)} can't be read.`, {
    hint: 'Choose another backup, or verify this one by hand.',
  });
}

/** What a manifest says a backup is of, in this environment's terms. */
export function manifestOwner(
  context: ActionContext,
  session: SshSession,
): Pick<BackupManifest, 'environment' | 'environmentName' | 'host'> {
  return { environment: context.environment.id, environmentName: context.environment.name, host: session.server.fingerprint };
}

/**
 * A backup of another environment, or of something else on this host, is refused. The environment is the same when its id on this laptop
 * is, or (another operator's laptop) when the host's key is.
 */
export function foreignBackup(
  context: Pick<ActionContext, 'environment'>,
  session: SshSession,
  manifest: BackupManifest,
  wanted: Pick<BackupManifest, 'kind' | 'source'>,
): Problem | undefined {
  const same = manifest.environment === context.environment.id || manifest.host === session.server.fingerprint;
  if (!same)
    return new Problem('policy-refused', `This backup is of another environment, ${manifest.environmentName}.`, {
      hint: `Choose a backup of ${context.environment.name}.`,
    });
  if (manifest.kind !== wanted.kind || manifest.source !== wanted.source)
    return new Problem('policy-refused', `This backup is of ${manifest.source} (${manifest.kind}), not of ${wanted.source}.`, {
      hint: 'Choose a backup of the same database.',
    });
  return undefined;
}
