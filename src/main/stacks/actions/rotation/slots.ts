import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import { SecretKey } from '../../../../contract/secrets.ts';
import type { ActionContext, ActionOutcome, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { look } from '../job.ts';
import { done, failed, RemotePath } from '../tools.ts';

/** Why the values of a secret can't be rotated now, in words; undefined when they can. */
export async function slotProblem(context: ActionContext, key: string): Promise<string | undefined> {
  try {
    const { current } = await context.slots.status(key);
    return current === undefined ? `The ${key} in use is not set: without it nothing can be proven of it. Set it first.` : undefined;
  } catch (error) {
    const { message, hint } = toProblem(error);
    return hint === undefined ? message : `${message} ${hint}`;
  }
}

const shapes = {
  'hex-16': () => randomBytes(16).toString('hex'),
  'hex-32': () => randomBytes(32).toString('hex'),
  'hex-64': () => randomBytes(64).toString('hex'),
  'base64-32': () => randomBytes(32).toString('base64'),
  'base64-48': () => randomBytes(48).toString('base64'),
  'base64url-32': () => randomBytes(32).toString('base64url'),
} as const;
type Shape = keyof typeof shapes;

/** A new key: random bytes of this laptop's operating system, never typed. */
export const newKey = (shape: Shape, prefix: string) => `${prefix}${shapes[shape]()}`;

const StageInput = z.strictObject({
  key: SecretKey,
  /** `pasted`: only the provider can make it; it was set as the pending value before. */
  from: z.enum(['generate', 'pasted']).default('generate'),
  shape: z.enum(Object.keys(shapes) as [Shape, ...Shape[]]).default('hex-32'),
  prefix: z
    .string()
    .regex(/^[A-Za-z0-9_-]{0,20}$/, 'letters, digits, _ and -')
    .default(''),
});
type StageInput = z.infer<typeof StageInput>;

const item = (id: string, title: string, verdict: PreflightItem['verdict'], detail: string): PreflightItem => ({
  id,
  title,
  verdict,
  detail,
});

async function stagePreflight(context: ActionContext, input: StageInput): Promise<PreflightItem[]> {
  const blocked = await slotProblem(context, input.key);
  if (blocked !== undefined) return [item('keychain', 'Keychain', 'block', blocked)];
  const { current, pending } = await context.slots.status(input.key);
  const items = [item('keychain', 'Keychain', 'pass', `It works; the ${input.key} in use is ${current}.`)];
  if (input.from === 'pasted')
    items.push(
      pending === undefined
        ? item(
            'pending',
            'New key',
            'block',
            `None is pending. Make one at the provider, then: secret set --pending, or the environment’s secrets.`,
          )
        : item('pending', 'New key', 'pass', `${pending} is pending.`),
    );
  else if (pending !== undefined)
    items.push(
      item(
        'pending',
        'New key',
        'warn',
        `${pending} is pending from an earlier rotation, and is used: it may be in the deployment already. Discard it for a new one.`,
      ),
    );
  return items;
}

async function stage(context: ActionContext, input: StageInput): Promise<ActionOutcome> {
  try {
    const before = await context.slots.status(input.key);
    const mine = context.recorded['pending'];
    if (before.pending !== undefined)
      return done(`The new ${input.key} (${before.pending}) is kept in the keychain.`, {
        pending: before.pending,
        current: before.current ?? '',
        made: before.pending === mine ? 'yes' : 'no',
      });
    if (input.from === 'pasted')
      return failed(
        new Problem('secret-missing', `No new ${input.key} is pending.`, { hint: 'Set it (secret set --pending), then resume.' }),
      );
    const value = newKey(input.shape, input.prefix);
    const pending = await context.slots.fingerprint(value);
    context.record({ pending });
    await context.slots.stage(input.key, value);
    return done(`A new ${input.key} (${pending}) was made and is kept in the keychain.`, {
      pending,
      current: before.current ?? '',
      made: 'yes',
    });
  } catch (error) {
    return failed(toProblem(error));
  }
}

/** `rotation.stage@1`: the new key exists in the keychain before anything else knows it. */
export const stageAction = defineAction<StageInput>({
  id: 'rotation.stage@1',
  title: 'Keep the new key in the keychain',
  effect: 'write',
  input: StageInput,
  outputs: ['pending', 'current', 'made'],
  describe: ({ key, from, shape, prefix }) => [
    {
      kind: 'local',
      text: from === 'pasted' ? `keychain: ‹${key}, pending› must be there` : `keychain: ‹${key}, pending› = ${prefix}${shape}, random`,
    },
  ],
  preflight: stagePreflight,
  execute: stage,
  async probe(context, { key }): Promise<ProbeOutcome> {
    const { current, pending } = await context.slots.status(key);
    const mine = context.recorded['pending'];
    if (pending === undefined) return { found: 'not-done', observed: 'Nothing is pending.' };
    return {
      found: 'done',
      observed: `${pending} is pending.`,
      output: { pending, current: current ?? '', made: pending === mine ? 'yes' : 'no' },
    };
  },
  undo: {
    title: 'Forget the new key',
    describe: ({ key, from }) => [
      { kind: 'local', text: `keychain: forget ‹${key}, pending›${from === 'pasted' ? '  (not one that was pasted)' : ''}` },
    ],
    async execute(context, { key }, output) {
      try {
        const { pending } = await context.slots.status(key);
        if (output['made'] !== 'yes' || pending === undefined || pending !== output['pending'])
          return done(pending === undefined ? 'Nothing is pending.' : `${pending} was not made by this step, and stays pending.`);
        await context.slots.discard(key, 'pending', pending);
        return done(`The new key (${pending}) is forgotten.`);
      } catch (error) {
        return failed(toProblem(error));
      }
    },
    async probe(context, { key }, output) {
      const { pending } = await context.slots.status(key);
      return pending !== undefined && pending === output['pending'] && output['made'] === 'yes'
        ? { found: 'not-done', observed: `${pending} is still pending.` }
        : { found: 'done', observed: 'It is not pending any more.' };
    },
  },
});

const KeyInput = z.strictObject({ key: SecretKey });
type KeyInput = z.infer<typeof KeyInput>;

/** `rotation.promote@1`: the new key is the one in use, the old one the previous. */
export const promoteAction = defineAction<KeyInput>({
  id: 'rotation.promote@1',
  title: 'Use the new key from now on',
  effect: 'write',
  input: KeyInput,
  outputs: ['current', 'previous'],
  describe: ({ key }) => [{ kind: 'local', text: `keychain: ‹${key}, pending› → in use; the one in use → previous` }],
  async preflight(context, { key }) {
    const blocked = await slotProblem(context, key);
    if (blocked !== undefined) return [item('keychain', 'Keychain', 'block', blocked)];
    const { previous } = await context.slots.status(key);
    if (previous === undefined) return [];
    const names = await context.slots.neededBy(key, previous);
    return names.length > 0
      ? [
          item(
            'previous',
            'Previous key',
            'block',
            `${previous} is still needed by ${names.length} backups (${names.slice(0, 3).join(', ')}), and would be lost. Retire it first.`,
          ),
        ]
      : [item('previous', 'Previous key', 'warn', `${previous}, kept from the last rotation, is forgotten when the new key is used.`)];
  },
  async execute(context, { key }) {
    try {
      const { current, pending, previous } = await context.slots.status(key);
      const mine = context.recorded['pending'];
      if (mine !== undefined && current === mine) return done(`${current} is in use.`, { current, previous: previous ?? '' });
      if (pending === undefined) return failed(new Problem('secret-missing', `No new ${key} is pending.`));
      context.record({ pending, current: current ?? '' });
      await context.slots.promote(key, pending);
      return done(`${pending} is in use; ${current ?? 'nothing'} is kept as the previous.`, { current: pending, previous: current ?? '' });
    } catch (error) {
      return failed(toProblem(error));
    }
  },
  async probe(context, { key }) {
    const { current, previous } = await context.slots.status(key);
    return context.recorded['pending'] !== undefined && current === context.recorded['pending']
      ? { found: 'done', observed: `${current} is in use.`, output: { current, previous: previous ?? '' } }
      : { found: 'not-done', observed: `${current ?? 'Nothing'} is in use.` };
  },
  undo: {
    title: 'Use the old key again',
    describe: ({ key }) => [{ kind: 'local', text: `keychain: ‹${key}, previous› → in use; the one in use → pending` }],
    async execute(context, { key }, output) {
      try {
        const { current } = await context.slots.status(key);
        if (current !== output['current'])
          return current === output['previous']
            ? done(`${current} is in use again.`)
            : failed(
                new Problem('conflict', `Another ${key} (${current ?? 'none'}) is in use by now.`, { hint: 'Set the secrets by hand.' }),
              );
        await context.slots.demote(key, current ?? '');
        return done(`${output['previous']} is in use again.`);
      } catch (error) {
        return failed(toProblem(error));
      }
    },
    async probe(context, { key }, output) {
      const { current } = await context.slots.status(key);
      return current === output['current']
        ? { found: 'not-done', observed: `${current} is still in use.` }
        : { found: 'done', observed: `${current ?? 'Nothing'} is in use.` };
    },
  },
});

const RetireInput = z.strictObject({
  key: SecretKey,
  /** Folder of the host where backups lie by their names: those that are not there any more do not hold the key back. */
  backup_dir: z.union([z.literal(''), RemotePath]).default(''),
});
type RetireInput = z.infer<typeof RetireInput>;

const goneScript = `dir=$1
shift
[ -d "$dir" ] || exit 3
for name; do [ -e "$dir/$name" ] || printf '%s\\n' "$name"; done
`;

/** Of the backups that may need a key, those that are seen not to be on the host. */
async function goneBackups(context: ActionContext, dir: string, names: readonly string[]): Promise<string[]> {
  if (dir === '' || names.length === 0) return [];
  const end = await look(await context.session(), { script: goneScript, args: [dir, ...names.slice(0, 500)] }, { signal: context.signal });
  if (end.exitCode !== 0) return [];
  const gone = new Set(end.stdout.split('\n'));
  return names.filter((name) => gone.has(name));
}

async function neededNow(
  context: ActionContext,
  input: RetireInput,
  previous: string,
): Promise<{ needed: readonly string[]; gone: string[] }> {
  const gone = await goneBackups(context, input.backup_dir, await context.slots.neededBy(input.key, previous));
  return { needed: await context.slots.neededBy(input.key, previous, gone), gone };
}

/** `rotation.retire@1`: the old key is forgotten, unless a backup may need it. */
export const retireAction = defineAction<RetireInput>({
  id: 'rotation.retire@1',
  title: 'Forget the old key',
  effect: 'destructive',
  input: RetireInput,
  outputs: ['retired'],
  describe: ({ key, backup_dir }) => [
    ...(backup_dir === '' ? [] : [{ kind: 'ssh' as const, text: `ls ${backup_dir}  (backups that are gone need no key)` }]),
    { kind: 'local', text: `keychain: forget ‹${key}, previous›  (refused while a remembered backup may need it)` },
  ],
  async preflight(context, input) {
    const blocked = await slotProblem(context, input.key);
    if (blocked !== undefined) return [item('keychain', 'Keychain', 'block', blocked)];
    const { previous } = await context.slots.status(input.key);
    if (previous === undefined) return [];
    const { needed } = await neededNow(context, input, previous);
    return [
      needed.length > 0
        ? item(
            'needed',
            'Old key',
            'block',
            `${previous} is needed: ${needed.length} remembered backups were, or may have been, made under it (${needed.slice(0, 5).join(', ')}).`,
          )
        : item('needed', 'Old key', 'pass', `${previous}: no remembered backup needs it.`),
    ];
  },
  async execute(context, input) {
    try {
      const { previous } = await context.slots.status(input.key);
      if (previous === undefined) return done(`No previous ${input.key} is kept.`, { retired: context.recorded['previous'] ?? '' });
      const { gone } = await neededNow(context, input, previous);
      context.record({ previous });
      await context.slots.discard(input.key, 'previous', previous, gone);
      return done(`The old ${input.key} (${previous}) is forgotten.`, { retired: previous });
    } catch (error) {
      return failed(toProblem(error));
    }
  },
  async probe(context, { key }) {
    const { previous } = await context.slots.status(key);
    return previous === undefined
      ? { found: 'done', observed: `No previous ${key} is kept.`, output: { retired: context.recorded['previous'] ?? '' } }
      : { found: 'not-done', observed: `${previous} is still kept.` };
  },
  undo: { irreversible: 'The old key is forgotten: no copy of it is kept anywhere by this console.' },
});
