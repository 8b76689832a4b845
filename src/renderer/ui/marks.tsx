import type { LucideIcon } from 'lucide-react';
import {
  CircleAlert,
  CircleCheck,
  CircleDashed,
  CircleHelp,
  CirclePause,
  CircleSlash,
  CircleX,
  EyeOff,
  LoaderCircle,
  OctagonX,
  RotateCcw,
  TriangleAlert,
  Undo2,
  Unplug,
} from 'lucide-react';
import type { Tier } from '../../contract/environments.ts';
import type { AlertView, HealthState } from '../../contract/health.ts';
import type { RunState, StepState } from '../../contract/runs.ts';

/** How a state looks: always a shape and a word, never a colour alone. */
export interface Look {
  readonly word: string;
  readonly tone: 'ok' | 'warn' | 'bad' | 'mute' | 'unsure' | 'busy';
  readonly icon: LucideIcon;
}

export const healthLooks: Readonly<Record<HealthState, Look>> = {
  healthy: { word: 'Healthy', tone: 'ok', icon: CircleCheck },
  degraded: { word: 'Degraded', tone: 'warn', icon: TriangleAlert },
  unhealthy: { word: 'Unhealthy', tone: 'bad', icon: OctagonX },
  unobserved: { word: 'Unobserved', tone: 'mute', icon: EyeOff },
  unknown: { word: 'Not looked yet', tone: 'mute', icon: CircleDashed },
};

export const alertLooks: Readonly<Record<AlertView['state'], Look>> = {
  ok: { word: 'OK', tone: 'ok', icon: CircleCheck },
  firing: { word: 'Firing', tone: 'bad', icon: CircleAlert },
  unknown: { word: 'Too little seen', tone: 'mute', icon: CircleDashed },
  unobserved: { word: 'Unobserved', tone: 'mute', icon: EyeOff },
};

export const runLooks: Readonly<Record<RunState, Look>> = {
  running: { word: 'Running', tone: 'busy', icon: LoaderCircle },
  succeeded: { word: 'Succeeded', tone: 'ok', icon: CircleCheck },
  failed: { word: 'Failed', tone: 'bad', icon: CircleX },
  unknown: { word: 'Unknown', tone: 'unsure', icon: CircleHelp },
  interrupted: { word: 'Interrupted', tone: 'unsure', icon: Unplug },
  paused: { word: 'Paused', tone: 'warn', icon: CirclePause },
  cancelled: { word: 'Cancelled', tone: 'mute', icon: CircleSlash },
  reverting: { word: 'Reverting', tone: 'busy', icon: RotateCcw },
  reverted: { word: 'Reverted', tone: 'mute', icon: Undo2 },
  'revert-failed': { word: 'Revert failed', tone: 'bad', icon: OctagonX },
};

export const stepLooks: Readonly<Record<StepState, Look>> = {
  pending: { word: 'Pending', tone: 'mute', icon: CircleDashed },
  running: { word: 'Running', tone: 'busy', icon: LoaderCircle },
  done: { word: 'Done', tone: 'ok', icon: CircleCheck },
  failed: { word: 'Failed', tone: 'bad', icon: CircleX },
  unknown: { word: 'Unknown', tone: 'unsure', icon: CircleHelp },
  skipped: { word: 'Skipped', tone: 'mute', icon: CircleSlash },
  reverting: { word: 'Reverting', tone: 'busy', icon: RotateCcw },
  reverted: { word: 'Reverted', tone: 'mute', icon: Undo2 },
  'revert-failed': { word: 'Revert failed', tone: 'bad', icon: OctagonX },
};

/** Icon and word of a state. */
export function Mark({ look, size = 14, quiet = false }: { look: Look; size?: number; quiet?: boolean }) {
  const { icon: Icon, tone, word } = look;
  return (
    <span className={`mark tone-${tone}`}>
      <Icon size={size} aria-hidden="true" className={tone === 'busy' ? 'spin' : undefined} />
      <span className={quiet ? 'visually-hidden' : undefined}>{word}</span>
    </span>
  );
}

/** A state in a box: for headings and table cells. */
export function Pill({ look }: { look: Look }) {
  return (
    <span className={`pill tone-${look.tone}`}>
      <Mark look={look} size={13} />
    </span>
  );
}

/** What a mistake costs on each tier. */
export const tierMeanings: Readonly<Record<Tier, { word: string; meaning: string }>> = {
  production: { word: 'Production', meaning: 'Real users. Changes ask for the name to be typed; every screen carries a red frame.' },
  staging: { word: 'Staging', meaning: 'A rehearsal of production. Changes ask for a confirmation.' },
  development: { word: 'Development', meaning: 'Nobody is hurt by a mistake. Changes ask for a confirmation.' },
};

/** The tier, in its colour and in words. */
export function TierBadge({ tier }: { tier: Tier }) {
  return <span className={`tier tier-${tier}`}>{tierMeanings[tier].word}</span>;
}
