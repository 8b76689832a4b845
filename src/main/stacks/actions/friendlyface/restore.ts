import { posix } from 'node:path';
import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { Action, ActionContext, ActionOutcome, Facts, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { plainLine, toProblem } from '../../../engine/words.ts';
import { jobState } from '../job.ts';
import { controlCommands } from '../service/start-stop.ts';
import type { ActionTools } from '../tools.ts';
import { BackupFact, count, done, fact, failed, lookUntilSettled, RemotePath, unknown } from '../tools.ts';
import { makeBackup } from './create-backup.ts';
import { ApiInput, friendlyFace, shown } from './input.ts';
import type { DataSet } from './live-data.ts';
import { liveData, liveWords, whichIsLive } from './live-data.ts';
import type { VerifiedCopy } from './local-copy.ts';
import { ensureOnHost, inspectCopy, secureCopy } from './local-copy.ts';
import { restartDefaults, restartService } from './restart.ts';
import { treeAgrees } from './tree.ts';

const text = (max: number) => fact(z.string().max(max));
/** The verified copy that is the way back: facts of a `friendlyface.secure-copy@1`. */
export const SafetyInput = {
  safety: BackupFact,
  safety_sha256: text(64),
  safety_path: text(4096),
  safety_events: text(20),
  safety_head: text(200),
};
const Input = z.strictObject({
  ...ApiInput,
  backup_dir: RemotePath,
  env_file: z.string().max(1024).default(''),
  control: RemotePath,
  backup: BackupFact,
  backup_sha256: text(64),
  backup_path: text(4096),
  backup_events: text(20),
  backup_head: text(200),
  ...SafetyInput,
});
type Input = z.infer<typeof Input>;
type SafetyFields = z.infer<z.ZodObject<typeof SafetyInput>>;

/** Job of an undo that starts a service that was down, before the one that restarts it. */
const FIRST_START = 'first-start';

/** How often the safety copy is made again because somebody wrote meanwhile. */
const ROUNDS = 5;

const target = (input: Input): VerifiedCopy => ({
  backup: input.backup,
  sha256: input.backup_sha256,
  localPath: input.backup_path,
  events: Number(input.backup_events),
  head: input.backup_head,
});
/** The copy that an earlier step secured. */
export const firstSafety = (input: SafetyFields): VerifiedCopy => ({
  backup: input.safety,
  sha256: input.safety_sha256,
  localPath: input.safety_path,
  events: Number(input.safety_events),
  head: input.safety_head,
});

/** A copy as facts. */
export const safetyFacts = (copy: VerifiedCopy): Record<string, string> => ({
  safety: copy.backup,
  safety_sha256: copy.sha256,
  safety_path: copy.localPath,
  safety_events: String(copy.events),
  safety_head: copy.head,
});
/** The copy that was fresh when it mattered, as recorded; else the first one. */
export const safetyFrom = (facts: Facts, input: SafetyFields): VerifiedCopy =>
  facts['safety'] === undefined
    ? firstSafety(input)
    : {
        backup: facts['safety'],
        sha256: facts['safety_sha256'] ?? '',
        localPath: facts['safety_path'] ?? '',
        events: Number(facts['safety_events']),
        head: facts['safety_head'] ?? '',
      };

const same = (live: DataSet, copy: DataSet) =>
  live.events === copy.events && (live.head === '' || copy.head === '' || live.head === copy.head);

/**
 * A verified safety copy of exactly what is live now: the one at hand when nothing was written since, else a new one.
 * Its making runs the deployment's retention, so the backup to be restored is put back when that took it.
 */
export async function freshSafety(
  context: ActionContext,
  tools: ActionTools,
  input: Pick<Input, 'base_url' | 'secret' | 'backup_dir' | 'env_file'>,
  first: VerifiedCopy,
  keep?: VerifiedCopy,
): Promise<VerifiedCopy | ActionOutcome> {
  const api = friendlyFace(context, input);
  let safety = first;
  for (let round = 0; round < ROUNDS; round += 1) {
    if (round > 0) {
      const made = await makeBackup(context, {
        base_url: input.base_url,
        secret: input.secret,
        backup_dir: input.backup_dir,
        env_file: input.env_file,
        label: 'before-restore',
      });
      // Whatever became of that backup, nothing was restored.
      if (made.outcome !== 'done') return failed(made.problem);
      safety = await secureCopy(context, tools, {
        base_url: input.base_url,
        secret: input.secret,
        backup_dir: input.backup_dir,
        backup: made.output?.['filename'] ?? '',
      });
      if (keep !== undefined) await ensureOnHost(context, input, keep);
    }
    const live = await liveData(api);
    if (same(live, safety)) return safety;
  }
  return failed(
    new Problem(
      'step-failed',
      `Data was written after each of ${ROUNDS} safety copies, so going back would lose it. Nothing was replaced.`,
      { hint: 'Stop the writers for a moment, then resume.', retryable: true },
    ),
  );
}

async function request(context: ActionContext, input: Input, copy: VerifiedCopy, before: DataSet): Promise<ActionOutcome | undefined> {
  const api = friendlyFace(context, input);
  const answer = await api.restore(copy.backup);
  if (answer.outcome === 'failed') return failed(answer.problem);
  if (answer.outcome === 'done' && !answer.body.restored) {
    context.record({ refused: 'true' });
    return failed(
      new Problem(
        'step-failed',
        `The deployment did not restore ${copy.backup}: ${plainLine(answer.body.error ?? 'no reason given', 300)}.`,
        { hint: 'Nothing was replaced, by its own words; look at its log.' },
      ),
    );
  }
  try {
    const live = await liveData(api);
    const found = whichIsLive(live, copy, before);
    if (found === 'done') return undefined;
    // Where counts can't tell, its own word decides; the verification after the restart looks again.
    if (answer.outcome === 'done' && found === 'unknown' && live.events >= copy.events) return undefined;
    if (answer.outcome === 'unknown') return unknown(answer.problem);
    return unknown(
      new Problem('verification-failed', `It was answered “restored”, and yet: ${liveWords(found, live, copy)}`, {
        hint: 'Probe the step, then resume or revert.',
      }),
    );
  } catch (error) {
    return unknown(answer.outcome === 'unknown' ? answer.problem : toProblem(error));
  }
}

async function probeRestore(context: ActionContext, input: Input): Promise<ProbeOutcome> {
  const { recorded } = context;
  if (recorded['asked'] === undefined) return { found: 'not-done', observed: 'The restore was never asked for.' };
  if (recorded['refused'] === 'true') return { found: 'not-done', observed: 'The deployment had refused to restore.' };
  const safety = safetyFrom(recorded, input);
  const live = await liveData(friendlyFace(context, input));
  const found = target(input).sha256 === safety.sha256 ? 'done' : whichIsLive(live, target(input), safety);
  return { found, observed: liveWords(found, live, target(input)), ...(found === 'done' ? { output: safetyFacts(safety) } : {}) };
}

/** `friendlyface.restore@1`: believes the data, not the status; its undo brings back exactly what was there. */
export const restoreAction = (tools: ActionTools): Action =>
  defineAction<Input>({
    id: 'friendlyface.restore@1',
    title: 'Restore the backup',
    effect: 'destructive',
    input: Input,
    outputs: ['safety', 'safety_sha256', 'safety_path', 'safety_events', 'safety_head'],
    describe: ({ base_url, secret, backup }) => [
      shown(base_url, 'GET', '/chain/integrity', secret),
      shown(base_url, 'POST', `/admin/backup/restore?filename=${backup}`, secret),
      shown(base_url, 'GET', '/chain/integrity', secret),
    ],
    async execute(context, input) {
      try {
        // What will be restored is looked at once more, and so is what would bring the old data back.
        await inspectCopy(tools, input.backup_path, input.backup);
        const safety = await freshSafety(context, tools, input, firstSafety(input), target(input));
        if ('outcome' in safety) return safety;
        context.record({ ...safetyFacts(safety), asked: String(context.now()), refused: 'false' });
        const trouble = await request(context, input, target(input), safety);
        return (
          trouble ??
          done(
            `${input.backup} was restored: the database holds ${count(target(input).events, 'event')} (before: ${safety.events}).`,
            safetyFacts(safety),
          )
        );
      } catch (error) {
        // Everything that throws here is before the request: after it, an outcome is made of what was seen.
        return failed(toProblem(error));
      }
    },
    probe: (context, input) =>
      lookUntilSettled(context, context.recorded['refused'] === 'true' ? undefined : context.recorded['asked'], () =>
        probeRestore(context, input),
      ),
    undo: {
      title: 'Restore the safety copy and restart',
      describe: ({ base_url, secret, backup_dir, safety, control }) => [
        { kind: 'sftp', text: `put ${posix.join(backup_dir, safety)}  (only when retention has deleted it)` },
        shown(base_url, 'POST', `/admin/backup/restore?filename=${safety}`, secret),
        ...controlCommands(control, 'stop', 'start'),
        shown(base_url, 'GET', '/chain/integrity', secret),
      ],
      async execute(context, input, output) {
        const safety = safetyFrom(output, input);
        const restart = { base_url: input.base_url, secret: input.secret, control: input.control, ...restartDefaults };
        try {
          await inspectCopy(tools, safety.localPath, safety.backup);
          const answers = await friendlyFace(context, input)
            .chainIntegrity()
            .then(
              () => true,
              () => false,
            );
          if (!answers) {
            // The API is the way back: a service that is down is started first.
            const up = await restartService(context, restart, FIRST_START);
            if (up.outcome !== 'done') return up;
          }
          await ensureOnHost(context, input, safety);
          context.record({ asked: 'true' });
        } catch (error) {
          return failed(toProblem(error));
        }
        const trouble = await request(context, input, safety, target(input));
        if (trouble !== undefined) return trouble;
        const restarted = await restartService(context, restart);
        if (restarted.outcome !== 'done') return restarted;
        return settled(context, input, safety);
      },
      async probe(context, input, output) {
        const safety = safetyFrom(output, input);
        for (const job of [FIRST_START, 'restart'])
          if ((await jobState(context, job)).state === 'running') return { found: 'unknown', observed: 'The host is still restarting it.' };
        if (context.recorded['asked'] === undefined) return { found: 'not-done', observed: 'Going back was never asked for.' };
        const live = await liveData(friendlyFace(context, input));
        const found = whichIsLive(live, safety, target(input));
        // The restart belongs to it and may be missing: doing it again is harmless, and ends in the same state.
        return found === 'unknown' && live.events < safety.events
          ? { found, observed: liveWords(found, live, safety) }
          : { found: 'not-done', observed: `${liveWords(found, live, safety)} Going back is done once more, from the start.` };
      },
    },
  });

async function settled(context: ActionContext, input: Input, safety: VerifiedCopy): Promise<ActionOutcome> {
  try {
    const api = friendlyFace(context, input);
    const chain = await api.chainIntegrity();
    if (!chain.valid)
      return failed(
        new Problem(
          'verification-failed',
          `The data from before is back, and its chain is not valid: ${plainLine(chain.errors[0] ?? '', 200)}`,
          { hint: 'It may have been so before the restore: look at the incident’s history.' },
        ),
      );
    const live = await liveData(api);
    const { tree, agree } = await treeAgrees(api);
    if (tree !== undefined && !agree)
      return failed(
        new Problem('verification-failed', 'The data from before is back, and the tree in memory is that of other data.', {
          hint: 'Revert again: it restarts the service once more.',
        }),
      );
    const whole =
      live.events >= safety.events && (live.events > safety.events || live.head === '' || safety.head === '' || live.head === safety.head);
    return whole
      ? done(`The data from before the restore is back: ${liveWords('done', live, safety)}`, {})
      : failed(
          new Problem('verification-failed', `After going back: ${liveWords('not-done', live, safety)}`, {
            hint: `The verified copy lies at ${safety.localPath}.`,
          }),
        );
  } catch (error) {
    return unknown(toProblem(error));
  }
}
