import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import { defineAction } from '../../../engine/action.ts';
import { plainLine } from '../../../engine/words.ts';
import { count, done, fact, failed } from '../tools.ts';
import { ApiInput, friendlyFace, shown } from './input.ts';
import { liveData, liveWords, whichIsLive } from './live-data.ts';
import { treeAgrees } from './tree.ts';

const Input = z.strictObject({
  ...ApiInput,
  events: fact(z.string().max(20)),
  head: fact(z.string().max(200)),
  before_events: fact(z.string().max(20)),
  before_head: fact(z.string().max(200)),
});
type Input = z.infer<typeof Input>;

/**
 * `friendlyface.verify-restore@1`: chain, deep health, counts and trees must all say the same. A restore without the restart
 * would pass `status: ok`, and fail here: the tree in memory has then another number of leaves than the database has events.
 */
export const verifyRestoreAction = defineAction<Input>({
  id: 'friendlyface.verify-restore@1',
  title: 'Verify what is live now',
  effect: 'read',
  input: Input,
  outputs: ['events', 'merkle_root'],
  describe: ({ base_url, secret }) => [
    shown(base_url, 'GET', '/chain/integrity', secret),
    shown(base_url, 'GET', '/health/deep', secret),
    { kind: 'http', text: `GET ${base_url}/health` },
  ],
  async execute(context, input) {
    const api = friendlyFace(context, input);
    const wrong = (what: string) =>
      failed(new Problem('verification-failed', what, { hint: 'Revert brings the data from before the restore back.' }));
    const chain = await api.chainIntegrity();
    if (!chain.valid)
      return wrong(`The chain is not valid: ${count(chain.errors.length, 'error')}, first: ${plainLine(chain.errors[0] ?? '', 200)}`);
    const deep = await api.healthDeep();
    const bad = Object.entries(deep.checks).flatMap(([name, check]) =>
      check === undefined || check.status === 'ok' ? [] : [{ name, ...check }],
    )[0];
    if (deep.status !== 'ok' || bad !== undefined)
      return wrong(
        `/health/deep says ${plainLine(deep.status, 40)}: ${bad === undefined ? 'no check says why' : `${bad.name} is ${plainLine(bad.status, 40)} ${plainLine(bad.detail ?? '', 160)}`}`,
      );
    const wanted = { events: Number(input.events), head: input.head };
    const before = { events: Number(input.before_events), head: input.before_head };
    const live = await liveData(api);
    if (live.events < wanted.events) return wrong(liveWords('not-done', live, wanted));
    if (whichIsLive(live, wanted, before) === 'not-done' && before.head !== wanted.head)
      return wrong(`The data from before the restore is still live: ${count(live.events, 'event')}.`);
    if (live.events === wanted.events && live.head !== '' && wanted.head !== '' && live.head !== wanted.head)
      return wrong('As many events as in the backup, and the newest is another one.');
    const { tree, database, agree, root } = await treeAgrees(api);
    if (tree === undefined) return wrong('/health/deep says nothing of the tree in memory, so it can’t be compared with the database.');
    if (!agree)
      return wrong(
        `The tree in memory (${tree.leaf_count ?? '?'} leaves) and the database (${database.event_count ?? '?'} events) disagree: the service was not restarted after the restore.`,
      );
    const grown = live.events - wanted.events;
    return done(
      `Verified: chain valid, every check ok, ${count(wanted.events, 'event')} as in the backup${grown > 0 ? ` and ${grown} written since` : ''}, tree rebuilt.`,
      { events: String(live.events), merkle_root: root ?? '' },
    );
  },
  probe: async () => ({ found: 'not-done', observed: 'Verifying again is harmless.' }),
  undo: 'nothing-to-undo',
});
