/** How far something is. Without a total it only says that it goes on. */
export function Progress({ label, done, total }: { label: string; done: number; total: number }) {
  const share = total > 0 ? Math.min(1, done / total) : undefined;
  return (
    <div
      className="progress"
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={share === undefined ? undefined : Math.round(share * 100)}
    >
      <span
        className={share === undefined ? 'progress-going' : undefined}
        style={share === undefined ? undefined : { width: `${share * 100}%` }}
      />
    </div>
  );
}
