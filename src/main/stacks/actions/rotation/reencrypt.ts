import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import { SecretKey } from '../../../../contract/secrets.ts';
import type { HttpAnswer, HttpRequest } from '../../../drivers/http/types.ts';
import type { ActionContext, ActionOutcome, ProbeOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { plainLine, toProblem } from '../../../engine/words.ts';
import { HttpPath } from '../../schema.ts';
import { count, done, failed, unknown } from '../tools.ts';
import { BaseUrl } from './prove.ts';
import { slotProblem } from './slots.ts';

const Name = z.string().regex(/^[A-Za-z0-9_.]{1,80}$/, 'a name such as id, or a path such as data.items');
/** `{id}` stands for the item, URL-encoded. */
const ItemPath = z.string().regex(/^\/[^\s#]{0,511}$/, 'a path such as /api/v1/profiles/{id}');
const itemShape = {
  base_url: BaseUrl,
  list_path: HttpPath,
  items_field: Name.default('items'),
  id_field: Name.default('id'),
  /** A request that works only when the item can be decrypted. */
  use_path: ItemPath,
  /** A header that names the item, such as X-Profile-Id; for when `use_path` does not. */
  use_header: z
    .string()
    .regex(/^[A-Za-z0-9-]{0,60}$/)
    .default(''),
  /** The secret that opens the API, and where it goes. */
  auth: z.union([z.literal(''), SecretKey]).default(''),
  auth_header: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,60}$/)
    .default('X-Api-Token'),
};
const ItemsInput = z.strictObject(itemShape);
type ItemsInput = z.infer<typeof ItemsInput>;

const Input = z.strictObject({
  ...itemShape,
  save_method: z.enum(['POST', 'PUT', 'PATCH']).default('POST'),
  save_path: ItemPath,
  /** Field of the JSON body that carries the key to encrypt with. */
  key_field: Name.default('key'),
  key: SecretKey,
  /** The key that items are to be encrypted with, and the one that an undo brings them back to. */
  slot: z.enum(['pending', 'current']),
  back: z.enum(['current', 'previous']),
});
type Input = z.infer<typeof Input>;

const Id = z.union([z.string().min(1).max(200), z.int()]).transform(String);

async function request(
  context: ActionContext,
  input: ItemsInput,
  what: Pick<HttpRequest, 'method' | 'body'> & { path: string; headers?: Record<string, string> },
) {
  const key = input.auth === '' ? undefined : await context.secret(input.auth);
  const name = input.auth_header.toLowerCase();
  const auth: Record<string, string> = key === undefined ? {} : name === 'bearer' ? { authorization: `Bearer ${key}` } : { [name]: key };
  return context.http.request({
    method: what.method,
    url: `${input.base_url}${what.path}`,
    headers: { ...auth, ...what.headers, ...(what.body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(what.body === undefined ? {} : { body: what.body }),
    timeoutMs: 30_000,
  });
}

/** The items' ids, sorted. @throws Problem */
async function list(context: ActionContext, input: ItemsInput): Promise<string[]> {
  const outcome = await request(context, input, { method: 'GET', path: input.list_path });
  if (outcome.outcome !== 'done') throw Problem.from(outcome.problem);
  if (outcome.status !== 200) throw new Problem('http-unexpected', `GET ${input.list_path} answers ${outcome.status}.`);
  let value: unknown;
  try {
    value = JSON.parse(outcome.body.toString('utf8'));
  } catch {
    value = undefined;
  }
  for (const part of input.items_field.split('.'))
    value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined;
  const ids = z
    .array(z.record(z.string(), z.unknown()))
    .transform((items) => items.map((one) => one[input.id_field]))
    .pipe(z.array(Id))
    .safeParse(value);
  if (!ids.success)
    throw new Problem('http-unexpected', `GET ${input.list_path} gives no list of ${input.items_field} with ${input.id_field}.`);
  return [...ids.data].sort();
}

const at = (path: string, id: string) => path.replaceAll('{id}', encodeURIComponent(id));

/** Why an item can't be used; undefined when it can. */
async function unusable(context: ActionContext, input: ItemsInput, id: string): Promise<string | undefined> {
  const outcome = await request(context, input, {
    method: 'GET',
    path: at(input.use_path, id),
    ...(input.use_header === '' ? {} : { headers: { [input.use_header.toLowerCase()]: id } }),
  });
  if (outcome.outcome !== 'done') return outcome.problem.message;
  return outcome.status >= 200 && outcome.status < 300
    ? undefined
    : `GET ${input.use_path} answers ${outcome.status} for ${plainLine(id, 80)}`;
}

/** Uses each item. @returns how many, or what is wrong with the first that can't be used */
async function decryptAll(context: ActionContext, input: ItemsInput, ids: readonly string[]): Promise<Problem | undefined> {
  for (const [index, id] of ids.entries()) {
    const why = await unusable(context, input, id);
    if (why !== undefined)
      return new Problem('verification-failed', `${plainLine(id, 80)} can’t be decrypted (${index} of ${ids.length} could): ${why}.`, {
        hint: 'Health says nothing of this; using an item does.',
      });
    context.progress({ done: index + 1, total: ids.length, unit: 'items' });
  }
  return undefined;
}

/** Saves what is left, one by one; the place is written down before the next one. */
async function saveAll(context: ActionContext, input: Input, slot: Input['slot'] | Input['back'], verb: string): Promise<ActionOutcome> {
  let ids: string[];
  let value: string;
  try {
    ids = await list(context, input);
    value = await context.slots.read(input.key, slot);
  } catch (error) {
    return failed(toProblem(error));
  }
  const last = context.recorded['last'];
  const left = last === undefined ? ids : ids.filter((id) => id > last);
  if (context.recorded['total'] === undefined) {
    try {
      context.record({ total: String(ids.length) });
    } catch (error) {
      return failed(toProblem(error));
    }
  }
  for (const [index, id] of left.entries()) {
    const position = ids.length - left.length + index;
    // Saving the same item again with the same key changes nothing, so an answer that was lost is asked for again.
    let answer: { outcome: string; status?: HttpAnswer['status']; words: string } | undefined;
    for (let tries = 0; tries < 2; tries += 1) {
      const outcome = await request(context, input, {
        method: input.save_method,
        path: at(input.save_path, id),
        body: JSON.stringify({ [input.key_field]: value }),
      });
      answer =
        outcome.outcome === 'done'
          ? { outcome: 'done', status: outcome.status, words: `answers ${outcome.status}` }
          : { outcome: outcome.outcome, words: outcome.problem.message };
      if (outcome.outcome === 'done') break;
    }
    const where = `${position} of ${ids.length} ${verb}; ${plainLine(id, 80)}`;
    if (answer?.status === undefined || answer.status >= 500)
      return unknown(
        new Problem('outcome-unknown', `${where} may be or not: ${answer?.words ?? 'no answer'}.`, {
          hint: 'Resume to go on from there, or revert.',
        }),
      );
    if (answer.status < 200 || answer.status >= 300)
      return failed(
        new Problem('step-failed', `${where} was refused: ${answer.words}.`, { hint: 'Resume to go on from there, or revert.' }),
      );
    const why = await unusable(context, input, id);
    if (why !== undefined) return failed(new Problem('verification-failed', `${where} was saved and can’t be decrypted: ${why}.`));
    try {
      context.record({ last: id, done: String(position + 1) });
    } catch (error) {
      return unknown(toProblem(error));
    }
    context.progress({ done: position + 1, total: ids.length, unit: 'items' });
  }
  try {
    // Also those that somebody made meanwhile.
    const now = await list(context, input);
    const problem = await decryptAll(context, input, now);
    if (problem !== undefined) return failed(problem);
    context.record({ finished: 'yes' });
    const fingerprint = (await context.slots.status(input.key))[slot] ?? '';
    return done(`${now.length} of ${count(now.length, 'item')} ${verb} under ${fingerprint}; each was decrypted by using it.`, {
      items: String(now.length),
      fingerprint,
    });
  } catch (error) {
    return unknown(toProblem(error));
  }
}

async function probeSaved(context: ActionContext, input: Input, verb: string): Promise<ProbeOutcome> {
  const { total, done: saved = '0', finished } = context.recorded;
  if (total === undefined) return { found: 'not-done', observed: 'Nothing was saved yet.' };
  if (finished !== 'yes') return { found: 'partly', observed: `${saved} of ${total} ${verb}.`, output: { items: saved } };
  const ids = await list(context, input);
  const problem = await decryptAll(context, input, ids);
  return problem === undefined
    ? { found: 'done', observed: `${count(ids.length, 'item')} ${verb}; each can be decrypted.`, output: { items: String(ids.length) } }
    : { found: 'partly', observed: problem.message, output: { items: saved } };
}

const commands = (input: Input, slot: string) => [
  { kind: 'http' as const, text: `GET ${input.base_url}${input.list_path}` },
  {
    kind: 'http' as const,
    text: `${input.save_method} ${input.base_url}${input.save_path}  (each; ${input.key_field}: ‹${input.key}, ${slot}›)`,
  },
  {
    kind: 'http' as const,
    text: `GET ${input.base_url}${input.use_path}  (each${input.use_header === '' ? '' : `, ${input.use_header}: {id}`}; must be decrypted)`,
  },
];

/** `rotation.reencrypt@1`: k of N items are saved anew under another key; goes on where it was cut off. */
export const reencryptAction = defineAction<Input>({
  id: 'rotation.reencrypt@1',
  title: 'Encrypt everything with the new key',
  effect: 'write',
  input: Input,
  outputs: ['items', 'fingerprint'],
  describe: (input) => commands(input, input.slot),
  async preflight(context, input) {
    const blocked = await slotProblem(context, input.key);
    if (blocked !== undefined) return [{ id: 'keychain', title: 'Keychain', verdict: 'block', detail: blocked }];
    const ids = await list(context, input);
    const problem = await decryptAll(context, input, ids);
    return [
      problem === undefined
        ? { id: 'items', title: 'What is encrypted', verdict: 'pass', detail: `${count(ids.length, 'item')}; each can be decrypted now.` }
        : {
            id: 'items',
            title: 'What is encrypted',
            verdict: 'block',
            detail: `${problem.message} It could not be told from damage done by the rotation.`,
          },
    ];
  },
  execute: (context, input) => saveAll(context, input, input.slot, 'encrypted'),
  probe: (context, input) => probeSaved(context, input, 'encrypted'),
  undo: {
    title: 'Encrypt everything with the old key again',
    describe: (input) => commands(input, input.back),
    execute: (context, input) => saveAll(context, input, input.back, 'encrypted again'),
    probe: (context, input) => probeSaved(context, input, 'encrypted again'),
  },
});

/** `rotation.verify-items@1`: each item can be decrypted; health alone would not show it. */
export const verifyItemsAction = defineAction<ItemsInput>({
  id: 'rotation.verify-items@1',
  title: 'Use everything that is encrypted',
  effect: 'read',
  input: ItemsInput,
  outputs: ['items'],
  describe: (input) => [
    { kind: 'http', text: `GET ${input.base_url}${input.list_path}` },
    { kind: 'http', text: `GET ${input.base_url}${input.use_path}  (each${input.use_header === '' ? '' : `, ${input.use_header}: {id}`})` },
  ],
  async execute(context, input) {
    const ids = await list(context, input);
    const problem = await decryptAll(context, input, ids);
    return problem === undefined
      ? done(`${count(ids.length, 'item')}, each decrypted by using it.`, { items: String(ids.length) })
      : failed(problem);
  },
  probe: async () => ({ found: 'not-done', observed: 'Looking again is harmless.' }),
  undo: 'nothing-to-undo',
});
