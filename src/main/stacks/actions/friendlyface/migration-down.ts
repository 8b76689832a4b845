import { posix } from 'node:path';
import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import type { Action, ActionContext, ActionOutcome, Facts, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { plainLine, toProblem } from '../../../engine/words.ts';
import { isPlaceholder } from '../../references.ts';
import { controlCommands, controlPreflight } from '../service/start-stop.ts';
import type { ActionTools } from '../tools.ts';
import { done, fact, failed, lookUntilSettled, RemotePath, unknown } from '../tools.ts';
import { ApiInput, friendlyFace, shown } from './input.ts';
import { dryRun, latestOf, MigrationVersion, migrationWords, otherLatest, surveyMigrations } from './migrations.ts';
import { firstSafety, freshSafety, restoreAction, SafetyInput, safetyFacts, safetyFrom } from './restore.ts';

const Input = z.strictObject({
  ...ApiInput,
  backup_dir: RemotePath,
  env_file: z.string().max(1024).default(''),
  control: RemotePath,
  /** What must be the latest applied migration: it, and nothing else, is rolled back. */
  expected: fact(MigrationVersion),
  /** Stays applied. Empty: exactly one is rolled back; else nothing is done once this one is the latest. */
  to: z.union([MigrationVersion, z.literal('')]).default(''),
  /** How many steps of this kind the runbook has: what is farther away is refused before anything is done. */
  at_most: z.int().min(1).max(50).default(1),
  ...SafetyInput,
});
type Input = z.infer<typeof Input>;

/** The same list, or the beginning of it. */
const startsWith = (long: readonly string[], short: readonly string[]) => short.every((version, index) => long[index] === version);

/** Is what was asked for there? Only believed of a request that this step is known to have sent. */
async function probeDown(context: ActionContext, input: Input, recorded: Facts): Promise<ProbeOutcome> {
  const before = recorded['applied_before'];
  if (before === undefined) return { found: 'not-done', observed: 'The rollback was never asked for.' };
  const status = await friendlyFace(context, input).migrations();
  if (status.applied.includes(input.expected)) return { found: 'not-done', observed: `${input.expected} is still applied.` };
  const old = JSON.parse(before) as string[];
  const missing = old.filter((version) => !status.applied.includes(version));
  return {
    found: 'done',
    observed:
      missing.length > 1
        ? `${plainLine(missing.join(' and '), 200)} are not applied any more: somebody else rolled back as well.`
        : `${input.expected} is not applied any more: ${migrationWords(status)}`,
    output: { ...safetyFacts(safetyFrom(recorded, input)), applied_before: before, rolled_back: input.expected, latest: latestOf(status) },
  };
}

async function down(context: ActionContext, tools: ActionTools, input: Input): Promise<ActionOutcome> {
  const api = friendlyFace(context, input);
  let facts: Record<string, string>;
  let askedAt: string;
  try {
    const first = await api.migrations();
    if (latestOf(first) !== input.expected) return failed(otherLatest(input.expected, latestOf(first)));
    if (input.to === input.expected)
      return done(`${input.to} is the latest applied already; nothing to roll back.`, { rolled_back: '', latest: input.to });
    if (input.to !== '' && !first.applied.includes(input.to))
      return failed(new Problem('conflict', `${input.to} is not applied, so there is no way back to it. Nothing was rolled back.`));
    // Without a down file nothing may begin, and above all not the second of several.
    await dryRun(context, input);
    const safety = await freshSafety(context, tools, input, firstSafety(input));
    if ('outcome' in safety) return safety;
    // The comparison belongs right before the request: the API takes no version.
    const status = await api.migrations();
    if (latestOf(status) !== input.expected) return failed(otherLatest(input.expected, latestOf(status)));
    facts = { ...safetyFacts(safety), applied_before: JSON.stringify(status.applied) };
    askedAt = String(context.now());
    context.record({ ...facts, asked_at: askedAt });
  } catch (error) {
    return failed(toProblem(error));
  }
  const answer = await api.rollback();
  if (answer.outcome === 'failed') return failed(answer.problem);
  if (answer.outcome === 'unknown') {
    const found = await lookUntilSettled(context, askedAt, () => probeDown(context, input, facts)).catch(
      (): ProbeOutcome => ({ found: 'unknown', observed: '' }),
    );
    return found.found === 'done' ? done(`Its answer was lost. ${found.observed}`, found.output) : unknown(answer.problem);
  }
  const said = answer.body.rolled_back;
  try {
    const status = await api.migrations();
    const old = JSON.parse(facts['applied_before'] ?? '[]') as string[];
    if (status.applied.includes(input.expected))
      return failed(
        new Problem(
          'verification-failed',
          `It was answered that ${plainLine(said, 60)} was rolled back, and ${input.expected} is still applied.`,
          {
            hint: 'Nothing was rolled back by its own list; look at its log.',
          },
        ),
      );
    if (said !== input.expected || !startsWith(old.slice(0, -1), status.applied) || status.applied.length !== old.length - 1)
      return failed(
        new Problem(
          'conflict',
          `More than ${input.expected} changed at the same moment: ${plainLine(said, 60)} was answered, and now ${migrationWords(status)}`,
          { hint: 'Somebody else migrates. Stop them, then revert: it brings the verified copy from before back.' },
        ),
      );
    return done(`${said} ${plainLine(answer.body.name, 100)} was rolled back: ${migrationWords(status)}`, {
      ...facts,
      rolled_back: said,
      latest: latestOf(status),
    });
  } catch (error) {
    return unknown(toProblem(error));
  }
}

async function preflight(context: ActionContext, input: Input): Promise<readonly PreflightItem[]> {
  // A later step of several: what it will meet is only known then.
  if (isPlaceholder(input.expected)) return [];
  const item = (verdict: PreflightItem['verdict'], detail: string): PreflightItem => ({
    id: 'migration',
    title: 'Migrations',
    verdict,
    detail,
  });
  const status = await friendlyFace(context, input).migrations();
  const items = [await controlPreflight(context, input.control)];
  if (latestOf(status) !== input.expected) return [...items, item('block', otherLatest(input.expected, latestOf(status)).message)];
  if (input.to === input.expected) return [...items, item('block', `${input.to} is the latest applied already.`)];
  if (input.to !== '' && !status.applied.includes(input.to)) return [...items, item('block', `${input.to} is not applied.`)];
  try {
    const { version, name } = await dryRun(context, input);
    items.push(item('pass', `Dry run: ${version} ${name} would be rolled back, and has a down file.`));
  } catch (error) {
    return [...items, item('block', toProblem(error).message)];
  }
  const steps = input.to === '' ? 1 : status.applied.length - 1 - status.applied.indexOf(input.to);
  if (input.to !== '' && steps > input.at_most)
    items.push(item('block', `${input.to} lies ${steps} migrations back, and this runbook goes back ${input.at_most} at most.`));
  else if (steps > 1)
    items.push({
      id: 'more',
      title: 'The other down files',
      verdict: 'warn',
      detail: `Only the latest can be tried dry. Of the other ${steps - 1} each is tried right before it is rolled back; a missing down file stops there, and revert brings everything back.`,
    });
  return items;
}

/**
 * `friendlyface.migration-down@1`: rolls back the one migration that was confirmed. The API can't re-apply one, and what a down file
 * drops is gone: the way back is the verified copy, fresh at the moment of the request.
 */
export const migrationDownAction = (tools: ActionTools): Action => {
  const { undo } = restoreAction(tools);
  if (typeof undo !== 'object' || !('execute' in undo)) throw new TypeError('a restore has an undo');
  /** Going back from a restore is what goes back here too: both “backups” are the safety copy. */
  const asRestore = (input: Input, output: Facts) => {
    const { expected: _expected, to: _to, at_most: _most, ...rest } = input;
    const copy = safetyFrom(output, input);
    return {
      ...rest,
      ...safetyFacts(copy),
      backup: copy.backup,
      backup_sha256: copy.sha256,
      backup_path: copy.localPath,
      backup_events: String(copy.events),
      backup_head: copy.head,
    };
  };
  return defineAction<Input>({
    id: 'friendlyface.migration-down@1',
    title: 'Roll back the latest migration',
    effect: 'destructive',
    input: Input,
    outputs: ['rolled_back', 'latest', 'safety', 'safety_sha256', 'safety_path', 'safety_events', 'safety_head'],
    describe: ({ base_url, secret, expected, to }) => [
      shown(base_url, 'POST', '/admin/migrations/rollback?dry_run=true', secret),
      {
        kind: 'http',
        text: `GET ${base_url}/admin/migrations/status  (the latest must be ${expected}${to === '' ? '' : `; nothing is done when that is ${to}`})`,
      },
      shown(base_url, 'POST', '/admin/migrations/rollback?dry_run=false', secret),
      { kind: 'http', text: `GET ${base_url}/admin/migrations/status  (${expected} must be gone, and only it)` },
    ],
    survey: (context, given) =>
      surveyMigrations(context, { base_url: String(given['base_url']), secret: String(given['secret'] ?? 'api-key') }),
    preflight,
    execute: (context, input) => down(context, tools, input),
    probe: (context, input) => lookUntilSettled(context, context.recorded['asked_at'], () => probeDown(context, input, context.recorded)),
    undo: {
      title: 'Restore the verified copy from before, and restart',
      describe: ({ base_url, secret, backup_dir, safety, control }) => [
        { kind: 'sftp', text: `put ${posix.join(backup_dir, safety)}  (only when retention has deleted it)` },
        shown(base_url, 'POST', `/admin/backup/restore?filename=${safety}`, secret),
        ...controlCommands(control, 'stop', 'start'),
        { kind: 'http', text: `GET ${base_url}/admin/migrations/status  (as before)` },
      ],
      async execute(context, input, output) {
        // Of several, those that had nothing to do have nothing to take back.
        if (output['rolled_back'] === '') return done('Nothing was rolled back by this step.');
        const back = await undo.execute(context, asRestore(input, output), {});
        if (back.outcome !== 'done') return back;
        try {
          const status = await friendlyFace(context, input).migrations();
          const before = JSON.parse(output['applied_before'] ?? '[]') as string[];
          return startsWith(status.applied, before)
            ? done(`The copy from before is live again: ${migrationWords(status)}`)
            : failed(
                new Problem(
                  'verification-failed',
                  `The copy was restored, and ${input.expected} is not applied: ${migrationWords(status)}`,
                ),
              );
        } catch (error) {
          return unknown(toProblem(error));
        }
      },
      probe: (context, input, output) =>
        output['rolled_back'] === ''
          ? Promise.resolve({ found: 'done', observed: 'Nothing was rolled back by this step.' })
          : undo.probe(context, asRestore(input, output), {}),
    },
  });
};
