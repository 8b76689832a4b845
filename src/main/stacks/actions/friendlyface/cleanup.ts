import { z } from 'zod';
import { defineAction } from '../../../engine/action.ts';
import { plainLine, toProblem } from '../../../engine/words.ts';
import { count, done, failed, unknown } from '../tools.ts';
import { ApiInput, friendlyFace, shown } from './input.ts';
import { evicted, readRetention } from './retention.ts';

const Input = z.strictObject({ ...ApiInput, env_file: z.string().max(1024).default('') });
type Input = z.infer<typeof Input>;

const names = (list: readonly string[]) => list.map((name) => plainLine(name, 80)).join(', ');

/** `friendlyface.cleanup@1`: runs the deployment's retention now. */
export const cleanupAction = defineAction<Input>({
  id: 'friendlyface.cleanup@1',
  title: 'Clean up old backups',
  effect: 'destructive',
  input: Input,
  outputs: ['removed', 'removed_count', 'remaining'],
  describe: ({ base_url, secret }) => [shown(base_url, 'POST', '/admin/backup/cleanup', secret)],
  async preflight(context, input) {
    const backups = await friendlyFace(context, input).listBackups();
    const retention = await readRetention(await context.session(), input.env_file);
    const gone = evicted(backups, retention, 0, context.now());
    const kept = gone.filter((name) => context.memory.recall(context.environment.id, name)?.protected === true);
    return [
      {
        id: 'removed',
        title: 'What is deleted',
        verdict: gone.length === 0 ? 'pass' : 'warn',
        detail:
          gone.length === 0
            ? 'Nothing: all backups are within the retention.'
            : `${count(gone.length, 'backup')}: ${names(gone)} (limits from ${retention.source}). Verified copies on this laptop: ${kept.length === 0 ? 'none of them' : names(kept)}.`,
      },
    ];
  },
  async execute(context, input) {
    const api = friendlyFace(context, input);
    try {
      context.record({ before: JSON.stringify((await api.listBackups()).map(({ filename }) => filename)) });
    } catch (error) {
      return failed(toProblem(error));
    }
    const answer = await api.cleanup();
    if (answer.outcome === 'failed') return failed(answer.problem);
    if (answer.outcome === 'unknown') return unknown(answer.problem);
    try {
      const left = new Set((await api.listBackups()).map(({ filename }) => filename));
      const { removed } = answer.body;
      const lying = removed.filter((name) => left.has(name));
      if (lying.length > 0)
        return failed({
          code: 'verification-failed',
          message: `It was answered that ${names(lying)} were deleted, and they are still there.`,
          retryable: false,
        });
      return done(`${count(removed.length, 'backup')} deleted, ${left.size} left.`, {
        removed: names(removed),
        removed_count: String(removed.length),
        remaining: String(left.size),
      });
    } catch (error) {
      return unknown(toProblem(error));
    }
  },
  async probe(context, input) {
    const before = context.recorded['before'];
    if (before === undefined) return { found: 'not-done', observed: 'It was never asked for.' };
    const left = (await friendlyFace(context, input).listBackups()).map(({ filename }) => filename);
    const gone = (JSON.parse(before) as string[]).filter((name) => !left.includes(name));
    if (gone.length === 0) return { found: 'not-done', observed: 'Nothing is deleted; cleaning up again is harmless.' };
    return {
      found: 'done',
      observed: `${count(gone.length, 'backup')} are gone.`,
      output: { removed: names(gone), removed_count: String(gone.length), remaining: String(left.length) },
    };
  },
  undo: { irreversible: 'Deleted backups can’t be brought back. Verified copies on this laptop stay.' },
});
