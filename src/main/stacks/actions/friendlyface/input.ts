import { z } from 'zod';
import type { ActionContext } from '../../../engine/action.ts';
import type { FriendlyFaceApi } from '../../friendlyface/client.ts';
import { friendlyFaceApi } from '../../friendlyface/client.ts';

/** Where the API is and which secret opens it. */
export const ApiInput = {
  base_url: z.string().regex(/^https?:\/\/[^\s/]+$/, 'such as http://127.0.0.1:3849'),
  secret: z.string().default('api-key'),
};

/** How a request reads in a plan. */
export const shown = (base: string, method: string, path: string, secret = 'api-key') => ({
  kind: 'http' as const,
  text: `${method} ${base}${path}  (X-API-Key: ‹${secret}›)`,
});

/** The deployment that a step is about. */
export const friendlyFace = (context: ActionContext, input: { base_url: string; secret: string }): FriendlyFaceApi =>
  friendlyFaceApi({
    http: context.http,
    baseUrl: input.base_url,
    secret: () => context.secret(input.secret),
    signal: context.signal,
  });
