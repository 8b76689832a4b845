import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { PreflightItem } from '../../../../contract/runs.ts';
import { SecretKey } from '../../../../contract/secrets.ts';
import type { ActionContext, ActionOutcome } from '../../../engine/action.ts';
import { defineAction } from '../../../engine/action.ts';
import { toProblem } from '../../../engine/words.ts';
import { HttpPath } from '../../schema.ts';
import { done, failed, pause, unknown } from '../tools.ts';
import { ask, BaseUrl } from './prove.ts';
import { slotProblem } from './slots.ts';

const Field = z.string().regex(/^[A-Za-z0-9_.]{1,80}$/, 'a name such as email, or a path such as data.token');
const Input = z.strictObject({
  base_url: BaseUrl,
  /** Takes `{user_field, password_field}` as JSON and answers 200 with a token. */
  login_path: HttpPath,
  user_field: Field.default('email'),
  user: z.string().min(1).max(200),
  password_field: Field.default('password'),
  /** The secret with the password. */
  password: SecretKey,
  token_field: Field.default('token'),
  /** Answers 200 with a good token only. */
  check_path: HttpPath,
  /** The secret that tokens are signed with. */
  key: SecretKey,
  slot: z.enum(['current', 'pending']),
  /** The value that tokens must not be signed with any more; empty before the change. */
  old_slot: z.enum(['', 'current', 'previous']).default(''),
  within_ms: z.int().min(0).max(600_000).default(20_000),
});
type Input = z.infer<typeof Input>;

const ALGORITHMS: Readonly<Record<string, string>> = { HS256: 'sha256', HS384: 'sha384', HS512: 'sha512' };

/** A token's header and claims, signed anew; undefined when it is none that a shared secret signs. */
export function signedWith(token: string, secret: string): string | undefined {
  const [header = '', claims = '', signature] = token.split('.');
  if (signature === undefined) return undefined;
  let name: unknown;
  try {
    name = (JSON.parse(Buffer.from(header, 'base64url').toString('utf8')) as { alg?: unknown } | null)?.alg;
  } catch {
    return undefined;
  }
  const hash = typeof name === 'string' ? ALGORITHMS[name] : undefined;
  if (hash === undefined) return undefined;
  return `${header}.${claims}.${createHmac(hash, secret).update(`${header}.${claims}`).digest('base64url')}`;
}

const sameText = (a: string, b: string) => a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

type Login = { readonly token: string } | { readonly problem: Problem; readonly unclear: boolean };

async function login(context: ActionContext, input: Input): Promise<Login> {
  const body = JSON.stringify({ [input.user_field]: input.user, [input.password_field]: await context.secret(input.password) });
  const begun = performance.now();
  for (;;) {
    const outcome = await context.http.request({
      method: 'POST',
      url: `${input.base_url}${input.login_path}`,
      headers: { 'content-type': 'application/json' },
      body,
      timeoutMs: 10_000,
      maxBytes: 1 << 20,
    });
    const words = outcome.outcome === 'done' ? `answers ${outcome.status}` : outcome.problem.message;
    if (outcome.outcome === 'done' && outcome.status < 500) {
      if (outcome.status !== 200 && outcome.status !== 201)
        return { problem: new Problem('verification-failed', `Signing in ${words}.`), unclear: outcome.status === 429 };
      let value: unknown;
      try {
        value = JSON.parse(outcome.body.toString('utf8'));
      } catch {
        value = undefined;
      }
      for (const part of input.token_field.split('.'))
        value = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[part] : undefined;
      return typeof value === 'string' && value !== ''
        ? { token: value }
        : { problem: new Problem('http-unexpected', `Signing in gives no ${input.token_field}.`), unclear: false };
    }
    if (performance.now() - begun > input.within_ms)
      return { problem: new Problem('outcome-unknown', `Whether people can sign in can’t be told: ${words}.`), unclear: true };
    await pause(400);
  }
}

