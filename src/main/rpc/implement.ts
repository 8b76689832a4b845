import { implement } from '@orpc/server';
import { contract } from '../../contract/index.ts';
import type { HostContext } from './context.ts';

/**
 * Where handlers are hung: `os.health.watch.handler(({ input, context, signal }) => …)`. A handler throws `Problem` for
 * whatever goes wrong on purpose, and gives a stream back as a feed (`createFeed`) or an async generator that ends on `signal`.
 */
export const os = implement(contract).$context<HostContext>();
