import { z } from 'zod';
import { Problem } from '../../../contract/problem.ts';
import { defineAction } from '../../engine/action.ts';
import { plainLine } from '../../engine/words.ts';
import { HttpPath } from '../schema.ts';
import { done, failed } from './tools.ts';

const Input = z.strictObject({
  base_url: z.string().regex(/^https?:\/\/[^\s/]+$/, 'such as http://127.0.0.1:3849'),
  path: HttpPath,
  expect_status: z.int().min(100).max(599).default(200),
  secret: z.string().optional(),
});
type Input = z.infer<typeof Input>;

/** `http.probe@1`: one GET through the tunnel, judged by its status. */
export const httpProbeAction = defineAction<Input>({
  id: 'http.probe@1',
  title: 'Ask over HTTP',
  effect: 'read',
  input: Input,
  outputs: ['status', 'latency_ms'],
  describe: ({ base_url, path, secret }) => [
    { kind: 'http', text: `GET ${base_url}${path}${secret === undefined ? '' : `  (X-API-Key: ‹${secret}›)`}` },
  ],
  async execute(context, { base_url, path, expect_status: expected, secret }) {
    const headers: Record<string, string> = secret === undefined ? {} : { 'X-API-Key': await context.secret(secret) };
    const outcome = await context.http.request({ method: 'GET', url: `${base_url}${path}`, headers });
    if (outcome.outcome !== 'done') return failed(outcome.problem);
    if (outcome.status !== expected)
      return failed(
        new Problem(
          'verification-failed',
          `GET ${path} answered ${outcome.status}, not ${expected}: ${plainLine(outcome.body.toString('utf8'), 200)}`,
        ),
      );
    return done(`GET ${path} answered ${expected} in ${Math.round(outcome.latencyMs)} ms.`, {
      status: String(outcome.status),
      latency_ms: String(Math.round(outcome.latencyMs)),
    });
  },
  probe: async () => ({ found: 'not-done', observed: 'Asking again is harmless.' }),
  undo: 'nothing-to-undo',
});
