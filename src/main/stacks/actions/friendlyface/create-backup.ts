import { z } from 'zod';
import { formatBytes } from '../../../../contract/bytes.ts';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { ActionContext, Facts, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { plainLine, toProblem } from '../../../engine/words.ts';
import { whyInvalid } from '../../friendlyface/problems.ts';
import { hostSpace } from '../space.ts';
import { count, done, failed, lookUntilSettled, RemotePath, unknown } from '../tools.ts';
import { ApiInput, friendlyFace, shown } from './input.ts';
import { evicted, readRetention } from './retention.ts';

const Input = z.strictObject({
  ...ApiInput,
  backup_dir: RemotePath,
  env_file: z.string().max(1024).default(''),
  label: z.string().max(100).default(''),
});
export type CreateInput = z.infer<typeof Input>;

/** What is recorded before the request, so that a lost answer never leads to a second backup. */
async function snapshot(context: ActionContext, input: CreateInput): Promise<Record<string, string>> {
  const api = friendlyFace(context, input);
  const names = (await api.listBackups()).map(({ filename }) => filename);
  // A deployment whose database is gone still gets its attempt; the counts are then not known.
  const health = await api.health().catch(() => undefined);
  return {
    before: JSON.stringify(names),
    events: health === undefined ? '' : String(health.event_count),
    merkle_root: health?.merkle_root ?? '',
  };
}

/** Finds the one backup that is there now and was not before, and verifies it. */
async function adopt(context: ActionContext, input: CreateInput, recorded: Facts): Promise<ProbeOutcome> {
  const before = recorded['before'];
  if (before === undefined) return { found: 'not-done', observed: 'The backup was never asked for.' };
  const api = friendlyFace(context, input);
  const old = new Set(JSON.parse(before) as string[]);
  const fresh = (await api.listBackups()).filter(({ filename }) => !old.has(filename));
  if (fresh.length === 0) return { found: 'not-done', observed: 'No new backup is there.' };
  if (fresh.length > 1)
    return {
      found: 'unknown',
      observed: `${fresh.length} new backups are there, and which one is this run's can't be told: ${fresh.map(({ filename }) => plainLine(filename, 80)).join(', ')}.`,
    };
  const name = fresh[0]?.filename ?? '';
  const check = await api.verify(name);
  if (!check.valid) return { found: 'unknown', observed: `${plainLine(name, 80)} is there, and is not (yet) valid.` };
  const { checksum_sha256: sha256, size_bytes: size } = check;
  remember(context, input, name, sha256);
  return {
    found: 'done',
    observed: `Its answer was lost; the one new backup ${name} was found, verified and adopted.`,
    output: facts(recorded, name, sha256, size),
  };
}

const facts = (recorded: Facts, filename: string, sha256: string, size: number): Facts => ({
  filename,
  sha256,
  size_bytes: String(size),
  events: recorded['events'] ?? '',
  merkle_root: recorded['merkle_root'] ?? '',
});

function remember(context: ActionContext, input: CreateInput, name: string, sha256: string): void {
  const environmentId = context.environment.id;
  context.memory.remember({
    environmentId,
    name,
    createdBy: context.operator,
    sha256,
    ...(input.label === '' ? {} : { label: input.label }),
  });
  context.memory.verified({
    environmentId,
    name,
    method: 'server',
    at: context.now(),
    by: context.operator,
    valid: true,
    detail: 'The deployment verified it after it was made.',
    sha256,
  });
}

/** Makes one backup, once. Nothing but the recorded facts and the outcome is kept: also used by the restore for its last copy. */
export async function makeBackup(context: ActionContext, input: CreateInput) {
  let recorded: Record<string, string>;
  try {
    recorded = { ...(await snapshot(context, input)), asked_at: String(context.now()) };
    context.record(recorded);
  } catch (error) {
    return failed(toProblem(error));
  }
  const api = friendlyFace(context, input);
  const answer = await api.create(input.label);
  if (answer.outcome === 'failed') return failed(answer.problem);
  if (answer.outcome === 'unknown') {
    const found = await lookUntilSettled(context, recorded['asked_at'], () => adopt(context, input, recorded)).catch(
      (): ProbeOutcome => ({ found: 'unknown', observed: '' }),
    );
    return found.found === 'done' ? done(found.observed, found.output) : unknown(answer.problem);
  }
  const { filename, checksum_sha256: sha256, size_bytes: size } = answer.body;
  try {
    const check = await api.verify(filename);
    if (!check.valid || check.checksum_sha256 !== sha256) {
      return failed(
        new Problem(
          'verification-failed',
          `The backup ${plainLine(filename, 80)} was made and is not valid: ${check.valid ? 'its checksum changed' : whyInvalid(check)}.`,
          { hint: 'Look at the database itself: the copy is as damaged as what it was made of.' },
        ),
      );
    }
  } catch (error) {
    return unknown(toProblem(error));
  }
  remember(context, input, filename, sha256);
  return done(`${filename} was made (${formatBytes(size)}) and verified by the deployment.`, facts(recorded, filename, sha256, size));
}

export const createBackup = defineAction<CreateInput>({
  id: 'friendlyface.create-backup@1',
  title: 'Create a backup',
  effect: 'write',
  input: Input,
  outputs: ['filename', 'sha256', 'size_bytes', 'events', 'merkle_root'],
  describe: ({ base_url, secret, label }) => [
    shown(base_url, 'GET', '/admin/backups', secret),
    shown(base_url, 'POST', `/admin/backup?label=${encodeURIComponent(label)}`, secret),
    shown(base_url, 'POST', '/admin/backup/verify?filename=‹the new one›', secret),
  ],
  async preflight(context, input): Promise<readonly PreflightItem[]> {
    const session = await context.session();
    const backups = await friendlyFace(context, input).listBackups();
    const retention = await readRetention(session, input.env_file);
    const gone = evicted(backups, retention, 1, context.now());
    const rule = `Kept: the newest ${retention.count}${retention.days === null ? '' : `, none older than ${retention.days} days`} (${retention.source})`;
    return [
      { id: 'api', title: 'Backup API', verdict: 'pass', detail: `Answers, and lists ${count(backups.length, 'backup')}.` },
      {
        id: 'retention',
        title: 'Retention',
        verdict: gone.length === 0 ? 'pass' : 'warn',
        detail:
          gone.length === 0
            ? `${rule}; nothing will be deleted.`
            : `${rule}. Making this backup deletes: ${gone.map((name) => plainLine(name, 80)).join(', ')}.`,
      },
      await hostSpace(session, input.backup_dir, Math.max(0, ...backups.map(({ size_bytes }) => size_bytes))),
    ];
  },
  execute: makeBackup,
  probe: (context, input) => lookUntilSettled(context, context.recorded['asked_at'], () => adopt(context, input, context.recorded)),
  // What retention deletes for it is said in preflight.
  undo: { kept: 'The copy stays: it is the way back; retention removes it in its time.' },
});
