import type { AnyContractRouter, ContractRouterClient } from '@orpc/contract';
import type { AnyRouter } from '@orpc/server';
import { createRouterClient } from '@orpc/server';
import type { ClientKind, HostContext } from './context.ts';
import { createGuard } from './guard.ts';
import type { RpcLog } from './problems.ts';
import { cancelled } from './problems.ts';

/** Calls into a host of the same process, with the same rules as from outside: validated both ways, problems typed, cancellable. */
export interface LocalClient<C extends AnyContractRouter> {
  readonly rpc: ContractRouterClient<C>;
  /** Ends the connection as closing a window would: subscriptions end, runs go on. */
  close(): void;
}

/** Makes a client without a wire, for the command line. Everything it throws is a `Problem`. */
export function createLocalClient<C extends AnyContractRouter>({
  router,
  log,
  client = 'cli',
}: {
  router: AnyRouter;
  log: RpcLog;
  client?: ClientKind;
}): LocalClient<C> {
  const gone = new AbortController();
  const context: HostContext = { client, signal: gone.signal };
  const guard = createGuard(log, (problem) => problem);
  const rpc = createRouterClient(router, {
    context,
    interceptors: [
      async ({ path, signal, next, ...rest }) => {
        const both = signal === undefined ? gone.signal : AbortSignal.any([signal, gone.signal]);
        const call = path.join('.');
        if (both.aborted) throw cancelled(call);
        const answer = guard({ path, signal: both, next: () => next({ ...rest, path, signal: both }) });
        return unlessAborted(answer, both, call);
      },
    ],
  });
  return { rpc: rpc as unknown as ContractRouterClient<C>, close: () => gone.abort() };
}

/** A cancelled call is over for its caller at once, as it is over a wire; the handler ends in its own time. */
function unlessAborted<T>(answer: Promise<T>, signal: AbortSignal, call: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(cancelled(call));
    signal.addEventListener('abort', onAbort, { once: true });
    answer.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
