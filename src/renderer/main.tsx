import './zod-without-eval.ts';
import { mount } from './app/mount.tsx';
import { createRpc } from './rpc/client.ts';
import { applyStyleNonce } from './rpc/nonce.ts';

applyStyleNonce();
const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no #root');
mount(root, createRpc());
