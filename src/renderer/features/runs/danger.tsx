import './danger.css';
import { TriangleAlert } from 'lucide-react';
import type { Tier } from '../../../contract/environments.ts';
import type { Effect } from '../../../contract/runs.ts';

/** The whole of a destructive plan on production stands in a red frame. */
export const inDanger = ({ effect, tier }: { effect: Effect; tier: Tier }): boolean => effect === 'destructive' && tier === 'production';

/** Names what will be changed, so that nobody confirms it for another. */
export function DangerBand({ name, title }: { name: string; title: string }) {
  return (
    <div className="danger-band" role="note">
      <TriangleAlert size={14} aria-hidden="true" />
      <strong>Destructive on production:</strong>
      <span className="truncate">
        {title} on <strong title={name}>{name}</strong>
      </span>
    </div>
  );
}
