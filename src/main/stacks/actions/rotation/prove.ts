import { randomBytes } from 'node:crypto';
import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import { SecretKey } from '../../../../contract/secrets.ts';
import type { HttpRequest } from '../../../drivers/http/types.ts';
import type { ActionContext, ActionOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { HttpPath } from '../../schema.ts';
import { done, failed, pause, unknown } from '../tools.ts';
import { slotProblem } from './slots.ts';

export const BaseUrl = z.string().regex(/^https?:\/\/[^\s/]+$/, 'such as http://127.0.0.1:3849');
const Statuses = z
  .array(z.string().regex(/^[1-5]\d\d$/, 'a status such as 401'))
  .min(1)
  .max(10);
const HeaderName = z.string().regex(/^[A-Za-z0-9-]{1,60}$/, '`bearer`, or the name of a header such as X-API-Key');
const FixedHeader = z.string().regex(/^[A-Za-z0-9-]{1,60}: [ -~]{0,200}$/, 'a header such as `X-Profile-Id: p1`');

/** One request that shows whether a key is taken. */
export const proofShape = {
  base_url: BaseUrl,
  path: HttpPath,
  method: z.enum(['GET', 'POST']).default('GET'),
  key: SecretKey,
  slot: z.enum(['current', 'pending', 'previous']),
  /** Where the key goes. */
  header: HeaderName.default('X-API-Key'),
  headers: z.array(FixedHeader).max(10).default([]),
  accepted: Statuses.default(['200']),
  rejected: Statuses.default(['401', '403']),
  /** Times in a row, for services of several processes. */
  times: z.int().min(1).max(20).default(1),
  /** How long what says nothing of the key (no answer, a 5xx) is asked again, in milliseconds. */
  within_ms: z.int().min(0).max(600_000).default(20_000),
};
const Input = z.strictObject(proofShape);
export type Proof = z.infer<typeof Input>;

/** What a key got: taken, refused, or an answer that tells nothing of it. */
export type Verdict = { readonly verdict: 'accepted' | 'rejected' | 'unclear'; readonly words: string };

const RETRY_MS = 400;

/** A request with a key in its header. */
export function withKey(input: Pick<Proof, 'base_url' | 'path' | 'method' | 'header' | 'headers'>, value: string): HttpRequest {
  const fixed = Object.fromEntries(
    input.headers.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  );
  const key = input.header.toLowerCase() === 'bearer' ? { authorization: `Bearer ${value}` } : { [input.header.toLowerCase()]: value };
  return {
    method: input.method,
    url: `${input.base_url}${input.path}`,
    headers: { ...fixed, ...key },
    timeoutMs: 10_000,
    maxBytes: 1 << 20,
  };
}

/** Asks once. */
export async function ask(context: ActionContext, input: Proof, value: string): Promise<Verdict> {
  const outcome = await context.http.request(withKey(input, value));
  if (outcome.outcome !== 'done') return { verdict: 'unclear', words: outcome.problem.message };
  const status = String(outcome.status);
  const words = `${input.method} ${input.path} answers ${status}`;
  if (input.accepted.includes(status)) return { verdict: 'accepted', words };
  if (input.rejected.includes(status)) return { verdict: 'rejected', words };
  return { verdict: 'unclear', words };
}

/** Asks until the answer tells something of the key, `times` in a row the same. */
export async function proof(context: ActionContext, input: Proof, value: string): Promise<Verdict> {
  const begun = performance.now();
  let last: Verdict | undefined;
  let row = 0;
  for (;;) {
    const now = await ask(context, input, value);
    row = last !== undefined && last.verdict === now.verdict ? row + 1 : 1;
    last = now;
    if (now.verdict !== 'unclear' && row >= input.times) return now;
    if (performance.now() - begun > input.within_ms && row >= input.times) return now;
    if (performance.now() - begun > input.within_ms + 60_000) return { verdict: 'unclear', words: `${now.words}, and not always the same` };
    await pause(now.verdict === 'unclear' ? RETRY_MS : 20);
  }
}

const nobodyKnows = (what: string, words: string) =>
  unknown(
    new Problem('outcome-unknown', `Whether ${what} can’t be told: ${words}.`, {
      hint: 'Look at the service, then probe or resume. An error or no answer is no refusal.',
    }),
  );

/** That a key is taken, and that this means something: a key nobody has is not. */
export async function proveAccepted(context: ActionContext, input: Proof): Promise<ActionOutcome> {
  const value = await context.slots.read(input.key, input.slot);
  const fingerprint = (await context.slots.status(input.key))[input.slot] ?? '';
  const name = `the ${input.slot} ${input.key} (${fingerprint})`;
  const found = await proof(context, input, value);
  if (found.verdict === 'unclear') return nobodyKnows(`${name} is accepted`, found.words);
  if (found.verdict === 'rejected')
    return failed(new Problem('verification-failed', `${name.charAt(0).toUpperCase()}${name.slice(1)} is not accepted: ${found.words}.`));
  const nobody = await proof(context, { ...input, times: 1 }, randomBytes(24).toString('hex'));
  if (nobody.verdict === 'unclear') return nobodyKnows('a wrong key is refused', nobody.words);
  if (nobody.verdict === 'accepted')
    return failed(
      new Problem('verification-failed', `A key that nobody has is accepted as well: authentication is off, or ${input.path} needs none.`, {
        hint: 'Prove it at a path that needs a key; look at the service’s settings.',
      }),
    );
  return done(`Accepted: ${name}; ${found.words}. A key that nobody has: ${nobody.words}.`, { fingerprint });
}

/** That a key is dead: an answer that refuses it, nothing less. */
export async function proveRejected(context: ActionContext, input: Proof): Promise<ActionOutcome> {
  const value = await context.slots.read(input.key, input.slot);
  const fingerprint = (await context.slots.status(input.key))[input.slot] ?? '';
  const name = `the ${input.slot} ${input.key} (${fingerprint})`;
  const found = await proof(context, input, value);
  if (found.verdict === 'unclear') return nobodyKnows(`${name} is refused`, found.words);
  if (found.verdict === 'accepted')
    return failed(
      new Problem('verification-failed', `${name.charAt(0).toUpperCase()}${name.slice(1)} is still accepted: ${found.words}.`, {
        hint: 'Somebody who has it can still get in.',
      }),
    );
  return done(`Refused: ${name}; ${found.words}.`, { fingerprint });
}

const header = (input: Proof) => (input.header.toLowerCase() === 'bearer' ? 'Authorization: Bearer ' : `${input.header}: `);
/** How the proof reads in a plan. */
export const proofCommand = (input: Proof, wanted: readonly string[]) => ({
  kind: 'http' as const,
  text: `${input.method} ${input.base_url}${input.path}  (${header(input)}‹${input.key}, ${input.slot}›; must answer ${wanted.join(' or ')})`,
});

async function preflight(context: ActionContext, input: Proof): Promise<PreflightItem[]> {
  const blocked = await slotProblem(context, input.key);
  return blocked === undefined ? [] : [{ id: 'keychain', title: 'Keychain', verdict: 'block', detail: blocked }];
}

const guarded = (work: typeof proveAccepted) => async (context: ActionContext, input: Proof) => {
  try {
    return await work(context, input);
  } catch (error) {
    return failed(toProblem(error));
  }
};

/** `rotation.prove-accepted@1`. */
export const proveAcceptedAction = defineAction<Proof>({
  id: 'rotation.prove-accepted@1',
  title: 'See that the key is accepted',
  effect: 'read',
  input: Input,
  outputs: ['fingerprint'],
  describe: (input) => [
    proofCommand(input, input.accepted),
    { kind: 'http', text: `${input.method} ${input.base_url}${input.path}  (a random key; must answer ${input.rejected.join(' or ')})` },
  ],
  preflight,
  execute: guarded(proveAccepted),
  probe: async () => ({ found: 'not-done', observed: 'Looking again is harmless.' }),
  undo: 'nothing-to-undo',
});

/** `rotation.prove-rejected@1`. */
export const proveRejectedAction = defineAction<Proof>({
  id: 'rotation.prove-rejected@1',
  title: 'See that the old key is dead',
  effect: 'read',
  input: Input,
  outputs: ['fingerprint'],
  describe: (input) => [proofCommand(input, input.rejected)],
  preflight,
  execute: guarded(proveRejected),
  probe: async () => ({ found: 'not-done', observed: 'Looking again is harmless.' }),
  undo: 'nothing-to-undo',
});
