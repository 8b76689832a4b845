/** The mark: a ship's wheel above the line of the deck. The same drawing as resources/icons/quarterdeck.svg. */
export function Logo({ size }: { size: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 32 32" aria-hidden="true" focusable="false" className="logo">
      <rect width="32" height="32" rx="7" className="logo-ground" />
      <g fill="none" stroke="#fff" strokeLinecap="round" strokeWidth="1.75">
        <circle cx="16" cy="14" r="5.5" />
        <path d="M16 4v20M6 14h20M8.93 6.93l14.14 14.14M23.07 6.93 8.93 21.07" />
        <path d="M5 27.5h22" strokeWidth="2.5" />
      </g>
      <circle cx="16" cy="14" r="2.25" fill="#fff" />
    </svg>
  );
}
