import { Problem } from '../../../src/contract/problem.ts';
import { os } from '../../../src/main/rpc/implement.ts';
import { pause } from './streams.ts';

/** Stands before every call: slow, or failing, where a screen is to show that. */
export function createGate({ slowMs, failing }: { readonly slowMs: number; readonly failing: readonly string[] }) {
  return os.use(async ({ next, path }) => {
    if (slowMs > 0) await pause(slowMs, undefined);
    if (failing.includes(path.join('.'))) {
      throw new Problem('http-unreachable', 'The service on ff-eu-1.example.net does not answer on 127.0.0.1:3849.', {
        hint: 'Look at the logs, or restart the service.',
        retryable: true,
      });
    }
    return next();
  });
}
export type Gate = ReturnType<typeof createGate>;
