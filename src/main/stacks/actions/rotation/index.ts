import type { Action } from '../../../engine/action.ts';
import { reloadEnvAction, reloadOnReturnAction } from '../service/reload-env.ts';
import { proveLoginAction } from './login.ts';
import { manualKeyAction, manualRevokeAction } from './manual.ts';
import { proveAcceptedAction, proveRejectedAction } from './prove.ts';
import { reencryptAction, verifyItemsAction } from './reencrypt.ts';
import { setSecretAction } from './set-secret.ts';
import { promoteAction, retireAction, stageAction } from './slots.ts';

/** Rotation of keys in environment files. */
export const rotationActions: readonly Action[] = [
  stageAction,
  setSecretAction,
  reloadOnReturnAction,
  reloadEnvAction,
  proveAcceptedAction,
  proveRejectedAction,
  proveLoginAction,
  promoteAction,
  retireAction,
  manualKeyAction,
  manualRevokeAction,
  reencryptAction,
  verifyItemsAction,
];