async function prove(context: ActionContext, input: Input): Promise<ActionOutcome> {
  const secret = await context.slots.read(input.key, input.slot);
  const fingerprint = (await context.slots.status(input.key))[input.slot] ?? '';
  const signed = await login(context, input);
  if ('problem' in signed) return signed.unclear ? unknown(signed.problem) : failed(signed.problem);
  const { token } = signed;
  // Registers it with what masks secrets: a token opens the door for as long as it lasts.
  await context.slots.fingerprint(token);
  const expected = signedWith(token, secret);
  if (expected === undefined)
    return failed(new Problem('not-supported', 'The token is not one that a shared secret signs (HS256, HS384, HS512).'));
  if (!sameText(token, expected))
    return failed(
      new Problem('verification-failed', `A new token is not signed with the ${input.slot} ${input.key} (${fingerprint}).`, {
        hint: 'The service has another secret than the one this console keeps.',
      }),
    );
  const check = {
    base_url: input.base_url,
    path: input.check_path,
    method: 'GET' as const,
    key: input.key,
    slot: input.slot,
    header: 'bearer',
    headers: [],
    accepted: ['200', '204'],
    rejected: ['401', '403'],
    times: 1,
    within_ms: input.within_ms,
  };
  const taken = await ask(context, check, token);
  if (taken.verdict === 'unclear')
    return unknown(new Problem('outcome-unknown', `Whether a new session works can’t be told: ${taken.words}.`));
  if (taken.verdict === 'rejected') return failed(new Problem('verification-failed', `A new session is refused: ${taken.words}.`));
  if (input.old_slot === '')
    return done(`Signing in works, and tokens are signed with the ${input.slot} ${input.key} (${fingerprint}).`, { fingerprint });
  const old = signedWith(token, await context.slots.read(input.key, input.old_slot)) ?? '';
  await context.slots.fingerprint(old);
  const dead = await ask(context, check, old);
  if (dead.verdict === 'unclear')
    return unknown(new Problem('outcome-unknown', `Whether a session from before is refused can’t be told: ${dead.words}.`));
  if (dead.verdict === 'accepted')
    return failed(new Problem('verification-failed', `A token signed with the old ${input.key} is still accepted: ${dead.words}.`));
  return done(`Signing in works with the new ${input.key} (${fingerprint}); a token signed with the old one is refused: ${dead.words}.`, {
    fingerprint,
  });
}

/** `rotation.prove-login@1`: who signs in gets a token signed with the right secret; one signed with the old secret is refused. */
export const proveLoginAction = defineAction<Input>({
  id: 'rotation.prove-login@1',
  title: 'See who can be signed in',
  effect: 'read',
  input: Input,
  outputs: ['fingerprint'],
  describe: (input) => [
    { kind: 'http', text: `POST ${input.base_url}${input.login_path}  (${input.user}, ‹${input.password}›)` },
    { kind: 'local', text: `the token must be signed with ‹${input.key}, ${input.slot}›` },
    { kind: 'http', text: `GET ${input.base_url}${input.check_path}  (that token; must be accepted)` },
    ...(input.old_slot === ''
      ? []
      : [
          {
            kind: 'http' as const,
            text: `GET ${input.base_url}${input.check_path}  (the same, signed with ‹${input.key}, ${input.old_slot}›; must be refused)`,
          },
        ]),
  ],
  async preflight(context, input): Promise<PreflightItem[]> {
    const blocked = await slotProblem(context, input.key);
    return blocked === undefined ? [] : [{ id: 'keychain', title: 'Keychain', verdict: 'block', detail: blocked }];
  },
  async execute(context, input) {
    try {
      return await prove(context, input);
    } catch (error) {
      return failed(toProblem(error));
    }
  },
  probe: async () => ({ found: 'not-done', observed: 'Looking again is harmless.' }),
  undo: 'nothing-to-undo',
});
