import { createRpc } from '../../../../src/renderer/rpc/client.ts';
import { applyStyleNonce, styleNonce } from '../../../../src/renderer/rpc/nonce.ts';
import type { fixtureContract } from '../fixture-contract.ts';

// A page with the product's own client and nothing to look at: tests reach it as `fixture`.
applyStyleNonce();
const host = createRpc<typeof fixtureContract>();
const commands: string[] = [];
host.onShellCommand((command) => commands.push(command));

Object.assign(globalThis, { fixture: { ...host, commands, styleNonce } });
