import { createRpc } from './client.ts';

/**
 * The one connection of this page. `rpc.domain.verb(input, { signal })` throws a `Problem`; streams are read by
 * `subscribe((signal) => rpc.health.watch({ environmentId }, { signal }), show, { signal })`.
 */
export const { rpc, connection, subscribe, onShellCommand } = createRpc();

export { applyStyleNonce, styleNonce } from './nonce.ts';
