import type { LucideIcon } from 'lucide-react';
import { KeyRound, LoaderCircle, Plug, PlugZap, RotateCcw, ShieldAlert, ShieldX } from 'lucide-react';
import type { ConnectionState } from '../../../contract/connections.ts';
import type { Look } from '../../ui/marks.tsx';

const look = (word: string, tone: Look['tone'], icon: LucideIcon): Look => ({ word, tone, icon });

const disconnected = look('Not connected', 'mute', Plug);

/** The connection's state in two or three words. */
export function connectionLook(state: ConnectionState | undefined, busy?: 'connecting' | 'disconnecting'): Look {
  if (busy === 'connecting') return look('Connecting', 'busy', LoaderCircle);
  if (busy === 'disconnecting') return look('Disconnecting', 'busy', LoaderCircle);
  switch (state?.phase) {
    case undefined:
    case 'disconnected':
      return disconnected;
    case 'connecting':
      return look('Connecting', 'busy', LoaderCircle);
    case 'connected':
      return look('Connected', 'ok', PlugZap);
    case 'waiting-to-retry':
      return look('Retrying', 'warn', RotateCcw);
    case 'blocked':
      return blockedLook(state);
  }
}

function blockedLook(state: ConnectionState): Look {
  if (state.hostKey !== undefined) {
    return state.hostKey.verdict === 'unknown' ? look('Host key to check', 'warn', ShieldAlert) : look('Host key refused', 'bad', ShieldX);
  }
  if (state.prompts !== undefined && state.prompts.length > 0) return look('Asks for an answer', 'warn', KeyRound);
  if (state.problem?.code === 'ssh-auth-needed' || state.problem?.code === 'secret-missing')
    return look('Secret missing', 'warn', KeyRound);
  if (state.problem?.code === 'ssh-auth-failed') return look('Login refused', 'bad', KeyRound);
  return look('Blocked', 'bad', ShieldAlert);
}

/** `deploy@10.0.0.5:22`, without the port when it is the usual one. */
export function hopText({ user, host, port }: { user: string; host: string; port: number }): string {
  return `${user}@${host}${port === 22 ? '' : `:${port}`}`;
}
